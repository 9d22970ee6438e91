# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every program that is run, and how RabbitMQ's servers are asked."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple

from .settings import PREFIX, Settings, hosts_in

# Asking a host that is off ends with this.
PATIENCE = 3.0

# What waits for the others is a process of this name (rabbit_node_monitor). It has to go, since as long as it is there
# nothing would pause the member again; and the server must not, since the others would miss it and pause, too.
# The start belongs to nobody who asks, as the one that RabbitMQ itself would begin.
RESUME = """
case {whereis(rabbit_outside_app_process), whereis(rabbit_boot)} of
  {undefined, _} -> busy;
  {Pid, undefined} ->
    exit(Pid, kill),
    spawn(fun () -> group_leader(whereis(init), self()), rabbit:start() end),
    resumed;
  _ -> busy
end.
"""

DROP = """
Gone = [%s],
[rpc:cast(Node, erlang, disconnect_node, [Each]) || Node <- [node() | nodes()] -- Gone, Each <- Gone],
dropped.
"""


def environment(settings: Settings) -> Dict[str, str]:
    """The cookie lies in HOME; Elixir's tools want UTF-8."""
    return {
        "HOME": settings.directory,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PATH": settings.programs + ":/usr/sbin:/usr/bin:/sbin:/bin",
        "RABBITMQ_CONF_ENV_FILE": os.path.join(settings.configuration, "rabbitmq-env.conf"),
    }


def as_user(settings: Settings, argv: Iterable[str]) -> List[str]:
    """The same process in the end, so that a signal reaches the right one."""
    if os.geteuid() != 0:
        return list(argv)
    return ["setpriv", "--reuid=" + settings.user, "--regid=" + settings.user, "--clear-groups", "--", *argv]


def run(argv: List[str], timeout: float, env: Optional[Dict[str, str]] = None, given: str = "") -> Tuple[int, str, str]:
    """Exit code, output, and what was complained of; an end by time counts as a failure."""
    try:
        done = subprocess.run(
            argv,
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            env=env,
        )
    except subprocess.TimeoutExpired:
        return 124, "", "no answer within %.0f s" % timeout
    except OSError as error:
        return 127, "", str(error)
    return done.returncode, done.stdout, done.stderr


class Servers:
    """The servers of all members, asked in Erlang's own way: no virtual machine is started for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def ask(self, host: str, question: str, timeout: float = PATIENCE) -> Optional[str]:
        """The answer to `module function [arguments]`, as Erlang writes it; None when nobody answers."""
        return self._call(host, timeout, ["-a", question])

    def _call(self, host: str, timeout: float, what: List[str], given: str = "") -> Optional[str]:
        kind = "-name" if self._settings.long_names else "-sname"
        argv = ["erl_call", kind, PREFIX + host, "-timeout", "%d" % max(1, timeout), *what]
        code, out, _err = run(as_user(self._settings, argv), timeout, environment(self._settings), given)
        return out.strip() if code == 0 and out.strip() else None

    def serves(self, host: str, timeout: float = PATIENCE) -> Optional[bool]:
        """Whether RabbitMQ runs there and is done with its start; None when not even its server answers."""
        answer = self.ask(host, "rabbit_boot_state get", timeout)
        return None if answer is None else answer == "ready"

    def states(self, hosts: Iterable[str]) -> Dict[str, Optional[bool]]:
        """The same of many, asked at once."""
        hosts = list(hosts)
        if not hosts:
            return {}
        with concurrent.futures.ThreadPoolExecutor(len(hosts)) as pool:
            return dict(zip(hosts, pool.map(self.serves, hosts)))

    def resume(self, host: str) -> bool:
        """End the wait of a server that has paused itself, and start RabbitMQ in it; False when it does not wait."""
        return self._call(host, PATIENCE, ["-e"], RESUME) == "{ok, resumed}"

    def drop(self, host: str, gone: Iterable[str]) -> bool:
        """Have a server, and all that it is connected with, give members up that are off."""
        names = ", ".join("'%s'" % (PREFIX + name) for name in gone)
        return self._call(host, PATIENCE, ["-e"], DROP % names) == "{ok, dropped}"

    def members(self, host: str) -> Optional[FrozenSet[str]]:
        """Who is in the cluster, by what a member says."""
        answer = self.ask(host, "rabbit_mnesia cluster_nodes [all]")
        return None if answer is None else hosts_in(answer)

    def control(self, program: str, *arguments: str, node: str, timeout: float) -> Tuple[int, str]:
        """Run one of RabbitMQ's own tools, at the server of a host; its exit code and what it complained of."""
        argv = [os.path.join(self._settings.programs, program), "--node", PREFIX + node]
        if self._settings.long_names:
            argv.append("--longnames")
        code, out, err = run(as_user(self._settings, [*argv, *arguments]), timeout, environment(self._settings))
        return code, " ".join((err or out).split())
