# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that is played: Pacemaker's real scheduler and CIB on a file, its simulator in place of the nodes."""

from __future__ import annotations

import pathlib
import re
from typing import Callable, List, Optional
from xml.etree import ElementTree

from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.simulate import Graph
from tandem_agent.pacemaker.tools import Tools


class PlayedTools(Tools):
    """To the agent this is a live cluster. After a patch, each look at the CIB but the first finds one transition done."""

    offline = False  # type: ignore[assignment]

    def __init__(self, suite: str, file: pathlib.Path, text: str) -> None:
        super().__init__(Runner([suite, "/usr/bin", "/bin"], {"CIB_file": str(file)}))
        self.path = file
        self.path.write_text(text)
        self.failing: List[str] = []  # operations that fail: `vip_start_0@c1=1`
        self.afterwards: Optional[Callable[[str], str]] = None  # what else happens to the CIB once all is done
        self._looks: Optional[int] = None  # since the patch

    def patch(self, patch: bytes, timeout: float = 30.0) -> None:
        super().patch(patch, timeout)
        self._looks = 0

    def query_cib(self) -> bytes:
        if self._looks is not None:
            self._looks += 1
            if self._looks > 1:
                self.transition()
        return super().query_cib()

    def play(self) -> None:
        """Until there is nothing left to do."""
        for _transition in range(10):
            if Graph(self.graph(self.path.read_bytes())).idle:
                return
            self.transition()
        raise AssertionError("the played cluster finds no end")

    def transition(self) -> None:
        """Let the simulator act out what the scheduler wants now."""
        if not Graph(self.graph(self.path.read_bytes())).idle:
            target = self.path.with_suffix(".out")
            options = [f"--op-fail={one}" for one in self.failing]
            argv = ["crm_simulate", "--simulate", f"--xml-file={self.path}", f"--save-output={target}", *options]
            done = self.runner.run(argv, environment={"CIB_file": ""})
            assert done.rc == 0, done.stderr
            self._keep(_forgotten(target.read_text()))
        if self.afterwards and Graph(self.graph(self.path.read_bytes())).idle:
            self._keep(self.afterwards(self.path.read_text()))
            self.afterwards = None

    def _keep(self, text: str) -> None:
        """What happens to a status counts it up, as the real CIB manager does."""
        number = int(re.search(r'num_updates="(\d+)"', text).group(1)) + 1  # type: ignore[union-attr]
        self.path.write_text(re.sub(r'num_updates="\d+"', f'num_updates="{number}"', text, count=1))


def _forgotten(text: str) -> str:
    """Without the history of resources that were removed and are stopped: the simulator cannot delete it."""
    root = ElementTree.fromstring(text)
    known = {found.get("id") for found in root.iterfind("configuration/resources//primitive")}
    known |= {pair.get("value") for pair in root.iterfind("configuration/resources//nvpair[@name='remote-node']")}
    for resources in root.iterfind("status/node_state/lrm/lrm_resources"):
        for found in list(resources):
            last = found.find("lrm_rsc_op")
            made = re.search(r"-\d+\Z|-ip-", found.get("id", ""))  # of a bundle
            if (
                found.get("id") not in known
                and not made
                and last is not None
                and last.get("operation") in ("stop", "monitor")
            ):
                resources.remove(found)
    return ElementTree.tostring(root, encoding="unicode")
