# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model objects to JSON and back, exactly: for the journal, which must be able to undo."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Optional

from .objects import Bundle, Clone, Group, Level, Node, Object, Operation, Primitive, Record, Setting, Tag
from .parts import Part

_TYPES: Dict[str, Any] = {
    kind.__name__: kind
    for kind in (Setting, Node, Primitive, Group, Clone, Bundle, Level, Record, Tag, Operation, Part)
}


def dump(value: Any) -> Any:
    """A JSON value that `load` turns back into an equal one."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: dump(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"_": type(value).__name__, **fields}
    if isinstance(value, (tuple, frozenset)):
        return [dump(item) for item in value]
    if isinstance(value, dict):
        items = {name: dump(item) for name, item in value.items()}
        return {"_": "map", "items": list(items.items())} if "_" in items else items
    return value


def load(value: Any) -> Any:
    """The object behind a dumped value. Raises KeyError or TypeError for a journal this version cannot read."""
    if isinstance(value, dict):
        kind = value.get("_")
        if kind == "map":
            return {name: load(item) for name, item in value["items"]}
        made = {name: load(item) for name, item in value.items() if name != "_"}
        return made if kind is None else _TYPES[kind](**made)
    if isinstance(value, list):
        return tuple(load(item) for item in value)
    return value


def load_object(value: Any) -> Optional[Object]:
    """As `load`, for what may be absent."""
    return None if value is None else load(value)
