# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on the disk of a member."""

from __future__ import annotations

import os
import shutil
from typing import FrozenSet

from .settings import PREFIX, Settings, hosts_in


class Database:
    """The directory of Mnesia and all that lies beside it."""

    def __init__(self, settings: Settings) -> None:
        self.path = os.path.join(settings.directory, "mnesia", PREFIX + settings.me)
        self._settings = settings
        # Beside the directory, so that it outlives what is in there.
        self._begun = os.path.join(settings.directory, "mnesia", "joining-" + settings.me)

    def present(self) -> bool:
        """Whether a cluster's data are here."""
        return os.path.exists(os.path.join(self.path, "schema.DAT"))

    def unfinished(self) -> bool:
        """Whether a join, or the making of a cluster, did not come to its end: what is here was never in use."""
        return os.path.exists(self._begun)

    def known(self) -> FrozenSet[str]:
        """The hosts of all members, by what was known here last."""
        try:
            with open(os.path.join(self.path, "cluster_nodes.config"), encoding="utf-8") as stream:
                return parse(stream.read())
        except FileNotFoundError:
            return frozenset()

    def begin(self) -> None:
        """Before a join or the making of a cluster: nothing here is worth keeping until it has ended well."""
        os.makedirs(os.path.dirname(self._begun), mode=0o750, exist_ok=True)
        shutil.chown(os.path.dirname(self._begun), self._settings.user, self._settings.user)
        with open(self._begun, "w", encoding="utf-8"):
            pass
        shutil.rmtree(self.path, ignore_errors=True)

    def complete(self) -> None:
        """From now on what is here counts."""
        if self.unfinished():
            os.sync()
            os.remove(self._begun)

    def force(self) -> None:
        """Let the server, at its next start, wait for no other: what `rabbitmqctl force_boot` does."""
        path = os.path.join(self.path, "force_load")
        with open(path, "w", encoding="utf-8"):
            pass
        shutil.chown(path, self._settings.user, self._settings.user)


def parse(text: str) -> FrozenSet[str]:
    """The hosts in RabbitMQ's own note of the cluster: `{[all members],[members with a disk]}.`."""
    return hosts_in(text.partition("]")[0])
