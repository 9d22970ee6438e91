# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's calls against pcs, in one run on one machine, offline on one CIB file."""

from __future__ import annotations

import pytest
from conftest import NodeRoot, spread

RUNS = {10: 7, 100: 5, 1000: 3}  # by resources; pcs takes its time
AGENT = "/bench/agent.pyz"


@pytest.mark.parametrize("size", RUNS)
def test_a_call_that_changes_nothing(node_root: NodeRoot, size: int) -> None:
    found = node_root.measure("on_node.py", "unchanged", AGENT, str(RUNS[size]), str(size))
    times = found["times"]
    base = times["agent"]["median"]
    print(f"\nnothing to do: {size} resources and {2 * size} constraints, milliseconds")
    print(f"  agent, plan of all          {spread(times['agent'])}")
    print(f"    of this, the agent's CPU  {spread(found['cpu'])}")
    print(f"  pcs resource, constraint config, compared by nobody {spread(times['pcs config'])}"
          f"  x {times['pcs config']['median'] / base:.1f}")  # fmt: skip
    one = times["pcs update"]["median"]
    print(f"  pcs resource update, one    {spread(times['pcs update'])}  x {one / base:.1f}")
    print(f"  the same for each resource, reckoned {one * size:.0f}  x {one * size / base:.0f}")
    print(f"  agent from its start to the first answer {found['start']:.0f}; it holds {found['idle_mib']:.1f} MiB when"
          f" idle, {found['busy_mib']:.1f} MiB after these calls")  # fmt: skip


def test_a_hundred_new_resources(node_root: NodeRoot) -> None:
    found = node_root.measure("on_node.py", "create", AGENT, "3", "100")
    print("\n100 new resources on a file, milliseconds")
    print(f"  agent, one transaction      {spread(found['agent'])}")
    print(f"  pcs resource create, 100 times {found['pcs']:.0f}  x {found['pcs'] / found['agent']['median']:.0f};"
          f" one {spread(found['pcs call'])}")  # fmt: skip
