# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay a document over what is: the whole configuration that is wanted, and the reason for what goes unasked.

Values that mean the same keep the spelling they have, so that what is equal stays identical and a plan is a plain
comparison. Faults are collected.
"""

from __future__ import annotations

from typing import Callable, Dict, Optional

from ..model.declaration import Declaration, Document
from ..model.objects import Level, Record, Setting, State, Tag
from .consequences import cascade, join_groups, order_new, place_sets, untag
from .draft import DefaultOperations, Draft, Wanted
from .laying import FOREIGN_SETTINGS, lay
from .laying_records import lay_level, lay_record, lay_tag
from .ownership import own, owned_before, purge_all, purge_owned


def declare(
    current: State, document: Document, purge: str = "none", default_operations: Optional[DefaultOperations] = None
) -> Wanted:
    """`current` with `document` laid over it. `purge`: none, owned or all."""
    draft = Draft(current, document, default_operations or {})
    for entry in document.entries:
        _LAYERS.get(type(entry.object), lay)(draft, entry)
    _unset(draft)
    join_groups(draft)
    owned = owned_before(draft)
    if purge == "owned":
        purge_owned(draft, owned)
    elif purge == "all":
        purge_all(draft)
    cascade(draft)
    untag(draft)
    own(draft, owned)
    place_sets(draft)
    order_new(draft)
    draft.wanted.state = current.having(draft.objects)
    return draft.wanted


def _unset(draft: Draft) -> None:
    """The settings that the document wants to be gone."""
    for kind, name in draft.document.unset:
        key = Setting(kind, name, "").key
        draft.wanted.named.add(key)
        if name in FOREIGN_SETTINGS:
            draft.fault(f"document.{kind}.{name}", "is written by the cluster itself and cannot be removed")
        else:
            draft.objects.pop(key, None)


_LAYERS: Dict[type, Callable[[Draft, Declaration], None]] = {
    Record: lay_record,
    Level: lay_level,
    Tag: lay_tag,
}
