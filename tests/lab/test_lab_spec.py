# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The description of a lab: what is good stays, what is wrong is said, all of it at once."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import Any, Callable, Dict

import pytest

from tandem_lab import spec as specs
from tandem_lab.errors import SpecError

Raw = Dict[str, Any]


def test_a_good_description_is_understood(raw: Raw) -> None:
    spec = specs.parse(raw)
    assert spec.address("c1") == IPv4Address("10.42.0.11")
    assert [str(network.control) for network in spec.networks] == ["10.42.0.1", "10.42.1.1"]
    assert spec.suites() == ("bookworm", "trixie")
    assert spec.nodes["w1"].bmc is None
    assert spec.post_delay == 25


def test_networks_have_a_default(raw: Raw) -> None:
    del raw["networks"]
    assert [network.name for network in specs.parse(raw).networks] == ["mgmt", "ring1"]


def test_what_is_kept_reads_back_the_same(raw: Raw) -> None:
    raw["nodes"]["w1"].update(
        esxi={"address": "10.42.0.121", "user": "root", "machine": "w 1"}, redfish={"address": "10.42.0.122"}
    )
    spec = specs.parse(raw)
    assert specs.parse(json.loads(json.dumps(specs.dump(spec)))) == spec


def test_a_password_is_neither_kept_nor_shown(raw: Raw) -> None:
    raw["nodes"]["c1"]["bmc"]["password"] = "canary"
    spec = specs.parse(raw)
    assert spec.nodes["c1"].bmc is not None
    assert spec.nodes["c1"].bmc.password == "canary"
    assert "canary" not in repr(spec)
    assert "canary" not in json.dumps(specs.dump(spec))


def set_to(path: str, value: Any) -> Callable[[Raw], None]:
    """Spoil one value, named by its dotted path."""

    def spoil(raw: Raw) -> None:
        *way, last = path.split(".")
        place: Any = raw
        for word in way:
            place = place[int(word)] if word.isdigit() else place[word]
        place[int(last) if last.isdigit() else last] = value

    return spoil


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("name", "A_lab", "name: 'A_lab' is not"),
        ("name", "a" * 33, "name:"),
        ("name", "a.b", "name:"),
        ("speed", 1, "speed: unknown; known are"),
        ("nodes", {}, "nodes: at least one node"),
        ("networks", [], "networks: at least one"),
        ("networks.1.subnet", "10.42.0.128/25", "overlaps 10.42.0.0/24 of mgmt"),
        ("networks.1.subnet", "10.42.1.5/24", "has host bits set"),
        ("networks.1.subnet", "10.42.1.0/31", "too small"),
        ("networks.1.name", "mgmt", "already the name of another network"),
        ("nodes.c1.suite", "sid", "unknown suite 'sid': use one of bookworm, bullseye, trixie"),
        ("nodes.c1.addresses.mgmt", "10.43.0.11", "10.43.0.11 is outside 10.42.0.0/24 (mgmt)"),
        ("nodes.c1.addresses.mgmt", "10.42.0.1", "already the address of the control side of mgmt"),
        ("nodes.c1.addresses.mgmt", "10.42.0.255", "own or broadcast"),
        ("nodes.c1.addresses.mgmt", "10.42.0", "not an IPv4 address"),
        ("nodes.c1.addresses.ring2", "10.42.2.1", "no such network: there is mgmt, ring1"),
        ("nodes.w1.addresses.mgmt", "10.42.0.11", "already the address of c1"),
        ("nodes.w1.addresses", {"ring1": "10.42.1.21"}, "an address in mgmt is needed"),
        ("nodes.w1.bmc", {"address": "10.42.0.111"}, "already the address of c1.bmc"),
        ("nodes.w1.esxi", {"address": "10.42.0.111"}, "already the address of c1.bmc"),
        ("nodes.w1.esxi", {"address": "10.42.0.112", "machine": ""}, "nodes.w1.esxi.machine: '' is not a name"),
        ("nodes.w1.redfish", {"address": "10.42.0.112", "machine": "x"}, "redfish.machine: unknown"),
        ("nodes.w1.bmc", {"address": "10.9.0.1"}, "outside"),
        ("nodes.c1.bmc.user", "x" * 17, "1 to 16 characters"),
        ("nodes.c1.bmc.password", "x" * 21, "1 to 20 characters"),
        ("nodes.c1.colour", "red", "unknown; known are suite, addresses, bmc, esxi, redfish"),
        ("post_delay", -1, "not a number of seconds"),
        ("post_delay", "soon", "not a number of seconds"),
        ("repository_packages", ["a b"], "repository_packages[0]: 'a b' is not"),
        ("sysctls", {"kernel.panic": 1}, "sysctls.kernel.panic"),
    ],
)
def test_a_fault_is_named(raw: Raw, path: str, value: Any, said: str) -> None:
    set_to(path, value)(raw)
    with pytest.raises(SpecError) as caught:
        specs.parse(raw)
    assert said in str(caught.value)


def test_all_faults_are_named_at_once(raw: Raw) -> None:
    raw["nodes"]["c1"]["suite"] = "sid"
    raw["nodes"]["w1"]["addresses"]["mgmt"] = "10.42.0.11"
    raw["post_delay"] = None
    with pytest.raises(SpecError) as caught:
        specs.parse(raw)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("wrong", [None, [], "lab", 3, {}, {"nodes": []}, {"nodes": {"c1": None}}, {"networks": {}}])
def test_nonsense_is_refused_in_words(wrong: Any) -> None:
    with pytest.raises(SpecError):
        specs.parse(wrong)
