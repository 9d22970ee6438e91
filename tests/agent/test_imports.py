# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports point one way: server, cli -> requests -> transaction -> {plan, cib, corosync, pacemaker} -> model."""

from __future__ import annotations

import ast
import pathlib
from typing import Iterator, Set

import pytest

AGENT = pathlib.Path(__file__).resolve().parents[2] / "roles" / "agent" / "files" / "tandem_agent"

BASE = {"errors", "model", "tandem_agent"}
MAY = {
    "errors": set(),
    "model": {"errors"},
    "cib": {"errors", "model", "plan"},  # writing takes the planner's changes
    "plan": {"errors", "model", "cib"},  # ids and nothing else
    "corosync": {"errors", "model"},
    "pacemaker": {"errors", "model", "cib", "context"},
    "context": {"errors"},
    "journal": {"errors"},
}
PURE = {"model", "cib", "plan"}
EFFECTS = {"subprocess", "socket", "os", "threading", "tempfile", "pathlib", "time"}


def imported(path: pathlib.Path) -> Iterator[str]:
    """The names of what a file imports, relative ones by the agent's top-level module. What only types need counts not."""
    tree = ast.parse(path.read_text())
    typing_only: Set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            typing_only.update(id(child) for child in ast.walk(node))
    depth = len(path.relative_to(AGENT).parts)
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level == 0:
                yield (node.module or "").split(".")[0]
            elif node.level == depth:
                yield from ([node.module.split(".")[0]] if node.module else [alias.name for alias in node.names])


@pytest.mark.parametrize("path", sorted(AGENT.rglob("*.py")), ids=lambda path: str(path.relative_to(AGENT)))
def test_imports_point_one_way(path: pathlib.Path) -> None:
    own = path.relative_to(AGENT).parts[0].replace(".py", "")
    if own not in MAY:
        return
    names = set(imported(path))
    local = names & ({entry.name.replace(".py", "") for entry in AGENT.iterdir()})
    assert local - {own} <= MAY[own], f"{path.name} of {own} imports {sorted(local - MAY[own] - {own})}"
    if own in PURE:
        assert not names & EFFECTS, f"{path.name} is pure and imports {sorted(names & EFFECTS)}"


def test_only_the_runner_starts_programs() -> None:
    starters = {str(path.relative_to(AGENT)) for path in AGENT.rglob("*.py") if "subprocess" in set(imported(path))}
    assert starters == {"pacemaker/runner.py"}
