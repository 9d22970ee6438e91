# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declared value becomes over the one that is there: options, operations, parts, records."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from ..model.entries import plain_of, shape_of
from ..model.grammar import SHAPES, Child, sets_key
from ..model.matching import Left
from ..model.objects import Map, Operation, Primitive, Record, Sets
from ..model.parts import DEFAULTS, NVSETS, PLAIN, REFERRING, Part, is_hollow, meaning, means, part
from ..model.resources import OPERATION_OPTIONS
from ..model.secrets import ELSEWHERE, MASK, SEAL
from ..model.values import boolean, other_meta, role, same

# An operator's decisions at run time; they stay unless the document speaks of them.
RUN_TIME_META = ("target-role", "is-managed", "maintenance")
_KEPT_META = (*RUN_TIME_META, SEAL)


def exact(have: Map, declared: Optional[Map], also: Optional[Map] = None, keep: Tuple[str, ...] = ()) -> Map:
    """The options afterwards: what is declared and nothing else, or what there was where nothing is declared.

    A secret that was masked when it was exported stays what it is.
    """
    wanted: Map = dict(have)
    if declared is not None:
        wanted = {name: have[name] for name in keep if name in have and name not in declared}
        wanted.update(declared)
    wanted.update(also or {})
    return {
        name: have[name] if same(name, have.get(name), value) or (value == MASK and name in have) else value
        for name, value in wanted.items()
        if value is not None
    }


def params_over(have: Map, declared: Primitive) -> Map:
    """A primitive's parameters afterwards. Of a secret the CIB holds only that it is elsewhere."""
    given = declared.params or {}
    elsewhere = tuple(name for name, value in have.items() if value == ELSEWHERE)
    also = dict(declared.also)
    if declared.secrets is not None:
        also.update({name: None for name in elsewhere if name not in given})
        also.update({name: ELSEWHERE for name, value in declared.secrets.items() if value is not None})
        elsewhere = ()
    return exact(have, declared.params, also, keep=elsewhere)


def meta_over(have: Map, declared: Optional[Map], switches: Map) -> Map:
    """Meta attributes afterwards. A switch to be unset stays where what it says means the same as unset."""
    flips = {
        name: value for name, value in switches.items() if value is not None or not _as_unset(name, have.get(name))
    }
    return exact(have, _as_called(have, declared), flips, keep=_KEPT_META)


def _as_called(have: Map, declared: Optional[Map]) -> Optional[Map]:
    """The declared options under the names that are there: master-max is promoted-max."""
    if declared is None:
        return None
    return {
        name if name in have or other_meta(name) not in have else other_meta(name): declared[name] for name in declared
    }


def _as_unset(name: str, value: Optional[str]) -> bool:
    if name == "target-role":
        return value is None or role(value) != "Stopped"
    return value is None or boolean(value) is (name == "is-managed")


def operations_over(have: Tuple[Operation, ...], declared: Optional[Tuple[Operation, ...]]) -> Tuple[Operation, ...]:
    """Per operation name: exactly what is declared; names that are not declared stay."""
    if declared is None:
        return have
    if not declared:
        return ()
    names = {operation.name for operation in declared}
    left = Left((operation.key,) for operation in declared)
    result: List[Operation] = []
    for operation in have:
        if operation.name not in names:
            result.append(operation)
            continue
        place = left.take(operation.key)
        if place is not None:
            match = declared[place]
            unchanged = operation == match or operation.means(match)
            result.append(operation if unchanged else _operation_over(operation, match))
    return tuple(result) + tuple(declared[place] for place in left.places())


def _operation_over(have: Operation, declared: Operation) -> Operation:
    """The declared options in place of the old ones; what a document cannot say stays."""
    foreign = tuple(name for name in have.options if name not in OPERATION_OPTIONS)
    params = exact(have.params, declared.params)
    return replace(
        have,
        options=exact(have.options, declared.options, keep=foreign),
        params=params,
        meta=exact(have.meta, declared.meta),
        sets=sets_over(have.sets, {tag: declared.sets.get(tag, ()) for tag in NVSETS}),
        ids={**declared.ids, **have.ids},
    )


# -- parts -------------------------------------------------------------------------------------------------------------


def part_over(have: Part, declared: Part) -> Part:
    """The declared part in place of the one that is there, with its id and with whatever no document can say.

    What means the same stays as it is spelt.
    """
    if means(have, declared):
        return have
    known = _known(have.tag, declared)
    old, new = dict(have.attributes), dict(declared.attributes)
    attributes: Dict[str, Optional[str]] = {name: value for name, value in old.items() if name not in known}
    for name, value in new.items():
        masked = value == MASK and name in old
        attributes[name] = old[name] if masked or same(name, old.get(name), value) else value
    for name in known.intersection(old):  # leaving out and saying the default mean the same
        if name not in new and same(name, old[name], DEFAULTS.get((have.tag, name))):
            attributes[name] = old[name]
    parts = have.parts
    for tags, single in _sayable(have, declared):
        parts = parts_over(parts, declared.all(*tags), tags, single)
    return part(have.tag, attributes, parts, have.id)


def _known(tag: str, declared: Part) -> FrozenSet[str]:
    """The attributes that a document can say."""
    if tag in SHAPES or tag in NVSETS:
        names = {attribute.name for attribute in shape_of(tag).attributes}
        return frozenset(names | ({"value"} if tag == "nvpair" else set()))
    return frozenset(name for name, _value in declared.attributes)


def _sayable(have: Part, declared: Part) -> List[Tuple[Tuple[str, ...], bool]]:
    """The elements inside that a document can say, key by key, and whether only of one: by the grammar, or all."""
    if have.tag not in SHAPES and have.tag not in NVSETS:
        return [(tuple({one.tag for one in (*have.parts, *declared.parts)}), False)]
    found = [(tags_of(child), is_single(child)) for child in shape_of(have.tag).children]
    return found + ([(("nvpair",), False)] if have.tag in NVSETS else [])


def is_single(child: Child) -> bool:
    """Whether a document can say one such element only; more of them are left alone."""
    return child.form in ("one", "flag") or bool(child.wrapper)


def tags_of(child: Child) -> Tuple[str, ...]:
    return (child.wrapper,) if child.wrapper else child.shapes


def parts_over(
    have: Sequence[Part], declared: Sequence[Part], tags: Tuple[str, ...], single: bool = False
) -> Tuple[Part, ...]:
    """The declared parts in place of those of the same `tags`, or of the first one; the others stay where they are."""
    mine = [index for index, one in enumerate(have) if one.tag in tags and not is_hollow(one)][: 1 if single else None]
    left = Left(_handles(have[index]) for index in mine)
    fitted: List[Part] = []
    for wanted in declared:
        place = left.take(*_handles_of_wanted(wanted))
        fitted.append(wanted if place is None else part_over(have[mine[place]], wanted))
    if not mine:
        return (*have, *fitted)
    result = [*have[: mine[-1] + 1], *fitted[len(mine) :], *have[mine[-1] + 1 :]]
    for index, one in zip(mine, fitted):
        result[index] = one
    fewer = frozenset(mine[len(fitted) :])
    return tuple(one for index, one in enumerate(result) if index not in fewer)


Handle = Tuple[object, ...]


def _handles(found: Part) -> List[Handle]:
    """What a part may be known by: its id, its meaning, its name, its place."""
    handles: List[Handle] = [("meaning", meaning(found)), ("tag", found.tag)]
    if found.id is not None:
        handles.append(("id", found.tag, found.id))
    if found.tag == "nvpair" and found.get("name") is not None:
        handles.append(("name", found.get("name")))
    return handles


def _handles_of_wanted(wanted: Part) -> List[Handle]:
    """By which of them a declared part finds the one it is about, the best first."""
    handles: List[Handle] = [("meaning", meaning(wanted))]
    if wanted.id is not None:
        handles.insert(0, ("id", wanted.tag, wanted.id))
    if wanted.tag == "nvpair":
        return [*handles, ("name", wanted.get("name"))]
    if wanted.id is None and wanted.tag not in REFERRING:
        handles.append(("tag", wanted.tag))
    return handles


def sets_over(have: Sets, declared: Mapping[str, Tuple[Part, ...]]) -> Sets:
    """The sets of options beside the plain ones: exactly those that are declared, of the kinds that are."""
    result = dict(have)
    for tag, wanted in declared.items():
        saying = [one for one in wanted if one == PLAIN or not is_hollow(one)]
        fitted = parts_over(have.get(tag, ()), [one for one in saying if one != PLAIN], (tag,))
        fitted = tuple(one for one in fitted if one != PLAIN)
        place = saying.index(PLAIN) if PLAIN in saying else 0
        result[tag] = fitted[:place] + (PLAIN,) + fitted[place:] if place else fitted
    return {tag: sets for tag, sets in result.items() if sets}


def placed(sets: Sets, plain: Mapping[str, Optional[Map]]) -> Sets:
    """Without the mark of plain options where there are none."""
    return {
        tag: found if plain.get(tag) else tuple(one for one in found if one != PLAIN)
        for tag, found in sets.items()
        if found
    }


# -- records -----------------------------------------------------------------------------------------------------------


def record_over(have: Record, declared: Record) -> Record:
    """The declared record with the id, and whatever was not said, of the one that is there."""
    if have.part == declared.part and have.ahead == declared.ahead:
        return have
    shape = shape_of(have.part.tag)
    old, new = dict(have.part.attributes), dict(declared.part.attributes)
    attributes: Dict[str, Optional[str]] = dict(old)
    for attribute in shape.attributes:
        name = attribute.name
        if name in new:
            default = DEFAULTS.get((have.part.tag, name))
            unsaid = name not in old and default is not None and same(name, default, new[name])
            if not unsaid and not same(name, old.get(name), new[name]):
                attributes[name] = new[name]
        elif attribute.key in declared.said or name in declared.said:
            attributes[name] = None
    parts: Tuple[Part, ...] = have.part.parts
    for child in shape.children:
        if is_said(child, declared.said):
            parts = _child_over(parts, declared, child)
    if have.part.tag in NVSETS:
        parts = parts_over(parts, declared.part.all("nvpair"), ("nvpair",))
    tags = [tag for child in shape.children for tag in tags_of(child)]
    if {one.tag for one in parts} - {one.tag for one in have.part.parts}:  # something new has its place
        parts = tuple(sorted(parts, key=lambda one: tags.index(one.tag) if one.tag in tags else len(tags)))
    made = part(have.part.tag, attributes, parts, have.part.id)
    ahead = declared.ahead if "ahead" in declared.said else have.ahead
    return have if means(made, have.part) and ahead == have.ahead else replace(have, part=made, ahead=ahead)


def is_said(child: Child, said: FrozenSet[str]) -> bool:
    return not said.isdisjoint(child.keys)


def _child_over(have: Tuple[Part, ...], declared: Record, child: Child) -> Tuple[Part, ...]:
    tags = tags_of(child)
    wanted = declared.part.all(*tags)
    if child.form == "options":
        wanted = _options_over([one for one in have if one.tag in tags], wanted, child.key, declared.said)
    return parts_over(have, wanted, tags, is_single(child))


def _options_over(present: List[Part], declared: Tuple[Part, ...], key: str, said: FrozenSet[str]) -> Tuple[Part, ...]:
    """Plain options and the sets beside them: of these two, what is not said stays."""
    plain = plain_of(present)
    wanted = plain_of(declared) if key in said else None
    if wanted is not None and plain is not None:
        declared = tuple(replace(one, id=plain.id) if one is wanted else one for one in declared)
        wanted = plain_of(declared)
    if sets_key(key) not in said:
        others = [one for one in present if one is not plain]
        place = present.index(plain) if plain is not None else 0
        return tuple(others[:place] + ([wanted] if wanted is not None else []) + others[place:])
    if key not in said and plain is not None and all(one.id != plain.id for one in declared):
        return (plain, *declared)
    return declared
