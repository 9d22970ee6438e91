# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One control group per node, in every hierarchy a systemd could look at.

Without its own, all nodes share one subtree and their systemds fight over it.  With it,
``cgroup.kill`` is a power cut and ``cgroup.freeze`` a hung machine.  Membership is also
how the lab knows its processes: no process number is ever trusted.
"""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from .errors import LabError


@functools.lru_cache(maxsize=None)
def hierarchies() -> Tuple[Path, ...]:
    """The unified hierarchy first, then systemd's named one on hybrid machines."""
    unified: Optional[Path] = None
    named: List[Path] = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target, kind, options = line.split()[1:4]
        if kind == "cgroup2" and unified is None:
            unified = Path(target)
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            named.append(Path(target))
    if unified is None:
        raise LabError("no unified cgroup hierarchy is mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified")
    return (unified, *named[:1])


class Group:
    """A control group by its path below the root, the same in every hierarchy."""

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def unified(self) -> Path:
        return hierarchies()[0] / self.path

    def exists(self) -> bool:
        return any((root / self.path).is_dir() for root in hierarchies())

    def create(self) -> None:
        for root in hierarchies():
            (root / self.path).mkdir(parents=True, exist_ok=True)

    def join(self) -> None:
        """Move the calling process here; children follow."""
        for root in hierarchies():
            with open(str(root / self.path / "cgroup.procs"), "w") as stream:
                stream.write(str(os.getpid()))

    def entering(self, argv: Sequence[str]) -> List[str]:
        """The command that moves itself here, then becomes `argv`."""
        files = " ".join(str(root / self.path / "cgroup.procs") for root in hierarchies())
        return ["sh", "-ec", 'for file in $1; do echo $$ > "$file"; done; shift; exec "$@"', "sh", files, *argv]

    def pids(self) -> List[int]:
        """Every process here and below."""
        found: List[int] = []
        for directory in _walk(self.unified):
            try:
                text = Path(directory, "cgroup.procs").read_text()
            except OSError:
                continue
            found.extend(int(word) for word in text.split())
        return sorted(found)

    def populated(self) -> bool:
        try:
            return "populated 1" in (self.unified / "cgroup.events").read_text()
        except OSError:
            return False

    def kill(self, timeout: float = 15) -> None:
        """SIGKILL for all at once, frozen or not; returns when none is left."""
        if not self.unified.is_dir():
            return
        (self.unified / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + timeout
        while self.populated():
            if time.monotonic() > deadline:
                raise LabError("processes in %s do not die: %s" % (self.path, self.pids()))
            time.sleep(0.01)

    def freeze(self, frozen: bool) -> None:
        """Stop or resume every process here and below."""
        (self.unified / "cgroup.freeze").write_text("1" if frozen else "0")

    def frozen(self) -> bool:
        try:
            return (self.unified / "cgroup.freeze").read_text().strip() == "1"
        except OSError:
            return False

    def remove(self, timeout: float = 5) -> None:
        """Remove the empty group and what is below it."""
        deadline = time.monotonic() + timeout
        for root in hierarchies():
            for directory in reversed(_walk(root / self.path)):
                _rmdir(directory, deadline)


def _walk(top: Path) -> List[str]:
    """The directory and all below, parents first."""
    return [place[0] for place in os.walk(str(top))]


def _rmdir(directory: str, deadline: float) -> None:
    while True:
        try:
            os.rmdir(directory)
            return
        except FileNotFoundError:
            return
        except OSError as error:  # EBUSY for the moment the last process takes to vanish
            if time.monotonic() > deadline:
                raise LabError("cannot remove the control group %s: %s" % (directory, error)) from error
            time.sleep(0.02)
