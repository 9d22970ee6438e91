# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated network's rules."""

from __future__ import annotations

from oci_emulator import fabric


def test_an_address_passes_the_port_of_its_card_only() -> None:
    text = fabric.rules({"node1-0": ["10.0.0.11", "10.0.0.200"], "node2-0": ["10.0.0.12"]}, "10.0.0.255")
    lines = [line for line in text.splitlines() if "node2-0" in line]
    assert lines
    assert not any("10.0.0.200" in line for line in lines)
    assert all("10.0.0.12" in line and line.endswith("drop") for line in lines)
    assert 'iifname "node1-0" arp saddr ip != { 0.0.0.0, 10.0.0.11, 10.0.0.200 } drop' in text
    assert text.startswith("table bridge oci\ndelete table bridge oci\n")
