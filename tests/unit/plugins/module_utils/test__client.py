# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a real socket: what it sends, what it makes of every kind of answer, and when it gives up."""

import errno
import os
import re
import socket
import threading
import time

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _client
from ansible_collections.tandem.ha.plugins.module_utils._client import Client, ClientError
from ansible_collections.tandem.ha.tests.unit.plugins.module_utils.scripted import CLOSE, error, event, line, result


@pytest.fixture
def client(socket_path):
    with Client(socket_path) as made:
        yield made


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Pauses that a test can wait for."""
    monkeypatch.setattr(_client, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(_client, "GRACE", 0.1)


def refused(client, code, *call, **more):
    """The error of a call that must fail with `code`."""
    with pytest.raises(ClientError) as caught:
        client.call(*call or ("status",), **more)
    assert caught.value.code == code, caught.value.message
    return caught.value


def test_sends_one_frame_and_returns_the_result(agent, client):
    fake = agent(lambda request: result(request, quorate=True))
    assert client.call("status", {"limit": 3}, deadline=30) == {"quorate": True}
    (request,) = fake.requests
    assert request == {"v": 1, "id": request["id"], "op": "status", "params": {"limit": 3}, "deadline": 30.0}
    assert 0 < len(request["id"]) <= 128


def test_several_calls_share_a_connection(agent, client):
    fake = agent(*[lambda request: result(request, op=request["op"])] * 3)
    assert [client.call(op)["op"] for op in ("hello", "status", "export")] == ["hello", "status", "export"]
    assert fake.connections == 1
    assert len({request["id"] for request in fake.requests}) == 3


def test_events_are_kept_and_told(agent, client):
    agent(
        lambda request: [
            event(request, "planned", changes=2),
            line(v=1, id="somebody else's", event="planned", data={}),
            event(request, "never-heard-of"),
            result(request),
        ]
    )
    heard = []
    client.call("apply", listener=lambda name, data: heard.append((name, data)))
    assert heard == [("planned", {"changes": 2}), ("never-heard-of", {})]
    assert client.events == heard


def test_answers_may_come_in_any_pieces(agent, client):
    def dribble(request):
        whole = event(request, "settling") + result(request, text="ä" * 10)
        return [piece for byte in whole for piece in (bytes([byte]), 0.0005)]

    agent(dribble, lambda request: event(request, "one") + event(request, "two") + result(request))
    assert client.call("status")["text"] == "ä" * 10
    client.call("status")
    assert [name for name, _data in client.events] == ["settling", "one", "two"]


def test_a_big_answer(agent, client):
    agent(lambda request: result(request, document="x" * 8_000_000))
    assert len(client.call("export")["document"]) == 8_000_000


def test_an_answer_without_end_is_given_up(agent, client, monkeypatch):
    monkeypatch.setattr(_client, "LONGEST_LINE", 1_000_000)
    agent(lambda request: [b"x" * 600_000, b"x" * 600_000, 0.1])
    assert "longer than 1000000 bytes" in refused(client, "agent.frame").message


def test_an_error_keeps_all_it_says(agent, client):
    faults = [{"path": "resources[0].agent", "message": "is required"}]
    agent(lambda request: error(request, "document.invalid", "the document has 1 fault", faults=faults))
    caught = refused(client, "document.invalid")
    assert str(caught) == caught.message == "the document has 1 fault"
    assert caught.details == {"faults": faults}
    assert caught.retryable is False


def test_an_error_of_a_request_that_could_not_be_read_has_no_id(agent, client):
    agent(lambda _request: line(v=1, id=None, error={"code": "protocol.frame", "message": "not JSON"}))
    refused(client, "protocol.frame")


def test_an_agent_that_turns_callers_away_is_asked_anew(agent, client):
    refusal = {"code": "busy", "message": "64 connections", "retryable": True}
    fake = agent(lambda _request: [line(v=1, id="", error=refusal), CLOSE], lambda request: result(request, fine=True))
    assert client.call("status", deadline=5) == {"fine": True}
    assert fake.connections == 2


def test_a_connection_that_was_silent_is_not_used_again(agent, client, monkeypatch):
    fake = agent(*[result] * 3)
    client.call("status")
    client.call("status")
    monkeypatch.setattr(_client, "LONGEST_SILENCE", -1.0)
    client.call("status")
    assert fake.connections == 2


def test_an_error_that_says_little_is_still_one(agent, client):
    agent(lambda request: line(v=1, id=request["id"], error={}))
    assert "without saying why" in refused(client, "internal").message


@pytest.mark.parametrize(
    "answer",
    [
        b"Traceback (most recent call last):\n",
        b"\xff\xfe\n",
        b"[1, 2]\n",
        b"\n",
        line(v=1, id="not mine", result={}),
    ],
)
def test_what_is_not_the_protocol(agent, client, answer):
    agent(lambda _request: answer)
    refused(client, "agent.frame")


@pytest.mark.parametrize("more", [{}, {"result": [1]}, {"result": None}])
def test_an_answer_that_holds_nothing(agent, client, more):
    agent(lambda request: line(v=1, id=request["id"], **more))
    refused(client, "agent.frame")


def test_another_version_names_the_remedy_and_what_the_agent_said(agent, client):
    agent(
        lambda request: line(v=2, id=request["id"], result={}),
        lambda request: line(v=2, id=request["id"], error={"code": "protocol.version", "message": "I speak 2 and 3"}),
    )
    assert re.search(r"version 2.*speaks 1.*role tandem\.ha\.agent", refused(client, "protocol.version").message)
    assert "I speak 2 and 3" in refused(client, "protocol.version").message


def test_closed_before_and_within_an_answer(agent, client):
    agent(lambda _request: [CLOSE], lambda request: [result(request)[:20], CLOSE])
    assert "no answer came" in refused(client, "agent.closed").message
    assert "half an answer came" in refused(client, "agent.closed").message


def test_after_a_fault_the_next_call_connects_anew(agent, client):
    fake = agent(lambda request: [result(request)[:20], CLOSE], lambda request: result(request, fine=True))
    refused(client, "agent.closed")
    assert client.call("status") == {"fine": True}
    assert fake.connections == 2


def test_what_the_agent_says_before_it_closes_is_heard(socket_path, client):
    """A refusal that comes while a long request is still being written."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(socket_path)
    listener.listen(1)

    def refuse():
        connection, _address = listener.accept()
        connection.recv(1000)
        connection.sendall(line(v=1, id="", error={"code": "auth.denied", "message": "set become: true"}))
        connection.close()

    thread = threading.Thread(target=refuse)
    thread.start()
    assert refused(client, "auth.denied", "apply", {"document": "x" * 4_000_000}).message == "set become: true"
    thread.join()
    listener.close()


def test_busy_is_tried_again_with_what_is_left_of_the_time(agent, client):
    fake = agent(
        lambda request: error(request, "busy", retryable=True),
        lambda request: error(request, "cib.conflict", retryable=True),
        lambda request: result(request, fine=True),
    )
    assert client.call("apply", deadline=5) == {"fine": True}
    deadlines = [request["deadline"] for request in fake.requests]
    assert deadlines == sorted(deadlines, reverse=True) and deadlines[-1] < 5
    assert fake.connections == 1


def test_busy_for_too_long_is_an_error(agent, client, monkeypatch):
    monkeypatch.setattr(_client, "SHORTEST", 0.1)
    monkeypatch.setattr(_client, "FIRST_PAUSE", 0.06)
    agent(*[lambda request: error(request, "busy", "an apply is running", retryable=True)] * 3)
    began = time.monotonic()
    assert refused(client, "busy", "apply", deadline=0.4).message == "an apply is running"
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("code", "retryable"),
    [
        ("deadline", True),
        ("settle.timeout", True),
        ("prove.failed", True),
        ("cib.unavailable", True),
        ("cib.schema", False),
    ],
)
def test_what_is_not_tried_again(agent, client, code, retryable):
    agent(lambda request: error(request, code, retryable=retryable))
    refused(client, code)


@pytest.mark.parametrize(("asked", "sent"), [(0, 1.0), (-5, 1.0), (9999, 3600.0)])
def test_a_deadline_is_within_what_the_agent_takes(agent, client, asked, sent):
    fake = agent(result)
    client.call("status", deadline=asked)
    assert fake.requests[0]["deadline"] == pytest.approx(sent, abs=0.5)
    assert 1 <= fake.requests[0]["deadline"] <= 3600


def test_a_silent_agent_is_not_waited_for_longer_than_its_deadline(agent, client):
    agent(lambda _request: [1.5])
    began = time.monotonic()
    message = refused(client, "agent.timeout", deadline=1).message
    assert "may still happen" in message
    assert 1.0 < time.monotonic() - began < 1.4


def test_events_do_not_prolong_the_deadline(agent, client):
    agent(lambda request: [part for _index in range(30) for part in (event(request, "settling"), 0.05)])
    began = time.monotonic()
    refused(client, "agent.timeout", deadline=1)
    assert time.monotonic() - began < 1.4


def test_no_agent_names_the_role(tmp_path):
    for path in (tmp_path / "nothing.sock", tmp_path / "no" / "directory.sock"):
        assert "run the role tandem.ha.agent on this host" in refused(Client(str(path)), "agent.missing").message


def test_a_socket_that_nobody_listens_at(socket_path):
    left_over = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left_over.bind(socket_path)
    assert "tandem-agent.socket" in refused(Client(socket_path), "agent.refused").message
    left_over.close()


@pytest.mark.parametrize(
    ("number", "code", "remedy"),
    [
        (errno.EACCES, "agent.denied", "become: true"),
        (errno.ENOTSOCK, "agent.refused", "cannot be reached"),
        (errno.EAGAIN, "busy", "try again"),
    ],
)
def test_why_a_connection_fails(number, code, remedy):
    caught = _client._unconnected("/run/x", OSError(number, os.strerror(number)))
    assert caught.code == code
    assert remedy in caught.message
    assert caught.retryable is (code == "busy")


@pytest.mark.parametrize(
    ("uid", "own", "path_is_default", "accepted"),
    [
        (0, 1000, True, True),
        (0, 0, True, True),
        (1000, 1000, False, True),
        (1000, 1000, True, False),
        (1001, 1000, False, False),
        (1001, 0, False, False),
    ],
)
def test_who_may_be_the_agent(agent, socket_path, monkeypatch, uid, own, path_is_default, accepted):
    monkeypatch.setattr(_client, "_peer_uid", lambda _connection: uid)
    monkeypatch.setattr(os, "geteuid", lambda: own)
    if path_is_default:
        monkeypatch.setattr(_client, "SOCKET", socket_path)
    fake = agent(*[result] * accepted)
    with Client(socket_path) as client:
        if accepted:
            client.call("status")
        else:
            assert "uid %d" % uid in refused(client, "agent.foreign").message
            assert fake.requests == []


def test_the_kernel_says_who_listens(agent, socket_path):
    agent()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(socket_path)
    assert _client._peer_uid(connection) == os.geteuid()
    connection.close()


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes"])
def test_a_request_that_is_no_json_is_not_sent(agent, client, value):
    agent()
    refused(client, "params.invalid", "apply", {"document": value})


def test_a_request_that_is_too_long_is_not_sent(agent, client, monkeypatch):
    monkeypatch.setattr(_client, "LONGEST_LINE", 1000)
    agent()
    assert "at most 1000" in refused(client, "params.invalid", "apply", {"document": "x" * 1000}).message
