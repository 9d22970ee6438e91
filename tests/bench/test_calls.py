# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent call that changes nothing, against pcs, on a controller of the lab, in one run."""

from __future__ import annotations

import json

from conftest import TOP, adhoc

RUNS = 7
SIZES = (10, 100)
AGENT = "/usr/local/lib/tandem/agent.pyz"


def test_a_call_that_changes_nothing(lab: None) -> None:
    adhoc("c1", "ansible.builtin.copy", f"src={TOP}/tests/bench/on_node.py dest=/run/tandem-bench.py mode=0600")
    try:
        sizes = " ".join(map(str, SIZES))
        found = json.loads(
            adhoc("c1", "ansible.builtin.command", f"python3 /run/tandem-bench.py {AGENT} {RUNS} {sizes}")
        )
    finally:
        adhoc("c1", "ansible.builtin.file", "path=/run/tandem-bench.py state=absent")
    print(f"\nmedian of {RUNS} runs, milliseconds")
    for size in found:
        times = size["median_ms"]
        base = times["agent apply, no change"]
        print(f"{size['size']} resources and as many constraints; the agent holds {size['agent_kib'] / 1024:.0f} MiB")
        for name, value in times.items():
            print(f"  {name:24s} {value:8.1f}   x {value / base:.1f}")
