# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: short enough for the kernel, the same from run to run, and nobody else's."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tandem_lab import names, netns
from tandem_lab.errors import LabError
from tandem_lab.paths import Paths


@pytest.mark.parametrize("node", ["c1", "controller01-dev", "controller02-dev", "a" * 40])
def test_interface_names_fit(node: str) -> None:
    assert all(len(names.port(node, index)) <= names.INTERFACE_NAME_MAX for index in range(10))
    assert len(names.bridge("a-very-long-network-name")) <= names.INTERFACE_NAME_MAX


def test_cut_names_still_differ() -> None:
    ports = [names.port("controller%02d-development" % n, index) for n in range(50) for index in range(4)]
    assert len(set(ports)) == len(ports)


def test_short_names_stay_readable() -> None:
    assert names.port("c1", 0) == "c1-0"
    assert names.bridge("mgmt") == "br-mgmt"


def test_addresses_are_stable_local_and_unicast() -> None:
    one = names.mac("lab", "c1", "mgmt")
    assert one == names.mac("lab", "c1", "mgmt")
    assert int(one[:2], 16) & 3 == 2
    others = {names.mac(lab, node, "mgmt") for lab, node in itertools.product(("lab", "other"), ("c1", "c2"))}
    assert len(others) == 4


def test_a_machine_name_fits() -> None:
    assert names.machine("lab", "c1") == "tandem-lab-c1"
    assert len(names.machine("a" * 32, "b" * 40)) <= 64


def test_a_lab_never_takes_anothers_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "NAMESPACES", tmp_path)
    for lab in ("a", "a-b"):
        for name in (names.lab_name(lab), names.node_namespace(lab, "c1")):
            (tmp_path / name).touch()
    assert netns.of_lab("a") == ["tandem-a.c1", "tandem-a"]


def test_paths_have_defaults_and_limits() -> None:
    paths = Paths.of("lab")
    assert str(paths.state) == "/var/lib/tandem-lab/lab"
    assert str(paths.socket("c1")) == "/run/tandem-lab/lab/chassis/c1.sock"
    with pytest.raises(LabError, match="too long"):
        Paths.of("lab", run="/run/" + "x" * 100).socket("c1")


@pytest.mark.parametrize("path", ["/", "/var", "relative/dir", "/a/b,c", "/a/b:c", "/a/b c"])
def test_paths_that_no_mount_option_can_hold_are_refused(path: str) -> None:
    with pytest.raises(LabError):
        Paths.of("lab", state=path)
