# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dispatcher and servers for the tests of this directory."""

from __future__ import annotations

import pathlib
from typing import Any, Callable, Iterator, List

import pytest
from harness import OPERATIONS, Running

from tandem_agent.pacemaker.runner import Runner
from tandem_agent.server.dispatch import Dispatcher


@pytest.fixture
def dispatcher(tmp_path: pathlib.Path) -> Dispatcher:
    found = Dispatcher(OPERATIONS, Runner([], {"CIB_file": str(tmp_path / "cib.xml")}))
    found.lock._path = str(tmp_path / "lock")
    return found


@pytest.fixture
def start(tmp_path: pathlib.Path, dispatcher: Dispatcher) -> Iterator[Callable[..., Running]]:
    """Make a server; it is stopped after the test."""
    made: List[Running] = []

    def _start(**options: Any) -> Running:
        made.append(Running(str(tmp_path / f"s{len(made)}"), dispatcher, **options))
        return made[-1]

    yield _start
    for running in made:
        running.server.stop()
        running.thread.join(20)
        assert not running.thread.is_alive()


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    return start()
