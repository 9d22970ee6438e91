# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""A cluster's keys on the control node, for one run: in its private temporary directory, which all forks share and which
Ansible removes at the end. Everything is made exclusively, so that all forks read what the first one wrote."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
import tempfile
from pathlib import Path

KEY_BYTES = 256  # of both keys, as pcs makes them
KEYS = ("corosync", "pacemaker")


class KeysDiffer(Exception):
    """Two members of one cluster hold different keys."""


class Keyring:
    """The keys of the cluster `cluster` below `directory` (ansible.constants.DEFAULT_LOCAL_TMP)."""

    def __init__(self, directory: str, cluster: str) -> None:
        self.cluster = cluster
        self.path = Path(directory) / f"tandem-keys-{_digest(cluster)}"

    def exists(self) -> bool:
        """Whether ha_keys ran for this cluster in this run."""
        return self.path.is_dir()

    def open(self) -> None:
        """Make it; readable by the one who runs Ansible only."""
        self.path.mkdir(mode=0o700, exist_ok=True)

    def ask(self, host: str) -> None:
        """Remember that `host` was asked for what it holds."""
        self._path(f"asked-{_digest(host)}").touch(mode=0o600)

    def asked(self, host: str) -> bool:
        """Whether `host` was asked in this run."""
        return self._path(f"asked-{_digest(host)}").exists()

    def put(self, name: str, data: bytes) -> None:
        """Keep `data` as `name`. Raises KeysDiffer when another member's is different; a configuration may differ."""
        descriptor, temporary = tempfile.mkstemp(dir=self.path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            with contextlib.suppress(FileExistsError):
                os.link(temporary, self._path(name))
        finally:
            os.unlink(temporary)
        if name in KEYS and self._path(name).read_bytes() != data:
            raise KeysDiffer(name)

    def make(self, name: str) -> None:
        """A new key as `name`, unless there is one."""
        with contextlib.suppress(KeysDiffer):
            self.put(name, secrets.token_bytes(KEY_BYTES))

    def keys(self) -> dict[str, str]:
        """The keys there are, in base64."""
        return {name: base64.b64encode(data).decode() for name in KEYS if (data := self._read(name)) is not None}

    def base(self) -> str | None:
        """A member's corosync.conf, if one was fetched."""
        data = self._read("conf")
        return None if data is None else data.decode("utf-8", "replace")

    def _read(self, name: str) -> bytes | None:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def _path(self, name: str) -> Path:
        return self.path / name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
