# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change at a time on this host: among the threads of one agent, and among agents (`serve --stdio`, the command line)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from typing import Iterator, Optional

from ..context import Deadline
from ..errors import AgentError

PATH = "/run/tandem/agent.lock"  # in a directory of root's: in /run/lock anybody could be first, and keep it
_POLL = 0.05


class MutationLock:
    """Held while an operation may change something. The kernel frees the file's lock when its holder dies."""

    def __init__(self, path: Optional[str] = PATH) -> None:
        """`path`: the file that agents share; None for work on a CIB file, which concerns nobody else."""
        self._threads = threading.Lock()
        self._path = path
        self.busy_with = ""

    @contextlib.contextmanager
    def hold(self, what: str, deadline: Deadline) -> Iterator[None]:
        """Wait for the lock until `deadline`, then raise `busy`."""
        if not self._threads.acquire(timeout=deadline.remaining()):
            raise self._busy()
        try:
            self.busy_with = what
            file = self._open()
            try:
                self._lock(file, deadline)
                yield
            finally:
                if file is not None:
                    os.close(file)
        finally:
            self.busy_with = ""
            self._threads.release()

    @property
    def held(self) -> bool:
        """Whether a change is under way in this process."""
        return self._threads.locked()

    def _open(self) -> Optional[int]:
        if self._path is None:
            return None
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o755, exist_ok=True)
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            return None  # Pacemaker itself lets only one of two patches in; the other is planned anew

    def _lock(self, file: Optional[int], deadline: Deadline) -> None:
        while file is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if deadline.remaining() <= 0:
                    raise self._busy() from None
                time.sleep(_POLL)

    def _busy(self) -> AgentError:
        now = f" ({self.busy_with})" if self.busy_with else ""
        return AgentError(
            "busy",
            f"another change{now} was still under way on this host when the time allowed was over; try again",
            retryable=True,
        )
