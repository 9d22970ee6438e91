# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all tests here, made bare at the beginning and removed at the end.

TANDEM_KEEP_LAB=1 leaves it up afterwards and takes up one that is there: the tests then begin where the last run ended.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterator

import pytest
from pair import Outcome, Pair

NAME, NETWORK = "test-site", "10.143"
KEEP = os.environ.get("TANDEM_KEEP_LAB") == "1"


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The nodes, bare or as they were kept."""
    if os.geteuid() != 0:
        pytest.fail("the lab needs root")
    found = Pair(tmp_path_factory.mktemp("pair"), NAME, NETWORK)
    made = found.up("up" if KEEP else "reset")
    assert made.ok, made.text
    yield found
    if not KEEP:
        gone = found.down()
        assert gone.ok, gone.text


@pytest.fixture(scope="session")
def checked(pair: Pair) -> Outcome:
    """A check of the site, before anything was done."""
    return pair.site("--check", "--diff")


@pytest.fixture(scope="session")
def converged(pair: Pair, checked: Outcome) -> Outcome:
    """The site, made. Everything else builds on it."""
    run = pair.site()
    assert run.ok, run.text
    return run


@pytest.fixture
def site(pair: Pair, converged: Outcome) -> Iterator[Pair]:
    """The site, well before the test and well after it, or the test is at fault."""
    pair.settle()
    yield pair
    pair.settle()


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)
