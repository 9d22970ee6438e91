# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories of a host with dnf, from the files that say them; booleans of SELinux, from the kernel's."""

from __future__ import annotations

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _selinux
from ansible_collections.tandem.ha.plugins.module_utils._repositories import expanded, judged, repositories

NINE = {"releasever": "9", "basearch": "x86_64"}
HIGH = "rhel-$releasever-for-$basearch-highavailability-rpms|highavailability|ha"


def on(**known):
    return {name: {"enabled": enabled, "managed": False} for name, enabled in known.items()}


def test_repositories_are_read_as_dnf_reads_them(tmp_path):
    (tmp_path / "rocky.repo").write_text("[baseos]\nname=x\n[highavailability]\nenabled = False\n[extras]\nenabled=1\n")
    (tmp_path / "redhat.repo").write_text("# by subscription-manager\n[rhel-9-ha]\nenabled=0\nbaseurl=https://x/%y\n")
    (tmp_path / "rocky.repo.rpmsave").write_text("[old]\n")
    (tmp_path / "broken.repo").write_text("enabled=1\n")
    assert repositories(str(tmp_path)) == {
        "baseos": {"enabled": True, "managed": False},
        "highavailability": {"enabled": False, "managed": False},
        "extras": {"enabled": True, "managed": False},
        "rhel-9-ha": {"enabled": False, "managed": True},
    }
    assert repositories(str(tmp_path / "none")) == {}


def test_variables_of_dnf_are_filled_in():
    assert expanded("rhel-$releasever-for-$basearch-x|ol$releasever_addons", NINE) == [
        "rhel-9-for-x86_64-x",
        "ol9_addons",
    ]


@pytest.mark.parametrize(
    ("known", "disabled", "unknown"),
    [
        (on(highavailability=False), ["highavailability"], []),
        (on(highavailability=True), [], []),
        (on(highavailability=False, ha=True), [], []),
        (on(ha=False), ["ha"], []),
        (
            on(**{"rhel-9-for-x86_64-highavailability-rpms": False}),
            ["rhel-9-for-x86_64-highavailability-rpms"],
            [],
        ),
        (on(baseos=True), [], ["rhel-9-for-x86_64-highavailability-rpms|highavailability|ha"]),
        ({}, [], ["rhel-9-for-x86_64-highavailability-rpms|highavailability|ha"]),
    ],
)
def test_one_alternative_is_enough(known, disabled, unknown):
    assert judged([HIGH], known, NINE) == {"disabled": disabled, "unknown": unknown}


def kernel(tmp_path, enforce, **booleans):
    (tmp_path / "booleans").mkdir()
    (tmp_path / "enforce").write_text(enforce)
    for name, text in booleans.items():
        (tmp_path / "booleans" / name).write_text(text)
    return str(tmp_path)


def test_booleans_are_compared_with_what_is_in_force(tmp_path):
    root = kernel(tmp_path, "1", daemons_enable_cluster_mode="0 0", httpd_can_network_connect="1 0", known="1 1")
    wanted = {"daemons_enable_cluster_mode": True, "httpd_can_network_connect": False, "known": True, "nosuch": True}
    assert _selinux.mode(root) == "enforcing"
    assert _selinux.booleans(wanted, root) == {
        "other": ["daemons_enable_cluster_mode", "httpd_can_network_connect"],
        "unknown": ["nosuch"],
    }


def test_a_permissive_host_gets_its_booleans_too(tmp_path):
    root = kernel(tmp_path, "0", one="0 0")
    assert _selinux.mode(root) == "permissive"
    assert _selinux.booleans({"one": True}, root) == {"other": ["one"], "unknown": []}


def test_without_selinux_nothing_is_missing(tmp_path):
    assert _selinux.mode(str(tmp_path)) == "disabled"
    assert _selinux.booleans({"one": True}, str(tmp_path)) == {"other": [], "unknown": []}
