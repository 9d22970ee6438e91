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


def run(argv: List[str], timeout: float, env: Optional[Dict[str, str]] = None) -> Tuple[int, str, str]:
    """Exit code, output, and what was complained of; an end by time counts as a failure."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
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
        kind = "-name" if self._settings.long_names else "-sname"
        argv = ["erl_call", kind, PREFIX + host, "-timeout", "%d" % max(1, timeout), "-a", question]
        code, out, _err = run(as_user(self._settings, argv), timeout, environment(self._settings))
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
