# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the tests hunt for input that breaks something."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def fuzz(examples: int) -> settings:
    """A bounded hunt, the same every time; TANDEM_FUZZ=20 makes it 20 times as long, and another one every time."""
    longer = os.environ.get("TANDEM_FUZZ")
    return settings(
        max_examples=examples * int(longer or 1),
        derandomize=not longer,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
