# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line on stderr before anything that takes long."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    print("lab: " + text, file=sys.stderr, flush=True)
