# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs with what: every cell is run, its outcome kept, and docs/platforms.md written from the outcomes.

    python tests/gates/matrix.py [--only WORD ...] [--list] [--write]

A WORD is a kind of cell or a part of a cell's name: `--only sanity`, `--only modules 2.16`. Without --only all cells are run,
one after the other; --write only writes the page. Outcomes are kept in .build/matrix.json, output in .build/logs/matrix/; in a new
checkout the page says what has passed so far. A cell that was never run, or that this machine has no interpreter for, is an empty one
on the page.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from tree import BUILD, GATES, TOP

RESULTS = BUILD / "matrix.json"
LOGS = BUILD / "logs" / "matrix"
PAGE = TOP / "docs" / "platforms.md"
CANNOT = 77  # an exit code: this machine has no such interpreter
LIMIT = 3600  # seconds for one cell
OUTCOMES = {"ran": "passed", "**fails**": "failed"}  # by their marks on the page

# The releases of ansible-core, and the Pythons that each can have on a managed node.
CORES = {
    "2.16": ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12"),
    "2.19": ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13"),
    "2.21": ("3.9", "3.10", "3.11", "3.12", "3.13"),
}
AGENT = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
SUITES = {"bullseye": "Debian 11", "bookworm": "Debian 12", "trixie": "Debian 13"}
# What their Python is, for what a release of ansible-core can have on a node.
NODES = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}
# Of the tests on nodes, those that form a pair, run again, and look for differences.
FORMED = "bare_nodes or makes_the_pair or second_run or afterwards or drift"


@dataclass(frozen=True)
class Cell:
    """One combination: its kind, what it is run with, and how."""

    kind: str
    of: tuple[str, ...]
    command: tuple[str, ...]
    core: str = "2.19"
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return " ".join((self.kind, *self.of))


def cells() -> list[Cell]:
    """All there are, the quick ones first."""
    found = []
    for core, pythons in CORES.items():
        for python in pythons:
            steps = ("tests/integration/test_twelve_steps.py", "-k", "on_other_pythons")
            through = ("tests/gates/with-pacemaker", "python", "-m", "pytest", "-q", *steps)
            found.append(Cell("modules", (core, python), through, core, (("TANDEM_MODULE_PYTHONS", python),)))
    for kind in ("units", "sanity"):
        found += [Cell(kind, (core,), ("python", "tests/gates/on_copy.py", kind), core) for core in CORES]
    found += [Cell("agent", (python,), ("tests/gates/agent-tests", python, "tests/agent", "-q")) for python in AGENT]
    for core, suite in ((core, suite) for core in CORES for suite in SUITES if NODES[suite] in CORES[core]):
        command = ("python", "-m", "pytest", "-q", "tests/cluster/test_1_converge.py", "-k", FORMED)
        found.append(Cell("nodes", (core, suite), command, core, (("TANDEM_SUITE", suite),)))
    for suite in SUITES:
        molecule = (("TANDEM_SUITE", suite), ("MOLECULE_GLOB", "molecule/*/molecule.yml"))
        found.append(Cell("molecule", (suite,), ("molecule", "test", "-s", "ubuntu_pair"), environment=molecule))
    for suite in ("bullseye", "trixie"):
        command = ("python", "-m", "pytest", "-q", "tests/cluster/test_9_suites.py", "-k", suite)
        found.append(Cell("failover", (suite,), command, environment=(("TANDEM_ALL", "1"),)))
    command = ("python", "-m", "pytest", "-q", "tests/cluster/test_3_failover.py", "-k", "power_cut")
    found.append(Cell("failover", ("bookworm",), command))
    return found


def tools(core: str) -> Path | None:
    """The directory of a release's programs; None where this machine cannot have it."""
    what = ("tools",) if core == "2.19" else ("core", core)
    made = subprocess.run([str(GATES / "bootstrap"), *what], stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode not in (0, CANNOT):
        raise SystemExit(f"bootstrap {' '.join(what)} failed")
    return Path(made.stdout.strip()) / "bin" if made.returncode == 0 else None


def run(cell: Cell) -> dict[str, Any]:
    """Run one; what became of it."""
    where = tools(cell.core)
    if where is None:
        return {"outcome": "no interpreter", "seconds": 0}
    environment = {
        **os.environ,
        "PATH": f"{where}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "ANSIBLE_CONFIG": str(TOP / "ansible.cfg"),
        "LC_ALL": "C.UTF-8",
        **({} if cell.core == "2.19" else {"TANDEM_TEST_HOME": str(BUILD / "cores" / cell.core)}),
        **dict(cell.environment),
    }
    LOGS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with (LOGS / f"{cell.name.replace(' ', '-')}.log").open("wb") as log:
        done = subprocess.run(
            cell.command, cwd=TOP, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=LIMIT, check=False
        )
    outcome = {0: "passed", CANNOT: "no interpreter"}.get(done.returncode, "failed")
    if outcome == "passed" and _skipped(cell):
        outcome = "no interpreter"
    return {"outcome": outcome, "seconds": round(time.monotonic() - began)}


def _skipped(cell: Cell) -> bool:
    """A cell that passes because its tests were skipped, all of them, is no proof."""
    last = (LOGS / f"{cell.name.replace(' ', '-')}.log").read_text(errors="replace").splitlines()[-1]
    return "skipped" in last and "passed" not in last


def results() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else told()
    return found


def told() -> dict[str, dict[str, Any]]:
    """What the page as it is says, so that a cell that runs alone does not empty the others."""
    names, marks = (
        [cell.strip() for line in text.splitlines() if line.startswith("|") for cell in line.split("|")]
        for text in (page(str), PAGE.read_text(encoding="utf-8"))
    )
    if len(names) != len(marks):  # another table than that of this program
        return {}
    return {name: {"outcome": OUTCOMES[mark]} for name, mark in zip(names, marks) if mark in OUTCOMES}


def marked(known: dict[str, dict[str, Any]]) -> Callable[[str], str]:
    """What stands in a cell."""
    marks = {outcome: mark for mark, outcome in OUTCOMES.items()}
    return lambda name: marks.get(known.get(name, {}).get("outcome", ""), "")


def page(mark: Callable[[str], str]) -> str:
    """docs/platforms.md, with what `mark` says of each cell."""
    pythons = sorted({python for each in CORES.values() for python in each}, key=lambda text: int(text[2:]))
    lines = [
        "# What runs with what",
        "",
        "Written by `tests/gates/matrix.py` (`make test-all`) from what ran: *ran* is a run that passed; an empty cell was not run.",
        "",
        "## ansible-core on the control node",
        "",
        "| ansible-core | sanity, without ignore files | unit tests |",
        "|---|---|---|",
        *(f"| {core} | {mark(f'sanity {core}')} | {mark(f'units {core}')} |" for core in CORES),
        "",
        "## Modules, by the Python of the managed node",
        "",
        "Create, again, change, again, remove, again, each also in check mode, through Ansible and against an agent.",
        "`-`: this release of ansible-core does not manage nodes with that Python.",
        "",
        f"| ansible-core | {' | '.join(pythons)} |",
        f"|---|{'---|' * len(pythons)}",
        *(
            f"| {core} | {' | '.join(mark(f'modules {core} {one}') if one in CORES[core] else '-' for one in pythons)} |"
            for core in CORES
        ),
        "",
        "## The agent, by the node's Python",
        "",
        "Its whole tests, with the real tools of Pacemaker 2.0.5, 2.1.5 and 3.0.0.",
        "",
        f"| {' | '.join(AGENT)} |",
        f"|{'---|' * len(AGENT)}",
        f"| {' | '.join(mark(f'agent {python}') for python in AGENT)} |",
        "",
        "## Nodes",
        "",
        "Formed by a run of the site after a check, run again and checked again without a change, and without drift, in the lab; and the",
        "power of the controller that has the virtual address cut, the address answering from the other within the prediction; and the",
        "Molecule scenario `ubuntu_pair` from check to verify, with the release of the first column instead of Ubuntu's.",
        "`-`: this release of ansible-core does not manage nodes with the Python of that release.",
        "",
        f"| nodes | {' | '.join(f'by {core}' for core in CORES)} | power cut | Molecule |",
        f"|---|{'---|' * len(CORES)}---|---|",
        *(
            f"| {name} | "
            + " | ".join(mark(f"nodes {core} {suite}") if NODES[suite] in CORES[core] else "-" for core in CORES)
            + f" | {mark(f'failover {suite}')} | {mark(f'molecule {suite}')} |"
            for suite, name in SUITES.items()
        ),
        "",
        "Ubuntu 20.04, 22.04 and 24.04 have Pacemaker 2.0.3, 2.1.2 and 2.1.6, which no Debian release has: they were not run. Of the",
        "RedHat family only the shape was run ([systems.md](systems.md)).",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run what was asked for; returns 1 when a cell failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    chosen = [cell for cell in cells() if all(word in cell.name.split() for word in options.only)]
    if options.list:
        print("\n".join(cell.name for cell in chosen))
        return 0
    failed = 0
    for cell in [] if options.write else chosen:
        found = run(cell)
        failed += found["outcome"] == "failed"
        print(f"{found['outcome']:<15} {cell.name} ({found['seconds']} s)", flush=True)
        RESULTS.write_text(json.dumps({**results(), cell.name: found}, indent=1, sort_keys=True))
    PAGE.write_text(page(marked(results())), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
