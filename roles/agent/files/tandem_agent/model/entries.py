# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts from documents and back, by the grammar alone."""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Optional, Tuple

from .fields import Fields
from .grammar import SAME_AS, SHAPES, Attribute, Child, Shape, sets_key
from .parts import NVSETS, PLAIN, REFERRING, Part, is_hollow, part
from .values import length_fault, scalar_fault, text_of

Entry = Dict[str, Any]
DEEPEST = 50  # rules inside rules; Pacemaker's own tools overflow their stack somewhere beyond


def shape_of(tag: str) -> Shape:
    return SHAPES["nvset" if tag in NVSETS else tag]


# -- from a document ---------------------------------------------------------------------------------------------------


def read_part(item: Fields, tag: str, depth: int = 0) -> Part:
    """One entry of a document as the element `tag`. An attribute that is null is as one not given."""
    shape = shape_of(tag)
    given = item.keys()
    item.expect(shape.keys)
    attributes = {
        attribute.name: _read_attribute(item, attribute, attribute.key if attribute.key in given else attribute.dashed)
        for attribute in shape.attributes
        if attribute.key in given or attribute.dashed in given
    }
    if SAME_AS in shape.attributes and attributes.get(SAME_AS.name) is not None:
        missing: Tuple[Attribute, ...] = ()
    else:
        missing = tuple(one for one in shape.attributes if one.required and attributes.get(one.name) is None)
    for attribute in missing:
        item.doubt(attribute.key, "is required")
    parts: List[Part] = []
    for child in shape.children:
        parts += read_child(item, child, depth + 1) or ()
    if tag in NVSETS:
        parts += _read_options(item)
    # Other elements have no id, or are asked for it before.
    identity = item.optional_text("id") if shape.suffix or tag in NVSETS else None
    item.finish()
    return part(tag, attributes, parts, identity)


SAME_AS_KEY = "same_as"


def _read_attribute(item: Fields, attribute: Attribute, key: str) -> Optional[str]:
    """The value of one attribute, which is given as `key`."""
    text = item.optional_text(key)
    if text is None:
        return None
    wrong = attribute.form.fault(text)
    if wrong:
        item.doubt(key, wrong)
    return attribute.form.spell(text)


def said(item: Fields, child: Child) -> bool:
    """Whether a document speaks of these elements at all."""
    item.expect(child.keys)
    return any(item.raw(key) is not None for key in child.keys)


def read_child(item: Fields, child: Child, depth: int = 0) -> Optional[List[Part]]:
    """The elements of one kind inside an entry; None where nothing is said of them."""
    if depth > DEEPEST:
        item.fault(child.key, f"is nested more than {DEEPEST} deep")
        return None
    if not said(item, child):
        return None
    found = _READERS[child.form](item, child, depth)
    if child.wrapper:
        return [part(child.wrapper, {}, found)]
    return found


def _read_one(item: Fields, child: Child, depth: int) -> List[Part]:
    return [read_part(item.object(child.key), child.shapes[0], depth)]


def _read_many(item: Fields, child: Child, depth: int) -> List[Part]:
    entries = item.objects(child.key)
    if child.single and item.raw(child.single) is not None:
        if entries:
            item.fault(child.single, f"and {child.key} speak of the same; leave one of them out")
        entries = [item.object(child.single)]
    found = []
    for entry in entries:
        tag, inner = _told(entry, child.shapes)
        found.append(read_part(inner, tag, depth))
        if inner is not entry:
            entry.finish()
    return found


def _told(entry: Fields, shapes: Tuple[str, ...]) -> Tuple[str, Fields]:
    """Which of several elements an entry of a list is: the key it is under tells."""
    if len(shapes) > 1:
        for tag in shapes:
            under = shape_of(tag).under
            if under and entry.has(under):
                return tag, entry.object(under)
    return shapes[0], entry


def _read_names(item: Fields, child: Child, _depth: int) -> List[Part]:
    tag = child.shapes[0]
    found = [part(tag, {child.field: name or None}) for name in item.texts(child.key)]
    if len(set(found)) < len(found):
        item.doubt(child.key, "lists something twice")
    return found


def _read_flag(item: Fields, child: Child, _depth: int) -> List[Part]:
    return [part(child.shapes[0], {})] if item.flag(child.key) else []


def _read_set_of_options(item: Fields, child: Child, depth: int) -> List[Part]:
    """The plain options and the sets beside them, in their order."""
    tag = child.shapes[0]
    plain = options_part(tag, item.mapping(child.key) or {})
    sets = read_sets(item, sets_key(child.key), tag, depth)
    if PLAIN in sets:
        return [plain if found == PLAIN else found for found in sets]
    return [plain, *sets] if plain.parts else sets


def read_sets(item: Fields, key: str, tag: str, depth: int = 0) -> List[Part]:
    """A list of sets of options; the word `plain` stands for the options outside of them."""
    value = item.raw(key)
    place = value.index("plain") if isinstance(value, list) and "plain" in value else None
    found = [read_part(entry, tag, depth) for entry in item.objects(key, but=place)]
    if any(map(is_plain, found[:place] if place else ())):
        item.fault(key, "has a set without rule and score before plain, which would be taken for it; put plain first")
    return found if place is None else [*found[:place], PLAIN, *found[place:]]


def options_part(tag: str, options: Dict[str, Optional[str]], id: Optional[str] = None) -> Part:
    """A set of plain options."""
    pairs = [part("nvpair", {"name": name, "value": value}) for name, value in options.items() if value is not None]
    return part(tag, {}, pairs, id)


def _read_options(item: Fields) -> List[Part]:
    """`options` of a set: a value, or `{same_as: ID}` where another pair gives it; `references` for pairs without name.

    `ids` says what the pairs of some options are called.
    """
    found: List[Part] = []
    ids = item.mapping("ids") or {}
    value = item.raw("options")
    if value is not None and not isinstance(value, dict):
        item.fault("options", "must be a map of names to values")
        value = None
    for name, given in (value or {}).items():
        if isinstance(given, dict):
            inner = Fields(given, item.at(f"options.{name}"), item.faults, item.doubts)
            attributes = {"name": str(name), "id-ref": inner.text(SAME_AS_KEY, required=True)}
            inner.finish()
            found.append(part("nvpair", attributes, (), ids.get(name)))
        elif given is not None:
            wrong = scalar_fault(name) or scalar_fault(given)
            if wrong:
                item.fault(f"options.{str(name)[:80]}", wrong)
            else:
                item.judge(f"options.{name}", length_fault(str(name)) or length_fault(text_of(given)))
                found.append(part("nvpair", {"name": str(name), "value": text_of(given)}, (), ids.get(name)))
    return found + [part("nvpair", {"id-ref": name}) for name in item.texts("references")]


_READERS: Dict[str, Callable[[Fields, Child, int], List[Part]]] = {
    "one": _read_one,
    "many": _read_many,
    "names": _read_names,
    "flag": _read_flag,
    "options": _read_set_of_options,
}


# -- to a document -----------------------------------------------------------------------------------------------------


def entry_of_part(found: Part, shown: FrozenSet[str] = frozenset(), aside: Iterable[str] = ()) -> Entry:
    """The entry that says what a part says. Ids are shown where something refers to them (`shown`)."""
    shape = shape_of(found.tag)
    made: Entry = {}
    if found.id is not None and (shape.shows_id or found.id in shown):
        made["id"] = found.id
    for attribute in shape.attributes:
        text = found.get(attribute.name)
        if text is not None and attribute.key not in aside:
            made[attribute.key] = attribute.form.spell(text)
    for child in shape.children:
        made.update(entry_of_child(found, child, shown))
    if found.tag in NVSETS:
        made.update(_entry_of_options(found, shown))
    return made


def entry_of_child(found: Part, child: Child, shown: FrozenSet[str]) -> Entry:
    """What a document says of the elements of one kind; nothing where there are none."""
    parts = found.parts
    if child.wrapper:
        wrapper = next(iter(found.all(child.wrapper)), None)
        if wrapper is None:
            return {}
        parts = wrapper.parts
    inner = [one for one in parts if one.tag in child.shapes]
    if not inner and not child.wrapper:
        return {}
    if child.form == "one":
        return {child.key: entry_of_part(inner[0], shown)}
    if child.form == "flag":
        return {child.key: True}
    if child.form == "names":
        return {child.key: [one.get(child.field) or "" for one in inner]}
    if child.form == "options":
        return _entry_of_sets(inner, child.key, shown)
    if child.single and len(inner) == 1:
        return {child.single: entry_of_part(inner[0], shown)}
    several = len(child.shapes) > 1
    return {child.key: [_under(one, entry_of_part(one, shown), several) for one in inner]}


def _under(found: Part, entry: Entry, several: bool) -> Entry:
    under = shape_of(found.tag).under
    return {under: entry} if several and under else entry


def _entry_of_sets(inner: List[Part], key: str, shown: FrozenSet[str]) -> Entry:
    inner = [one for one in inner if not is_hollow(one) or one.id in shown]
    plain = plain_of(inner, shown)
    made: Entry = {} if plain is None else {key: options_of(plain)}
    others = [PLAIN if one is plain else one for one in inner]
    made.update(entry_of_sets(others, key, shown))
    return made


def entry_of_sets(sets: Iterable[Part], key: str, shown: FrozenSet[str]) -> Entry:
    """The sets beside the plain options, whose place is said where it is not the first."""
    listed: List[Any] = ["plain" if one == PLAIN else entry_of_part(one, shown) for one in sets]
    if listed[:1] == ["plain"]:
        listed = listed[1:]
    return {sets_key(key): listed} if listed else {}


def plain_of(sets: Iterable[Part], shown: FrozenSet[str] = frozenset()) -> Optional[Part]:
    """The set whose options are an object's plain ones: the first without rule, score and references."""
    return next(
        (
            one
            for one in sets
            if is_plain(one) and not is_hollow(one) and not shown.intersection((one.id, *(p.id for p in one.parts)))
        ),
        None,
    )


def is_plain(found: Part) -> bool:
    if found.get("id-ref") is not None or found.get("score") is not None:
        return False
    return all(one.tag != "rule" and not (one.tag == "nvpair" and one.get("id-ref")) for one in found.parts)


def options_of(found: Part) -> Dict[str, Optional[str]]:
    """Names and values of a set; where a name stands twice Pacemaker takes the first, and none without a value."""
    options: Dict[str, Optional[str]] = {}
    for pair in found.all("nvpair"):
        name, value = pair.get("name"), pair.get("value")
        if name is not None and value is not None and pair.get("id-ref") is None:
            options.setdefault(name, value)
    return options


def _entry_of_options(found: Part, shown: FrozenSet[str]) -> Entry:
    options: Entry = dict(options_of(found))
    ids = {pair.get("name"): pair.id for pair in found.all("nvpair") if pair.id in shown and pair.get("name")}
    references = []
    for pair in found.all("nvpair"):
        same, name = pair.get("id-ref"), pair.get("name")
        if same is not None and name is not None:
            options.setdefault(name, {SAME_AS_KEY: same})
        elif same is not None:
            references.append(same)
    made: Entry = {"options": options} if options else {}
    return {**made, **({"references": references} if references else {}), **({"ids": ids} if ids else {})}


def references_in(found: Part) -> List[str]:
    """Every id that a part names which is not its own."""
    names = [
        value for name, value in found.attributes if name in _REFERENCES or (name == "id" and found.tag in REFERRING)
    ]
    for inner in found.parts:
        names += references_in(inner)
    return names


_REFERENCES = frozenset(("id-ref", "rsc", "with-rsc", "first", "then", "reference", "template"))
