# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runner lets the agent know: a file that goes with the container."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import Optional

from .settings import Settings

WAITING, STARTING, SERVING, PAUSED, FAILED = "waiting", "starting", "serving", "paused", "failed"


@dataclass(frozen=True)
class State:
    """What is under way, since when, and in which processes."""

    runner: int  # process ids
    server: int
    state: str
    why: str = ""
    since: float = 0.0  # on the clock that nobody sets

    def age(self) -> float:
        return time.monotonic() - self.since


def path(settings: Settings) -> str:
    return os.path.join(settings.run_directory, "state.json")


def write(settings: Settings, state: State) -> None:
    os.makedirs(settings.run_directory, mode=0o755, exist_ok=True)
    draft = path(settings) + ".new"
    with open(draft, "w", encoding="utf-8") as stream:
        json.dump(asdict(state), stream)
    os.replace(draft, path(settings))


def read(settings: Settings) -> Optional[State]:
    try:
        with open(path(settings), encoding="utf-8") as stream:
            return State(**json.load(stream))
    except (OSError, ValueError, TypeError):
        return None


def remove(settings: Settings) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(path(settings))


def alive(pid: int, word: str) -> bool:
    """Whether a process is there and is the one that is meant: numbers are given out again."""
    if pid <= 0:
        return False
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as stream:
            return word.encode() in stream.read()
    except OSError:
        return False


def runs(state: Optional[State]) -> bool:
    return state is not None and alive(state.runner, "tandem_rabbitmq")


def serves(state: Optional[State]) -> bool:
    """Whether the server's process is there, whatever it is doing."""
    return state is not None and (alive(state.server, "beam") or alive(state.server, "rabbitmq-server"))
