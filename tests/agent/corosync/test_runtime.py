# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not in effect yet, and what it takes; and files written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Dict

import pytest

from tandem_agent.corosync import files, runtime
from tandem_agent.corosync.options import QDEVICE, RESTART, cost_of
from tandem_agent.errors import AgentError

MAP = """config.reload_status (i32) = 1
nodelist.local_node_pos (u32) = 0
nodelist.node.0.name (str) = c1
nodelist.node.0.nodeid (u32) = 1
nodelist.node.0.ring0_addr (str) = 10.42.0.11
quorum.provider (str) = corosync_votequorum
quorum.two_node (u8) = 1
runtime.members.1.status (str) = joined
tandem.restart (str) = abc
totem.cluster_name (str) = lab
totem.interface.0.bindnetaddr (str) = 10.42.0.11
totem.token (u32) = 3000
totem.version (u32) = 2
"""


def running(**changes: str) -> Dict[str, str]:
    return {**runtime.read_map(MAP), **changes}


def file_keys() -> Dict[str, str]:
    return {
        "totem.version": "2", "totem.cluster_name": "lab", "totem.token": "3000", "quorum.provider": "corosync_votequorum",
        "quorum.two_node": "1", "nodelist.node.0.name": "c1", "nodelist.node.0.nodeid": "1", "nodelist.node.0.ring0_addr": "10.42.0.11",
    }  # fmt: skip


def test_map_and_file_agree() -> None:
    assert runtime.differences(file_keys(), running()) == []


def test_changed_new_and_removed_keys() -> None:
    keys = {**file_keys(), "totem.token": "4000", "quorum.device.net.host": "w1"}
    del keys["quorum.two_node"]
    assert runtime.differences(keys, running()) == ["quorum.device.net.host", "quorum.two_node", "totem.token"]
    gone = running(
        **{"nodelist.node.1.name": "c2", "nodelist.node.1.ring1_addr": "x", "totem.interface.1.knet_link_priority": "3"}
    )
    assert runtime.differences(file_keys(), gone) == [
        "nodelist.node.1.name",
        "nodelist.node.1.ring1_addr",
        "totem.interface.1.knet_link_priority",
    ]


@pytest.mark.parametrize(
    ("key", "cost"),
    [
        ("totem.token", "reload"), ("totem.consensus", "reload"), ("totem.crypto_cipher", "reload"),
        ("totem.interface.0.knet_link_priority", "reload"),
        ("nodelist.node.2.ring0_addr", "reload"), ("quorum.two_node", "reload"), ("quorum.expected_votes", "reload"),
        ("quorum.device.timeout", "qdevice"), ("quorum.device.net.host", "qdevice"), ("quorum.device.model", "qdevice"),
        ("quorum.wait_for_all", "restart"), ("quorum.provider", "restart"), ("totem.link_mode", "restart"), ("totem.netmtu", "restart"),
        ("totem.transport", "stop"), ("totem.ip_version", "stop"), ("totem.my_option", "reload"),
    ],
)  # fmt: skip
def test_cost_of_a_change(key: str, cost: str) -> None:
    assert cost_of(key) == cost
    assert getattr(runtime.classify([key]), cost) == (key,)


def test_a_mark_counts_only_for_the_options_it_was_made_for() -> None:
    keys = {**file_keys(), "quorum.wait_for_all": "1"}
    map_ = running(**{runtime.RESTART_MARK: runtime.mark(keys, RESTART)})
    assert runtime.marked(keys, map_, runtime.RESTART_MARK, RESTART)
    assert runtime.marked({**keys, "totem.token": "9"}, map_, runtime.RESTART_MARK, RESTART), (
        "a token has nothing to do with it"
    )
    assert not runtime.marked(file_keys(), map_, runtime.RESTART_MARK, RESTART)
    assert not runtime.marked(keys, map_, runtime.QDEVICE_MARK, QDEVICE)


def test_atomic_write_keeps_mode_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "corosync.conf"
    files.write_atomic(path, b"one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o640)
    files.write_atomic(path, b"two")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"two", 0o640)
    files.write_atomic(path, b"three", mode=0o400)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    for name in ("rename", "fsync", "fchmod"):
        with monkeypatch.context() as broken:

            def fail(*_args: object) -> None:
                raise OSError(28, "No space left on device")

            broken.setattr(os, name, fail)
            with pytest.raises(AgentError) as caught:
                files.write_atomic(path, b"four")
        assert caught.value.code == "cluster.write"
        assert "No space left" in caught.value.message
        assert [entry.name for entry in tmp_path.iterdir()] == ["corosync.conf"]
    assert path.read_bytes() == b"three"


def test_atomic_write_follows_a_link_and_says_when_there_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"")
    (tmp_path / "link").symlink_to("real")
    files.write_atomic(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"x"
    with pytest.raises(AgentError, match="cannot be written"):
        files.write_atomic(tmp_path / "none" / "file", b"x")
    assert files.read_optional(tmp_path / "none" / "file") is None
    assert files.remove(tmp_path / "real") and not files.remove(tmp_path / "real")
