# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python environment of the emulated power controllers: pyghmi and asyncssh from PyPI, in the lab's own cache."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from . import tools
from .files import locked
from .progress import say

REQUIREMENTS = ("pyghmi>=1.5.40,<2", "asyncssh>=2.14,<3")


def python(cache: Path) -> Path:
    """Its interpreter; the name changes with ours and with the requirements."""
    key = hashlib.sha256(" ".join((sys.version, *REQUIREMENTS)).encode()).hexdigest()[:12]
    return cache / ("bmc-" + key) / "bin" / "python"


def present(cache: Path) -> bool:
    return python(cache).exists()


def make(cache: Path) -> Path:
    interpreter = python(cache)
    target = interpreter.parent.parent
    with locked(cache / "bmc.lock"):
        if interpreter.exists():
            return interpreter
        say("making the emulators' environment (about 10 s, once) ...")
        shutil.rmtree(str(target), ignore_errors=True)
        try:
            tools.run([sys.executable, "-m", "venv", str(target)], timeout=180)
            pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            tools.run([*pip, *REQUIREMENTS], timeout=300)
        except BaseException:
            # An environment has its own path written into it, so it cannot be made aside and renamed.
            shutil.rmtree(str(target), ignore_errors=True)
            raise
    return interpreter
