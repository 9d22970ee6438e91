# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure core on documents of thousands of objects: four times as many may take four times as long, not sixteen."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Tuple

import pytest
from workload import EMPTY, MANY, Document

from tandem_agent.cib.read import read
from tandem_agent.cib.tree import parse, serialize
from tandem_agent.cib.write import write
from tandem_agent.errors import Fault
from tandem_agent.model.document import read_document
from tandem_agent.plan.declare import declare
from tandem_agent.plan.diff import diff
from tandem_agent.plan.render import diff_of, document_of, plan_of
from tandem_agent.plan.validate import validate
from tandem_agent.plan.warnings import warnings

FEW, MANY_MORE = 1_000, 4_000
RUNS = 3


class Clock:
    """CPU seconds by step: the best of all runs, as only others on the machine make it longer."""

    def __init__(self) -> None:
        self.best: Dict[str, float] = {}

    def __call__(self, step: str, work: Callable[..., Any], *arguments: Any) -> Any:
        started = time.process_time()
        result = work(*arguments)
        taken = time.process_time() - started
        self.best[step] = min(taken, self.best.get(step, taken))
        return result


def one_pass(clock: Clock, what: str, raw: Document, purge: str, text: bytes) -> bytes:
    """Every step of the core with a document over a CIB. The CIB as text afterwards."""
    faults: List[Fault] = []
    root = clock(f"{what}: parse", parse, text)
    state = clock(f"{what}: read", read, root)
    document = clock(f"{what}: document", read_document, raw, faults)
    wanted = clock(f"{what}: declare", declare, state, document, purge)
    changes = clock(f"{what}: diff", diff, state, wanted.state, wanted.because)
    faults += wanted.faults
    faults += clock(f"{what}: validate", validate, wanted.state, document, {change.key for change in changes})
    assert not faults
    clock(f"{what}: warnings", warnings, wanted.state, document)
    clock(f"{what}: plan", plan_of, changes)
    clock(f"{what}: difference", diff_of, changes)
    clock(f"{what}: export", document_of, state)
    clock(f"{what}: write", write, root, changes)
    made: bytes = clock(f"{what}: serialize", serialize, root)
    return made


def seconds(build: Callable[[int], Document], size: int) -> Dict[str, float]:
    """Made new, asked again, and half of it removed."""
    clock = Clock()
    everything, half = build(size), build(size // 2)
    for _run in range(RUNS):
        made = one_pass(clock, "new", everything, "none", EMPTY.encode())
        one_pass(clock, "again", everything, "none", made)
        one_pass(clock, "half removed", half, "all", made)
    return clock.best


def steepest(few: Dict[str, float], more: Dict[str, float]) -> Tuple[str, float]:
    """The step that grows most, of those that are long enough to be measured."""
    grown = {step: more[step] / few[step] for step in few if few[step] > 0.005 and more[step] > 0.02}
    return max(grown.items(), key=lambda pair: pair[1], default=("none is long enough", 0.0))


@pytest.mark.parametrize("name", MANY)
def test_growth(name: str) -> None:
    few, more = seconds(MANY[name], FEW), seconds(MANY[name], MANY_MORE)
    step, factor = steepest(few, more)
    print(
        f"\n{name:28s} {FEW} objects {sum(few.values()) * 1000:6.0f} ms, {MANY_MORE} {sum(more.values()) * 1000:6.0f} ms:"
        f" x {sum(more.values()) / sum(few.values()):.1f}; steepest x {factor:.1f} ({step})",
        end="",
    )
