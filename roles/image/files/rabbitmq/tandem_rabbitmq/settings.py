# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member is told: who it is, who the others are, where its files lie."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from typing import FrozenSet, List, Sequence, Tuple

PREFIX = "rabbit@"
_NODE = re.compile(PREFIX + "([A-Za-z0-9.-]+)")


@dataclass(frozen=True)
class Settings:
    """Hosts are named without the prefix of Erlang's nodes."""

    me: str
    members: Tuple[str, ...]  # the hosts under Pacemaker, in the same order everywhere
    voters: Tuple[str, ...] = ()  # members beside those, such as the witness
    resource: str = ""  # what Pacemaker calls us; empty where there is none to ask, as on the witness
    directory: str = "/var/lib/rabbitmq"
    configuration: str = "/etc/rabbitmq"  # the directory with rabbitmq-env.conf
    log_directory: str = "/var/log/rabbitmq"
    run_directory: str = "/run/tandem-rabbitmq"
    programs: str = "/usr/lib/rabbitmq/bin"
    user: str = "rabbitmq"
    force_after: float = 0.0  # seconds; 0: never

    @property
    def all(self) -> Tuple[str, ...]:
        return self.members + self.voters

    @property
    def others(self) -> Tuple[str, ...]:
        return tuple(name for name in self.all if name != self.me)

    @property
    def long_names(self) -> bool:
        return any("." in name for name in self.all)

    def arguments(self) -> List[str]:
        """The command line that says the same; see `parse`."""
        listed = ["--member=" + name for name in self.members] + ["--voter=" + name for name in self.voters]
        return [
            "--me=" + self.me,
            *listed,
            "--resource=" + self.resource,
            "--directory=" + self.directory,
            "--configuration=" + self.configuration,
            "--log-directory=" + self.log_directory,
            "--run-directory=" + self.run_directory,
            "--programs=" + self.programs,
            "--user=" + self.user,
            "--force-after=%s" % self.force_after,
        ]


def parse(argv: Sequence[str]) -> Settings:
    """The settings of a command line."""
    parser = argparse.ArgumentParser(
        prog="tandem_rabbitmq.runner", description="Run a member of a RabbitMQ cluster on the data that are there."
    )
    parser.add_argument("--me", required=True, help="this host's name in the cluster")
    parser.add_argument("--member", action="append", default=[], help="a host under Pacemaker; once for each")
    parser.add_argument("--voter", action="append", default=[], help="a member that is not under Pacemaker")
    parser.add_argument("--resource", default="", help="the resource's name; without it nobody is asked")
    parser.add_argument("--directory", default=Settings.directory)
    parser.add_argument("--configuration", default=Settings.configuration)
    parser.add_argument("--log-directory", default=Settings.log_directory)
    parser.add_argument("--run-directory", default=Settings.run_directory)
    parser.add_argument("--programs", default=Settings.programs)
    parser.add_argument("--user", default=Settings.user)
    parser.add_argument("--force-after", type=float, default=Settings.force_after)
    given = parser.parse_args(argv)
    return Settings(
        me=given.me,
        members=tuple(given.member),
        voters=tuple(given.voter),
        resource=given.resource,
        directory=given.directory,
        configuration=given.configuration,
        log_directory=given.log_directory,
        run_directory=given.run_directory,
        programs=given.programs,
        user=given.user,
        force_after=given.force_after,
    )


def hosts_in(text: str) -> FrozenSet[str]:
    """The hosts of all members that are named in what Erlang wrote, whether it quotes names or not."""
    return frozenset(_NODE.findall(text))
