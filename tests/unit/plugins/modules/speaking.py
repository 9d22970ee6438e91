# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that speak to the agent, and what each tells Ansible about itself."""

import importlib
import pathlib

import yaml
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

PACKAGE = "ansible_collections.tandem.ha.plugins"
PLUGINS = pathlib.Path(__file__).resolve().parents[4] / "plugins"
NAMES = sorted(
    path.stem for path in (PLUGINS / "modules").glob("ha_*.py") if "= create(" in path.read_text(encoding="utf-8")
)


class Created(Exception):
    """What a module gave to `create`."""

    def __init__(self, options, rules):
        super().__init__()
        self.options = options
        self.rules = rules


def load(name):
    return importlib.import_module(PACKAGE + ".modules." + name)


def created(name, monkeypatch):
    """The options and rules with which a module would start."""
    module = load(name)

    def create(options, **rules):
        raise Created(options, rules)

    monkeypatch.setattr(module, "create", create)
    try:
        module.main()
    except Created as found:
        return found
    raise AssertionError("%s.main() does not call create()" % name)


def documentation(name):
    """A module's documentation with its fragments folded in."""
    found = yaml.safe_load(load(name).DOCUMENTATION)
    for fragment in found["extends_documentation_fragment"]:
        stem, _dot, part = fragment.replace("tandem.ha.", "").partition(".")
        source = importlib.import_module(PACKAGE + ".doc_fragments." + stem).ModuleDocFragment
        more = yaml.safe_load(getattr(source, part.upper() or "DOCUMENTATION"))
        found["options"] = dict(more.get("options", {}), **found["options"])
        for attribute, text in more.get("attributes", {}).items():
            found["attributes"][attribute] = dict(text, **found["attributes"].get(attribute, {}))
    return found


def examples(name):
    return yaml.safe_load(load(name).EXAMPLES)


def validated(options, rules, arguments):
    """The arguments as a module gets them; fails the test when Ansible would refuse them."""
    validator = ModuleArgumentSpecValidator(options, **rules)
    result = validator.validate(arguments)
    assert not result.error_messages, result.error_messages
    return result.validated_parameters
