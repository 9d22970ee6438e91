# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scalars: what may be written into the CIB, and when two spellings mean the same.

Spellings follow Pacemaker: `crm_parse_interval_spec`, `crm_str_to_boolean` and `char2score` (Pacemaker Explained,
"Property and Option values").
"""

from __future__ import annotations

import math
import re
from typing import Any, Callable, Dict, Optional

LONGEST = 65536  # characters in one value; libxml2 and Pacemaker's IPC lose data silently far beyond it
LONGEST_ID = 255

ID = re.compile(r"[^\W\d][\w.-]*\Z")  # letters of any script, as the schema's type ID
AGENT_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\/-]*\Z")  # external/sbd is one

# XML 1.0 can't carry these, not even escaped; lone surrogates can't be encoded.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def text_of(value: Any) -> str:
    """A JSON scalar as the CIB writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def scalar_fault(value: Any) -> Optional[str]:
    """Why `value` can't be an XML attribute, or None."""
    if isinstance(value, str) and value.isprintable():
        return None  # nearly always; what XML cannot carry is not printable
    if not isinstance(value, (str, int, float, bool)):
        return f"must be a text, a number or a boolean, not {type(value).__name__}"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    bad = _FORBIDDEN.search(text_of(value))
    if bad:
        return f"holds the character U+{ord(bad.group()):04X}, which XML cannot carry"
    return None


def length_fault(text: str) -> Optional[str]:
    """Why `text` is better not written anew, or None."""
    if len(text) <= LONGEST:
        return None
    return f"is {len(text)} characters long; at most {LONGEST} are allowed"


def id_fault(text: str) -> Optional[str]:
    """Why `text` can't be an id, or None: it has to be an XML NCName."""
    if not text:
        return "an id must not be empty"
    if len(text) > LONGEST_ID:
        return f"an id has at most {LONGEST_ID} characters, this one has {len(text)}"
    if not ID.match(text):
        return f"{text!r} is no id: it starts with a letter or _, then letters, digits, _ . and - only"
    return None


_UNITS = {
    "": 1000, "s": 1000, "sec": 1000, "ms": 1, "msec": 1, "us": 0.001, "usec": 0.001,
    "m": 60000, "min": 60000, "h": 3600000, "hr": 3600000,
}  # fmt: skip
# Longer numbers mean nothing here, and Python refuses to read very long ones.
_DURATION = re.compile(r"\s*([0-9]{1,15})\s*([A-Za-z]*)\s*\Z")
# ISO 8601 as Pacemaker reads it: it wants the T only to tell minutes from months, which have 30 days.
_ISO = re.compile(r"P(?:T?[0-9]{1,15}[YMWDHS])+\Z")
_AMOUNT = re.compile(r"([0-9]+)([A-Z])")
_ISO_UNITS = {"Y": 365 * 86400, "M": 30 * 86400, "W": 7 * 86400, "D": 86400, "H": 3600, "S": 1}


def whole(text: Optional[str]) -> Optional[int]:
    """A whole number in ASCII digits; None when it is none."""
    return int(text) if text and re.match(r"[+-]?[0-9]{1,15}\Z", text) else None


def duration_ms(text: str) -> Optional[int]:
    """An interval such as `30`, `30s`, `5min` or `PT30S` in milliseconds; None when it is none."""
    plain = _DURATION.match(text)
    if plain:
        number, name = plain.groups()
        unit = _UNITS.get(name.lower())
        return None if unit is None else int(int(number) * unit)
    if not _ISO.match(text):
        return None
    date, _t, time = text.partition("T")
    seconds = sum(int(number) * _ISO_UNITS[unit] for number, unit in _AMOUNT.findall(date))
    return 1000 * (seconds + sum(int(number) * {**_ISO_UNITS, "M": 60}[unit] for number, unit in _AMOUNT.findall(time)))


def boolean(text: str) -> Optional[bool]:
    """A boolean as Pacemaker reads it; None when it is none."""
    word = text.strip().lower()
    if word in ("true", "yes", "on", "y", "1"):
        return True
    if word in ("false", "no", "off", "n", "0"):
        return False
    return None


INFINITY = 1000000
_NAMED_SCORES = {
    "infinity": INFINITY,
    "+infinity": INFINITY,
    "-infinity": -INFINITY,
    "red": -INFINITY,
    "green": 0,
    "yellow": 0,
}
_SCORE = re.compile(r"[+-]?[0-9]+\Z")


def score(text: str) -> Optional[int]:
    """A score with its infinities (±1000000) and old colours; None when it is none."""
    word = text.strip().lower()
    if word in _NAMED_SCORES:
        return _NAMED_SCORES[word]
    if not _SCORE.match(word):
        return None
    size = min(INFINITY, int(word.lstrip("+-").lstrip("0")[:8] or "0"))  # eight digits are beyond INFINITY already
    return -size if word.startswith("-") else size


def score_text(text: str) -> str:
    """A score as pcs and Pacemaker print it."""
    value = score(text)
    if value is None:
        return text
    return {INFINITY: "INFINITY", -INFINITY: "-INFINITY"}.get(value, str(value))


_ROLES = {"master": "Promoted", "slave": "Unpromoted"}


def role(text: str) -> str:
    """The one name of a role, whatever the stack calls it (Master and Promoted, Slave and Unpromoted)."""
    word = text.strip().lower()
    return _ROLES.get(word, word.capitalize())


# How the values of well-known options are to be compared. What is not here is compared letter by letter.
_BOOLEANS = (
    "stonith-enabled fencing-enabled symmetric-cluster maintenance-mode start-failure-is-fatal enable-startup-probes "
    "stop-all-resources stop-orphan-resources stop-orphan-actions remove-after-stop enable-acl concurrent-fencing "
    "startup-fencing shutdown-lock have-watchdog is-managed maintenance allow-unhealthy-nodes promotable notify ordered "
    "interleave globally-unique allow-migrate critical standby enabled record-pending "
    "symmetrical require-all sequential influence add-host is-default"
).split()
_DURATIONS = (
    "cluster-recheck-interval dc-deadtime election-timeout shutdown-escalation join-finalization-timeout "
    "join-integration-timeout transition-delay stonith-timeout fencing-timeout cluster-delay batch-delay shutdown-lock-limit "
    "priority-fencing-delay node-pending-timeout failure-timeout interval timeout start-delay "
    "stonith-watchdog-timeout fencing-watchdog-timeout "
    "monitor-timeout pcmk_delay_max"
).split()
_SCORES = (
    "resource-stickiness",
    "score",
    "priority",
    "migration-threshold",
    "node-health-base",
    "node-health-green",
    "node-health-yellow",
    "node-health-red",
)

_NORMAL: Dict[str, Callable[[str], Any]] = {}
_NORMAL.update(dict.fromkeys(_BOOLEANS, boolean))
_NORMAL.update(dict.fromkeys(_DURATIONS, duration_ms))
_NORMAL.update(dict.fromkeys(_SCORES, score))
_NORMAL.update({"role": role, "target-role": role, "rsc-role": role, "with-rsc-role": role})
_NORMAL.update(dict.fromkeys(("kind", "boolean-op", "operation", "action", "first-action", "then-action"), str.lower))


def canonical(name: str, text: str) -> Any:
    """What option `name` means when it is written `text`: the same for all spellings of one value."""
    normal = _NORMAL.get(name)
    value = None if normal is None else normal(text)
    return text if value is None else value


def same(name: str, left: Optional[str], right: Optional[str]) -> bool:
    """Whether two spellings of option `name` mean the same; None is "not set"."""
    if left is None or right is None:
        return left is right
    return left == right or canonical(name, left) == canonical(name, right)


# Names that Pacemaker changed; the old ones still work (lib/common/options.c, Pacemaker 2.0 and 3.0.2 release notes).
_NEW_SETTINGS = {
    "stonith-enabled": "fencing-enabled",
    "stonith-action": "fencing-action",
    "stonith-timeout": "fencing-timeout",
    "stonith-max-attempts": "fencing-max-attempts",
    "stonith-watchdog-timeout": "fencing-watchdog-timeout",
    "fence-reaction": "fencing-reaction",
}
_OLD_SETTINGS = {new: old for old, new in _NEW_SETTINGS.items()}
_OLD_META = {"promoted-max": "master-max", "promoted-node-max": "master-node-max"}


def setting_name(name: str, modern: bool = False) -> str:
    """The one name of a cluster property, whatever the stack calls it: the old one, or the `modern` one."""
    return _NEW_SETTINGS.get(name, name) if modern else _OLD_SETTINGS.get(name, name)


def other_meta(name: str) -> str:
    """What else meta attribute `name` is called (`master-max` and `promoted-max`), or `name` itself."""
    for new, old in _OLD_META.items():
        if name in (new, old):
            return old if name == new else new
    return name
