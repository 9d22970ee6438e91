# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all tests here, made bare at the beginning and removed at the end.

TANDEM_KEEP_LAB=1 leaves it up afterwards and takes up one that is there: the tests then begin where the last run ended.
TANDEM_ALL=1, or -m of pytest, runs the slow ones too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator, List

import pytest
from pair import Outcome, Pair, locked

NAME, NETWORK = "test-site", "10.143"
KEEP = os.environ.get("TANDEM_KEEP_LAB") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Slow tests are for the nightly run: ten minutes more."""
    if config.getoption("-m") or os.environ.get("TANDEM_ALL") == "1":
        return
    for item in items:
        if item.get_closest_marker("slow") and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="slow; TANDEM_ALL=1 runs it"))


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The nodes, bare or as they were kept."""
    if os.geteuid() != 0:
        pytest.fail("the lab needs root")
    with locked(NAME):
        yield from _pair(tmp_path_factory)


def _pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
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
    run = pair.site("-vvv", "--diff")  # so that the tests of secrets can look at what it said
    assert run.ok, run.text
    return run


@pytest.fixture
def site(pair: Pair, converged: Outcome) -> Iterator[Pair]:
    """The site, well before the test and well after it, or the test is at fault."""
    pair.settle()
    yield pair
    pair.settle()
