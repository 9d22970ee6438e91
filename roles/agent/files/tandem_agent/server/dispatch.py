# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a line to its answers: rights, the lock, the deadline, and what becomes of errors. Knows no socket."""

from __future__ import annotations

import logging
import time
import traceback
import uuid
from contextlib import ExitStack
from typing import Any, Callable, Dict, Mapping, NamedTuple

from ..context import Context, Deadline
from ..errors import AgentError, Fault
from ..journal import Journal
from ..model.fields import Fields
from ..pacemaker.cibsecret import SecretFiles
from ..pacemaker.metadata import Metadata
from ..pacemaker.runner import Runner
from ..pacemaker.tools import Tools
from . import frames
from .lock import PATH, MutationLock

logger = logging.getLogger(__name__)

GRACE = 5.0  # seconds beyond the deadline in which an operation may say how far it came

Json = Dict[str, Any]
Handler = Callable[[Context, Fields], Json]
Send = Callable[[bytes], None]


class Operation(NamedTuple):
    """One row of the table of operations."""

    handler: Handler
    mutates: bool = False
    secret: Callable[[Mapping[str, Any]], bool] = lambda _params: False  # whether these params need more than reading


class Caller(NamedTuple):
    """Who asks, as the kernel says."""

    uid: int
    may_read: bool
    may_write: bool


ROOT = Caller(0, True, True)


class Dispatcher:
    """Answers requests. One per process; any number of threads."""

    def __init__(self, operations: Mapping[str, Operation], runner: Runner) -> None:
        self.operations = operations
        self.runner = runner
        self.tools = Tools(runner)
        self.metadata = Metadata(self.tools)
        offline = self.tools.offline  # a file's changes are no transaction of this node, and nobody else's business
        self.journal = Journal(None) if offline else Journal()
        self.secrets = None if offline else SecretFiles(runner)
        self.lock = MutationLock(None if offline else PATH)

    def answer(self, line: bytes, caller: Caller, send: Send) -> None:
        """Handle one line; `send` gets the events and, last, exactly one result or error."""
        try:
            request = frames.decode(line)
        except frames.BadRequest as problem:
            send(frames.error(problem.id, problem))
            return
        try:
            found = self.call(request, caller, lambda name, data: send(frames.event(request.id, name, data)))
        except AgentError as problem:
            send(frames.error(request.id, problem))
        else:
            send(frames.result(request.id, found))

    def call(self, request: frames.Request, caller: Caller, emit: Callable[[str, Mapping[str, Any]], None]) -> Json:
        """Run one operation. Raises AgentError only: a host in need becomes `host.failed`, a crash `internal`."""
        started = time.monotonic()
        outcome = "done"
        try:
            operation = self._permitted(request, caller)
            return self._run(request, operation, emit)
        except AgentError as problem:
            outcome = problem.code
            raise
        except (OSError, MemoryError) as need:
            outcome = "host.failed"
            logger.warning("%s: %r at %s", request.op, need, _where(need))
            raise host_failed(need) from None
        except Exception as crash:  # noqa: BLE001 (the last line of defence: a bug must not end the agent)
            outcome = "internal"
            raise _internal(request.op, crash) from None
        finally:
            known = request.op in self.operations
            loud = outcome == "internal" or (known and self.operations[request.op].mutates)
            name = request.op if known else "an unknown operation"  # anything may stand in it
            level = logging.INFO if loud else logging.DEBUG
            logger.log(level, "%s by uid %d: %s, %.3f s", name, caller.uid, outcome, time.monotonic() - started)

    def _permitted(self, request: frames.Request, caller: Caller) -> Operation:
        operation = self.operations.get(request.op)
        if operation is None:
            known = sorted(self.operations)
            raise AgentError(
                "protocol.operation",
                f"this agent knows no operation {request.op[:80]!r}; it knows {', '.join(known)}",
                {"operations": known},
            )
        needs_root = operation.mutates or operation.secret(request.params)
        if not (caller.may_write if needs_root else caller.may_read):
            who = "root" if needs_root else "root and members of the group haclient"
            raise AgentError("auth.denied", f"{request.op} is for {who}; uid {caller.uid} may not call it")
        return operation

    def _run(
        self, request: frames.Request, operation: Operation, emit: Callable[[str, Mapping[str, Any]], None]
    ) -> Json:
        deadline, overtime = Deadline(request.deadline), Deadline(request.deadline + GRACE)
        faults: list[Fault] = []
        with ExitStack() as stack:
            if operation.mutates:
                stack.enter_context(self.lock.hold(request.op, deadline))
            stack.enter_context(self.runner.within(overtime.remaining))
            context = Context(
                runner=self.runner,
                tools=self.tools,
                metadata=self.metadata,
                journal=self.journal,
                deadline=deadline,
                emit=emit,
                node=self.tools.local_node() if operation.mutates else "",
                secrets=self.secrets,
            )
            return operation.handler(context, Fields(request.params, "", faults))


def host_failed(need: BaseException) -> AgentError:
    """The kernel refuses something, for want of room or of rights. That is nobody's mistake here."""
    what = "out of memory"
    if isinstance(need, OSError):
        what = (need.strerror or str(need)) + (f": {need.filename}" if need.filename else "")
    return AgentError(
        "host.failed",
        f"this host did not let the agent go on ({what}); free what it is short of - disk, memory, open files - and try"
        " again",
        retryable=True,
    )


def _internal(op: str, crash: Exception) -> AgentError:
    """A bug: where it happened goes to the log under an id; values do not, they may be secret."""
    number = uuid.uuid4().hex[:8]
    logger.error("internal error %s in %s: %s at %s", number, op, type(crash).__name__, _where(crash))
    return AgentError(
        "internal",
        f"the agent made a mistake (error {number}); `journalctl -u tandem-agent` says where, please report it",
        {"id": number, "type": type(crash).__name__},
    )


def _where(problem: BaseException) -> str:
    steps = traceback.extract_tb(problem.__traceback__)
    return " <- ".join(f"{step.filename.rpartition('/')[2]}:{step.lineno} {step.name}" for step in reversed(steps))
