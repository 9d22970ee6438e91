# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was applied on this node, and how to undo it. One file a transaction, for root only, oldest dropped first.

An entry is written before the patch (`outcome: started`) and completed after it, so that a crash between the two is
visible. Nothing depends on the journal: without it the agent works, and says that it kept no record.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

from .errors import AgentError

DIRECTORY = "/var/lib/tandem/journal"
KEPT = 200  # transactions
_NAME = re.compile(r"\d{8}T\d{6}-\d{4}-[A-Za-z0-9_.-]+\Z")

Entry = Dict[str, Any]


class Journal:
    """The transactions of one directory; None keeps no record (offline work on a file)."""

    def __init__(self, directory: Optional[str] = DIRECTORY) -> None:
        self._directory = None if directory is None else Path(directory)

    def new_id(self, node: str) -> str:
        """A new transaction's name: it sorts by time and tells where it was made."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        place = re.sub(r"[^A-Za-z0-9_.-]", "_", node) or "node"
        taken = {name.rsplit("-", 1)[0][:20] for name in self._names() if name.startswith(stamp)}
        number = 1
        while f"{stamp}-{number:04d}" in taken:
            number += 1
        return f"{stamp}-{number:04d}-{place}"

    def write(self, entry: Entry) -> Optional[str]:
        """Keep `entry`; answer a warning when that was not possible."""
        if self._directory is None:
            return None
        target = self._directory / f"{entry['id']}.json"
        spare = target.with_suffix(".new")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(str(spare), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(entry, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(str(spare), str(target))
        except OSError as error:
            with contextlib.suppress(OSError):
                spare.unlink()
            return f"the journal in {self._directory} could not be written ({error.strerror}); this change has no record to roll back by"
        self._prune()
        return None

    def read(self, name: str) -> Entry:
        """The whole entry, secrets included. `journal.unknown` when there is none."""
        if self._directory is not None and _NAME.match(name):
            found = _load(self._directory / f"{name}.json")
            if found is not None:
                return found
        raise AgentError(
            "journal.unknown", f"there is no transaction {name!r} on this node; `tandem history` lists them"
        )

    def note(self, name: str) -> Optional[Entry]:
        """What was written beside the transactions as `name`, {} when there is none; None where nothing is kept."""
        return None if self._directory is None else _load(self._directory / f"{name}.json") or {}

    def history(self, limit: int) -> List[Entry]:
        """The newest entries without what is needed to undo them, which may hold secrets."""
        found = []
        for name in sorted(self._names(), reverse=True)[:limit]:
            entry = _load(self._directory / f"{name}.json") if self._directory else None
            if entry is not None and entry.get("id") == name:  # else it was damaged, or is not ours
                found.append({key: value for key, value in entry.items() if key != "changes"})
        return found

    def _names(self) -> List[str]:
        try:
            names = os.listdir(str(self._directory)) if self._directory else []
        except OSError:
            return []
        return [name[:-5] for name in names if name.endswith(".json") and _NAME.match(name[:-5])]

    def _prune(self) -> None:
        for name in sorted(self._names())[:-KEPT]:
            if self._directory is not None:
                with contextlib.suppress(OSError):  # gone already, or to be dropped another time
                    (self._directory / f"{name}.json").unlink()


def _load(path: Path) -> Optional[Entry]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
