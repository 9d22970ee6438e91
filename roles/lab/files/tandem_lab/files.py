# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing files so that a cut-off run leaves the old one or the new one."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Iterator, Optional


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace the file at once; its mode is right from the first byte on."""
    temporary = path.with_name(".%s.new" % path.name)
    descriptor = os.open(str(temporary), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "w") as stream:
        os.fchmod(descriptor, mode)
        stream.write(text)
    os.replace(str(temporary), str(path))


def read(path: Path) -> Optional[str]:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def locked(path: Path, keep: bool = True) -> Iterator[None]:
    """Hold an exclusive lock; with `keep` false the file is removed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(str(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            # The holder before us may have removed the file: then our lock guards nothing.
            if os.fstat(descriptor).st_ino == os.stat(str(path)).st_ino:
                break
        except FileNotFoundError:
            pass
        os.close(descriptor)
    try:
        yield
    finally:
        if not keep:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        os.close(descriptor)


def remove_if_empty(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.rmdir()
