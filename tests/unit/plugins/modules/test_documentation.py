# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module documents is what it takes, and its examples work."""

import re

import pytest
import yaml
from ansible_collections.tandem.ha.tests.unit.plugins.modules.speaking import (
    NAMES,
    PLUGINS,
    created,
    documentation,
    examples,
    load,
    validated,
)

# The others are parts of roles; somebody who reads them reads the role too.
FOR_USERS = {
    "ha_cleanup",
    "ha_cluster",
    "ha_config",
    "ha_constraint",
    "ha_info",
    "ha_node",
    "ha_resource",
    "ha_stonith",
}


def test_the_modules_are_found():
    assert set(NAMES) >= FOR_USERS


def plain(options, inner):
    """Options or their documentation as comparable values."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": option.get("choices"),
            "aliases": option.get("aliases", []),
            "inner": plain(option[inner], inner) if inner in option else None,
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_documented_options_are_the_options(name, monkeypatch):
    assert plain(documentation(name)["options"], "suboptions") == plain(created(name, monkeypatch).options, "options")


def described(options):
    for option in options.values():
        yield option
        yield from described(option.get("suboptions", {}))


@pytest.mark.parametrize("name", NAMES)
def test_every_option_is_described_in_sentences(name):
    for option in described(documentation(name)["options"]):
        text = option["description"]
        for sentence in text if isinstance(text, list) else [text]:
            assert re.match(r"[A-Z]", sentence) and sentence.rstrip().endswith("."), sentence


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_what_it_supports(name):
    found = documentation(name)
    assert found["module"] == name
    assert found["version_added"] == "1.0.0" or found["version_added"] > "1.0.0"
    assert not found["short_description"].endswith(".")
    for attribute in ("check_mode", "diff_mode", "idempotent", "platform", "action_group"):
        assert found["attributes"][attribute]["support"] in ("full", "partial", "none")
        assert found["attributes"][attribute]["description"]
    assert found["attributes"]["check_mode"]["support"] == "full"
    assert found["attributes"]["action_group"]["membership"] == ["tandem.ha.ha"]


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_enough_named_and_valid(name, monkeypatch):
    found = created(name, monkeypatch)
    mine = [task for task in examples(name) if "tandem.ha." + name in task]
    assert len(mine) >= (4 if name in FOR_USERS else 1)
    for task in mine:
        assert re.match(r"[A-Z]", task["name"])
        arguments = task["tandem.ha." + name] or {}
        if "{{" not in str(arguments):
            validated(found.options, found.rules, arguments)


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_modules_that_send_a_document_make_one(name, monkeypatch):
    module = load(name)
    if not hasattr(module, "to_document"):
        return
    found = created(name, monkeypatch)
    for task in examples(name):
        assert module.to_document(validated(found.options, found.rules, task["tandem.ha." + name]))


@pytest.mark.parametrize("name", NAMES)
def test_return_values_are_described(name):
    def check(values):
        for key, value in values.items():
            assert value["description"], key
            assert value["type"], key
            assert value["returned"], key
            check(value.get("contains", {}))

    values = yaml.safe_load(load(name).RETURN)
    check(values)
    if "allow" in documentation(name)["options"] and hasattr(load(name), "to_document"):
        assert {"plan", "preview", "cib", "transaction", "objects", "code", "faults", "details"} <= set(values)


def test_the_action_group_knows_the_modules():
    runtime = yaml.safe_load((PLUGINS.parent / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert set(runtime["action_groups"]["ha"]) >= FOR_USERS
