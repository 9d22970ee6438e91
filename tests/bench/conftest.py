# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks need the lab's cluster as `make site` leaves it; they print, and judge nothing but that they ran."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOK = TOP / ".build" / "venv" / "ansible" / "bin" / "ansible-playbook"
ADHOC = PLAYBOOK.with_name("ansible")
ENVIRONMENT = dict(os.environ, ANSIBLE_CONFIG=str(TOP / "ansible.cfg"), LC_ALL="C.UTF-8")


def adhoc(host: str, module: str, arguments: str, timeout: int = 600) -> str:
    """One module on one node of the default lab; what a command printed."""
    ran = subprocess.run(
        [str(ADHOC), "-i", "inventory/lab", host, "-m", module, "-a", arguments],
        cwd=TOP, env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.partition(">>\n")[2]


@pytest.fixture(scope="session")
def lab() -> None:
    """The lab's cluster must be there: a benchmark that built it would measure something else."""
    ran = subprocess.run(
        [str(ADHOC), "-i", "inventory/lab", "controllers", "-m", "ansible.builtin.ping"],
        cwd=TOP, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if ran.returncode != 0:
        pytest.fail("the lab does not answer; run `make site` first\n" + ran.stdout + ran.stderr)
