# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks that differ are proven by what the nodes stamped, and nothing is claimed that is not proven."""

from __future__ import annotations

from typing import List, Tuple

import pytest
from clusters import NOON, Cluster

from tandem_agent.cib.tree import parse
from tandem_agent.pacemaker.clocks import skews

pytestmark = pytest.mark.offline


def told(cluster: Cluster, now: int = NOON + 3600) -> List[Tuple[str, str, int]]:
    return [tuple(skew) for skew in skews(parse(cluster.text().encode()), "c1", now)]


def test_a_later_transition_with_an_earlier_stamp() -> None:
    cluster = Cluster().ran("a", "c1", transition=5, at=NOON + 60).ran("b", "c2", transition=6, at=NOON + 20)
    assert told(cluster) == [("c1", "c2", 40)]
    turned = Cluster().ran("a", "c2", transition=5, at=NOON + 60).ran("b", "c1", transition=6, at=NOON + 20)
    assert told(turned) == [("c2", "c1", 40)]


def test_stamps_from_the_future() -> None:
    assert told(Cluster().ran("a", "c2", at=NOON + 50), now=NOON) == [("c2", "c1", 50)]
    assert told(Cluster().ran("a", "c2", "monitor", interval=10000, at=NOON + 50), now=NOON) == [("c2", "c1", 50)]
    assert told(Cluster().ran("a", "c1", at=NOON + 50), now=NOON) == []  # our own clock was set back: no other's fault


@pytest.mark.parametrize(
    "cluster",
    [
        Cluster().ran("a", "c1", transition=5, at=NOON).ran("b", "c2", transition=6, at=NOON + 20),  # as it should be
        Cluster().ran("a", "c1", transition=5, at=NOON + 2).ran("b", "c2", transition=6, at=NOON),  # rounding
        Cluster().ran("a", "c1", transition=5, at=NOON + 60).ran("b", "c2", transition=5, at=NOON),  # at the same time
        Cluster().ran("a", "c1", "monitor", interval=10000, transition=5, at=NOON + 60).ran("b", "c2", transition=6, at=NOON),
        Cluster().ran("a", "c1", transition=5, at=NOON + 60, uuid="other").ran("b", "c2", transition=6, at=NOON),
        Cluster().ran("a", "c1", transition=-1, at=NOON + 60).ran("b", "c2", transition=6, at=NOON),  # by nobody's order
        Cluster().ran("a", "c1", transition=5, at=NOON + 60).ran("a2", "c1", transition=7, at=NOON + 90)
        .ran("b", "c2", transition=6, at=NOON + 80),  # once it was wrong, by now it is right
        Cluster(),
    ],
)  # fmt: skip
def test_nothing_is_claimed_without_proof(cluster: Cluster) -> None:
    assert told(cluster) == []
