# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""Checks of the documents that an inventory brings: their names and options. What they say is the agent's to judge. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.tandem.ha.plugins.module_utils._specs import DOCUMENT
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_base import NAME, Fault, Looks, Site, shared

OF_ROLES = ("cluster", "fencing", "vip")  # documents of site.yml itself
OPTIONS = (*DOCUMENT, "allow", "purge", "wait")


def documents(site: Site, _looks: Looks) -> Iterator[Fault]:
    declared = site.get("documents") or []
    if not isinstance(declared, list):
        message = "site_documents is no list: give a list of documents, each a map with a name"
        yield Fault("document.invalid", [], message)
        return
    for index, document in enumerate(declared):
        yield from _itself(f"site_documents[{index}]", document)
    named = ((str(one["name"]), f"site_documents[{index}]") for index, one in enumerate(declared) if _has_name(one))
    for name, holders in shared(named):
        message = f"{' and '.join(holders)} are both called {name}: one would remove what the other made; give each its own name"
        yield Fault("document.name", [], message)


def _has_name(document: Any) -> bool:
    return isinstance(document, Mapping) and document.get("name") is not None


def _itself(where: str, document: Any) -> Iterator[Fault]:
    if not isinstance(document, Mapping):
        yield Fault("document.invalid", [], f"{where} is {document!r}, which is no document: give a map with a name")
        return
    name = document.get("name")
    if not isinstance(name, str) or not NAME.match(name):
        message = f"{where}.name is {name!r}: begin with a letter and use letters, digits, '_', '.' and '-'"
        yield Fault("document.name", [], message)
    elif name in OF_ROLES:
        message = f"{where}.name is {name!r}, as the document of another role is called ({', '.join(OF_ROLES)}): choose another"
        yield Fault("document.name", [], message)
    for option in document:
        if option not in OPTIONS:
            message = f"{where}.{option} is unknown: known are {', '.join(sorted(OPTIONS))}"
            yield Fault("document.option", [], message)
