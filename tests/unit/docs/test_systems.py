# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/systems.md names what is there: every item of a system once, inventories and proofs that exist and speak of the item."""

from __future__ import annotations

import re

import pytest
from ansible_collections.tandem.ha.tests.unit.plugins.modules.speaking import PLUGINS

TOP = PLUGINS.parent
PAGE = (TOP / "docs" / "systems.md").read_text(encoding="utf-8")

# A system's items, its inventory, and how many items there are.
SYSTEMS = [
    ("S0", "inventory/ubuntu_pair", 15),
    ("S1", "inventory/rhosp", 15),
    ("S2", "inventory/single_node", 16),
    ("S3", "inventory/esxi_pair", 11),
    ("S4", "inventory/oci_pair", 13),
]
SECTIONS = {
    inventory: part
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    for inventory in re.findall(r"\(`(inventory/\w+)`\)", part.split("\n")[0])
}


def rows(section):
    """The cells of each item."""
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines()]
    return [cells for cells in found if re.match(r"S\d\.\d\d$", cells[0])]


ROWS = [cells for _kind, inventory, _items in SYSTEMS for cells in rows(SECTIONS[inventory])]


def test_no_system_is_left_out_here():
    assert set(SECTIONS) == {inventory for _kind, inventory, _items in SYSTEMS}


@pytest.mark.parametrize(("kind", "inventory", "items"), SYSTEMS)
def test_a_system_is_told_completely(kind, inventory, items):
    found = rows(SECTIONS[inventory])
    assert [cells[0] for cells in found] == [f"{kind}.{number:02d}" for number in range(1, items + 1)]
    assert all(len(cells) == 4 and all(cells) for cells in found)
    assert (TOP / inventory / "hosts.yml").exists()


@pytest.mark.parametrize("cells", ROWS, ids=lambda cells: cells[0])
def test_each_file_that_proves_an_item_speaks_of_it(cells):
    silent = [
        path
        for path in (path.strip(" `") for path in cells[3].split(","))
        if not re.search(cells[0] + r"(?!\d)", (TOP / path).read_text(encoding="utf-8"))
    ]
    assert not silent


@pytest.mark.parametrize("cells", ROWS, ids=lambda cells: cells[0])
def test_the_inventory_files_named_in_a_row_are_there(cells):
    named = re.findall(r"`((?:inventory|playbooks)/[\w/.]+)`", " ".join(cells))
    assert [path for path in named if not (TOP / path).exists()] == []
