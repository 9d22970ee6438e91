# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keyring of one run, and when new keys may be made."""

from __future__ import annotations

import base64
import stat

import pytest
from ansible_collections.tandem.ha.plugins.action.ha_cluster import unreached
from ansible_collections.tandem.ha.plugins.plugin_utils._keyring import KEY_BYTES, Keyring, KeysDiffer


@pytest.fixture
def keyring(tmp_path):
    made = Keyring(str(tmp_path), "lab")
    made.open()
    return made


def test_private_and_one_for_each_cluster(tmp_path, keyring):
    assert stat.S_IMODE(keyring.path.stat().st_mode) == 0o700
    assert keyring.exists()
    assert not Keyring(str(tmp_path), "lab2").exists()
    assert Keyring(str(tmp_path), "../../etc").path.parent == tmp_path


def test_all_forks_have_what_the_first_one_made(tmp_path, keyring):
    other = Keyring(str(tmp_path), "lab")
    keyring.make("corosync")
    made = keyring.keys()
    other.make("corosync")
    assert other.keys() == made
    assert len(base64.b64decode(made["corosync"])) == KEY_BYTES
    assert [path.name for path in keyring.path.iterdir()] == ["corosync"]
    assert stat.S_IMODE((keyring.path / "corosync").stat().st_mode) == 0o600


def test_fetched_keys_are_kept_and_two_different_ones_are_refused(keyring):
    keyring.put("pacemaker", b"one")
    keyring.put("pacemaker", b"one")
    with pytest.raises(KeysDiffer):
        keyring.put("pacemaker", b"two")
    keyring.make("pacemaker")
    assert keyring.keys() == {"pacemaker": base64.b64encode(b"one").decode()}


def test_a_configuration_may_differ_and_the_first_one_is_kept(keyring):
    assert keyring.base() is None
    keyring.put("conf", b"totem {\n}\n")
    keyring.put("conf", b"# another\n")
    assert keyring.base() == "totem {\n}\n"


def test_who_was_asked(keyring):
    keyring.ask("c1/../x")
    assert keyring.asked("c1/../x")
    assert not keyring.asked("c2")


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([{"name": "c1"}, {"name": "c2"}], ["c2"]),
        ([{"node": "one", "host": "c1"}, {"node": "two", "host": "c2"}], ["two"]),
        ([{"name": "c1"}, {"name": "elsewhere"}], []),
        ([], []),
    ],
)
def test_members_that_this_run_cannot_reach(nodes, expected):
    variables = {"groups": {"all": ["c1", "c2", "w1"]}, "ansible_play_hosts": ["c1"]}
    assert unreached(nodes, variables) == expected
