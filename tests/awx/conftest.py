# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""TANDEM_ALL=1, or -m of pytest, runs the slow ones too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Slow tests are for the nightly run: a minute and a half more."""
    if config.getoption("-m") or os.environ.get("TANDEM_ALL") == "1":
        return
    for item in items:
        if item.get_closest_marker("slow") and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="slow; TANDEM_ALL=1 runs it"))
