# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/systems.md names what is there: every item of a system once, inventories and proofs that exist and speak of the item."""

from __future__ import annotations

import re

import pytest
from ansible_collections.tandem.ha.tests.unit.plugins.modules.speaking import PLUGINS

TOP = PLUGINS.parent
PAGE = (TOP / "docs" / "systems.md").read_text(encoding="utf-8")
SYSTEMS = [
    part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:] if re.search(r"^\| S\d", part, re.MULTILINE)
]


def rows(system):
    """The cells of each item."""
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in system.splitlines()]
    return [cells for cells in found if re.match(r"S\d\.\d\d$", cells[0])]


def test_there_are_systems():
    assert SYSTEMS


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.split("\n")[0])
def test_a_system_is_told_completely(system):
    numbers = [cells[0] for cells in rows(system)]
    kind = numbers[0].split(".")[0]
    assert numbers == [f"{kind}.{number:02d}" for number in range(1, len(numbers) + 1)]
    assert all(len(cells) == 4 and all(cells) for cells in rows(system))
    (inventory,) = re.findall(r"\(`(inventory/\w+)`\)", system.split("\n")[0])
    assert (TOP / inventory / "hosts.yml").exists()


@pytest.mark.parametrize("cells", [cells for system in SYSTEMS for cells in rows(system)], ids=lambda cells: cells[0])
def test_what_proves_an_item_speaks_of_it(cells):
    proofs = [TOP / path.strip(" `") for path in cells[3].split(",")]
    assert all(path.exists() for path in proofs)
    assert any(cells[0] in path.read_text(encoding="utf-8") for path in proofs)
