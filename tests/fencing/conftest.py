# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fence agents as a person or Pacemaker runs them, on the fencing library of each Debian release, against emulated devices.

The library is the unpacked one (tests/gates/pacemaker-tools), run by the machine's own Python; its neighbours are built for that.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest

from tandem_lab import esxi as esxi_server, vim_cmd

TOP = Path(__file__).resolve().parents[2]
PACKAGES = TOP / ".build" / "pacemaker"
SUITES = [suite for suite in ("bookworm", "bullseye", "trixie") if (PACKAGES / suite / "stamp").exists()]
USER, PASSWORD = "root", "c4nary-'$(x)\" 0815"


@dataclass
class Said:
    """What became of one call."""

    code: int
    out: str
    err: str


@dataclass
class Agent:
    """fence_esxi_ssh, installed as the role installs it."""

    program: Path
    library: Path
    home: Path
    options: Dict[str, str] = field(default_factory=dict)

    def __call__(self, action: str, **more: Optional[str]) -> Said:
        """By options on standard input, as Pacemaker does."""
        given = {**self.options, "action": action, **more}
        text = "".join("%s=%s\n" % (name, value) for name, value in given.items() if value is not None)
        return self.run([], text)

    def run(self, arguments: List[str], text: str = "") -> Said:
        done = subprocess.run(
            [str(self.program), *arguments],
            input=text,
            capture_output=True,
            text=True,
            env=self.environment(),
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def environment(self) -> Dict[str, str]:
        packages = PACKAGES / "bookworm" / "root" / "usr" / "lib" / "python3" / "dist-packages"
        return {
            "HOME": str(self.home),
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": "%s:%s" % (self.library, packages),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
        }


def make_key(path: Path, *more: str) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path), *more], check=True)
    return " ".join(path.with_name(path.name + ".pub").read_text().split()[:2])


@dataclass
class Esxi:
    """One emulated host on a port of the loopback."""

    directory: Path
    machines: List[vim_cmd.Machine]
    password: str = PASSWORD
    mode: Tuple[str, float] = ("ok", 0.0)
    key: str = ""
    port: int = 0

    def start(self) -> None:
        self.key = make_key(self.directory / "host_key")
        self.client_key = make_key(self.directory / "id")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        access = esxi_server.Access(
            USER, lambda: self.password, self.directory / "host_key", self.directory / "authorized_keys"
        )
        self.host = vim_cmd.Host(self.machines)
        self.server = esxi_server.Server(self.host, access, lambda: self.mode)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.task = self.loop.create_task(self.server.serve(self.listener))
        try:
            self.loop.run_until_complete(self.task)
        except asyncio.CancelledError:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.thread.join(10)
        self.listener.close()

    def named(self, name: str) -> vim_cmd.Machine:
        return next(machine for machine in self.host.machines.values() if machine.name == name)

    def options(self) -> Dict[str, str]:
        return {
            "ip": "127.0.0.1",
            "ipport": str(self.port),
            "username": USER,
            "password": self.password,
            "host_key": self.key,
            "login_timeout": "30",
            "shell_timeout": "30",
        }


ODD = [
    "t3021cent",
    "my web server",
    'it\'s "quoted"',
    "$(touch {mark})`touch {mark}`; touch {mark}",
    "näme übung 機",
    "a/b%c\\d",
    "one, two",
    "-n",
]


@pytest.fixture
def esxi(tmp_path: Path) -> Iterator[Esxi]:
    """A host with oddly named machines, a VM without tools, two with one name, and notes that look like a machine."""
    names = [name.format(mark=tmp_path / "mark") for name in ODD]
    machines = [
        vim_cmd.Machine(number, name, vim_cmd.Pretence("on"), file="[datastore 1] vm%d/vm%d.vmx" % (number, number))
        for number, name in enumerate(names, 1)
    ]
    ghost = "by hand\n77     ghost   [datastore 1] ghost/ghost.vmx   otherGuest   vmx-13   \n(vim.fault.X) {"
    machines += [
        vim_cmd.Machine(20, "no tools", vim_cmd.Pretence("on"), annotation="see   [wiki] page.vmx", tools=False),
        vim_cmd.Machine(21, "twin", vim_cmd.Pretence("on"), file="[ds] twin/twin.vmx"),
        vim_cmd.Machine(22, "twin", vim_cmd.Pretence("off"), file="[ds] twin_1/twin.vmx"),
        vim_cmd.Machine(23, "sleeping", vim_cmd.Pretence("suspended")),
        vim_cmd.Machine(24, "notes", vim_cmd.Pretence("off"), annotation=ghost),
    ]
    host = Esxi(tmp_path / "host", machines)
    host.directory.mkdir()
    host.start()
    yield host
    host.stop()


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = TOP / "roles" / "fencing" / "files" / "fence_esxi_ssh.py"
    path = tmp_path_factory.mktemp("sbin") / "fence_esxi_ssh"
    path.write_text("#!/usr/bin/python3\n" + source.read_text())
    path.chmod(0o755)
    return path


def library(suite: str) -> Path:
    return PACKAGES / suite / "root" / "usr" / "share" / "fence"


@pytest.fixture(params=SUITES or ["none"])
def agents(request: pytest.FixtureRequest, program: Path, tmp_path: Path) -> Agent:
    """The agent on each release's library."""
    if not SUITES:
        pytest.fail(
            "the fencing library is missing; make it with: tests/gates/pacemaker-tools bookworm bullseye trixie"
        )
    return Agent(program, library(request.param), tmp_path)


@pytest.fixture
def agent(program: Path, tmp_path: Path, esxi: Esxi) -> Agent:
    """The agent on one release's library, with what it needs to reach the host."""
    if not SUITES:
        pytest.fail(
            "the fencing library is missing; make it with: tests/gates/pacemaker-tools bookworm bullseye trixie"
        )
    return Agent(program, library(SUITES[0]), tmp_path, esxi.options())


def processes_with(text: str) -> List[str]:
    """Command lines of all processes that hold a text; what everybody on the host can read."""
    found: List[Any] = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                found.append(Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
            except OSError:
                continue
    return [line for line in found if text in line]
