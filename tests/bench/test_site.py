# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of site.yml that changes nothing: how long, and how many tasks each host sees."""

from __future__ import annotations

import re
import subprocess
import time

from conftest import ENVIRONMENT, PLAYBOOK, TOP, Lab


def test_a_site_run_that_changes_nothing(lab: Lab) -> None:
    if lab.absent or lab.name != "lab":
        print(f"\nsite.yml: not measured, {lab.absent or 'inventory/lab is the lab called lab'}")
        return
    started = time.monotonic()
    ran = subprocess.run(
        [str(PLAYBOOK), "-i", "inventory/lab", "playbooks/site.yml"],
        cwd=TOP, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - started
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr
    recap = re.findall(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+).*?skipped=(\d+)", ran.stdout, re.MULTILINE)
    assert recap
    assert all(changed == "0" for _host, _ok, changed, _skipped in recap), (
        "the run changed something, so it is no measure"
    )
    print(f"\nsite.yml without changes: {seconds:.1f} s")
    for host, done, _changed, skipped in recap:
        print(f"  {host:10s} {done:>3s} tasks run, {skipped} skipped")
