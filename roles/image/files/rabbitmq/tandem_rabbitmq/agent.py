# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resource agent ocf:tandem:rabbitmq: a member of a RabbitMQ cluster that starts on the data that are there.

For a bundle, where it runs in the container. It needs no notifications. An action never waits for another host longer
than a moment: while it does, Pacemaker begins nothing else, not even moving an address.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from . import ocf, state
from .manual import METADATA, USAGE
from .settings import Settings
from .tools import Servers

START_WAIT = "20s"
WAITING_LIMIT = 2.0
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\Z")
PROGRAMS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Agent:
    """One call of the agent."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.actions: Dict[str, Callable[[], int]] = {
            "start": self.start,
            "stop": self.stop,
            "monitor": self.monitor,
            "validate-all": self.validate,
            "reload-agent": self.validate,
        }

    def _parameter(self, name: str, default: str = "") -> str:
        return ocf.parameter(self._environment, name, default)

    def _names(self, name: str) -> Tuple[str, ...]:
        names = tuple(self._parameter(name).split())
        for entry in names:
            if not HOST.match(entry):
                raise ocf.Misconfigured("%s: %r is no name of a host" % (name, entry))
        if len(set(names)) != len(names):
            raise ocf.Misconfigured("%s: %s: each host once" % (name, " ".join(names)))
        return names

    def settings(self) -> Settings:
        """Raises Misconfigured."""
        members, voters, me = self._names("members"), self._names("voters"), self._me()
        if me not in members:
            raise ocf.Misconfigured(
                "members: %s is not among them (%s): name every host that Pacemaker may run this on, as its nodes are called"
                % (me, " ".join(members) or "none")
            )
        if set(members) & set(voters):
            raise ocf.Misconfigured("voters: %s is a member already" % ", ".join(sorted(set(members) & set(voters))))
        return Settings(
            me=me,
            members=members,
            voters=voters,
            resource=(self._environment.get("OCF_RESOURCE_INSTANCE") or "rabbitmq").partition(":")[0],
            directory=self._parameter("directory", Settings.directory),
            configuration=self._parameter("configuration", Settings.configuration),
            log_directory=self._parameter("log_directory", Settings.log_directory),
            run_directory=self._parameter("run_directory", Settings.run_directory),
            programs=self._parameter("programs", Settings.programs),
            user=self._parameter("user", Settings.user),
            force_after=ocf.seconds("force_after", self._parameter("force_after", "0")),
        )

    def _me(self) -> str:
        """The host, of whose name the container knows nothing."""
        for name in ("physical_host", "on_node"):
            if ocf.meta(self._environment, name):
                return ocf.meta(self._environment, name)
        return os.uname().nodename

    def _where(self) -> Settings:
        """Enough of the settings to find what runs: a stop must not fail for the others."""
        return Settings(me="", members=(), run_directory=self._parameter("run_directory", Settings.run_directory))

    def start(self) -> int:
        settings = self.settings()
        if not os.access(os.path.join(settings.programs, "rabbitmq-server"), os.X_OK):
            ocf.reason("programs: there is no rabbitmq-server in %s" % settings.programs)
            return ocf.INSTALLED
        wait = ocf.seconds("start_wait", self._parameter("start_wait", START_WAIT))
        launched = None
        if not state.runs(state.read(settings)):
            self._kill(settings)
            launched = _launch(settings)
        return self._await(settings, launched, wait)

    def _await(self, settings: Settings, launched: Optional[subprocess.Popen[bytes]], wait: float) -> int:
        """Until it serves or has failed, or for as long as a start may wait."""
        begun, limit = time.monotonic(), ocf.time_limit(self._environment)
        wait = min(wait, limit)
        while True:
            found, passed = state.read(settings), time.monotonic() - begun
            if found and found.state == state.SERVING:
                return ocf.SUCCESS
            if found and found.state == state.FAILED:
                ocf.reason(found.why)
                return ocf.ERROR
            # Waiting is for another member, which may need this action to end before it can begin.
            if found and (passed > wait or (found.state == state.WAITING and found.age() > WAITING_LIMIT)):
                return ocf.SUCCESS  # the next monitors look after it
            if not found and (passed > limit or (launched is not None and launched.poll() is not None)):
                ocf.reason("nothing was started; %s says why" % _log(settings))
                return ocf.ERROR
            time.sleep(0.2)

    def stop(self) -> int:
        settings = self._where()
        found = state.read(settings)
        if found and state.runs(found):
            os.kill(found.runner, signal.SIGTERM)
            end = time.monotonic() + ocf.time_limit(self._environment)
            while state.runs(found) and time.monotonic() < end:
                time.sleep(0.1)
        self._kill(settings)
        return ocf.SUCCESS

    def _kill(self, settings: Settings) -> None:
        """Whatever of it is left, and the note of it."""
        found = state.read(settings)
        for pid, there in ((found.runner, state.runs), (found.server, state.serves)) if found else ():
            if there(found):
                os.kill(pid, signal.SIGKILL)
                while there(found):
                    time.sleep(0.05)
        state.remove(settings)

    def monitor(self) -> int:
        settings = self._where()
        found = state.read(settings)
        if found is None:
            return ocf.NOT_RUNNING
        if not state.runs(found):
            ocf.reason(found.why if found.state == state.FAILED else "what watches the server ended by itself")
            return ocf.ERROR if state.serves(found) else ocf.NOT_RUNNING
        if found.state == state.FAILED:
            ocf.reason(found.why)
            return ocf.ERROR
        return self._answers() if found.state == state.SERVING else ocf.SUCCESS

    def _answers(self) -> int:
        """A server that serves answers; one that is only busy gets as long as there is."""
        settings = self.settings()
        servers, end = Servers(settings), time.monotonic() + ocf.time_limit(self._environment) / 2
        while True:
            if servers.ask(settings.me, "erlang node", 5.0) is not None:
                return ocf.SUCCESS
            if time.monotonic() >= end or not state.serves(state.read(settings)):
                ocf.reason("the server does not answer")
                return ocf.ERROR
            time.sleep(0.5)

    def validate(self) -> int:
        self.settings()
        ocf.seconds("start_wait", self._parameter("start_wait", START_WAIT))
        return ocf.SUCCESS


def _log(settings: Settings) -> str:
    return os.path.join(settings.log_directory, "tandem.log")


def _launch(settings: Settings) -> subprocess.Popen[bytes]:
    """Start the runner, as a process that outlives this one."""
    os.makedirs(settings.log_directory, mode=0o750, exist_ok=True)
    with open(_log(settings), "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-B", "-m", "tandem_rabbitmq.runner", *settings.arguments()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=PROGRAMS,
            start_new_session=True,
        )


def main(argv: List[str]) -> int:
    """Exit codes of OCF: 1 is tried again, 2 and 5 keep the resource from this node."""
    action = argv[1] if len(argv) == 2 else ""
    if action in ("meta-data", "metadata"):
        print(METADATA, end="")
        return ocf.SUCCESS
    if action in ("usage", "help", ""):
        print(USAGE)
        return ocf.SUCCESS if action else ocf.ARGUMENTS
    agent = Agent(os.environ)
    if action not in agent.actions:
        ocf.reason("there is no action %s" % action)
        return ocf.UNIMPLEMENTED
    try:
        return agent.actions[action]()
    except ocf.Misconfigured as fault:
        ocf.reason(str(fault))
        return ocf.ARGUMENTS
