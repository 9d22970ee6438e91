# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of faults: what each has to bring about, and that nobody else says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.tandem.ha.plugins.module_utils._faults import COMMAND, FAULTS, MODULE, TARGET, milestones
from ansible_collections.tandem.ha.plugins.modules import ha_drill

TOP = Path(__file__).parents[4]


@pytest.mark.parametrize(
    ("name", "moves", "expected"),
    [
        ("power", True, ("lost", "fenced", "vip", "back", "serving", "settled")),
        ("power", False, ("lost", "fenced", "back", "serving", "settled")),
        ("cut", True, ("lost", "fenced", "vip", "back", "serving", "settled")),
        ("kill-corosync", True, ("noticed", "serving", "settled")),
        ("stop", True, ("lost", "vip", "back", "serving", "settled")),
        ("kill-mysqld", True, ("noticed", "serving", "settled")),
        ("kill-haproxy", True, ("noticed", "serving", "settled")),
        ("blackout", True, ("serving", "settled")),
        ("witness", False, ("serving", "settled")),
        ("command", True, ("serving", "settled")),
    ],
)
def test_what_has_to_happen(name: str, moves: bool, expected: tuple[str, ...]) -> None:
    assert milestones(name, moves) == expected


def test_who_is_fenced_leaves_the_address() -> None:
    assert all(fault.moves for fault in FAULTS.values() if fault.fenced)
    assert {name for name, fault in FAULTS.items() if fault.processes} == {
        name for name in FAULTS if name.startswith("kill-")
    }
    assert all(fault.by == MODULE for fault in FAULTS.values() if fault.processes)
    assert {name for name, fault in FAULTS.items() if fault.by == COMMAND} == {
        "power",
        "freeze",
        "blackout",
        "command",
    }
    assert FAULTS["fence"].where == TARGET


def test_every_fault_is_documented_everywhere() -> None:
    documented = yaml.safe_load(ha_drill.DOCUMENTATION)["options"]["fault"]["choices"]
    assert documented == list(FAULTS)
    page = (TOP / "docs" / "drills.md").read_text(encoding="utf-8")
    head = (TOP / "playbooks" / "drill.yml").read_text(encoding="utf-8").split("- name:", 1)[0]
    for name in FAULTS:
        assert f"| `{name}` |" in page, name
        assert name in head, name
