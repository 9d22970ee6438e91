# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the system's Python to the one that has the SDK."""

from __future__ import annotations

import os
import sys
from typing import List, Optional

from .faults import NotInstalled

# The role puts it beside this package.
DEFAULT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "venv", "bin", "python")


def enter(python: str, argv: List[str], stdin: Optional[str] = None) -> None:
    """Go on as the same program under `python`; returns at once where that is so already.

    Replaces the process, so that a timeout of the caller's hits the one that works. `stdin` is what was read from
    there already, to be read again.
    """
    if sys.executable == python:
        return
    if not os.access(python, os.X_OK):
        raise NotInstalled("python: %s is not there: run the role tandem.ha.oci on this host" % python)
    if stdin is not None:
        again = os.memfd_create("stdin")
        os.write(again, stdin.encode())
        os.lseek(again, 0, os.SEEK_SET)
        os.dup2(again, 0)
    # Nothing on our path or of the caller's environment is meant for the other interpreter.
    os.execv(python, [python, "-I", *argv])  # noqa: S606


def imported_cloud() -> type:
    """The class Cloud; NotInstalled where the SDK is not usable. Late, because only one of the two Pythons can."""
    try:
        from .cloud import Cloud
    except ImportError as error:
        raise NotInstalled("the OCI SDK is not usable here: %s" % error) from error
    return Cloud
