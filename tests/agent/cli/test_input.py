# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person, a shell or an editor may hand to the command. One sentence comes back, and nothing is changed."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import logging
import os
import pathlib
import sys
from typing import Any, List, NamedTuple

import pytest

from tandem_agent.cli import main
from tandem_agent.pacemaker import runner

ENTRY = '{"resources": [{"id": "a", "agent": "ocf:heartbeat:Dummy", "params": {"x": "%s"}}]}'


class Done(NamedTuple):
    """What the command left behind."""

    returncode: int
    stdout: str
    stderr: str


class Tandem:
    """The command in this process, without any tool: whatever is wrong with its input is found by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        monkeypatch.setattr(runner, "SEARCH_PATH", ())
        monkeypatch.delenv("TANDEM_TOOLS", raising=False)
        log = logging.getLogger("tandem_agent")  # the command makes it its own, and other tests listen to it
        for name, value in (("handlers", list(log.handlers)), ("propagate", log.propagate), ("level", log.level)):
            monkeypatch.setattr(log, name, value)

    def __call__(self, cib: str, *words: str | bytes, stdin: bytes = b"") -> Done:
        out, err = io.StringIO(), io.StringIO()
        self._patch.setenv("CIB_file", cib)
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                rc: Any = main([os.fsdecode(word) for word in words])
            except SystemExit as wrong_usage:
                rc = wrong_usage.code
        return Done(rc, out.getvalue(), err.getvalue())


@pytest.fixture
def tandem(monkeypatch: pytest.MonkeyPatch) -> Tandem:
    return Tandem(monkeypatch)


def complaint(done: Done) -> str:
    """The one line that a refusal is."""
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("tandem: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no JSON"),
        (b"\xef\xbb\xbf{}", "BOM"),
        ("{}".encode("utf-16"), "no JSON"),
        (b'{"name": "\xe4"}', "no JSON"),
        (b'{"name": "a\x00b"}', "no JSON"),
        (b"{}\x00", "no JSON"),
        (b"{} {}", "no JSON"),
        (b'{"name": "x"', "no JSON"),
        (b"name: x", "no JSON"),
        (b"[]", "an object is expected"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested"),
        (b'{"nodes": [], "nodes": []}', "stands twice"),
        (b'{"nodes": NaN}', "no JSON"),
        (b'{"nodes": 1e400}', "out of range"),
        (b'{"nodes": 1' + b"0" * 400 + b"}", "out of range"),
        (b" " * (17 * 1024 * 1024), "at most 16777216 bytes"),
    ],
    ids=itertools.count(),
)
def test_a_file_that_is_no_document(
    tandem: Tandem, cib_file: str, tmp_path: pathlib.Path, data: bytes, message: str
) -> None:
    path = tmp_path / "site.json"
    path.write_bytes(data)
    before = pathlib.Path(cib_file).read_bytes()
    for done in (tandem(cib_file, "plan", str(path)), tandem(cib_file, "plan", "-", stdin=data)):
        text = complaint(done)
        assert message in text and text.endswith("[document.invalid]\n")
    assert pathlib.Path(cib_file).read_bytes() == before


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (r"\u0000", "document.resources[0].params.x: holds the character U+0000"),
        (r"\u001b[31m", "U+001B"),
        (r"\ud800", "U+D800"),
        (r"\uffff", "U+FFFF"),
        ("x" * 65_537, "is 65537 characters long; at most 65536 are allowed"),
    ],
)
def test_values_that_no_cib_can_hold(tandem: Tandem, cib_file: str, value: str, message: str) -> None:
    text = complaint(tandem(cib_file, "plan", "-", stdin=(ENTRY % value).encode()))
    assert message in text


@pytest.mark.parametrize(
    "value", ["--help", "-x", "a' b\\\" c", "<&>]]>", "$(reboot) `id` ;|&", "x" * 10_000, "%s%n{}", "..\\/", "é"]
)
def test_values_that_only_look_bad(tandem: Tandem, cib_file: str, value: str) -> None:
    done = tandem(cib_file, "plan", "-", "--json", stdin=(ENTRY % value).encode())
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)["plan"]
    assert entry["after"]["params"]["x"] == json.loads(f'"{value}"')


def test_line_ends_of_another_system(tandem: Tandem, cib_file: str) -> None:
    document = json.dumps(json.loads(ENTRY % "y"), indent=1).replace("\n", "\r\n").encode()
    assert json.loads(tandem(cib_file, "plan", "-", "--json", stdin=document).stdout)["changed"] is True


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/nonexistent", "No such file or directory"),
        ("/", "Is a directory"),
        ("", "No such file or directory"),
        ("x" * 5000, "File name too long"),
        (b"\xff\xfe", "No such file or directory"),
        ("a\nb\x1b[31m", "No such file or directory"),
        ("/dev/zero", "at most 16777216 bytes"),
        ("/proc/self/mem", "cannot read /proc/self/mem"),
    ],
)
def test_names_of_files(tandem: Tandem, cib_file: str, name: str | bytes, message: str) -> None:
    text = complaint(tandem(cib_file, "plan", name))
    assert message in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["apply", "-", "--wait", "nan"], 2),
        (["apply", "-", "--wait", "inf"], 2),
        (["apply", "-", "--wait", "1e400"], 2),
        (["apply", "-", "--wait", "-1"], 2),
        (["apply", "-", "--wait", "x"], 2),
        (["history", "--limit", "9" * 5000], 2),
        (["history", "--limit", "9" * 400], 1),
        (["history", "--limit", "-1"], 1),
        (["rollback", "../../etc/passwd"], 1),
        (["rollback", b"\xff\n"], 1),
        (["plan", "-", "--request", b"\xff"], 1),
        (["plan", "-", "--request", "x" * 201], 1),
        (["plan", "-", "--request", "a\x1b[31m\nb"], 1),
        (["status\n"], 2),
    ],
)  # fmt: skip
def test_words_on_the_command_line(tandem: Tandem, cib_file: str, words: List[str | bytes], expected: int) -> None:
    done = tandem(cib_file, *words, stdin=b"{}")
    assert done.returncode == expected
    assert "\x1b" not in done.stderr
    assert done.stdout == "" and done.stderr


@pytest.mark.parametrize(
    "cib", ["/nonexistent", "/", "/dev/zero", "/dev/null", "/etc/passwd", "/proc/self/mem", "a\nb"]
)
@pytest.mark.parametrize("command", ["status", "export", "plan", "apply", "doctor", "history", "info"])
def test_files_that_are_no_cib(tandem: Tandem, cib: str, command: str) -> None:
    words = [command, "-"] if command in ("plan", "apply") else [command]
    done = tandem(cib, *words, stdin=b'{"resources": []}')
    assert "[internal]" not in done.stderr
    if command not in ("history", "info"):
        assert complaint(done).endswith(("[cib.unavailable]\n", "[cib.schema]\n", "[tool.missing]\n"))
