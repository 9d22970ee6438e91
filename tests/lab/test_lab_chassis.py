# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The power switch: every button in every state, with a shell in the container's place."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from tandem_lab import chassis as chassis_module, machine, spec as specs
from tandem_lab.cgroups import Group
from tandem_lab.chassis import Chassis
from tandem_lab.paths import Paths


class Bench:
    """A chassis whose container is a process of ours and whose control group is a flag."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.calls: List[str] = []
        self.command = ["sleep", "60"]
        self.frozen = False

    def start(self, *_: Any) -> subprocess.Popen[bytes]:
        self.calls.append("start")
        return subprocess.Popen(self.command)

    def cut(self, *_: Any) -> None:
        self.calls.append("cut")
        if self.chassis.container:
            self.chassis.container.kill()

    def press(self, operation: str, **params: Any) -> Dict[str, Any]:
        return self.chassis.answer(json.dumps({"op": operation, **params}).encode())

    def state_after(self, operation: str, **params: Any) -> str:
        return str(self.press(operation, **params)["state"])

    def let_it_end(self) -> None:
        assert self.chassis.container is not None
        self.chassis.container.wait(10)
        self.chassis.tick()


@pytest.fixture
def bench(raw: Dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    paths = Paths.of("pair", str(tmp_path / "state"), str(tmp_path / "run"), str(tmp_path / "cache"))
    for path in paths.directories():
        path.mkdir(parents=True, exist_ok=True)
    paths.spec.write_text(json.dumps(specs.dump(specs.parse({**raw, "post_delay": 20}))))
    bench = Bench(Chassis(paths, "w1"))
    monkeypatch.setattr(machine, "start", bench.start)
    monkeypatch.setattr(machine, "cut", bench.cut)
    monkeypatch.setattr(machine, "clear", bench.cut)
    monkeypatch.setattr(Group, "freeze", lambda _, frozen: setattr(bench, "frozen", frozen))
    monkeypatch.setattr(Group, "frozen", lambda _: bench.frozen)
    yield bench
    bench.press("quit")


def test_power_on_waits_for_the_self_test(bench: Bench) -> None:
    answer = bench.press("on")
    assert (answer["power"], answer["state"]) == ("on", "post")
    due = bench.chassis.tick()
    assert due is not None
    assert 19 < due <= 20
    assert bench.calls == []


def test_the_node_boots_when_the_time_has_come(bench: Bench) -> None:
    bench.press("on", delay=0.01)
    time.sleep(0.02)
    bench.chassis.tick()
    assert bench.press("status")["state"] == "running"
    assert bench.calls == ["start"]


def test_on_twice_is_once(bench: Bench) -> None:
    bench.press("on", delay=0)
    first = bench.press("status")
    assert bench.press("on", delay=0) == first


def test_cut_is_at_once_and_off_twice_is_once(bench: Bench) -> None:
    bench.press("on", delay=0)
    assert bench.state_after("cut") == "off"
    since = bench.press("status")["since"]
    assert bench.press("cut")["since"] == since
    assert bench.calls == ["start", "cut"]


def test_cut_during_the_self_test_boots_nothing(bench: Bench) -> None:
    bench.press("on", delay=0.01)
    assert bench.state_after("cut") == "off"
    time.sleep(0.02)
    bench.chassis.tick()
    assert "start" not in bench.calls


def test_cycle_passes_the_self_test_and_a_repeated_request_does_not_begin_it_anew(bench: Bench) -> None:
    bench.press("on", delay=0)
    assert bench.state_after("cycle") == "post"
    since = bench.press("status")["since"]
    assert bench.press("cycle")["since"] == since


def test_an_orderly_shutdown_ends_in_off(bench: Bench) -> None:
    bench.press("on", delay=0)
    assert bench.state_after("off") == "stopping"
    bench.let_it_end()
    assert bench.press("status")["reason"] == "shut down"
    assert bench.press("status")["power"] == "off"


def test_a_reboot_of_the_node_itself_passes_the_self_test(bench: Bench) -> None:
    bench.command = ["sh", "-c", "exit %d" % machine.REBOOT]
    bench.press("on", delay=0)
    bench.let_it_end()
    assert bench.press("status")["state"] == "post"


def test_a_container_that_fails_leaves_its_last_words(bench: Bench) -> None:
    bench.chassis.paths.log("w1", "node").write_text("no such root\n")
    bench.command = ["sh", "-c", "exit 1"]
    bench.press("on", delay=0)
    bench.let_it_end()
    assert bench.press("status")["reason"] == "its container ended with 1: no such root"


def test_only_a_running_node_hangs_and_off_wakes_it_first(bench: Bench) -> None:
    assert "only a running node can hang" in bench.press("freeze")["error"]
    bench.press("on", delay=0)
    assert bench.press("freeze")["frozen"] is True
    bench.press("off")
    assert bench.frozen is False


@pytest.mark.parametrize("line", [b"", b"\n", b"[]", b"{}", b'{"op": "explode"}', b'{"op": "cut", "soon": 1}', b"\xff"])
def test_nonsense_is_answered_and_changes_nothing(bench: Bench, line: bytes) -> None:
    assert "not a request" in bench.chassis.answer(line)["error"]
    assert bench.press("status")["state"] == "off"


def test_a_log_begins_anew_when_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chassis_module, "LOG_MAX", 10)
    for _turn in range(3):
        with chassis_module.open_log(tmp_path / "log") as stream:
            stream.write(b"eight by")
    assert (tmp_path / "log").read_bytes() == b"eight by"
