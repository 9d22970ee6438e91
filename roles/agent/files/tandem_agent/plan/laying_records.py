# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lay one entry of a document over what is: constraints and other records, tags, fencing levels."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ..model.declaration import Declaration
from ..model.objects import Level, Record, Tag
from ..model.parts import is_hollow, part
from .draft import Draft
from .laying import as_kind
from .overlay import record_over


def lay_record(draft: Draft, entry: Declaration) -> None:
    declared = as_kind(Record, entry.object)
    found = _counterpart(draft, entry, declared)
    if entry.absent:
        if found is not None:
            draft.wanted.named.add(found.key)
            draft.objects.pop(found.key)
    elif found is None:
        _new_record(draft, entry, declared)
    elif found.kind != declared.kind:
        draft.fault(entry.path, f"{found.id} is a {found.kind} in the cluster, not a {declared.kind}")
    else:
        draft.wanted.named.add(found.key)
        _keep(draft, record_over(found, declared))


def _keep(draft: Draft, made: Record) -> None:
    """A set of options that says nothing is none."""
    if is_hollow(made.part):
        draft.objects.pop(made.key, None)
    else:
        draft.objects[made.key] = made


def _counterpart(draft: Draft, entry: Declaration, declared: Record) -> Optional[Record]:
    """The record that is meant: by its id where one has it, else by what it says."""
    found = draft.objects.get(declared.key) if entry.explicit_id or declared.meaning is None else None
    if found is None and declared.meaning is not None:
        found = draft.by_meaning.get(declared.meaning)
    return found if isinstance(found, Record) else None


def _new_record(draft: Draft, entry: Declaration, made: Record) -> None:
    if is_hollow(made.part):
        return
    scored = "score" in made.said or any(name.startswith("score-attribute") for name, _value in made.part.attributes)
    if made.kind == "location" and not scored and not made.part.all("rule"):
        draft.fault(f"{entry.path}.score", "is required for a new location constraint")
        return
    if made.kind == "colocation" and not scored and not made.part.all("resource_set"):
        attributes = {**dict(made.part.attributes), "score": "INFINITY"}
        name = made.id if entry.explicit_id else made.id + "-INFINITY"
        made = replace(made, part=part(made.part.tag, attributes, made.part.parts, name))
    if made.kind == "alert" and not made.part.get("path"):
        draft.fault(f"{entry.path}.path", f"is required: {made.id} does not exist yet")
        return
    draft.keep_new(entry, made)


def lay_tag(draft: Draft, entry: Declaration) -> None:
    declared = as_kind(Tag, entry.object)
    draft.wanted.named.add(declared.key)
    if entry.absent:
        draft.objects.pop(declared.key, None)
        return
    found = draft.objects.get(declared.key)
    if isinstance(found, Tag):  # neither the order of what a tag lists has a meaning, nor how often
        kept = tuple(name for name in found.references if name in declared.references)
        added = tuple(name for name in declared.references if name not in kept)
        draft.objects[declared.key] = replace(found, references=kept + added)
    else:
        draft.keep_new(entry, declared)


def lay_level(draft: Draft, entry: Declaration) -> None:
    declared = as_kind(Level, entry.object)
    found = draft.objects.get(declared.key) if entry.explicit_id else None
    found = found or draft.by_meaning.get(declared.meaning)
    if entry.absent:
        if found is not None:
            draft.wanted.named.add(found.key)
            draft.objects.pop(found.key)
    elif isinstance(found, Level):
        draft.wanted.named.add(found.key)
        draft.objects[found.key] = replace(declared, id=found.id)
    else:
        draft.keep_new(entry, declared)
