# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""What a client of a drill wrote, what was acknowledged, and whether it is there afterwards.

The name of a run goes into SQL: the caller lets only letters, digits and signs through that mean nothing there.
"""

import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Set

from ansible_collections.tandem.ha.plugins.module_utils._drill import Gaps
from ansible_collections.tandem.ha.plugins.module_utils._mysql import Connection, SqlError

TABLE = "tandem_drill"
PAUSE = 0.01  # seconds between two writes
PATIENCE = 1.0  # seconds after which a client gives an answer up, and its connection with it

Connect = Callable[[], Connection]


class Ledger(object):
    """Numbers of writes: which were tried, and which of those nobody acknowledged. Pure."""

    def __init__(self) -> None:
        self.attempted = 0
        self.unsure = []  # type: List[int]
        self.servers = []  # type: List[str]
        self.errors = {}  # type: Dict[str, int]
        self.gaps = Gaps()

    def see(self, now: float, error: Optional[str]) -> None:
        """The outcome of the write that was tried last."""
        self.gaps.see(now, error is None)
        if error is not None:
            self.unsure.append(self.attempted)
            self.errors[error] = self.errors.get(error, 0) + 1

    def report(self) -> Dict[str, Any]:
        return dict(
            self.gaps.report(),
            attempted=self.attempted,
            unsure=self.unsure,
            acknowledged=self.attempted - len(self.unsure),
            servers=self.servers,
            errors=self.errors,
        )


def missing(attempted: int, unsure: Iterable[int], found: Set[int]) -> List[int]:
    """The acknowledged writes that are not there. What nobody acknowledged may be there or not. Pure."""
    return sorted(set(range(1, attempted + 1)) - set(unsure) - found)


class Writer(object):
    """Writes one row after the other through one address, as an application does that must not lose any."""

    def __init__(self, connect: Connect, run: str) -> None:
        self._connect = connect
        self._run = run
        self._connection = None  # type: Optional[Connection]
        self.ledger = Ledger()

    def prepare(self, connect: Connect) -> None:
        """Make the table, over a connection with more patience.  Raises SqlError."""
        connection = connect()
        columns = "run VARCHAR(64), id BIGINT, server VARCHAR(64), PRIMARY KEY (run, id)"
        connection.ask("CREATE TABLE IF NOT EXISTS %s (%s)" % (TABLE, columns))
        connection.close()

    def write(self) -> None:
        self.ledger.attempted += 1
        now = time.time()
        try:
            self._open().ask(
                "INSERT INTO %s VALUES ('%s', %d, @@wsrep_node_name)"  # noqa: S608
                % (TABLE, self._run, self.ledger.attempted)
            )
            self.ledger.see(now, None)
        except SqlError as error:
            self.ledger.see(now, str(error))
            if self._connection:
                self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
            server = self._connection.ask("SELECT @@wsrep_node_name")[0][0]
            if server and self.ledger.servers[-1:] != [server]:
                self.ledger.servers.append(server)
        return self._connection


def written(connect: Connect, run: str) -> Set[int]:
    """The numbers of the writes that one server has.  Raises SqlError."""
    connection = connect()
    # Not before it has applied what the others had when we asked.
    connection.ask("SET SESSION wsrep_sync_wait = 1")
    rows = connection.ask("SELECT id FROM %s WHERE run = '%s'" % (TABLE, run))  # noqa: S608
    connection.close()
    return {int(row[0]) for row in rows if row[0] is not None}


def audit(servers: Mapping[str, Connect], run: str, attempted: int, unsure: List[int], until: float) -> Dict[str, Any]:
    """For each server what it lacks; one that does not answer is asked again until `until` (monotonic)."""
    return {name: _audit_one(connect, run, attempted, unsure, until) for name, connect in servers.items()}


def _audit_one(connect: Connect, run: str, attempted: int, unsure: List[int], until: float) -> Dict[str, Any]:
    while True:
        try:
            found = written(connect, run)
            return {"rows": len(found), "lost": missing(attempted, unsure, found)}
        except SqlError as error:
            if time.monotonic() > until:
                return {"rows": None, "lost": None, "error": str(error)}
            time.sleep(0.5)
