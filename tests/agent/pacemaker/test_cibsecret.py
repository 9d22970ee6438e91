# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret files are what Pacemaker's own executor reads and what its own tool `cibsecret` writes, on every suite."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
from typing import Dict, Optional

import pytest

from tandem_agent.errors import AgentError
from tandem_agent.model.secrets import LONGEST
from tandem_agent.pacemaker.cibsecret import SecretFiles
from tandem_agent.pacemaker.runner import Runner

VALUES = ["hunter22", " leading", "a b\tc", "$(id)`id`", "quo'te\"s\\", "ä€𝄞 pass", "-n -e", "x" * LONGEST, "ä" * 126]
# Pacemaker's executor itself, in a place of its own: /var/lib/pacemaker is ours, and the agent writes what it was told.
EXECUTOR = """mount -t tmpfs none /var/lib && mkdir /var/lib/pacemaker && mount --bind "$1" /var/lib/pacemaker || exit 99
"$2"/crm_resource --validate --class ocf --provider pacemaker --agent Dummy --option envfile="$3" --option "$4=lrm://"
"""


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    made = tmp_path / "pacemaker"
    made.mkdir()
    return made


@pytest.fixture
def files(base: pathlib.Path) -> SecretFiles:
    return SecretFiles(Runner([], {}), str(base), (str(base.parent / "authkey"),))


def told(suite: str, base: pathlib.Path, option: str = "passwd") -> Optional[str]:
    """What Pacemaker hands to an agent whose option is `lrm://`; None when it does not run the agent."""
    seen = base.parent / "environment"
    seen.write_text("")
    as_root = [] if os.geteuid() == 0 else ["-r"]
    argv = ["unshare", *as_root, "-m", "--", "sh", "-c", EXECUTOR, "sh", str(base), suite, str(seen), option]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode != 99, done.stderr
    found = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    return found.get(f"OCF_RESKEY_{option}")


@pytest.mark.offline
@pytest.mark.parametrize("value", VALUES)
def test_the_executor_hands_over_what_was_written(
    any_suite: str, base: pathlib.Path, files: SecretFiles, value: str
) -> None:
    files.write("test", {"passwd": value})
    assert told(any_suite, base) == value
    assert files.values("test") == {"passwd": value}


@pytest.mark.offline
def test_what_the_executor_refuses_counts_as_missing(any_suite: str, base: pathlib.Path, files: SecretFiles) -> None:
    assert told(any_suite, base) is None
    files.write("test", {"passwd": "hunter22"})
    (base / "lrm/secrets/test/passwd").write_text("hunter23\n")
    assert told(any_suite, base) is None
    assert files.read("test")["passwd"].value is None
    files.write("test", {"passwd": "hunter23"})
    (base / "lrm/secrets/test/passwd.sign").unlink()
    assert told(any_suite, base) is None
    assert files.values("test") == {}


STUBS = {
    "ps": "echo pacemaker-controld",
    "ssh": "exit 1",
    "crm_node": "echo c1",
    "crmadmin": "echo c1",
}


def cibsecret(suite: str, base: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Pacemaker's script, on a host without peers and with its directory elsewhere. `-C`: without a CIB."""
    root = pathlib.Path(suite).parent / "root"
    script = (root / "usr/sbin/cibsecret").read_text()
    script = script.replace("/var/lib/pacemaker/lrm/secrets", f"{base}/lrm/secrets")
    source = '. "/usr/lib/ocf/lib/heartbeat/ocf-shellfuncs"'  # for its dirname, and the host has one
    assert source in script
    script = script.replace(source, ":")
    stubs = base.parent / "stubs"
    stubs.mkdir(exist_ok=True)
    for name, text in STUBS.items():
        (stubs / name).write_text(f"#!/bin/sh\n{text}\n")
        (stubs / name).chmod(0o755)
    environment = {"PATH": f"{stubs}:/usr/sbin:/usr/bin:/sbin:/bin"}
    argv = ["bash", "-c", script, "cibsecret", "-C", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.offline
@pytest.mark.parametrize("value", VALUES)
def test_cibsecret_understands_our_files_and_we_its(
    any_suite: str, base: pathlib.Path, files: SecretFiles, value: str
) -> None:
    files.write("vip", {"passwd": value})
    assert cibsecret(any_suite, base, "check", "vip", "passwd").returncode == 0
    assert cibsecret(any_suite, base, "get", "vip", "passwd").stdout.rstrip("\n") == value
    assert cibsecret(any_suite, base, "check", "vip", "other").returncode == 72
    if value.startswith("-n"):
        return  # its `echo` takes these for options
    cibsecret(any_suite, base, "set", "other", "passwd", value)
    assert files.values("other") == {"passwd": value}
    for name in ("passwd", "passwd.sign"):
        assert (base / "lrm/secrets/vip" / name).read_bytes() == (base / "lrm/secrets/other" / name).read_bytes()


@pytest.mark.offline
def test_every_suite_says_that_it_can(any_suite: str) -> None:
    root = pathlib.Path(any_suite).parent / "root"
    library = next(path for path in root.glob("usr/lib/*/libcrmcommon.so.*.*"))
    assert b"/var/lib/pacemaker/lrm/secrets" in library.read_bytes()
    assert b"cibsecrets" in library.read_bytes() or b"cibsecrets" in (root / "usr/sbin/pacemakerd").read_bytes()


@pytest.mark.parametrize(
    ("said", "supported"),
    [
        ("echo 'Pacemaker 2.0.5'; echo ' Supporting v3.6.1:  ncurses acls cibsecrets'", True),
        ("echo ' Supporting v3.6.1:  ncurses acls'", False),
        ("exit 1", False),
    ],
)
def test_whether_this_pacemaker_has_it(tmp_path: pathlib.Path, said: str, supported: bool) -> None:
    (tmp_path / "pacemakerd").write_text(f"#!/bin/sh\n{said}\n")
    (tmp_path / "pacemakerd").chmod(0o755)
    assert SecretFiles(Runner([str(tmp_path)], {})).supported() is supported


# -- on the disk


def modes(base: pathlib.Path) -> Dict[str, int]:
    return {str(path.relative_to(base)): stat.S_IMODE(path.lstat().st_mode) for path in base.rglob("*")}


def test_files_are_roots_alone_whatever_the_mask(base: pathlib.Path, files: SecretFiles) -> None:
    before = os.umask(0)
    try:
        files.write("vip", {"passwd": "hunter22"})
    finally:
        os.umask(before)
    assert modes(base) == {
        "lrm": 0o700, "lrm/secrets": 0o700, "lrm/secrets/vip": 0o700,
        "lrm/secrets/vip/passwd": 0o600, "lrm/secrets/vip/passwd.sign": 0o600,
    }  # fmt: skip


def test_a_file_that_others_may_read_is_to_be_written_anew(base: pathlib.Path, files: SecretFiles) -> None:
    files.write("vip", {"passwd": "hunter22"})
    (base / "lrm/secrets/vip/passwd").chmod(0o644)
    assert files.read("vip")["passwd"].value is None
    files.write("vip", {"passwd": "hunter22"})
    assert modes(base)["lrm/secrets/vip/passwd"] == 0o600


@pytest.mark.parametrize("place", ["lrm", "lrm/secrets", "lrm/secrets/vip"])
def test_a_link_is_never_followed(base: pathlib.Path, files: SecretFiles, tmp_path: pathlib.Path, place: str) -> None:
    (tmp_path / "trap").mkdir()
    (base / place).parent.mkdir(parents=True, exist_ok=True)
    (base / place).symlink_to(tmp_path / "trap")
    for attempt in (
        lambda: files.write("vip", {"passwd": "hunter22"}), lambda: files.read("vip"), lambda: files.remove("vip"),
    ):  # fmt: skip
        with pytest.raises(AgentError) as caught:
            attempt()
        assert caught.value.code == "secrets.directory"
    assert list((tmp_path / "trap").iterdir()) == []


def test_a_link_in_place_of_a_file_is_replaced_not_written_through(
    base: pathlib.Path, files: SecretFiles, tmp_path: pathlib.Path
) -> None:
    files.write("vip", {"passwd": "hunter22"})
    (tmp_path / "trap").write_text("mine")
    for name in ("passwd", ".passwd", ".passwd.sign"):
        (base / "lrm/secrets/vip" / name).unlink(missing_ok=True)
        (base / "lrm/secrets/vip" / name).symlink_to(tmp_path / "trap")
    assert files.values("vip") == {}
    files.write("vip", {"passwd": "hunter22"})
    assert (tmp_path / "trap").read_text() == "mine"
    assert files.values("vip") == {"passwd": "hunter22"}


@pytest.mark.parametrize("resource", ["", "..", "../x", "a/b", ".x"])
def test_a_resource_names_no_other_place(base: pathlib.Path, files: SecretFiles, resource: str) -> None:
    with pytest.raises(AgentError):
        files.write(resource, {"passwd": "hunter22"})
    assert not list(base.rglob("passwd"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("../x", "hunter22"), ("x.sign", "hunter22"), (".x", "hunter22"), ("", "hunter22"), ("passwd", "abc"),
        ("passwd", "two\nlines"), ("passwd", "space "), ("passwd", "x" * (LONGEST + 1)), ("passwd", "lrm://"),
    ],
)  # fmt: skip
def test_what_pacemaker_would_not_read_back_is_refused(files: SecretFiles, name: str, value: str) -> None:
    with pytest.raises(AgentError) as caught:
        files.write("vip", {name: value})
    assert caught.value.code == "secrets.invalid"
    assert value not in caught.value.message or value == "lrm://"


def test_removing_leaves_the_others_and_no_empty_directory(base: pathlib.Path, files: SecretFiles) -> None:
    files.write("vip", {"passwd": "hunter22", "pin": "1234"})
    files.write("web", {"key": "abcd"})
    files.remove("vip", ["pin"])
    assert files.values("vip") == {"passwd": "hunter22"}
    files.remove("vip", ["passwd"])
    assert files.resources() == ["web"]
    files.remove("web")
    assert modes(base) == {"lrm": 0o700, "lrm/secrets": 0o700}
    files.remove("nothing")


def test_no_node_no_files(tmp_path: pathlib.Path) -> None:
    nowhere = SecretFiles(Runner([], {}), str(tmp_path / "missing"))
    assert nowhere.read("vip") == {}
    with pytest.raises(AgentError, match="is pacemaker installed"):
        nowhere.write("vip", {"passwd": "hunter22"})


def test_the_seal_changes_with_a_secret_and_tells_nothing_without_the_key(
    files: SecretFiles, tmp_path: pathlib.Path
) -> None:
    assert files.seal("vip", {"passwd": "hunter22"}) is None
    (tmp_path / "authkey").write_bytes(b"k" * 128)
    one = files.seal("vip", {"passwd": "hunter22", "pin": "1234"})
    assert one == files.seal("vip", {"pin": "1234", "passwd": "hunter22"})
    others = [
        files.seal("vip", {"passwd": "hunter22", "pin": "1235"}), files.seal("web", {"passwd": "hunter22", "pin": "1234"}),
        files.seal("vip", {"passwd": "hunter22"}),
    ]  # fmt: skip
    (tmp_path / "authkey").write_bytes(b"l" * 128)
    others.append(files.seal("vip", {"passwd": "hunter22", "pin": "1234"}))
    assert len({one, *others}) == 5
