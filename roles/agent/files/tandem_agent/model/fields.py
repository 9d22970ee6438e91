# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed access to untrusted JSON. Every getter names the path of what is wrong; faults are collected, not thrown.

A getter that finds a fault records it and returns the default, so that reading goes on and the caller hears everything
at once. What was never asked for is reported by `finish()`: a misspelt option must not be lost.

A doubt is a fault only where it would be written: what a cluster has lived with for years is left alone.
"""

from __future__ import annotations

import difflib
import math
from typing import Any, Collection, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Set

from ..errors import Fault, invalid
from .values import LONGEST, length_fault, scalar_fault, text_of


class Fields:
    """One JSON object being read."""

    def __init__(self, value: Any, path: str, faults: List[Fault], doubts: Optional[List[Fault]] = None) -> None:
        self.path = path
        self.faults = faults
        self.doubts: List[Fault] = [] if doubts is None else doubts
        self._seen: Set[str] = set()
        self._value: Mapping[str, Any] = {}
        if isinstance(value, dict):
            self._value = value
        else:
            self.fault("", f"must be an object, not {_kind(value)}")

    def fault(self, key: str, message: str) -> None:
        """Record that `key` (or the object itself, when empty) is wrong."""
        self.faults.append(Fault(self.at(key), message))

    def doubt(self, key: str, message: str) -> None:
        """Record that the value of `key` should not be written anew."""
        self.doubts.append(Fault(self.at(key), message))

    def judge(self, key: str, wrong: Optional[str]) -> None:
        """As `doubt`, where there is one."""
        if wrong:
            self.doubt(key[:LONGEST], wrong)

    def at(self, key: str) -> str:
        """The path of `key`, as a person would write it."""
        return f"{self.path}.{key}" if key and self.path else key or self.path or "document"

    def has(self, key: str) -> bool:
        """Whether `key` is there at all, null included."""
        self._seen.add(key)
        return key in self._value

    def expect(self, keys: Iterable[str]) -> None:
        """These may be there: none of them is unknown."""
        self._seen.update(keys)

    def keys(self) -> FrozenSet[str]:
        """Everything that was given."""
        return frozenset(self._value)

    def raw(self, key: str) -> Any:
        """The value as it came; None when absent."""
        self._seen.add(key)
        return self._value.get(key)

    def text(self, key: str, default: str = "", required: bool = False) -> str:
        """A scalar as text; booleans become `true` and `false`."""
        text = self.optional_text(key, default)
        if text is not None:
            return text
        if required:
            self.fault(key, "is required")
        return default

    def optional_text(self, key: str, default: str = "") -> Optional[str]:
        """As `text`, but None when absent or null."""
        value = self.raw(key)
        if value is None:
            return None
        wrong = scalar_fault(value)
        if wrong:
            self.fault(key, wrong)
            return default
        self.judge(key, length_fault(text_of(value)))
        return text_of(value)

    def choice(self, key: str, allowed: Sequence[str], default: str, fold: bool = False) -> str:
        """One of `allowed`; with `fold`, written in any case."""
        value = self.text(key, default)
        for option in allowed:
            if value == option or (fold and value.lower() == option.lower()):
                return option
        if value == default:  # a default need not be among the choices ("not given")
            return default
        self.fault(key, f"{value!r} is not allowed; choose one of {', '.join(allowed)}")
        return default

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean; `yes`, `on`, `1` and their opposites are understood."""
        value = self.optional_flag(key)
        return default if value is None else value

    def optional_flag(self, key: str) -> Optional[bool]:
        """As `flag`, but None when absent or null."""
        value = self.raw(key)
        if value is None or isinstance(value, bool):
            return value
        word = text_of(value).lower() if not scalar_fault(value) else ""
        if word in ("true", "yes", "on", "1", "y"):
            return True
        if word in ("false", "no", "off", "0", "n"):
            return False
        self.fault(key, f"{value!r} is not a boolean; write true or false")
        return None

    def number(self, key: str, default: float, low: float, high: float) -> float:
        """A number between `low` and `high`."""
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            self.fault(key, f"must be a number, not {_kind(value)}")
            return default
        if not low <= value <= high:
            self.fault(key, f"{value} is out of range; allowed is {low:g} to {high:g}")
            return default
        return value

    def objects(self, key: str, but: Optional[int] = None) -> List[Fields]:
        """A list of objects; absent is empty. At the place `but` stands something else."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(key, f"must be a list, not {_kind(value)}")
            return []
        return [
            Fields(item, f"{self.at(key)}[{index}]", self.faults, self.doubts)
            for index, item in enumerate(value)
            if index != but
        ]

    def object(self, key: str) -> Fields:
        """An object inside this one; absent is an empty one."""
        value = self.raw(key)
        return Fields({} if value is None else value, self.at(key), self.faults, self.doubts)

    def texts(self, key: str) -> List[str]:
        """A list of scalars."""
        value = self.raw(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fault(key, f"must be a list, not {_kind(value)}")
            return []
        found = []
        for index, item in enumerate(value):
            wrong = scalar_fault(item)
            if wrong:
                self.fault(f"{key}[{index}]", wrong)
            else:
                self.judge(f"{key}[{index}]", length_fault(text_of(item)))
                found.append(text_of(item))
        return found

    def mapping(self, key: str) -> Optional[Dict[str, Optional[str]]]:
        """A map of scalars; a null value stays None ("remove this one"). None when the map is absent."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.fault(key, f"must be a map of names to values, not {_kind(value)}")
            return None
        found: Dict[str, Optional[str]] = {}
        for name, item in value.items():
            wrong = _name_fault(name) or (scalar_fault(item) if item is not None else None)
            if name == "":
                self.doubt(key, "an option must have a name")
            if wrong:
                self.fault(f"{key}.{name}"[:LONGEST], wrong)
            else:
                found[name] = None if item is None else text_of(item)
                self.judge(f"{key}.{name}", length_fault(name) or length_fault(found[name] or ""))
        return found

    def finish(self, also: Collection[str] = ()) -> None:
        """Report what nobody asked for, with the nearest known name."""
        unknown = [key for key in self._value if key not in self._seen and key not in also]
        known = sorted(self._seen.union(also)) if unknown else []
        for key in unknown:
            near = difflib.get_close_matches(str(key), known, 1)
            self.fault(str(key)[:80], "is unknown" + (f"; did you mean {near[0]}?" if near else ""))

    def conclude(self) -> None:
        """The end of a request's parameters. `params.invalid` for what nobody asked for and everything else found wrong, at once."""
        self.finish()
        if self.faults:
            raise invalid("params.invalid", "the request", self.faults)


def _name_fault(name: Any) -> Optional[str]:
    if not isinstance(name, str):
        return "a name must be a text"
    return scalar_fault(name)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, (int, float)) else type(value).__name__)
