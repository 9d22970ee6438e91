# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client's account of its writes. That its words reach a real MariaDB, the drill on real nodes shows."""

from __future__ import annotations

import hashlib
import socket
import threading

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _mysql, _sql
from ansible_collections.tandem.ha.plugins.module_utils._ledger import Ledger, Writer, audit, missing


def test_what_nobody_acknowledged_may_be_there_or_not() -> None:
    assert missing(5, [3], {1, 2, 4, 5}) == []
    assert missing(5, [3], {1, 2, 3, 4, 5}) == []
    assert missing(5, [3], {1, 2, 5}) == [4]
    assert missing(0, [], set()) == []


def test_a_ledger_tells_gaps_errors_and_numbers() -> None:
    ledger = Ledger()
    for now, error in [(1.0, None), (2.0, "gone"), (3.0, "gone"), (4.5, None)]:
        ledger.attempted += 1
        ledger.see(now, error)
    report = ledger.report()
    assert (report["attempted"], report["unsure"], report["acknowledged"]) == (4, [2, 3], 2)
    assert report["errors"] == {"gone": 2}
    assert [gap["seconds"] for gap in report["gaps"]] == [3.5]


class Server:
    """Says of itself that it is another one after each loss of a connection."""

    def __init__(self, fail_at: int) -> None:
        self.fail_at = fail_at
        self.logins = 0
        self.rows: list[str] = []

    def connect(self) -> Server:
        self.logins += 1
        return self

    def close(self) -> None:
        pass

    def ask(self, statement: str) -> list[list[str | None]]:
        if statement.startswith("SELECT @@"):
            return [[f"c{self.logins}"]]
        self.rows.append(statement)
        if len(self.rows) == self.fail_at:
            raise _mysql.SqlError("gone")
        return []


def test_a_writer_connects_anew_and_numbers_on() -> None:
    server = Server(fail_at=2)
    writer = Writer(server.connect, "run-1")  # type: ignore[arg-type]
    for _write in range(3):
        writer.write()
    assert writer.ledger.servers == ["c1", "c2"]
    assert writer.ledger.unsure == [2]
    assert server.rows[-1] == "INSERT INTO tandem_drill VALUES ('run-1', 3, @@wsrep_node_name)"


def test_a_server_that_does_not_answer_is_no_proof() -> None:
    def refuse() -> _mysql.Connection:
        raise _mysql.SqlError("refused")

    assert audit({"c1": refuse}, "run-1", 2, [], 0) == {"c1": {"rows": None, "lost": None, "error": "refused"}}


def test_a_password_is_proven_as_the_protocol_says() -> None:
    """The server keeps SHA1(SHA1(password)), and finds SHA1(password) behind a mask that only it and the nonce make."""
    nonce = bytes(range(20))
    kept = bytes.fromhex(_sql.hashed("secret")[1:])
    mask = hashlib.sha1(nonce + kept).digest()
    once = bytes(a ^ b for a, b in zip(_mysql.scramble(b"secret", nonce), mask))
    assert hashlib.sha1(once).digest() == kept
    assert _mysql.scramble(b"", nonce) == b""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (b"", "closed the connection"),
        (b"\x01\x00\x00\x00\x09", "protocol 9 is unknown"),
        (b"\x01\x00\x00\x00\x0a", "."),
    ],
)
def test_whatever_a_stranger_says_is_an_error(words: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            peer, _address = listener.accept()
            peer.sendall(words)
            peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(_mysql.SqlError, match=said):
            _mysql.Connection("127.0.0.1", listener.getsockname()[1], "drill", "secret", 2)
        thread.join()


def test_a_silent_stranger_is_an_error_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(_mysql.SqlError, match="timed out"):
        _mysql.Connection("127.0.0.1", listener.getsockname()[1], "drill", "secret", 0.1)
