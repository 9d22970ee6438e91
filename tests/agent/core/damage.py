# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to damage a document or a CIB a little, so that most of it still holds together."""

from __future__ import annotations

import copy
from typing import Any, Iterator, List, Tuple, Union
from xml.etree.ElementTree import Element

from hypothesis import strategies as st

Path = Tuple[Union[str, int], ...]

# Of every type, and of each the values at which something ends: lengths, ranges, what another reader takes for another.
WEIRD: List[Any] = [
    None, True, False, 0, -1, 1.5, -0.0, 1e308, 5e-324, 2**63, 10**63, "", " ", "x", "0", "-1", "-x", "--help", "1e400", "NaN",
    "\u00b2", "\u0663s", "9" * 5000, "9" * 5000 + "s", "P" + "9" * 5000 + "D", "x" * 255, "x" * 256, "x" * 10_000, "x" * 65_537,
    "<&>\"'", "]]>", "<!--", "&#0;", "\x00", "\x1b[31m", "\x7f", "\x85", "a\nb", "a\tb", "a\r\n", "\ud800", "\ufffe", "\u2028",
    "e\u0301\u00e9", "\U0001f600", "../..", "a b", "a,b", "INFINITY", "-INFINITY", "+infinity", "true", "null", "*", "#uname",
    [], [[]], [None], [1, "x"], ["x", "x"], [{}], {}, {"": 1}, {"x": {}}, {"x": None}, {"id": 7}, {"same_as": "x"}, {"\x00": "x"},
]  # fmt: skip


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of everything in a document."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in entries:
        yield from paths(inner, (*path, name))


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def put(value: Any, path: Path, new: Any) -> Any:
    """The document with something else at a path."""
    if not path:
        return new
    made = copy.deepcopy(value)
    at(made, path[:-1])[path[-1]] = new
    return made


@st.composite
def damaged(draw: Any, documents: st.SearchStrategy[Any]) -> Any:
    """A document with one to three things replaced, left out, put in twice, or under another name."""
    document = draw(documents)
    for _time in range(draw(st.integers(1, 3))):
        places = list(paths(document))
        path = draw(st.sampled_from(places))
        how = draw(st.sampled_from(["replace", "replace", "borrow", "drop", "twice", "rename"]))
        if not path or how == "replace":
            document = put(document, path, draw(st.sampled_from(WEIRD)))
        elif how == "borrow":
            document = put(document, path, at(document, draw(st.sampled_from(places))))
        else:
            document = _reshaped(draw, document, path, how)
    return document


def _reshaped(draw: Any, document: Any, path: Path, how: str) -> Any:
    made = copy.deepcopy(document)
    parent, last = at(made, path[:-1]), path[-1]
    if how == "drop":
        del parent[last]
    elif how == "twice" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[last]))
    elif how == "rename" and isinstance(parent, dict):
        parent[draw(st.sampled_from(["", "id", "kind", "state", "rule", "sets", "\x00", "_", "x" * 300, "params"]))] = (
            parent.pop(last)
        )
    return made


# -- XML ---------------------------------------------------------------------------------------------------------------

TEXTS = [text for text in WEIRD if isinstance(text, str) and text.isprintable() and len(text) < 6000] + ["a\nb", "\t"]
NAMES = ["id", "id-ref", "name", "value", "rsc", "node", "score", "type", "class", "foreign"]
TAGS = ["primitive", "group", "clone", "bundle", "nvpair", "rule", "meta_attributes", "resource_set", "op", "foreign"]


@st.composite
def damaged_xml(draw: Any, roots: st.SearchStrategy[Element]) -> Element:
    """A CIB with one to four attributes or elements left out, renamed, put in twice, moved, or with another text."""
    root = copy.deepcopy(draw(roots))
    for _time in range(draw(st.integers(1, 4))):
        inside = [element for element in root.iter() if isinstance(element.tag, str)]
        element = draw(st.sampled_from(inside))
        if element.attrib and draw(st.booleans()):
            _damage_attribute(draw, element, inside)
        else:
            _damage_element(draw, root, element, inside)
    return root


def _damage_attribute(draw: Any, element: Element, inside: List[Element]) -> None:
    name = draw(st.sampled_from(sorted(element.attrib)))
    how = draw(st.sampled_from(["drop", "rename", "replace", "borrow"]))
    if how == "drop":
        del element.attrib[name]
    elif how == "rename":
        element.set(draw(st.sampled_from(NAMES)), element.attrib.pop(name))
    elif how == "replace":
        element.set(name, draw(st.sampled_from(TEXTS)))
    else:
        others = sorted({other.attrib[name] for other in inside if name in other.attrib})
        element.set(name, draw(st.sampled_from(others)))


def _damage_element(draw: Any, root: Element, element: Element, inside: List[Element]) -> None:
    parent = next((found for found in inside if element in list(found)), None)
    if parent is None:
        return
    how = draw(st.sampled_from(["drop", "twice", "rename", "move", "empty", "text"]))
    if how == "drop":
        parent.remove(element)
    elif how == "twice":
        parent.insert(draw(st.integers(0, len(parent))), copy.deepcopy(element))
    elif how == "rename":
        element.tag = draw(st.sampled_from(TAGS))
    elif how == "move":
        parent.remove(element)
        draw(st.sampled_from([found for found in root.iter() if isinstance(found.tag, str)])).append(element)
    elif how == "empty":
        for child in list(element):
            element.remove(child)
    else:
        element.text = draw(st.sampled_from(TEXTS))
