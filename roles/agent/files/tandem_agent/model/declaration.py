# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document holds: declarations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import FrozenSet, Tuple

from ..errors import Fault
from .objects import Object


@dataclass(frozen=True)
class Declaration:
    """One entry of a document: the object, or the wish that it be gone."""

    object: Object
    path: str
    absent: bool = False
    explicit_id: bool = True  # false: the id was made from the meaning
    kind_said: bool = True  # false: an id alone, to be removed whatever it is
    doubts: Tuple[Fault, ...] = ()  # faults only where the object is written anew: a cluster may have lived with them


@dataclass(frozen=True)
class Document:
    """What somebody wants to be so."""

    name: str
    entries: Tuple[Declaration, ...]
    unset: Tuple[Tuple[str, str], ...] = ()  # settings to remove: (kind, name)
    order: Tuple[str, ...] = ()  # of new resources, where it is not that of the sections
    verbatim: FrozenSet[str] = frozenset()  # properties called as they are here, whatever this Pacemaker calls them
