# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One budget of time for everything an action does, the SDK's own waiting included."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import Any, Callable, Iterator, Optional, Tuple, Type, TypeVar

from .faults import CannotAsk, Fault, OutOfTime

T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0


class Budget:
    """Seconds that are left, counted on a clock that nobody sets."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.last: Optional[CannotAsk] = None  # what went wrong before, when time ends in the middle of a question
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self._end - time.monotonic())


@contextlib.contextmanager
def limited(budget: Budget) -> Iterator[None]:
    """Interrupt whatever is under way when the budget is spent: CannotAsk.

    The SDK waits up to a minute for the metadata service, in places where no timeout can be given.
    """

    def ring(*_: Any) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(budget.left(), 0.001))
    try:
        yield
    except OutOfTime:
        raise budget.last or CannotAsk("no answer within %.0f s" % budget.seconds) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def again(budget: Budget, ask: Callable[[], T], heard: Callable[[str], None], final: Tuple[Type[Fault], ...] = ()) -> T:
    """Ask until there is an answer or no time for another try; `heard` is told of every failure that is forgiven.

    Faults of the kinds in `final` are not.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return ask()
        except CannotAsk as fault:
            if isinstance(fault, final) or budget.left() <= pause:
                raise
            budget.last = fault
            heard("%s; asking again" % fault)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
