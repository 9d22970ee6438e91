# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's copy of an object: without its secrets, but so that what did not change of them can be put back.

Works on what `codec.dump` makes. A secret is an option by whose name one knows it, and an option that holds `lrm://`,
on either side of a change.
"""

from __future__ import annotations

from typing import Any, Collection, Dict, Iterator, List, Optional, Tuple

from .secrets import ELSEWHERE, MASK, is_secret

Path = Tuple[Any, ...]
Option = Tuple[str, str]  # name and value


def redacted(before: Any, after: Any) -> Dict[str, Any]:
    """A change without secrets; `lost` names those of before that are then nowhere."""
    sides = [dict(_options(side)) for side in (before, after)]
    names = {name for side in sides for name, value in side.values() if value == ELSEWHERE}
    lost = {
        name
        for path, (name, value) in sides[0].items()
        if (is_secret(name) or name in names) and sides[1].get(path) != (name, value)
    }
    return {"before": masked(before, names), "after": masked(after, names), "lost": sorted(lost)}


def masked(value: Any, also: Collection[str] = ()) -> Any:
    """A copy without the values of secrets and of the options named `also`. That one is elsewhere is no secret."""
    made = value
    for path, (name, text) in _options(value):
        if (is_secret(name) or name in also) and text != ELSEWHERE:
            made = _with(made, path, MASK)
    return made


def hidden_names(value: Any) -> List[str]:
    """The options that are masked."""
    return [name for _path, (name, text) in _options(value) if text == MASK]


def unmasked(value: Any, current: Any) -> Any:
    """`value` with its masked secrets as they are in `current`. KeyError where one is not there."""
    there = dict(_options(current))
    made = value
    for path, (_name, text) in _options(value):
        if text == MASK:
            made = _with(made, path, there[path][1])
    return made


def _options(value: Any, path: Path = ()) -> Iterator[Tuple[Path, Option]]:
    """Every option of a dumped object: where it stands, its name, its value."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _options(item, (*path, index))
    elif isinstance(value, dict):
        kind = value.get("_")
        named = value["name"] if kind == "Setting" else None
        pairs = _PAIRS.get(kind or "")
        for key, item in value.items():
            if key == pairs:
                yield from _pairs(item, (*path, key), _pair_name(value) if kind == "Part" else None)
            elif isinstance(item, str) and (named is None or key == "value"):
                yield (*path, key), (named or key, item)
            elif key != "ids":  # what the options' elements are called
                yield from _options(item, (*path, key))


# Where names and values stand side by side: the attributes of an element, a map that has an option `_`.
_PAIRS = {"Part": "attributes", "map": "items"}


def _pairs(pairs: Any, path: Path, named: Optional[str]) -> Iterator[Tuple[Path, Option]]:
    for index, (name, value) in enumerate(pairs):
        if isinstance(value, str):
            yield (*path, index, 1), (named if named is not None and name == "value" else name, value)


def _pair_name(value: Dict[str, Any]) -> Optional[str]:
    """What an element `nvpair` is the value of."""
    if value.get("tag") != "nvpair":
        return None
    return next((text for key, text in value["attributes"] if key == "name"), "")


def _with(value: Any, path: Path, text: str) -> Any:
    """A copy in which `text` stands at `path`."""
    if not path:
        return text
    made = dict(value) if isinstance(value, dict) else list(value)
    made[path[0]] = _with(value[path[0]], path[1:], text)
    return made
