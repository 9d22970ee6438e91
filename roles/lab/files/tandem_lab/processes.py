# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a process is: a number alone is not a name, it may have been given away again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

PROC = Path("/proc")


class Process(NamedTuple):
    """A process for its whole life: its number and when it started (clock ticks after boot)."""

    pid: int
    started: int


def identify(pid: int, proc: Path = PROC) -> Optional[Process]:
    """The living process with this number, if any; a zombie is not one."""
    try:
        text = (proc / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZX" else Process(pid, int(fields[19]))


def record(path: Path, pid: int) -> None:
    """Write a pid file that can be trusted later."""
    process = identify(pid)
    path.write_text("%d %d\n" % (pid, process.started if process else 0))


def recorded(path: Path, proc: Path = PROC) -> Optional[Process]:
    """The living process a pid file speaks of; None when it ended or its number is another's now."""
    try:
        pid, started = (int(word) for word in path.read_text().split())
    except (OSError, ValueError):
        return None
    process = identify(pid, proc)
    return process if process and process.started == started else None


def in_network_namespace(namespace: Path, proc: Path = PROC) -> Iterator[int]:
    """Numbers of all processes whose network is this namespace."""
    try:
        inode = os.stat(namespace).st_ino
    except OSError:
        return
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.stat(entry / "ns" / "net").st_ino == inode:
                yield int(entry.name)
        except OSError:
            continue
