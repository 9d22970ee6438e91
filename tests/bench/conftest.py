# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Benchmarks print what they measured, and judge nothing but that it ran.

Three places: this process (the pure core), a directory with a node's programs (`node-root`), and the nodes of a running
lab, which is named with `--lab`. Where there is no such lab, its measures say so.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any, Dict, Iterator, List, Optional

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
HERE = TOP / "tests" / "bench"
PLAYBOOK = TOP / ".build" / "venv" / "ansible" / "bin" / "ansible-playbook"
ENVIRONMENT = dict(os.environ, ANSIBLE_CONFIG=str(TOP / "ansible.cfg"), LC_ALL="C.UTF-8")
ON_NODES = ("on_node.py", "on_cluster.py", "talk.py", "workload.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lab", default="lab", metavar="NAME", help="the running lab to measure in (%(default)s)")


def pytest_configure() -> None:
    gc.set_threshold(20000, 20, 20)  # as the agent does


class NodeRoot:
    """A node's programs in a directory, with /dev and /proc in a mount namespace of their own."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        shutil.rmtree(root / "bench", ignore_errors=True)
        (root / "bench").mkdir()
        for name in ON_NODES:
            shutil.copy(HERE / name, root / "bench" / name)
        (root / "bench" / "agent.pyz").write_bytes(agent())

    def measure(self, script: str, *arguments: str, timeout: int = 1800) -> Any:
        """What a script prints, as JSON."""
        enter = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
        return said(
            ["unshare", "--mount", "sh", "-c", enter, str(self.root), "python3", f"/bench/{script}", *arguments],
            timeout,
        )


class Lab:
    """The first controller of a running lab, reached through the lab itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.absent = self._absent()

    def measure(self, script: str, *arguments: str, timeout: int = 1800) -> Any:
        """As in a directory; the scripts go to the node and away again."""
        try:
            for name in ON_NODES:
                self._node(
                    "sh", "-c", f"mkdir -p /run/bench && cat > /run/bench/{name}", stdin=(HERE / name).read_text()
                )
            return json.loads(self._node("python3", f"/run/bench/{script}", *arguments, timeout=timeout))
        finally:
            self._node("rm", "-rf", "/run/bench")

    def _absent(self) -> Optional[str]:
        """Why nothing can be measured here."""
        ran = self._tandem_lab("exec", "--name", self.name, "c1", "--", "test", "-S", "/run/tandem/agent.sock")
        if ran.returncode == 0:
            return None
        reason = (ran.stderr or ran.stdout).strip().splitlines()[-1:] or ["its c1 has no agent"]
        return f"no running lab {self.name!r} with an agent: {reason[0]}"

    def _node(self, *command: str, stdin: str = "", timeout: int = 120) -> str:
        ran = self._tandem_lab("exec", "--name", self.name, "c1", "--", *command, stdin=stdin, timeout=timeout)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    @staticmethod
    def _tandem_lab(*arguments: str, stdin: str = "", timeout: int = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tandem_lab", *arguments],
            env={**os.environ, "PYTHONPATH": str(TOP / "roles" / "lab" / "files")}, input=stdin,
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip


def said(command: List[str], timeout: int) -> Any:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def agent() -> bytes:
    """The agent as nodes get it."""
    spec = importlib.util.spec_from_file_location("_pack", str(TOP / "plugins" / "plugin_utils" / "_pack.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    packed: bytes = module.pack("/usr/bin/python3")
    return packed


@pytest.fixture(scope="session")
def node_root() -> Iterator[NodeRoot]:
    ran = subprocess.run([str(HERE / "node-root")], stdout=subprocess.PIPE, text=True, timeout=900, check=True)
    found = NodeRoot(pathlib.Path(ran.stdout.strip()))
    yield found
    shutil.rmtree(found.root / "bench")


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Lab:
    return Lab(request.config.getoption("--lab"))


def spread(values: Dict[str, float]) -> str:
    """`median (least to most)` of `on_node.summary`."""
    return f"{values['median']:9.1f}  ({values['least']:.1f} to {values['most']:.1f}, {values['runs']:.0f} runs)"
