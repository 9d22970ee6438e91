# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exactly the process that is meant is found, and exactly the packets that are meant are dropped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ansible_collections.tandem.ha.plugins.module_utils._sabotage import Process, alive, healing, processes, rules


def process(proc: Path, pid: int, name: str, began: int, state: str = "S", **environment: str) -> None:
    home = proc / str(pid)
    home.mkdir()
    fields = [state, "1", *["0"] * 17, str(began), *["0"] * 20]
    (home / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")
    (home / "environ").write_bytes(b"\0".join(f"{key}={value}".encode() for key, value in environment.items()))


def test_the_oldest_of_the_name_comes_first(tmp_path: Path) -> None:
    process(tmp_path, 300, "haproxy", 50)
    process(tmp_path, 20, "haproxy", 60)
    process(tmp_path, 10, "haproxy", 40, state="Z")
    process(tmp_path, 30, "haproxy-exporter", 10)
    (tmp_path / "self").mkdir()
    (tmp_path / "31").mkdir()
    assert processes(["haproxy"], proc=str(tmp_path)) == [Process(300, "haproxy", "50"), Process(20, "haproxy", "60")]


def test_a_long_name_is_what_the_kernel_keeps_of_it_and_the_port_tells_bundles_apart(tmp_path: Path) -> None:
    process(tmp_path, 1, "pacemaker-remot", 5, PCMK_remote_port="3123")
    process(tmp_path, 2, "pacemaker-remot", 6, PCMK_remote_port="3124")
    process(tmp_path, 3, "od) d (name", 6)
    found = processes(["pacemaker-remoted"], 3124, str(tmp_path))
    assert [one.pid for one in found] == [2]
    assert processes(["od) d (name"], proc=str(tmp_path))[0].pid == 3


def test_a_number_that_another_process_has_is_not_that_process(tmp_path: Path) -> None:
    process(tmp_path, 1, "mariadbd", 5)
    assert alive(Process(1, "mariadbd", "5"), str(tmp_path))
    assert not alive(Process(1, "mariadbd", "4"), str(tmp_path))
    assert not alive(Process(2, "mariadbd", "5"), str(tmp_path))


def test_a_real_process_is_found_and_seen_to_die() -> None:
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=subprocess.PIPE
    )
    try:
        assert sleeper.stdout
        sleeper.stdout.readline()
        name = Path(f"/proc/{sleeper.pid}/comm").read_text().strip()
        mine = next(one for one in processes([name]) if one.pid == sleeper.pid)
        assert alive(mine)
    finally:
        sleeper.kill()
        sleeper.wait()
        assert sleeper.stdout
        sleeper.stdout.close()
    assert not alive(mine)


def test_both_ways_and_one_way() -> None:
    both = rules(["10.0.0.2", "fd00::2"], outgoing_only=False)
    assert both.count("hook input") == both.count("hook output") == 1
    assert "ip saddr { 10.0.0.2 } drop" in both and "ip6 daddr { fd00::2 } drop" in both
    one = rules(["10.0.0.2", "10.1.0.2"], outgoing_only=True)
    assert "hook input" not in one and "ip daddr { 10.0.0.2, 10.1.0.2 } drop" in one and "ip6" not in one


def test_the_host_heals_itself() -> None:
    command = healing(30, "/usr/sbin/nft")
    assert command[0] == "systemd-run" and "--on-active=30" in command
    assert command[-5:] == ["/usr/sbin/nft", "delete", "table", "inet", "tandem_drill"]
