# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server under clients that are many, slow, rude, or gone."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pathlib
import random
import re
import socket
import stat
import struct
import subprocess
import sys
import textwrap
import threading
import time
from typing import Callable, Dict, List

import pytest
from harness import AGENT_FILES, SECRET, Client, Running

from tandem_agent.context import Deadline
from tandem_agent.errors import AgentError
from tandem_agent.server import frames, unix
from tandem_agent.server.dispatch import Caller, Dispatcher
from tandem_agent.server.lock import MutationLock

READER = Caller(1000, True, False)


def test_requests_one_after_another(running: Running) -> None:
    client = running.client()
    for number in range(3):
        assert client.ask("echo", {"text": str(number)}, id=f"i{number}") == {
            "v": 1,
            "id": f"i{number}",
            "result": {"text": str(number), "node": ""},
        }


def test_requests_sent_at_once_are_answered_in_order(running: Running) -> None:
    client = running.client()
    for number in range(20):
        client.send("echo", {"text": str(number)}, id=str(number))
    assert [client.answer()["id"] for _number in range(20)] == [str(number) for number in range(20)]


def test_errors_pass_as_they_are(running: Running) -> None:
    assert running.client().ask("refuse")["error"] == {
        "code": "cib.conflict",
        "message": "moved",
        "details": {"n": 1},
        "retryable": True,
    }


def test_an_unknown_operation_names_the_known_ones(running: Running) -> None:
    error = running.client().ask("aply")["error"]
    assert error["code"] == "protocol.operation"
    assert "echo" in error["details"]["operations"]


def test_the_connection_goes_on_after_bad_frames(running: Running) -> None:
    client = running.client()
    for bad in (
        b"garbage\n",
        b'{"v":1,"v":1}\n',
        b"\xff\xff\n",
        b"[" * 50_000 + b"\n",
        b'{"v":7,"id":"z","op":"echo"}\n',
    ):
        client.raw(bad)
        assert client.answer()["error"]["code"].startswith("protocol.")
    client.raw(b"\n \n")  # empty lines are no requests
    assert client.ask("echo")["result"]


def test_a_line_without_end_is_refused_and_closed(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LINE_LIMIT", 100_000)
    client = running.client()
    client.raw(b"x" * 200_000)
    assert "100000 bytes" in client.answer()["error"]["message"]
    assert client.closed()


def test_a_large_request(running: Running) -> None:
    text = "x" * 60_000
    assert running.client().ask("echo", {"text": text, "more": ["y" * 60_000] * 200})["result"]["text"] == text


def test_half_a_frame_and_silence(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix, "FRAME_SECONDS", 0.3)
    client = running.client()
    client.raw(b'{"v": 1')
    assert "not complete" in client.answer()["error"]["message"]
    assert client.closed()


def test_dripping_bytes_do_not_extend_the_time(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix, "FRAME_SECONDS", 0.5)
    client = running.client()
    started = time.monotonic()
    with contextlib.suppress(OSError):
        for _byte in range(100):
            client.raw(b" {")
            time.sleep(0.05)
    assert time.monotonic() - started < 4


def test_silence_closes(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix, "SILENCE_SECONDS", 0.3)
    assert running.client().closed()


def test_a_client_that_never_reads_is_given_up(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix, "SEND_SECONDS", 0.3)
    rude = running.client()
    rude.stream.setblocking(False)
    request = json.dumps({"v": 1, "id": "1", "op": "echo", "params": {"text": "x" * 60_000}}).encode() + b"\n"
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            rude.stream.send(request)
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:
            break
    else:
        pytest.fail("the server still listens to a client that does not read")
    assert running.client().ask("echo")["result"]


def test_reads_run_side_by_side_while_a_change_runs(running: Running) -> None:
    changer = running.client()
    changer.send("change", {"seconds": 1.5})
    assert changer.read()["event"] == "began"
    started = time.monotonic()
    assert running.client().ask("echo")["result"]
    assert time.monotonic() - started < 1
    assert changer.answer()["result"]


def test_changes_wait_for_each_other_until_their_deadline(running: Running) -> None:
    first, second, third = (running.client() for _number in range(3))
    first.send("change", {"seconds": 2})
    assert first.read()["event"] == "began"
    second.send("change", {"seconds": 0}, deadline=1)
    third.send("change", {"seconds": 0}, deadline=20)
    error = second.answer()["error"]
    assert (error["code"], error["retryable"]) == ("busy", True)
    assert "change" in error["message"]
    assert first.answer()["result"]
    assert third.answer()["result"]


def test_another_agents_change_is_waited_for(running: Running, tmp_path: pathlib.Path) -> None:
    import fcntl

    with open(str(tmp_path / "lock"), "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert running.client().ask("change", {"seconds": 0}, deadline=1)["error"]["code"] == "busy"
    assert running.client().ask("change", {"seconds": 0}, deadline=1)["result"]


def test_a_change_goes_on_when_its_client_is_gone(running: Running) -> None:
    client = running.client()
    client.send("change", {"seconds": 0.5})
    assert client.read()["event"] == "began"
    client.close()
    assert running.dispatcher.lock.held
    assert running.client().ask("change", {"seconds": 0})["result"]


def test_a_crash_is_answered_with_an_id_that_the_log_knows(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = running.client()
    error = client.ask("crash", {"password": SECRET})["error"]
    assert error["code"] == "internal"
    number = re.search(r"error ([0-9a-f]{8})", error["message"])
    assert number
    assert f"internal error {number.group(1)} in crash: KeyError at harness.py:" in caplog.text
    assert SECRET not in caplog.text + json.dumps(error)
    assert client.ask("echo")["result"]


@pytest.mark.parametrize(
    ("params", "said"),
    [({"memory": True}, "out of memory"), ({}, "No such file or directory: /nonexistent/directory/file")],
)
def test_what_the_kernel_refuses_is_no_bug(running: Running, params: Dict[str, bool], said: str) -> None:
    client = running.client()
    error = client.ask("exhaust", params)["error"]
    assert (error["code"], error["retryable"]) == ("host.failed", True)
    assert said in error["message"]
    assert client.ask("echo")["result"]


def test_no_thread_is_to_be_had(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as without:
        without.setattr(threading.Thread, "start", refused)
        client = running.client()
        error = client.answer()["error"]
        assert (error["code"], error["retryable"]) == ("busy", True)
        assert client.closed()
    assert running.client().ask("echo")["result"]


def test_operations_cannot_write_lines_into_the_log(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    running.client().ask("x\n<3>the cluster is lost")
    running.client().ask("echo")
    assert "an unknown operation by uid" in caplog.text
    assert "the cluster is lost" not in caplog.text


def test_a_tool_cannot_outlive_the_deadline(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tandem_agent.server.dispatch.GRACE", 0.2)
    started = time.monotonic()
    assert running.client().ask("slow_tool", deadline=1)["error"]["code"] == "tool.timeout"
    assert time.monotonic() - started < 4


def test_too_many_connections_are_turned_away(running: Running) -> None:
    kept = [running.client() for _number in range(unix.MAX_CONNECTIONS)]
    assert kept[-1].ask("echo")["result"]
    error = running.client().answer()["error"]
    assert (error["code"], error["retryable"]) == ("busy", True)
    kept.pop().close()
    time.sleep(0.2)
    assert running.client().ask("echo")["result"]


def test_silent_readers_leave_room_for_root(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of haclient that connect and say nothing: others of them must wait, a change need not."""
    uids = iter([1000] * unix.MAX_CONNECTIONS + [0] * unix.FOR_ROOT + [0])
    monkeypatch.setattr(unix, "caller_of", lambda _stream: Caller(0, True, True) if next(uids) == 0 else READER)
    readers = [running.client() for _number in range(unix.MAX_CONNECTIONS)]
    for one in readers[-unix.FOR_ROOT :]:
        assert one.answer()["error"]["code"] == "busy"
    kept = [running.client() for _number in range(unix.FOR_ROOT)]
    assert [one.ask("change", {"seconds": 0})["result"] for one in kept]
    assert running.client().answer()["error"]["code"] == "busy"  # full is full


@pytest.mark.slow
def test_slow_clients_on_every_connection(start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each begins a line and goes on a byte at a time: they are told, closed, and others get their turn."""
    monkeypatch.setattr(unix, "FRAME_SECONDS", 1.0)
    running = start()
    slow = [running.client() for _number in range(unix.MAX_CONNECTIONS)]
    until = time.monotonic() + 2
    while time.monotonic() < until:
        for client in slow:
            with contextlib.suppress(OSError):
                client.raw(b"{")
        time.sleep(0.05)
    for client in slow:
        assert "not complete after 1 s" in client.answer()["error"]["message"]
    assert running.client().ask("echo")["result"]


def test_two_hundred_clients_at_once(running: Running) -> None:
    """Everybody is answered or told to come again; nobody hangs, and the server is there afterwards."""
    outcomes: List[str] = []

    def one(number: int) -> None:
        for _try in range(50):
            client = running.client()
            try:
                client.send("echo", {"text": str(number)})
                answer = client.answer()
            except (AssertionError, ConnectionError):
                time.sleep(0.02)
                continue
            finally:
                client.close()
            if "result" in answer:
                outcomes.append(answer["result"]["text"])
                return
            assert answer["error"]["code"] == "busy"
            time.sleep(0.02)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == sorted(str(number) for number in range(200))


def test_garbage_from_many(running: Running) -> None:
    def one() -> None:
        client = running.client()
        with contextlib.suppress(OSError):
            client.raw(os.urandom(50_000))
        client.close()

    threads = [threading.Thread(target=one) for _number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(0.3)
    assert running.client().ask("echo")["result"]


def test_damaged_frames_one_after_another(running: Running) -> None:
    """Thousands of damaged lines on one connection: an answer to each, and the next good one is served."""
    chance = random.Random(7)
    client = running.client()
    good = json.dumps({"v": 1, "id": "a", "op": "echo", "params": {"text": "x"}}).encode()
    for _round in range(20):
        lines = []
        for _line in range(100):
            data = bytearray(good)
            for _edit in range(chance.randint(1, 4)):
                place = chance.randrange(len(data))
                data[place : place + chance.randint(0, 3)] = chance.choice(
                    [b"", b"{", b'"', b"\\", b"\xff", b"\x00", b"1e999"]
                )
            lines.append(bytes(data).replace(b"\n", b" "))
        client.raw(b"\n".join(lines) + b"\n")
        for line in lines:
            answer = client.answer()
            assert "result" in answer or answer["error"]["code"].startswith(("protocol.", "params.")), line
    assert client.ask("echo")["result"]


# -- coming and going


def test_idle_ends_and_activity_does_not(start: Callable[..., Running]) -> None:
    running = start(idle_seconds=0.6)
    client = running.client()
    for _round in range(4):
        assert client.ask("echo")["result"]
        time.sleep(0.3)
    assert running.thread.is_alive()
    client.close()
    running.thread.join(5)
    assert not running.thread.is_alive()


def test_stop_lets_a_change_end_and_answers_it(start: Callable[..., Running]) -> None:
    running = start()
    client = running.client()
    client.send("change", {"seconds": 1})
    assert client.read()["event"] == "began"
    running.server.stop()
    assert client.answer()["result"] == {"slept": True}
    running.thread.join(5)
    with pytest.raises(OSError):  # noqa: PT011
        running.client()


def test_a_hanging_change_does_not_keep_the_process(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unix, "STOP_SECONDS", 0.3)
    running = start()
    client = running.client()
    client.send("change", {"seconds": 10})
    assert client.read()["event"] == "began"
    running.server.stop()
    running.thread.join(3)
    assert not running.thread.is_alive()


ACTIVATE = """
    import os, socket, sys
    listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen(5)
    os.dup2(listener.fileno(), 3)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    sys.path.insert(0, sys.argv[2])
    from tandem_agent.pacemaker.runner import Runner
    from tandem_agent.server import unix
    from tandem_agent.server.dispatch import Dispatcher, Operation
    unix.run(Dispatcher({"hi": Operation(lambda context, params: {"pid": os.getpid()})}, Runner()), "/nonexistent", 0.5)
"""


def connected(path: str, seconds: float = 10) -> Client:
    """To a server that has only just been started: at first there is no socket, then nobody listens to it."""
    until = time.monotonic() + seconds
    while True:
        try:
            return Client(path)
        except (FileNotFoundError, ConnectionRefusedError):
            assert time.monotonic() < until, f"nobody listens to {path}"
            time.sleep(0.02)


def test_socket_activation_answers_and_goes_away(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "a")
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(ACTIVATE), path, AGENT_FILES])
    client = connected(path)
    assert client.ask("hi")["result"] == {"pid": process.pid}
    client.close()
    assert process.wait(10) == 0
    assert os.path.exists(path)  # systemd's, not ours to remove


def test_sigterm_ends_a_server_of_its_own_socket(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "run" / "a")
    code = textwrap.dedent(ACTIVATE).split("sys.path")[1].replace("/nonexistent", path).replace("0.5", "None")
    process = subprocess.Popen([sys.executable, "-c", "import os, sys; sys.path" + code, "", AGENT_FILES])
    client = connected(path)
    assert stat.S_IMODE(os.stat(path).st_mode) in (0o600, 0o660)
    assert client.ask("hi")["result"]
    process.terminate()
    assert process.wait(10) == 0
    assert not os.path.exists(path)


def test_a_stale_socket_is_replaced_a_live_one_is_not(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "x")
    first = unix._bind(path)
    with pytest.raises(AgentError, match="already listens"):
        unix._bind(path)
    first.close()
    unix._bind(path).close()
    (tmp_path / "file").write_text("")
    with pytest.raises(AgentError, match="is in the way"):
        unix._bind(str(tmp_path / "file"))
    assert (tmp_path / "file").exists()


# -- rights


@pytest.mark.parametrize(
    ("uid", "gid", "groups", "expected"),
    [
        (0, 0, {}, Caller(0, True, True)),
        (1000, 50, {"haclient": (50, [])}, Caller(1000, True, False)),
        (1000, 51, {"haclient": (50, ["joe"])}, Caller(1000, True, False)),
        (1000, 51, {"haclient": (50, ["ann"])}, Caller(1000, False, False)),
        (1000, 51, {}, Caller(1000, False, False)),
        (4242, 51, {"haclient": (50, ["joe"])}, Caller(4242, False, False)),
        (2**32 - 2, 50, {"haclient": (50, [])}, Caller(2**32 - 2, True, False)),
    ],
)
def test_rights_come_from_the_kernel(
    monkeypatch: pytest.MonkeyPatch, uid: int, gid: int, groups: Dict[str, object], expected: Caller
) -> None:
    class Peer:
        def getsockopt(self, level: int, option: int, size: int) -> bytes:
            assert (level, option) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
            return struct.pack("iII", 1, uid, gid)

    class Group:
        def __init__(self, entry: object) -> None:
            self.gr_gid, self.gr_mem = entry  # type: ignore[misc]

    class User:
        pw_name = "joe"

    def user(number: int) -> User:
        if number == 4242:
            raise KeyError(number)
        return User()

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("grp.getgrnam", lambda name: Group(groups[name]))
    monkeypatch.setattr("pwd.getpwuid", user)
    assert unix.caller_of(Peer()) == expected  # type: ignore[arg-type]


AS_ANOTHER = """
import json, os, socket, sys
gid, uid = int(sys.argv[2]), int(sys.argv[3])
os.setgroups([]); os.setgid(gid); os.setuid(uid)
stream = socket.socket(socket.AF_UNIX); stream.connect(sys.argv[1]); lines = stream.makefile("rwb")
for request in json.loads(sys.argv[4]):
    lines.write(json.dumps({"v": 1, "id": "a", **request}).encode() + b"\\n"); lines.flush()
    answer = json.loads(lines.readline())
    print(answer["error"]["code"] if "error" in answer else "done")
"""


@pytest.mark.parametrize(
    ("gid", "expected"),
    [(4321, ["done", "auth.denied", "auth.denied"]), (4322, ["auth.denied", "auth.denied", "auth.denied"])],
    ids=["member of haclient", "stranger"],
)
def test_other_users_by_the_kernels_word(
    running: Running, monkeypatch: pytest.MonkeyPatch, gid: int, expected: List[str]
) -> None:
    """Real processes of another uid: members of the group read, nobody but root changes or sees secrets."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")

    class Group:
        gr_gid, gr_mem = 4321, ["nobody-of-that-name"]

    monkeypatch.setattr("grp.getgrnam", lambda _name: Group)
    directory, name = os.path.split(running.path)
    os.chmod(directory, 0o755)
    os.chmod(running.path, 0o666)  # in real life the socket's mode keeps strangers away before
    requests = [{"op": "echo"}, {"op": "change", "params": {"seconds": 0}}, {"op": "echo", "params": {"secret": True}}]
    done = subprocess.run(
        ["/usr/bin/python3", "-c", AS_ANOTHER, name, str(gid), "65501", json.dumps(requests)],
        cwd=directory, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == expected, done.stderr


def test_the_lock_lies_where_only_root_can_take_it() -> None:
    """In /run/lock anybody may make the file first, and hold it for ever."""
    directory = pathlib.Path(MutationLock()._path or "").parent
    assert str(directory) == "/run/tandem"
    above = directory.parent.stat()
    assert above.st_uid == 0 and not above.st_mode & (stat.S_IWOTH | stat.S_IWGRP)


def test_a_lock_that_cannot_be_made_or_is_a_link(tmp_path: pathlib.Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "link", tmp_path / "file" / "lock", tmp_path / "new" / "lock"):
        with MutationLock(str(path)).hold("change", Deadline(1)):
            pass
    assert victim.read_text() == "precious"
    assert (tmp_path / "new" / "lock").exists()


def ask_as(dispatcher: Dispatcher, caller: Caller, op: str, params: str = "{}") -> str:
    answers: List[bytes] = []
    dispatcher.answer(f'{{"v":1,"id":"1","op":"{op}","params":{params}}}'.encode(), caller, answers.append)
    found = json.loads(answers[-1])
    return str(found["error"]["code"]) if "error" in found else "done"


def test_who_may_do_what(dispatcher: Dispatcher) -> None:
    root, member, stranger = Caller(0, True, True), Caller(5, True, False), Caller(6, False, False)
    assert [ask_as(dispatcher, who, "echo") for who in (root, member, stranger)] == ["done", "done", "auth.denied"]
    assert [ask_as(dispatcher, who, "change", '{"seconds": 0}') for who in (root, member)] == ["done", "auth.denied"]
    secret = '{"secret": true}'
    assert [ask_as(dispatcher, who, "echo", secret) for who in (root, member)] == ["done", "auth.denied"]
