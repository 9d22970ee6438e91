# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other programs can hang, print without end, leave children behind, or not be there at all."""

from __future__ import annotations

import os
import pathlib
import resource
import signal
import sys
import threading
import time
from typing import List

import pytest

from tandem_agent.errors import AgentError
from tandem_agent.pacemaker import runner as module
from tandem_agent.pacemaker.runner import Runner, memfile, memfile_path, memfile_read


def script(directory: pathlib.Path, name: str, text: str) -> None:
    path = directory / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


@pytest.fixture
def runner(tmp_path: pathlib.Path) -> Runner:
    return Runner(
        search_path=[str(tmp_path)], environment={"CIB_file": "/x", "PCMK_debug": "no", "SECRET": "s", "LANG": "ja_JP"}
    )


def gone(pid: int) -> bool:
    for _try in range(50):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().split(")")[1].split()[0] == "Z":
                    return True  # killed; it only waits for whoever adopted it
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False


def test_rc_and_both_streams_come_back(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "tool", "cat; echo err >&2; exit 7")
    assert runner.run(["tool"], stdin=b"in") == (7, b"in", b"err\n")


def test_the_environment_is_emptied(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "tool", "env | sort")
    lines = runner.run(["tool"], environment={"EXTRA": "1"}).stdout.decode().splitlines()
    names = {line.split("=")[0] for line in lines} - {"PWD", "_", "SHLVL", "OLDPWD"}
    assert names == {"CIB_file", "PCMK_debug", "LC_ALL", "PATH", "EXTRA"}
    assert f"PATH={tmp_path}:/usr/sbin:/usr/bin:/sbin:/bin" in lines


def test_tandem_tools_comes_first(tmp_path: pathlib.Path) -> None:
    script(tmp_path, "true", "exit 9")
    assert Runner(environment={"TANDEM_TOOLS": f"/nowhere:{tmp_path}"}).run(["true"]).rc == 9
    assert Runner(environment={}).run(["true"]).rc == 0


def test_no_shell(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "tool", 'printf "%s" "$1"')
    nasty = "$(touch /tmp/tandem-canary); `id` | ' \" \\"
    assert runner.run(["tool", nasty]).stdout == nasty.encode()
    assert not os.path.exists("/tmp/tandem-canary")


def test_a_missing_tool_says_what_to_install(runner: Runner) -> None:
    with pytest.raises(AgentError) as caught:
        runner.run(["crm_nothing"])
    assert caught.value.code == "tool.missing"
    assert "pacemaker-cli-utils" in caught.value.message
    assert not runner.has("crm_nothing")
    assert runner.has("sh")


def test_a_nul_in_an_argument_is_an_error_not_a_crash(runner: Runner) -> None:
    with pytest.raises(AgentError) as caught:
        runner.run(["true", "a\0b"])
    assert caught.value.code == "tool.failed"


def test_a_hanging_tool_is_killed_with_its_children(runner: Runner, tmp_path: pathlib.Path) -> None:
    pids = tmp_path / "pids"
    script(tmp_path, "tool", f"sleep 60 & echo $$ $! > {pids}; wait")
    started = time.monotonic()
    with pytest.raises(AgentError) as caught:
        runner.run(["tool"], timeout=0.5)
    assert caught.value.code == "tool.timeout"
    assert caught.value.retryable
    assert time.monotonic() - started < 5
    for pid in pids.read_text().split():
        assert gone(int(pid))


def test_a_tool_that_ignores_sigterm_and_closed_its_output_is_killed(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "tool", "trap '' TERM; exec >&- 2>&-; sleep 60")
    started = time.monotonic()
    with pytest.raises(AgentError) as caught:
        runner.run(["tool"], timeout=0.5)
    assert caught.value.code == "tool.timeout"
    assert time.monotonic() - started < 5


def test_a_daemon_left_behind_does_not_hold_us(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "tool", "sleep 3 & echo done")
    started = time.monotonic()
    assert runner.run(["tool"], timeout=20).stdout == b"done\n"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("to", ["", " >&2"])
def test_a_tool_that_prints_a_hundred_megabytes(runner: Runner, tmp_path: pathlib.Path, to: str) -> None:
    script(tmp_path, "tool", f"echo $$ > {tmp_path}/pid; exec head -c 100000000 /dev/zero{to}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(AgentError) as caught:
        runner.run(["tool"], timeout=60)
    assert caught.value.code == "tool.failed"
    assert "printed more than 67108864 bytes" in caught.value.message
    assert gone(int((tmp_path / "pid").read_text()))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80 * 1024  # KiB: what was kept, not twice that


def test_output_is_capped_over_both_streams(
    runner: Runner, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OUTPUT_LIMIT", 200_000)
    script(tmp_path, "tool", "head -c 150000 /dev/zero; exec head -c 150000 /dev/zero >&2")
    with pytest.raises(AgentError, match="200000 bytes"):
        runner.run(["tool"], timeout=20)
    script(tmp_path, "tool", "head -c 100000 /dev/zero; exec head -c 100000 /dev/zero >&2")
    assert [len(part) for part in runner.run(["tool"], timeout=20)[1:]] == [100_000, 100_000]


def test_a_tool_that_prints_without_end_but_slowly(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "tool", "while :; do echo x; done")
    started = time.monotonic()
    with pytest.raises(AgentError) as caught:
        runner.run(["tool"], timeout=0.5)
    assert caught.value.code == "tool.timeout"
    assert time.monotonic() - started < 5


def test_a_tool_that_cannot_be_killed_holds_nobody(
    runner: Runner, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits for a disk inside the kernel dies when the disk answers, whatever is sent to it."""
    killed: List[int] = []
    monkeypatch.setattr(module, "_DYING", 0.2)
    monkeypatch.setattr(os, "killpg", lambda group, _signal: killed.append(group))
    script(tmp_path, "tool", "exec sleep 60")
    started = time.monotonic()
    try:
        with pytest.raises(AgentError) as caught:
            runner.run(["tool"], timeout=0.3)
        assert caught.value.code == "tool.timeout"
        assert time.monotonic() - started < 5
    finally:
        monkeypatch.undo()
        (group,) = killed
        os.killpg(group, signal.SIGKILL)
    assert gone(group)


@pytest.mark.parametrize("content", ["", "\x7fELF rubbish", "#!/nonexistent/shell\n"])
def test_a_tool_that_is_damaged(runner: Runner, tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / "tool").write_text(content)
    (tmp_path / "tool").chmod(0o755)
    with pytest.raises(AgentError) as caught:
        runner.run(["tool"])
    assert caught.value.code == "tool.failed"
    assert "tool could not be started" in caught.value.message


def test_a_directory_or_a_file_without_rights_is_no_tool(runner: Runner, tmp_path: pathlib.Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    assert [runner.find(name) for name in ("directory", "plain", "dangling", "")] == [None] * 4


def test_too_few_descriptors(runner: Runner, tmp_path: pathlib.Path) -> None:
    """At whichever of its steps they run out: an error, and none is lost."""
    script(tmp_path, "tool", "exec cat")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def run() -> bytes:
        try:
            with memfile(b"x") as source:
                return runner.run(["tool"], stdin=b"y", pass_fds=(source,)).stdout
        except AgentError as error:
            return f"{error.code} {error.message}".encode()

    outcomes = []
    for more in range(14):
        open_now = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + more, before[1]))
        try:
            outcomes.append(run())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        if sys.version_info >= (3, 12):  # before, Popen loses the pipes it has made when the next one fails
            assert len(os.listdir("/proc/self/fd")) == open_now
    assert outcomes[-1] == b"y"
    failed = [outcome for outcome in outcomes if outcome != b"y"]
    assert failed and all(one.startswith(b"tool.failed ") and b"Too many open files" in one for one in failed), outcomes


def test_arguments_that_are_too_long(runner: Runner) -> None:
    with pytest.raises(AgentError) as caught:
        runner.run(["true", "x" * 10_000_000])
    assert caught.value.code == "tool.failed"


def test_much_in_and_much_out_at_once(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "tool", "exec cat")
    data = os.urandom(3_000_000)
    assert runner.run(["tool"], stdin=data).stdout == data


def test_a_tool_that_does_not_read_its_input(runner: Runner) -> None:
    assert runner.run(["true"], stdin=b"x" * 1_000_000).rc == 0


def test_threads_do_not_mix(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "tool", "exec cat")
    seen = {}

    def one(number: int) -> None:
        seen[number] = runner.run(["tool"], stdin=b"%d" % number * 5000).stdout == b"%d" % number * 5000

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(seen[number] for number in range(12))


def test_no_descriptor_is_left_open(runner: Runner, tmp_path: pathlib.Path) -> None:
    script(tmp_path, "slow", "sleep 60")
    before = len(os.listdir("/proc/self/fd"))
    for _round in range(3):
        runner.run(["true"])
        with pytest.raises(AgentError):
            runner.run(["slow"], timeout=0.1)
        with memfile(b"x"):
            pass
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("without", [False, True])
def test_memory_files_are_read_and_written_by_tools(
    runner: Runner, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, without: bool
) -> None:
    if without:
        monkeypatch.delattr(os, "memfd_create")
    script(tmp_path, "tool", 'cat "$1" > "$2"')
    data = os.urandom(300_000)
    with memfile(data) as source, memfile() as target:
        done = runner.run(["tool", memfile_path(source), memfile_path(target)], pass_fds=(source, target))
        assert done == (0, b"", b"")
        assert memfile_read(target) == data
