# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No patch is made of a copy that is not the coordinator's."""

from __future__ import annotations

from typing import Dict, List

import pytest

from tandem_agent.errors import AgentError
from tandem_agent.pacemaker import coordinator
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools


class Copies(Tools):
    """What the CIB managers say one after the other; the last words stay."""

    def __init__(self, here: List[int], there: List[int]) -> None:
        super().__init__(Runner([], {}))
        self._said: Dict[str, List[int]] = {"": here, "dc": there}

    def query_version(self, node: str = "") -> bytes:
        said = self._said[node]
        number = said.pop(0) if len(said) > 1 else said[0]
        return b'<cib admin_epoch="0" epoch="21" num_updates="%d"/>' % number


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """Time that passes only while somebody sleeps."""
    slept: List[float] = []
    monkeypatch.setattr(coordinator.time, "sleep", slept.append)
    monkeypatch.setattr(coordinator.time, "monotonic", lambda: sum(slept))
    return slept


@pytest.mark.parametrize(
    ("here", "there", "waits"),
    [
        ([29], [29], 0),
        ([30], [29, 31], 0),  # it moves on while it is asked
        ([27, 27, 31], [29] * 5 + [31], 2),  # with the coordinator's next write this node has its copy
        ([31], [29, 29, 31], 1),
    ],
)
def test_copies_that_agree_or_come_to(here: List[int], there: List[int], waits: int, clock: List[float]) -> None:
    coordinator.agree(Copies(here, there), "dc")
    assert len(clock) == waits


@pytest.mark.parametrize(("here", "there"), [(27, 29), (29, 27)])
def test_copies_that_stay_apart(here: int, there: int, clock: List[float]) -> None:
    with pytest.raises(AgentError) as caught:
        coordinator.agree(Copies([here], [there]), "dc")
    assert caught.value.code == "cib.apart" and caught.value.retryable
    assert f"(0.21.{here})" in caught.value.message and f"coordinator dc (0.21.{there})" in caught.value.message
    assert sum(clock) >= coordinator.PATIENCE


def test_a_coordinator_that_cannot_be_asked_holds_nothing_up(clock: List[float]) -> None:
    coordinator.agree(Tools(Runner([], {})), "dc")
    assert clock == []
