# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFFECT: the files of Corosync and Pacemaker, each written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Optional, Tuple

from ..errors import AgentError

SUFFIX = ".tandem"  # of our temporary files


def write_atomic(path: Path, data: bytes, mode: Optional[int] = None, owner: Optional[Tuple[int, int]] = None) -> None:
    """Replace `path` by `data`: a temporary file beside it, synced, then renamed; nothing is left behind on an error.

    Without `mode` and `owner` those of the file that is there are kept (0644, the caller's, for a new one). A symbolic
    link is followed once, so that it stays a link. Errors: `cluster.write` naming the path and the reason.
    """
    path = Path(os.path.realpath(path))
    try:
        kept = _kept(path)
        for stale in path.parent.glob(f".{path.name}.*{SUFFIX}"):  # of a writer that was killed
            stale.unlink()
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=SUFFIX, dir=path.parent)
    except OSError as error:
        raise _failed(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode if mode is not None else stat.S_IMODE(kept.st_mode) if kept else 0o644)
            if owner is not None or kept is not None:
                assert owner or kept
                os.fchown(file.fileno(), *(owner or (kept.st_uid, kept.st_gid)))  # type: ignore[union-attr]
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(name, path)
        sync_directory(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise _failed(path, error) from error
        raise


def _kept(path: Path) -> Optional[os.stat_result]:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def sync_directory(path: Path) -> None:
    """Make a rename in this directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_optional(path: Path) -> Optional[bytes]:
    """A file's content, None when it does not exist. Errors: `cluster.read`."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AgentError("cluster.read", f"{path} cannot be read: {error.strerror}", {"path": str(path)}) from error


def remove(path: Path) -> bool:
    """Remove a file; False when there was none. Errors: `cluster.write`."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _failed(path, error) from error
    return True


def _failed(path: Path, error: OSError) -> AgentError:
    return AgentError(
        "cluster.write", f"{path} cannot be written: {error.strerror}", {"path": str(path), "errno": error.errno}
    )
