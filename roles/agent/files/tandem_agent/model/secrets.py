# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which options hold a secret. One rule for diffs, plans, exports, metadata, the journal and what tools say."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Iterable, Iterator, Optional

MASK = "********"
ELSEWHERE = "lrm://"  # what the CIB holds instead of a secret that Pacemaker keeps in files
SEAL = "tandem-secrets"  # the meta attribute that changes when a secret does
SHORTEST = 4  # characters; hiding anything shorter would hide half of what is said
LONGEST = 253  # bytes that Pacemaker before 3.0.1 reads of a secret, without the end of its line

_SECRET = re.compile(r"passw|passphrase|secret|token|(private|api)_?key|community", re.IGNORECASE)
_A_WAY_TO_IT = ("_script", "_file", "_path", "_timeout")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")


@lru_cache(maxsize=256)
def is_secret(name: str) -> bool:
    """Whether option `name` holds a secret itself (`passwd`), not the way to one (`password_script`)."""
    return bool(_SECRET.search(name)) and not name.endswith(_A_WAY_TO_IT)


def secret_fault(name: str, value: Optional[str]) -> Optional[str]:
    """Why Pacemaker could not keep this secret in a file, or None. Never quotes the value."""
    if not _FILE_NAME.match(name) or name.endswith(".sign"):
        return "is no name of a secret: it names a file, so use letters, digits, _ . and -"
    if value is None or value == MASK:
        return None
    if value == ELSEWHERE:
        return f"{ELSEWHERE} is what the CIB holds instead of a secret; write the secret itself"
    if len(value) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    if len(value.encode("utf-8")) > LONGEST:
        return f"has more than {LONGEST} bytes, of which Pacemaker would cut off the rest"
    if "\n" in value or "\r" in value:
        return "has more than one line, of which Pacemaker reads the first"
    if value != value.rstrip():
        return "ends with a space, which Pacemaker would cut off"
    return None


def secrets_in(tree: Any, name: str = "") -> Iterator[str]:
    """The secret values of a document, as it came or as it is shown."""
    if isinstance(tree, dict):
        for key, item in tree.items():
            inside = name == "secrets" and not isinstance(item, (dict, list))
            yield from secrets_in(item, "secret" if inside else str(key))
    elif isinstance(tree, list):
        for item in tree:
            yield from secrets_in(item, name)
    elif isinstance(tree, (str, int)) and is_secret(name):
        yield str(tree)


def hidden(said: Any, secrets: Iterable[str]) -> Any:
    """What is said, without the secrets that a tool or an agent may have put into it."""
    worth = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)
    return _hidden(said, worth)


def _hidden(said: Any, secrets: Iterable[str]) -> Any:
    if isinstance(said, dict):
        return {key: _hidden(item, secrets) for key, item in said.items()}
    if isinstance(said, (list, tuple)):
        return [_hidden(item, secrets) for item in said]
    if isinstance(said, str):
        for secret in secrets:
            said = said.replace(secret, MASK)
    return said
