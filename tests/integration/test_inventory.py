# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin through `ansible-inventory`: a script that knows what a cluster said stands where ssh would be."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

TOP = Path(__file__).resolve().parents[2]
# What the plugin's unit tests have heard as well.
SAID: Dict[str, Any] = json.loads((TOP / "tests/unit/plugins/inventory/cluster.json").read_text(encoding="utf-8"))
STATUS, INFO = SAID["status"], SAID["info"]


Found = Dict[str, Any]
Read = Callable[..., Found]


class Unread(Exception):
    """ansible-inventory's complaint."""


@pytest.fixture
def cluster(tmp_path: Path) -> Read:
    """Reads an inventory with some options; `answers` are what the hosts say, by host."""
    script = tmp_path / "ssh"
    # Its arguments are those of the plugin: options, --, the host, the command.
    script.write_text(
        f'#!/bin/sh\ncd {tmp_path}\necho "$@" >>asked\nwhile [ "$1" != -- ]; do shift; done\n'
        '[ -e "$2" ] && exec cat "$2"\necho "no route to $2" >&2\nexit 255\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)

    def run(answers: Dict[str, str], *arguments: str, **options: Any) -> Found:
        for name, text in answers.items():
            (tmp_path / name).write_text(text)
        given = {"plugin": "tandem.ha.cluster", "hosts": ["one", "two"], "ssh_executable": str(script), **options}
        path = tmp_path / "lab.tandem.yml"
        path.write_text(json.dumps(given))
        environment = {**os.environ, "ANSIBLE_CONFIG": str(TOP / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(path), "--list", *arguments],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Unread(" ".join((done.stdout + done.stderr).split()))
        found: Found = json.loads(done.stdout)
        return found

    return run


def said(status: Any = None) -> str:
    return json.dumps(status or STATUS) + "\n" + json.dumps(INFO, indent=1) + "\n"


def members(found: Found, group: str) -> Any:
    return found.get(group, {}).get("hosts", [])


def variables(found: Found, host: str) -> Any:
    return found["_meta"]["hostvars"][host]


def test_the_first_that_answers_is_enough(cluster: Read, tmp_path: Path) -> None:
    found = cluster({"two": said()}, ssh_args=["-o", "BatchMode=yes"])
    asked = (tmp_path / "asked").read_text().splitlines()
    command = "/usr/local/sbin/tandem status --json && /usr/local/sbin/tandem info --json"
    assert asked == [f"-o BatchMode=yes -- one {command}", f"-o BatchMode=yes -- two {command}"]
    assert members(found, "controllers") == ["c1", "c2", "c3"] and members(found, "witness") == ["192.0.2.9"]
    assert members(found, "vip_holder") == ["c1"] and members(found, "galera_promoted") == ["c2"]
    assert variables(found, "c1")["tandem_node"]["dc"] is True and variables(found, "c1")["ansible_host"] == "192.0.2.1"
    assert variables(found, "c2")["tandem_cluster"]["name"] == "lab"


def test_constructed_groups_and_variables(cluster: Read) -> None:
    found = cluster(
        {"one": said()},
        compose={"calm": "tandem_failures | length == 0"},
        groups={"serving": "tandem_node is defined and tandem_node.online and not tandem_node.standby"},
        keyed_groups=[{"key": "tandem_resources | default([]) | map(attribute='id')", "prefix": "runs"}],
    )
    assert members(found, "serving") == ["c1"] and members(found, "runs_vip") == ["c1"]
    assert variables(found, "c2")["calm"] is False


def test_what_a_cluster_says_is_no_template(cluster: Read, tmp_path: Path) -> None:
    cluster({"one": said()})
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible")), "-i", str(tmp_path / "lab.tandem.yml"), "c1", "-c", "local",
         "-m", "ansible.builtin.debug", "-a", "var=tandem_failures"],
        env={**os.environ, "ANSIBLE_CONFIG": str(TOP / "ansible.cfg")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "{{ 1 + 1 }} failed" in done.stdout, done.stdout + done.stderr


def test_nobody_answers_and_each_says_why(cluster: Read) -> None:
    with pytest.raises(Unread, match=r"no host of this cluster answered.*one: no route to one; two: it said no JSON"):
        cluster({"two": "Welcome!"})


def test_who_does_not_answer_in_time_is_passed_by(cluster: Read, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 30\n")
    slow.chmod(0o700)
    with pytest.raises(Unread, match="no answer within 1 s"):
        cluster({}, ssh_executable=str(slow), hosts=["one"], timeout=1)
    with pytest.raises(Unread, match="cannot be run"):
        cluster({}, ssh_executable=str(tmp_path / "none"), hosts=["one"])


def test_a_cached_answer_is_used_until_somebody_asks_anew(cluster: Read, tmp_path: Path) -> None:
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    assert members(cluster({"one": said()}, **cache), "dc") == ["c1"]
    moved = {**STATUS, "nodes": [dict(node, dc=node["id"] == "c2") for node in STATUS["nodes"]]}
    assert members(cluster({"one": said(moved)}, **cache), "dc") == ["c1"]
    assert members(cluster({"one": said(moved)}, "--flush-cache", **cache), "dc") == ["c2"]
    (tmp_path / "one").unlink()
    assert members(cluster({}, **cache), "dc") == ["c2"], "what was asked anew is cached"


def test_sudo_for_who_is_not_root(cluster: Read, tmp_path: Path) -> None:
    cluster({"one": said()}, become=True, command="/opt/tandem")
    asked = (tmp_path / "asked").read_text()
    assert asked.endswith("-- one sudo -n /opt/tandem status --json && sudo -n /opt/tandem info --json\n")
