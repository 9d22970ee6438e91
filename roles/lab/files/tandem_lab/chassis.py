# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chassis of one node: the only process that switches its power.

It owns children, the node's container and its emulated power controllers, and answers on a Unix
socket: one JSON object in, one out, then the connection closes.  The command line and
the controllers speak to the same socket, so that whoever presses the button, one hand does it.

States: ``off``; ``post`` (power is on, firmware is at its self test); ``running``;
``stopping`` (an orderly shutdown is under way).
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Optional

from . import emulator, machine, names, netns, processes, spec as specs, tools
from .cgroups import Group
from .errors import LabError
from .paths import Paths

CONTROLLER_RESTART_DELAY = 1.0
LOG_MAX = 4 << 20


class Chassis:
    """One thread, one loop: requests, the children's ends, and two timers."""

    def __init__(self, paths: Paths, node: str) -> None:
        self.paths = paths
        self.name = node
        self.state = "off"
        self.since = time.time()
        self.reason = "never switched on"
        self.boots = 0
        self.boot_at: Optional[float] = None
        self.controllers_at: Dict[str, float] = dict.fromkeys(specs.KINDS, 0.0)
        self.container: Optional[subprocess.Popen[bytes]] = None
        self.controllers: Dict[str, subprocess.Popen[bytes]] = {}
        self.done = False
        self.operations: Dict[str, Callable[..., None]] = {
            "status": lambda: None,
            "on": self.on,
            "off": self.off,
            "cut": self.cut,
            "cycle": self.cycle,
            "freeze": self.freeze,
            "thaw": self.thaw,
            "quit": self.quit,
        }

    @property
    def spec(self) -> specs.Spec:
        """The lab's description, read anew: it may have grown since the last power on."""
        return specs.parse(json.loads(self.paths.spec.read_text()))

    # The buttons

    def on(self, delay: Optional[float] = None) -> None:
        """Power on; the node boots after `delay` seconds, by default the lab's POST delay."""
        if self.state == "off":
            self.power_on(self.spec.post_delay if delay is None else float(delay))

    def off(self) -> None:
        """Ask the node to shut down; its container ends when it has."""
        if self.state == "running" and self.container:
            self.thaw()
            self.enter("stopping", "asked to shut down")
            self.container.terminate()
        elif self.state == "post":
            self.cut()

    def cut(self) -> None:
        if self.state != "off":
            self.power_off("power cut")

    def cycle(self) -> None:
        """Off and on.  At self test already: nothing, so that a request sent twice is one."""
        if self.state != "post":
            self.cut()
            self.on()

    def freeze(self) -> None:
        if self.state != "running":
            raise LabError("%s is %s: only a running node can hang" % (self.name, self.state))
        self.group.freeze(True)

    def thaw(self) -> None:
        if self.state in ("running", "stopping"):
            self.group.freeze(False)

    def quit(self) -> None:
        self.cut()
        self.done = True

    # What they do

    @property
    def group(self) -> Group:
        return machine.group(self.paths.name, self.name)

    def enter(self, state: str, reason: str) -> None:
        self.state, self.reason, self.since = state, reason, time.time()
        log("%s: %s" % (state, reason))

    def power_on(self, delay: float) -> None:
        self.boot_at = time.monotonic() + delay
        self.enter("post", "power on, boots in %g s" % delay)
        if delay == 0:
            self.boot()

    def power_off(self, reason: str) -> None:
        self.boot_at = None
        spec = self.spec
        machine.cut(spec, spec.nodes[self.name])
        if self.container:
            self.container.wait()
            self.container = None
        with contextlib.suppress(FileNotFoundError):
            self.paths.pid(self.name, "node").unlink()
        self.enter("off", reason)

    def boot(self) -> None:
        self.boot_at = None
        self.boots += 1
        spec = self.spec
        try:
            with open_log(self.paths.log(self.name, "node")) as stream:
                self.container = machine.start(self.paths, spec, spec.nodes[self.name], stream)
        except (LabError, OSError, subprocess.SubprocessError) as error:
            machine.clear(spec, spec.nodes[self.name])
            self.enter("off", "did not start: %s" % error)
            return
        processes.record(self.paths.pid(self.name, "node"), self.container.pid)
        self.enter("running", "boot %d" % self.boots)

    def container_ended(self, code: int) -> None:
        if code == machine.REBOOT:
            self.power_off("rebooted itself")
            self.power_on(self.spec.post_delay)
        elif self.state == "stopping" or code == 0:
            self.power_off("shut down")
        else:
            said = tools.tail(self.paths.log(self.name, "node").read_text(errors="replace"), 3)
            self.power_off("its container ended with %d: %s" % (code, said))

    def start_controller(self, kind: str) -> None:
        del self.controllers_at[kind]
        if kind not in self.spec.nodes[self.name].controllers:
            return
        where = netns.path(names.lab_name(self.paths.name))
        serve = [*own_argv("controller-serve", self.paths, self.name), kind]
        serve[0] = str(emulator.python(self.paths.cache))
        # Without a chassis there is nobody to press the button for: then it ends too.
        argv = ["setpriv", "--pdeathsig", "TERM", "nsenter", "--net=%s" % where, *serve]
        with open_log(self.paths.log(self.name, kind)) as stream:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        self.controllers[kind] = child
        processes.record(self.paths.pid(self.name, kind), child.pid)

    def status(self) -> Dict[str, Any]:
        return {
            "power": "off" if self.state == "off" else "on",
            "state": self.state,
            "frozen": self.state == "running" and self.group.frozen(),
            "since": round(self.since, 3),
            "reason": self.reason,
            "boots": self.boots,
            "pids": {
                "chassis": os.getpid(),
                "node": self.container.pid if self.container else None,
                **{kind: self.controllers[kind].pid if kind in self.controllers else None for kind in specs.KINDS},
            },
        }

    # The loop

    def tick(self) -> Optional[float]:
        """Do what is due; returns seconds until the next thing is."""
        if self.container and self.container.poll() is not None:
            code, self.container = self.container.returncode, None
            self.container_ended(code)
        for kind, child in list(self.controllers.items()):
            if child.poll() is not None:
                log("the %s ended with %s" % (kind, child.returncode))
                del self.controllers[kind]
                self.controllers_at[kind] = time.monotonic() + CONTROLLER_RESTART_DELAY
        now = time.monotonic()
        if self.boot_at is not None and self.boot_at <= now:
            self.boot()
        for kind in [kind for kind, moment in self.controllers_at.items() if moment <= now]:
            self.start_controller(kind)
        due = [*self.controllers_at.values(), *([] if self.boot_at is None else [self.boot_at])]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def answer(self, line: bytes) -> Dict[str, Any]:
        try:
            request = json.loads(line)
            self.operations[request.pop("op")](**request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return {"error": "not a request: %r" % error}
        except (LabError, OSError) as error:
            log("failed: %s" % error)
            return {"error": str(error)}
        return self.status()

    def serve(self, listener: socket.socket) -> None:
        # A signal writes to one end, the loop wakes on the other.
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(reader, selectors.EVENT_READ)
            while not self.done:
                timeout = self.tick()
                for ready in selector.select(timeout):
                    if ready[0].fileobj is reader:
                        reader.recv(4096)
                    else:
                        self.accept(listener)
        for child in self.controllers.values():
            child.terminate()
        for child in self.controllers.values():
            child.wait()

    def accept(self, listener: socket.socket) -> None:
        connection = listener.accept()[0]
        # Only root reaches the socket, but a client that says nothing must not stop the clock.
        connection.settimeout(2)
        with connection, contextlib.suppress(OSError):
            line = connection.makefile("rb").readline(65536)
            self.tick()
            connection.sendall(json.dumps(self.answer(line)).encode() + b"\n")


def run(paths: Paths, node: str) -> int:
    """The supervisor's main: joins its control group before anything else."""
    group = machine.group(paths.name, node, "chassis")
    group.create()
    group.join()
    path = paths.socket(node)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    processes.record(paths.pid(node, "chassis"), os.getpid())
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        old = os.umask(0o177)
        listener.bind(str(path))
        os.umask(old)
        listener.listen(16)
        Chassis(paths, node).serve(listener)
    return 0


def launch(paths: Paths, node: str) -> None:
    """Start a supervisor that outlives us."""
    with open_log(paths.log(node, "chassis")) as stream:
        subprocess.Popen(
            own_argv("chassis-serve", paths, node),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=own_environment(),
            cwd="/",
            start_new_session=True,
        )


def own_argv(command: str, paths: Paths, node: str) -> List[str]:
    where = ["--state-dir", str(paths.state), "--run-dir", str(paths.run), "--cache-dir", str(paths.cache)]
    return [sys.executable, "-m", __package__, command, "--name", paths.name, *where, node]


def own_environment() -> Dict[str, str]:
    """What a child of ours needs to find this package; nothing of the caller's."""
    return {
        "PATH": tools.PATH,
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }


def open_log(path: Path) -> IO[bytes]:
    """Append, beginning anew when the log has grown too long."""
    long = path.exists() and path.stat().st_size > LOG_MAX
    return open(str(path), "wb" if long else "ab")


def log(text: str) -> None:
    print("%s %s" % (time.strftime("%Y-%m-%dT%H:%M:%S"), text), file=sys.stderr, flush=True)
