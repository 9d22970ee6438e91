# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ownership: what a document created, and what may be removed with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Set, Tuple

from ..model.document import TAG_PREFIX
from ..model.objects import Key, Tag, contents
from .draft import OWNED, RUN_TIME_CONSTRAINTS, Draft
from .laying import FOREIGN_SETTINGS

# What the watchdog daemon of a host writes, or an administrator: it can be declared, but no purge removes it.
NEVER_PURGED = FOREIGN_SETTINGS | {"stonith-watchdog-timeout"}


def owned_before(draft: Draft) -> Tuple[str, ...]:
    """What the document's tag lists: what it created earlier."""
    tag = draft.current.get("tag", TAG_PREFIX + draft.document.name) if draft.document.name else None
    return tag.references if isinstance(tag, Tag) else ()


def purge_owned(draft: Draft, owned: Tuple[str, ...]) -> None:
    """Drop what the document created and declares no more."""
    for name in owned:
        for family in OWNED:
            found = draft.objects.get(Key(family, name))
            if found is not None and found.key not in draft.wanted.named:
                draft.drop(found, f"the document {draft.document.name} no longer declares it")


def purge_all(draft: Draft) -> None:
    """Drop all that the document does not declare, save what is never anybody's to remove."""
    kept = set(draft.wanted.named)
    for key in list(kept):  # a group's or clone's contents are part of its declaration
        kept.update(Key("resource", name) for name in _within(draft, key))
    for key, found in list(draft.objects.items()):
        if key.family in ("node", "tag", "option_set") or key in kept or key.id in NEVER_PURGED:
            continue
        if key.family == "constraint" and key.id.startswith(RUN_TIME_CONSTRAINTS):
            continue
        if found.key in draft.objects:
            draft.objects.pop(found.key)
            draft.wanted.because.setdefault(found.key, "the document does not declare it")


def _within(draft: Draft, key: Key) -> Set[str]:
    """All that is in it, at any depth. Whether it may be there is judged later: a thing can be inside of itself."""
    names: Set[str] = set()
    todo = [key]
    while todo:
        found = draft.objects.get(todo.pop())
        fresh = set(contents(found)) - names if found is not None else set()
        names |= fresh
        todo += [Key("resource", name) for name in fresh]
    return names


def own(draft: Draft, owned: Tuple[str, ...]) -> None:
    """Keep the document's tag: what it created and what still exists."""
    if not draft.document.name:
        return
    tag = Tag(TAG_PREFIX + draft.document.name)
    present = {key.id for key in draft.objects if key.family in OWNED}
    references = tuple(name for name in owned if name in present)
    listed = set(references)
    references += tuple(name for name in draft.created if name in present and name not in listed)
    if references:
        draft.objects[tag.key] = replace(tag, references=references)
    else:
        draft.objects.pop(tag.key, None)
