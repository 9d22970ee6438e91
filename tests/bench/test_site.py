# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of site.yml that changes nothing: how long, and how many tasks each host sees."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Dict

from conftest import ENVIRONMENT, PLAYBOOK, TOP


def test_a_site_run_that_changes_nothing(lab: None) -> None:
    environment = dict(ENVIRONMENT, ANSIBLE_STDOUT_CALLBACK="json")
    started = time.monotonic()
    ran = subprocess.run(
        [str(PLAYBOOK), "-i", "inventory/lab", "playbooks/site.yml"],
        cwd=TOP, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - started
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr
    report = json.loads(ran.stdout[ran.stdout.index("{") :])
    tasks: Dict[str, int] = {}
    skipped: Dict[str, int] = {}
    for play in report["plays"]:
        for task in play["tasks"]:
            for host, result in task["hosts"].items():
                counter = skipped if result.get("skipped") else tasks
                counter[host] = counter.get(host, 0) + 1
    changed = {host: counts["changed"] for host, counts in report["stats"].items() if counts["changed"]}
    assert not changed, f"the run changed something, so it is no measure: {changed}"
    print(f"\nsite.yml without changes: {seconds:.1f} s")
    for host in sorted(tasks):
        print(f"  {host:10s} {tasks[host]:3d} tasks run, {skipped.get(host, 0)} skipped")
