# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a lab keeps its things.  Pure.

state  what must outlive a power cut: disks, keys, passwords, the description
run    what a living lab needs: sockets, pids, logs
cache  what every lab shares and nobody misses: roots, package repositories
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional

from .errors import LabError
from .spec import KINDS

STATE_ROOT = "/var/lib/tandem-lab"
RUN_ROOT = "/run/tandem-lab"
CACHE_ROOT = "/var/cache/tandem-lab"
SOCKET_PATH_MAX = 107


@dataclass(frozen=True)
class Paths:
    """All paths of one lab."""

    name: str
    state: Path
    run: Path
    cache: Path

    @classmethod
    def of(
        cls, name: str, state: Optional[str] = None, run: Optional[str] = None, cache: Optional[str] = None
    ) -> Paths:
        """Defaults below the usual roots; what is given must be absolute and fit for mount options."""
        paths = cls(
            name, Path(state or STATE_ROOT + "/" + name), Path(run or RUN_ROOT + "/" + name), Path(cache or CACHE_ROOT)
        )
        for path in (paths.state, paths.run, paths.cache):
            # The overlay's options have no way to quote these.
            if not path.is_absolute() or len(path.parts) < 3 or any(sign in str(path) for sign in ",:\\\"' \n"):
                raise LabError(
                    "%s cannot be used: give an absolute path below a directory, without , : \\ quotes or spaces" % path
                )
        return paths

    @property
    def lock(self) -> Path:
        return self.run.parent / (self.run.name + ".lock")

    @property
    def spec(self) -> Path:
        return self.state / "spec.json"

    @property
    def images(self) -> Path:
        """Says which store of container images the nodes see."""
        return self.state / "images"

    @property
    def key(self) -> Path:
        return self.state / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.state / "known_hosts"

    @property
    def ssh_control(self) -> Path:
        """Where the control side's persistent SSH connections have their sockets."""
        return self.run / "ssh"

    def node(self, node: str) -> Path:
        return self.state / "nodes" / node

    def password(self, node: str, kind: str = "bmc") -> Path:
        return self.state / kind / (node + ".password")

    def controller_key(self, node: str, kind: str) -> Path:
        """By what a controller is known: an SSH host key, or a certificate with its key."""
        return self.state / kind / (node + ".key")

    def socket(self, node: str) -> Path:
        path = self.run / "chassis" / (node + ".sock")
        if len(str(path)) > SOCKET_PATH_MAX:
            raise LabError(
                "%s is too long for a socket (%d characters): choose a shorter run directory" % (path, SOCKET_PATH_MAX)
            )
        return path

    def pid(self, node: str, part: str) -> Path:
        return self.run / part / (node + ".pid")

    def log(self, node: str, part: str) -> Path:
        return self.run / part / (node + ".log")

    def mode(self, node: str, kind: str = "bmc") -> Path:
        """What is wrong with a controller just now."""
        return self.run / kind / (node + ".mode")

    def directories(self) -> List[Path]:
        """What must exist while the lab is up."""
        parts = [self.run / part for part in ("chassis", "node", "ssh", *KINDS)]
        return [self.state, self.state / "nodes", *(self.state / kind for kind in KINDS), self.run, *parts]
