# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever docs/model.md shows, ha_config takes, and the agent gets it as it was written."""

import pathlib
import re

import pytest
import yaml
from ansible_collections.tandem.ha.plugins.module_utils._module import as_options
from ansible_collections.tandem.ha.tests.unit.plugins.modules.speaking import created, load, validated

PAGE = pathlib.Path(__file__).resolve().parents[4] / "docs" / "model.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
DEFAULTS = {"kind": ("primitive", "role"), "state": ("present",), "type": ("podman",)}
MAPS = ("properties", "resource_defaults", "operation_defaults", "params", "meta", "options", "attributes", "ids")


def plain(value, key=""):
    """A document without what modules add or spell otherwise: defaults, texts for scalars, dashes, nulls."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value.lower() if isinstance(value, str) else str(value).lower()
    kept = {}
    for name, item in value.items():
        inner = plain(item, name)
        if key in MAPS or (inner not in DEFAULTS.get(name, ()) and (item is not None or name == "score")):
            kept[name if key in MAPS else name.replace("-", "_")] = inner
    return kept


def test_the_page_has_examples():
    assert len(BLOCKS) > 20


@pytest.mark.parametrize("text", BLOCKS)
def test_ha_config_sends_the_example(text, monkeypatch):
    found = created("ha_config", monkeypatch)
    document = yaml.safe_load(text)
    made = load("ha_config").to_document(validated(found.options, found.rules, as_options(document, found.options)))
    assert plain(made) == plain(document)
