# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML in and out, strictly. Pacemaker 2.x's own tools silently repair broken XML; we refuse it.

Document types are refused before anything in them is read, so no entity is ever expanded. The one that CIBs of Heartbeat's days
name, and that says nothing by itself, is passed over.
"""

from __future__ import annotations

import re
import sys
from typing import Any, List, NamedTuple, Optional
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement, TreeBuilder, XMLParser

from ..errors import AgentError

if sys.version_info < (3, 9):  # 3.8 writes a carriage return in an attribute as a line feed
    _escape = ElementTree._escape_attrib  # noqa: SLF001
    ElementTree._escape_attrib = lambda text: "&#13;".join(map(_escape, text.split("\r")))  # noqa: SLF001

# Nothing but a name, where a declaration may stand: behind the XML's own, blanks and comments.
_OLD_DOCTYPE = re.compile(
    rb"\A((?:\xef\xbb\xbf)?(?:\s|<\?xml\s[^<>]*\?>|<!--(?:(?!-->).)*-->)*)"
    rb"<!DOCTYPE\s+cib\s+SYSTEM\s+(?:\"[^\"<>&\[\]]*\"|'[^'<>&\[\]]*')\s*>",
    re.DOTALL,
)
DEEPEST = 256  # elements inside each other; libxml2, and so Pacemaker, reads no more


def parse(text: bytes) -> Element:
    """The tree of a whole, well-formed XML text, comments and all: they are somebody's."""
    if b"<!DOCTYPE" in text:
        text = _OLD_DOCTYPE.sub(rb"\1", text, count=1)
    # Asked before expat is: it goes on, and expands entities, after a handler has refused them. Every encoding that it
    # reads writes these two as ASCII does, UTF-16 with a NUL between the letters.
    if b"<!DOCTYPE" in text:
        raise AgentError(
            "cib.schema", "the XML holds a document type declaration that says more than a name, which a CIB never has"
        )
    if b"\0" in text:
        raise AgentError("cib.schema", "the XML holds a NUL or is in UTF-16; a CIB is in UTF-8")
    parser = XMLParser(target=TreeBuilder(insert_comments=True, insert_pis=True))
    try:
        parser.feed(text)
        root: Element = parser.close()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: encodings that nobody reads
        raise AgentError("cib.schema", f"the XML is not well formed: {error}") from error
    if _too_deep(root):
        raise AgentError("cib.schema", f"the XML has more than {DEEPEST} elements inside each other")
    return root


def _too_deep(root: Element) -> bool:
    """Level by level: what walks a tree by recursion must not see it before."""
    level = [root]
    for _depth in range(DEEPEST):
        level = [child for element in level for child in element]
        if not level:
            return False
    return True


def serialize(root: Element) -> bytes:
    """The tree as text, for a tool's standard input."""
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


class Version(NamedTuple):
    """A CIB's version: Pacemaker bumps the last for status, the second for configuration."""

    admin_epoch: int
    epoch: int
    num_updates: int

    def __str__(self) -> str:
        return ".".join(str(part) for part in self)


def version_of(root: Element) -> Version:
    """The version of a CIB; absent parts count as 0."""
    numbers = []
    for name in Version._fields:
        text = root.get(name, "0")
        numbers.append(int(text) if re.match(r"[0-9]{1,18}\Z", text) else 0)
    return Version(*numbers)


def section(root: Element, *path: str) -> Optional[Element]:
    """The element at `configuration/…path`, or None."""
    found = root.find("configuration")
    for tag in path:
        if found is None:
            return None
        found = found.find(tag)
    return found


def ensure(root: Element, tag: str) -> Element:
    """The section `tag` of the configuration, made in its place when missing (the schema interleaves them)."""
    configuration = root.find("configuration")
    if configuration is None:
        raise AgentError("cib.schema", "the CIB has no configuration section")
    found = configuration.find(tag)
    return SubElement(configuration, tag) if found is None else found


def without_events(root: Element) -> bytes:
    """The CIB without what happened, for crm_verify, which shall judge the configuration: a clone that runs on two nodes and is
    to go would be an error for it. Who is online stays: it would see nodes it knows nothing of as candidates for fencing.
    """
    bare = Element(root.tag, root.attrib)
    bare.extend(child for child in root if child.tag != "status")
    status = SubElement(bare, "status")
    for node in root.iterfind("status/node_state"):
        SubElement(status, node.tag, node.attrib)
    return serialize(bare)


def elements(parent: Optional[Element]) -> List[Element]:
    """The child elements, comments aside."""
    return [] if parent is None else [child for child in parent if isinstance(child.tag, str)]


def is_element(node: Any) -> bool:
    return isinstance(getattr(node, "tag", None), str)
