# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small pure parts, and those that need no more than a temporary directory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict

import pytest

from tandem_lab import access, bmc, disk, files, images, mirror, processes, repository, spec as specs, steps, tools
from tandem_lab.errors import CommandError, LabError
from tandem_lab.paths import Paths


def test_a_process_is_its_number_and_its_start() -> None:
    me = processes.identify(os.getpid())
    assert me is not None
    assert me.pid == os.getpid()
    assert processes.identify(2**22 + 1) is None


def stat(proc: Path, pid: int, name: str, state: str, started: int) -> None:
    (proc / str(pid)).mkdir(exist_ok=True)
    fields = ["%d" % pid, "(%s)" % name, state, *["0"] * 18, str(started), "0"]
    (proc / str(pid) / "stat").write_text(" ".join(fields))


def test_a_pid_file_of_a_number_given_away_is_stale(tmp_path: Path) -> None:
    file = tmp_path / "c1.pid"
    file.write_text("77 1000\n")
    assert processes.recorded(file, tmp_path) is None
    stat(tmp_path, 77, "a) b (c", "S", 1000)
    assert processes.recorded(file, tmp_path) == processes.Process(77, 1000)
    stat(tmp_path, 77, "other", "S", 2000)
    assert processes.recorded(file, tmp_path) is None
    stat(tmp_path, 77, "gone", "Z", 1000)
    assert processes.recorded(file, tmp_path) is None
    file.write_text("nonsense")
    assert processes.recorded(file, tmp_path) is None


def test_a_recorded_process_is_found_until_it_ends(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        processes.record(tmp_path / "pid", child.pid)
        assert processes.recorded(tmp_path / "pid") is not None
        child.communicate(b"\n")
    assert processes.recorded(tmp_path / "pid") is None


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    files.write(tmp_path / "secret", "one", 0o600)
    files.write(tmp_path / "secret", "two", 0o600)
    assert (tmp_path / "secret").read_text() == "two"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert os.listdir(str(tmp_path)) == ["secret"]
    assert files.read(tmp_path / "none") is None


def test_a_lock_whose_file_was_removed_guards_nothing(tmp_path: Path) -> None:
    """Two that wait while the holder removes the file: they still go one after the other."""
    inside, most = [], []

    def work() -> None:
        with files.locked(tmp_path / "lock", keep=False):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    workers = [threading.Thread(target=work) for number in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert max(most) == 1
    assert not (tmp_path / "lock").exists()


@pytest.mark.parametrize(
    ("uris", "main", "security"),
    [
        ([], mirror.DEFAULT_MAIN, mirror.DEFAULT_SECURITY),
        (
            ["http://m.example/debian/", "http://m.example/debian-security/", "http://other.example/debian"],
            "http://m.example/debian",
            "http://m.example/debian-security",
        ),
        (["https://packages.example/apt"], mirror.DEFAULT_MAIN, mirror.DEFAULT_SECURITY),
    ],
)
def test_the_hosts_mirror_is_taken(uris: list[str], main: str, security: str) -> None:
    assert mirror.choose(uris) == mirror.Mirror(main, security)


def test_a_suite_without_support_has_no_security_archive() -> None:
    here = mirror.Mirror("http://m/debian", "http://m/debian-security")
    assert sum("security" in line for line in here.sources("bookworm")) == 1
    assert not any("security" in line for line in here.sources("bullseye"))


@pytest.mark.parametrize(("package", "chosen"), [("a|b", "a"), ("x|b", "b"), ("x|y", "y"), ("a", "a")])
def test_alternatives_of_a_package(package: str, chosen: str) -> None:
    assert repository.choose(package, {"a", "b"}) == chosen


def test_a_root_is_named_by_its_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = images.root(tmp_path, "bookworm")
    assert before == images.root(tmp_path, "bookworm")
    monkeypatch.setattr(images, "PACKAGES", (*images.PACKAGES, "vim"))
    assert images.root(tmp_path, "bookworm") != before


def test_a_repository_serves_whoever_wants_no_more(tmp_path: Path) -> None:
    assert not repository.present(tmp_path, "bookworm", ["pcs"])
    repository.directory(tmp_path, "bookworm").mkdir(parents=True)
    (repository.directory(tmp_path, "bookworm") / "Packages").touch()
    root = images.root(tmp_path, "bookworm").name
    (tmp_path / "repositories/bookworm.json").write_text('{"root": "%s", "packages": ["pcs", "corosync"]}' % root)
    assert repository.present(tmp_path, "bookworm", ["pcs"])
    assert not repository.present(tmp_path, "bookworm", ["pcs", "mariadb-server"])
    (tmp_path / "repositories/bookworm.json").write_text('{"root": "another", "packages": ["pcs"]}')
    assert not repository.present(tmp_path, "bookworm", ["pcs"])


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (None, ("ok", 5.0)),
        ("", ("ok", 5.0)),
        ("silent\n", ("silent", 5.0)),
        ("slow 2.5\n", ("slow", 2.5)),
        ("slow soon", ("slow", 5.0)),
        ("melted", ("ok", 5.0)),
    ],
)
def test_the_mode_of_a_bmc(text: Any, mode: tuple[str, float]) -> None:
    assert bmc.parse_mode(text) == mode


def paths_in(place: Path) -> Paths:
    return Paths.of("pair", str(place / "state"), str(place / "run"), str(place / "cache"))


def test_passwords_are_random_unless_given_and_kept_private(raw: Dict[str, Any], tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    (paths.state / "bmc").mkdir(parents=True)
    (controller,) = specs.parse(raw).nodes["c1"].controllers.values()
    assert not access.password_is_right(paths, "c1", controller)
    access.make_password(paths, "c1", controller)
    first = paths.password("c1").read_text()
    assert len(first) == 17
    assert paths.password("c1").stat().st_mode & 0o777 == 0o600
    assert access.password_is_right(paths, "c1", controller)
    given = tmp_path / "given"
    given.write_text("sesame\n")
    raw["nodes"]["c1"]["bmc"]["password_file"] = str(given)
    (controller,) = specs.parse(raw).nodes["c1"].controllers.values()
    assert not access.password_is_right(paths, "c1", controller)
    access.make_password(paths, "c1", controller)
    assert bmc.Passwords(paths, "c1", "tandem").get("tandem") == "sesame"
    assert bmc.Passwords(paths, "c1", "tandem").get("root") is None


def test_a_disk_has_an_identity_of_its_own(raw: Dict[str, Any], tmp_path: Path) -> None:
    paths, spec = paths_in(tmp_path), specs.parse(raw)
    paths.state.mkdir(parents=True)
    access.make_key(paths.key, "test")
    root = tmp_path / "root"
    root.mkdir()
    for node in spec.nodes.values():
        assert not disk.present(paths, node.name)
        disk.make(paths, node, root)
        assert disk.present(paths, node.name)
    ids = {(paths.node(name) / "upper/etc/machine-id").read_text() for name in spec.nodes}
    assert len(ids) == 2
    known = access.known_hosts(paths, spec)
    assert "c1,10.42.0.11,10.42.1.11 ssh-ed25519 " in known
    assert len(known.splitlines()) == 2
    key = paths.node("c1") / "upper/etc/ssh/ssh_host_ed25519_key"
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("suite", "bullseye", "changed its suite"),
        ("addresses", {"mgmt": "10.42.0.12"}, "changed its addresses"),
        ("bmc", {"address": "10.42.0.112"}, "changed its bmc"),
        ("esxi", {"address": "10.42.0.112"}, "changed its esxi"),
    ],
)
def test_what_exists_does_not_change_its_nature(raw: Dict[str, Any], path: str, value: Any, said: str) -> None:
    old = specs.parse(raw)
    raw["nodes"]["c1"][path] = value
    with pytest.raises(LabError, match=said):
        steps.check_change(old, specs.parse(raw))


def test_nodes_come_and_go_and_delays_change(raw: Dict[str, Any]) -> None:
    old = specs.parse(raw)
    raw["nodes"]["c3"] = {"addresses": {"mgmt": "10.42.0.13"}}
    del raw["nodes"]["w1"]
    raw["post_delay"] = 3
    steps.check_change(old, specs.parse(raw))


def test_a_tool_that_fails_is_quoted() -> None:
    with pytest.raises(CommandError, match=r"sh -c .*ended with 3: oh no"):
        tools.run(["sh", "-c", "echo oh no >&2; exit 3"])
    assert tools.run(["sh", "-c", "exit 3"], accept=(0, 3)) == ""
    with pytest.raises(LabError, match="is not installed"):
        tools.run(["/no/such/tool"])
