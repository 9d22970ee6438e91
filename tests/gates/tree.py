# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are, and copies of the collection as others would get it.

ansible-test and ansible-galaxy want a directory called ansible_collections/tandem/ha with nothing in it but the
collection. A checkout has caches and environments beside the sources, so both get a copy of what git would commit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / ".build"
GATES = TOP / "tests" / "gates"


def sources() -> set[str]:
    """Paths, relative to the checkout, of all files git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    )
    return {path for path in listed.stdout.split("\0") if path and os.path.lexists(TOP / path)}


def copy_sources(target: Path, keep: tuple[str, ...] = ()) -> None:
    """Make `target` hold exactly the sources, touching only what differs; directories in `keep` are left alone.

    Unchanged files keep their times, so that what tools cached about them stays good.
    """
    wanted = sources()
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(wanted):
        _copy(TOP / path, target / path)
    for directory, folders, files in os.walk(target, topdown=True):
        base = os.path.relpath(directory, target)
        folders[:] = [name for name in folders if os.path.normpath(os.path.join(base, name)) not in keep]
        for name in files:
            if os.path.normpath(os.path.join(base, name)) not in wanted:
                os.unlink(os.path.join(directory, name))
        if not os.listdir(directory):
            os.rmdir(directory)


def _copy(source: Path, target: Path) -> None:
    here = source.lstat()
    if os.path.lexists(target):
        there = target.lstat()
        if (here.st_mtime_ns, here.st_size, here.st_mode) == (there.st_mtime_ns, there.st_size, there.st_mode):
            return
        target.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)
