# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one member: decides what to do, does it, and stays as long as the server does.

The resource agent starts it and returns; an action that waits would hold back everything else the cluster has to do.
On the witness systemd starts the same program.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, List, Optional

from . import decide, pacemaker, peers, state
from .database import Database
from .settings import PREFIX, Settings, parse
from .tools import Servers, as_user, environment

PAUSE = 0.5
HURRY = 0.1  # while a member is not heard: clients wait for the word that it is off
GLANCE = 5.0  # between two looks at a server that serves
STOP_LIMIT = 60.0
JOIN_LIMIT = 90.0
STUCK_AFTER = 120.0  # seconds for which RabbitMQ may rest in its server although others run


class Runner:
    """One life of a member."""

    def __init__(self, settings: Settings, servers: Servers, say: Callable[[str], None]) -> None:
        self.settings = settings
        self.servers = servers
        self.database = Database(settings)
        self._say = say
        self._ending = threading.Event()
        self._server: Optional[subprocess.Popen[bytes]] = None
        self._state = ("", "")
        self._since = time.monotonic()

    def end(self, *_: Any) -> None:
        self._ending.set()

    # The two loops

    def run(self) -> int:
        """Until the server has ended; 0 when it was asked to."""
        self._publish()
        while not self._ending.is_set():
            step = decide.decide(self._facts())
            if step.kind == decide.REFUSE:
                return self._fail(step.why)
            if step.kind == decide.WAIT:
                self._note(state.WAITING, step.why)
                self._ending.wait(PAUSE)
                continue
            self._note(state.STARTING, step.why)
            if self._prepare(step):
                return self._serve(step)
            self._ending.wait(PAUSE)
        return 0

    def _serve(self, step: decide.Step) -> int:
        """Start the server, and watch it to its end."""
        self._start(step)
        looked, pause = 0.0, PAUSE
        while not self._ending.wait(pause):
            pause, code = PAUSE, self._ended()
            if code is not None:
                return self._fail("the server ended by itself (%s); its log says why" % _end(code))
            if self._state[0] == state.SERVING:
                if self._consider_drop():
                    pause = HURRY
                if time.monotonic() - looked < GLANCE:
                    continue
            looked = time.monotonic()
            if not self.servers.serves(self.settings.me):
                if self._rests():
                    return self._fail("RabbitMQ has not run in its server for %d s although others run" % STUCK_AFTER)
            elif self._state[0] != state.SERVING:
                if not self._arrived(step):
                    return self._fail("the server did not become a member of the cluster of %s" % step.peer)
                step = decide.Step(decide.START, step.why)  # what is to be done once has been done
        self._stop()
        return 0

    # What is known

    def _facts(self) -> decide.Facts:
        settings, data = self.settings, self.database.present()
        serving = self.servers.states(settings.others)
        running = tuple(name for name in settings.others if serving[name])
        ask = settings.resource and not data and not running  # else the answer would change nothing
        return decide.Facts(
            me=settings.me,
            members=settings.members,
            voters=settings.voters,
            data=data,
            unfinished=self.database.unfinished(),
            known=self.database.known() if data else frozenset(),
            running=running,
            view=pacemaker.look(settings) if ask else decide.View() if settings.resource else None,
        )

    def _publish(self) -> None:
        if self.settings.resource:
            pacemaker.publish(
                self.settings,
                decide.MEMBER if self.database.present() and not self.database.unfinished() else decide.FRESH,
            )

    # Steps

    def _prepare(self, step: decide.Step) -> bool:
        """What must be done before the server starts; False: look again."""
        if step.kind == decide.START:
            return True
        if step.kind == decide.MAKE and not pacemaker.record(self.settings, decide.MAKING + self.settings.me):
            return False
        if step.kind == decide.JOIN and not self._forgotten(step.peer):
            return False
        self.database.begin()
        return True

    def _forgotten(self, peer: str) -> bool:
        """A member that lost its disk is still one for the others, and must be forgotten before it joins."""
        members = self.servers.members(peer)
        if members is None:
            return False
        if self.settings.me not in members:
            return True
        self._say("%s knows this host as a member that it no longer is: having it forgotten" % peer)
        code, said = self.servers.control(
            "rabbitmqctl", "forget_cluster_node", PREFIX + self.settings.me, node=peer, timeout=JOIN_LIMIT
        )
        if code != 0:
            self._say("%s does not forget this host: %s" % (peer, said))
        return code == 0

    def _start(self, step: decide.Step) -> None:
        settings, env = self.settings, environment(self.settings)
        # The script then becomes the server, instead of staying beside it.
        env["RUNNING_UNDER_SYSTEMD"] = "true"
        if step.kind == decide.JOIN:
            env["RABBITMQ_SERVER_START_ARGS"] = "-rabbit cluster_nodes {['%s'],disc}" % (PREFIX + step.peer)
        for directory in (settings.directory, settings.log_directory):
            os.makedirs(directory, mode=0o750, exist_ok=True)
        with open(os.path.join(settings.log_directory, "server.out"), "wb") as out:
            shutil.chown(out.name, settings.user, settings.user)
            self._server = subprocess.Popen(
                as_user(settings, [os.path.join(settings.programs, "rabbitmq-server")]),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=settings.directory,
                env=env,
                start_new_session=True,
            )
        self._note(state.STARTING, step.why)

    def _arrived(self, step: decide.Step) -> bool:
        """The server serves for the first time; False when it is not what was wanted."""
        if step.kind == decide.JOIN and step.peer not in (self.servers.members(self.settings.me) or ()):
            # Nobody had a chance to use it: a fresh server knows no user who may come over the network.
            self._stop()
            return False
        self.database.complete()
        if self.settings.resource:
            pacemaker.publish(self.settings, decide.MEMBER)
            if pacemaker.recorded(self.settings) != decide.MADE:
                pacemaker.record(self.settings, decide.MADE)
        self._note(state.SERVING, step.why)
        if step.kind == decide.JOIN:
            self._grow()  # last: it takes its time, and clients need not wait for it
        return True

    def _grow(self) -> None:
        """Quorum queues made before get a copy here; by themselves they do not."""
        code, said = self.servers.control(
            "rabbitmq-queues", "grow", PREFIX + self.settings.me, "all", node=self.settings.me, timeout=JOIN_LIMIT
        )
        if code != 0:
            self._say("quorum queues got no copy here: %s" % said)

    def _stall(self) -> decide.Stall:
        serving = self.servers.states(self.settings.others)
        return decide.Stall(
            me=self.settings.me,
            members=self.settings.members,
            known=self.database.known(),
            alive=frozenset(name for name, answer in serving.items() if answer is not None),
            running=frozenset(name for name, answer in serving.items() if answer),
            view=pacemaker.look(self.settings) if self.settings.resource else None,
        )

    def _consider_force(self) -> None:
        limit = self.settings.force_after
        if not limit or time.monotonic() - self._since < limit:
            return
        stall = self._stall()
        if decide.may_force(stall):
            missing = ", ".join(sorted(stall.missing))
            self._say("going on without %s, which is off: a majority of the members is here" % missing)
            self._stop()
            self.database.force()
            self._start(decide.Step(decide.START, "starting without %s" % missing))

    def _consider_resume(self) -> None:
        stall = self._stall()
        if decide.may_resume(stall) and self.servers.resume(self.settings.me):
            missing, others = (", ".join(sorted(names)) for names in (stall.missing, stall.running))
            self._say("ending the pause: %s is off, and %s went on" % (missing, others))

    def _consider_drop(self) -> bool:
        """Give a member up when it is off, by Pacemaker's word, and not after a time. Returns whether one is not heard.

        A time that is too short makes two clusters of one while both are there, and one that is long enough holds clients up.
        """
        if not self.settings.resource or not peers.unheard():
            return False
        gone = decide.off(
            [name for name in self.settings.members if name != self.settings.me], pacemaker.glance(self.settings)
        )
        if gone and self.servers.drop(self.settings.me, gone):
            self._say("giving %s up, which is off" % ", ".join(gone))
        return True

    def _rests(self) -> bool:
        """RabbitMQ does not run in its server: not yet, or not any more. Returns whether it never will."""
        if self._state[0] == state.SERVING:
            self._note(state.PAUSED, "the server is up, and RabbitMQ in it does not run")
        if self._state[0] == state.STARTING:
            self._consider_force()
        elif self._state[0] == state.PAUSED:
            self._consider_resume()
        return self._state[0] == state.PAUSED and self._stuck()

    def _stuck(self) -> bool:
        if time.monotonic() - self._since < STUCK_AFTER:
            return False
        return any(self.servers.states(self.settings.others).values())

    def _ended(self) -> Optional[int]:
        return self._server.poll() if self._server else 0

    def _stop(self) -> None:
        """In an orderly way, and after a while in the other."""
        server = self._server
        if server is None or server.poll() is not None:
            return
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._say("the server does not end within %d s: killing it" % STOP_LIMIT)
            server.kill()
            server.wait()

    # What is said

    def _note(self, kind: str, why: str) -> None:
        if (kind, why) != self._state:
            self._say("%s: %s" % (kind, why))
            self._state, self._since = (kind, why), time.monotonic()
        pid = self._server.pid if self._server else 0
        state.write(self.settings, state.State(os.getpid(), pid, kind, why, self._since))

    def _fail(self, why: str) -> int:
        self._stop()
        self._note(state.FAILED, why)
        return 1


def _end(code: int) -> str:
    return "signal %d" % -code if code < 0 else "exit code %d" % code


def _stamped(text: str) -> None:
    print("%s %s" % (time.strftime("%Y-%m-%d %H:%M:%S"), text), flush=True)


def main(argv: List[str]) -> int:
    settings = parse(argv)
    runner = Runner(settings, Servers(settings), _stamped)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, runner.end)
    return runner.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
