# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""On the live cluster of a running lab: when settling is seen, and a hundred new resources against pcs."""

from __future__ import annotations

from conftest import Lab, spread


def test_settling_is_seen(lab: Lab) -> None:
    if lab.absent:
        print(f"\nsettling: not measured, {lab.absent}")
        return
    found = lab.measure("on_cluster.py", "settle", "7", "3")
    print(f"\nfrom the cluster being idle to the agent's answer, milliseconds {spread(found['after idle'])}")


def test_a_hundred_new_resources(lab: Lab) -> None:
    if lab.absent:
        print(f"\n100 new resources on a cluster: not measured, {lab.absent}")
        return
    found = lab.measure("on_cluster.py", "create", "3", "100")
    print("\n100 new resources on a live cluster, settled, milliseconds")
    print(f"  agent, one transaction      {spread(found['agent'])}")
    print(f"  pcs resource create, 100 times {found['pcs']:.0f}, then waiting {found['wait']:.0f}"
          f"  x {(found['pcs'] + found['wait']) / found['agent']['median']:.1f}")  # fmt: skip
