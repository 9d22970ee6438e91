# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two levels of fencing: Redfish first, and IPMI where Redfish refuses or is silent."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Iterator, List

import pytest
from pair import CONTROLLERS, Pair

DEVICES = """---
fencing_devices:
  - agent: fence_redfish
    name: redfish-{{ inventory_hostname }}
    level: 1
    params:
      ip: "{{ lab_redfish.address }}"
      username: tandem
      ssl_insecure: true
      # It waits for ever for a controller that is silent; the cluster does not, and goes on to the next level.
      pcmk_reboot_timeout: 15s
      pcmk_reboot_retries: 1
    password: "{{ lookup('ansible.builtin.file', lab_state_dir ~ '/redfish/' ~ inventory_hostname ~ '.password') }}"
  - agent: fence_ipmilan
    name: fence-{{ inventory_hostname }}
    level: 2
    params: {ip: "{{ lab_bmc_address }}", username: "{{ lab_bmc_user }}"}
    password: "{{ lab_bmc_password }}"
node_extra_packages: [fence-agents-redfish|python3-requests]
"""
PASSWORD = "{{ lookup('ansible.builtin.file', lab_state_dir ~ '/redfish/%s.password') }}"


@pytest.fixture(scope="module")
def two_levels(pair: Pair, converged: object) -> Iterator[Pair]:
    """The site with both devices for each controller, and afterwards as it was."""
    path = pair.directory / "levels"
    shutil.copytree(pair.inventory, path)
    group = path / "group_vars" / "controllers.yml"
    links = "".join(line for line in group.read_text().splitlines(True) if line.startswith("cluster_links"))
    group.write_text(DEVICES + links)
    foreseen = pair.play("site", "--check", "--diff", inventory=path)
    assert foreseen.ok, foreseen.text
    run = pair.play("site", inventory=path)
    assert run.ok, run.text
    again = pair.play("site", inventory=path)
    assert again.ok and again.changed == {}, again.text
    yield pair
    back = pair.site()
    assert back.ok, back.text
    assert "redfish" not in pair.cib()
    shutil.rmtree(path)


def switched(site: Pair, kind: str, node: str) -> List[str]:
    """What a controller did, oldest first."""
    log = Path("/run/tandem-lab") / site.name / kind / f"{node}.log"
    return re.findall(r"(\w+): done", log.read_text())


@pytest.fixture
def first_level(site: Pair) -> Iterator[str]:
    """The standby controller, with Redfish as the level before its IPMI controller, by the module alone."""
    target = site.other()
    first, second = f"redfish-{target}", f"fence-{target}"
    device = {
        "name": first,
        "agent": "fence_redfish",
        "targets": [target],
        "params": {
            "ip": f"{{{{ hostvars['{target}'].lab_redfish.address }}}}",
            "username": "tandem",
            "ssl_insecure": True,
        },
        "secrets": {"password": PASSWORD % target},
    }
    levels = [{"level": 1, "devices": [first]}, {"level": 2, "devices": [second]}]
    made = site.tasks(
        {"name": "Keep the password", "tandem.ha.ha_stonith": {**device, "only": "secrets"}},
        {"name": "Declare", "tandem.ha.ha_stonith": {**device, "levels": levels}, "when": "inventory_hostname == 'c1'"},
        hosts="c1:c2",
    )
    assert made.ok, made.text
    yield target
    gone = [{"target": target, "state": "absent", **level} for level in levels]
    removed = site.tasks(
        {
            "name": "Remove",
            "tandem.ha.ha_config": {"levels": gone, "stonith": [{"id": first, "state": "absent"}]},
        }
    )
    assert removed.ok, removed.text
    assert "redfish" not in site.cib() and "fencing-level" not in site.cib()


def test_ipmi_fences_where_redfish_refuses(site: Pair, first_level: str) -> None:
    before = {kind: switched(site, kind, first_level) for kind in ("redfish", "bmc")}
    site.lab("bmc", first_level, "--kind", "redfish", "--mode", "error")
    try:
        site.node(site.holder(), f"pcs stonith fence {first_level}", timeout=180)
    finally:
        site.lab("bmc", first_level, "--kind", "redfish", "--mode", "ok")
    assert switched(site, "bmc", first_level) == [*before["bmc"], "cut", "on"]
    assert switched(site, "redfish", first_level) == before["redfish"]
    site.until(lambda: "Online: [ c1 c2 ]" in site.node("c1", "pcs status", code=None), 120, "no node back")
    site.node("c1", "pcs stonith cleanup", code=None)
    site.settle()


@pytest.mark.slow
def test_the_levels_are_declared_and_no_password_with_them(two_levels: Pair) -> None:
    told = two_levels.node("c1", "pcs stonith level")
    for node in CONTROLLERS:
        assert re.search(rf"{node}\s+Level 1 - redfish-{node}\s+Level 2 - fence-{node}", told), told
    assert "passw" not in re.sub("password_script", "", two_levels.cib())


@pytest.mark.slow
def test_redfish_fences_first(two_levels: Pair) -> None:
    two_levels.settle()
    target, before = (
        two_levels.other(),
        {kind: switched(two_levels, kind, two_levels.other()) for kind in ("redfish", "bmc")},
    )
    two_levels.node(two_levels.holder(), f"pcs stonith fence {target}")
    assert switched(two_levels, "redfish", target) == [*before["redfish"], "cut", "on"]
    assert switched(two_levels, "bmc", target) == before["bmc"]
    two_levels.settle()


@pytest.mark.slow
def test_ipmi_fences_where_redfish_is_silent(two_levels: Pair) -> None:
    target, before = (
        two_levels.other(),
        {kind: switched(two_levels, kind, two_levels.other()) for kind in ("redfish", "bmc")},
    )
    two_levels.lab("bmc", target, "--kind", "redfish", "--mode", "silent")
    try:
        two_levels.node(two_levels.holder(), f"pcs stonith fence {target}", timeout=180)
        assert switched(two_levels, "bmc", target) == [*before["bmc"], "cut", "on"]
        assert switched(two_levels, "redfish", target) == before["redfish"]
    finally:
        two_levels.lab("bmc", target, "--kind", "redfish", "--mode", "ok")
    two_levels.until(lambda: "Online: [ c1 c2 ]" in two_levels.node("c1", "pcs status", code=None), 120, "no node back")
    two_levels.node("c1", "pcs stonith cleanup", code=None)
    two_levels.settle()
