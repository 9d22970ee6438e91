# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request's secrets on their way down the path: into this node's files, past everything that shows or keeps something.

Files come before the patch and go after it, so that an agent which Pacemaker calls in between finds them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional, Set

from .context import Context
from .errors import Fault
from .model.declaration import Declaration, Document
from .model.objects import Bundle, Clone, Group, Primitive, State, contents
from .model.secrets import MASK, SEAL, hidden, secrets_in
from .model.values import boolean
from .pacemaker.cibsecret import SECRETS, SecretFiles
from .plan.diff import REMOVE, Change
from .plan.render import document_of
from .plan.secrets import Have, SecretChange, announced, kept_from, members, secret_changes

_NO_FILES = (
    "Pacemaker on this host was built without CIB secrets (`pacemakerd --features`), so it cannot keep {names} outside of"
    " the configuration; {instead}"
)

_UNIQUE = (
    "Pacemaker looks for the secrets of {clone}'s instances under names of their own (globally-unique=true), which nobody"
    " writes; make the clone anonymous, or let the agent take them from a root-only file"
)


class Secrecy:
    """The secrets of one request, with those that the configuration has."""

    def __init__(self, context: Context, document: Document, raw: Any = None) -> None:
        self._context = context
        self._files = context.secrets or SecretFiles(context.runner, None)
        self._document = document
        self._known: Set[str] = set(secrets_in(raw))
        self._states: Dict[int, Set[str]] = {}

    # -- telling

    def keep_quiet(self, said: Any, state: Optional[State]) -> Any:
        """What is said, without any secret of the request or of the configuration."""
        known = set(self._known)
        if state is not None:
            if id(state) not in self._states:
                self._states = {id(state): set(secrets_in(document_of(state, secrets=True)))}
            known |= self._states[id(state)]
        return hidden(said, known)

    # -- planning

    def changes(self, changes: List[Change], wanted: State) -> List[SecretChange]:
        """What to do with this node's files."""
        if not self._files.kept:
            return []
        found = secret_changes(self._document, changes, wanted, self._have)
        self._known.update(change.value for change in found)
        return found

    def _have(self, resource: str) -> Have:
        return {name: one.value for name, one in self._files.read(resource).items()}

    def faults(self, wanted: State, changes: List[Change], files: List[SecretChange]) -> List[Fault]:
        """Secrets that Pacemaker could not keep on this host, or would not find."""
        told = announced(changes) | {change.resource for change in files if change.action != REMOVE}
        entries = [entry for entry in self._document.entries if entry.object.key.id in told]
        supported = self._files.supported() is not False if entries else True
        found = []
        for entry in entries:
            clone = _unique_clone(wanted, entry.object.key.id)
            if not supported:
                found.append(Fault(f"{entry.path}.secrets", _unsupported(entry)))
            elif clone:
                found.append(Fault(f"{entry.path}.secrets", _UNIQUE.format(clone=clone)))
        return found

    def early(self, files: List[SecretChange], changes: List[Change], current: State) -> Optional[str]:
        """Why the cluster should not be told of these secrets yet: the other members may not have the files."""
        others = sorted(members(current) - {self._context.node or self._context.tools.local_node()})
        news = sorted({change.resource for change in files if change.action != REMOVE} & announced(changes))
        if not others or not news:
            return None
        return (
            f"the secrets of {', '.join(news)} are not yet in the files of this node, and perhaps not in those of"
            f" {', '.join(others)}: a node without them fails the resource for the whole cluster. Write them on every member"
            " first (only: secrets), then apply the document"
        )

    def warnings(self, wanted: State) -> List[str]:
        """What is missing on this node, or cannot be done for a file."""
        found = []
        for entry in self._document.entries:
            declared = entry.object
            given = (declared.secrets or {}) if isinstance(declared, Primitive) and not entry.absent else {}
            bundle = _bundle_without(wanted, declared.key.id) if given else None
            if bundle:
                found.append(
                    f"{entry.path}.secrets: the agent runs in the containers of {bundle}, which have no {SECRETS}; map it into"
                    " them with storage"
                )
            if given and not self._files.kept:
                found.append(
                    f"{entry.path}.secrets: this is a CIB file, so the secrets themselves are not kept anywhere"
                )
            elif any(value == MASK for value in given.values()):
                have = self._files.values(declared.key.id)
                found += [
                    f"{entry.path}.secrets.{name}: this node has no file with it; give the secret itself"
                    for name in sorted(kept_from(wanted, declared.key.id) - set(have))
                    if given.get(name) == MASK
                ]
        return found

    # -- doing

    def write(self, files: List[SecretChange]) -> bool:
        """Write what is new or changed; whether there was anything."""
        found: Dict[str, Dict[str, str]] = {}
        for change in files:
            if change.action != REMOVE:
                found.setdefault(change.resource, {})[change.name] = change.value
        for resource, secrets in found.items():
            self._files.write(resource, secrets)
        return bool(found)

    def remove(self, files: List[SecretChange]) -> None:
        """Remove what is no longer asked for."""
        for change in files:
            if change.action == REMOVE:
                self._files.remove(change.resource, [change.name])


def sealed(document: Document, files: Optional[SecretFiles]) -> Document:
    """The document with a mark on whatever has secrets, which changes with them and so tells the cluster."""
    if files is None:
        return document
    return replace(document, entries=tuple(_sealed(entry, files) for entry in document.entries))


def _sealed(entry: Declaration, files: SecretFiles) -> Declaration:
    found = entry.object
    if entry.absent or not isinstance(found, Primitive) or found.secrets is None:
        return entry
    given = {name: value for name, value in found.secrets.items() if value is not None}
    have = files.values(found.id) if MASK in given.values() else {}
    secrets = {name: have.get(name) if value == MASK else value for name, value in given.items()}
    known = {name: value for name, value in secrets.items() if value is not None}
    if len(known) != len(secrets):
        return entry  # cannot be told here; the mark stays
    seal = files.seal(found.id, known) if known else None
    if known and seal is None:
        return entry
    return replace(entry, object=replace(found, switches={**found.switches, SEAL: seal}))


def revealed(exported: Dict[str, Any], files: Optional[SecretFiles]) -> Dict[str, Any]:
    """An exported document with the secrets of this node's files."""

    def one(entry: Dict[str, Any]) -> Dict[str, Any]:
        if files is None or "secrets" not in entry:
            return entry
        have = files.values(entry["id"])
        return {**entry, "secrets": {name: have.get(name, mask) for name, mask in entry["secrets"].items()}}

    sections: Dict[str, Any] = {
        name: [one(entry) for entry in exported[name]] for name in ("resources", "stonith") if name in exported
    }
    return {**exported, **sections}


def _unique_clone(state: State, resource: str) -> Optional[str]:
    """The clone that gives each instance of a resource a name of its own."""
    inside = {resource}
    for found in state.objects.values():
        if isinstance(found, Group) and resource in contents(found):
            inside.add(found.id)
    for found in state.objects.values():
        unique = isinstance(found, Clone) and boolean((found.meta or {}).get("globally-unique") or "")
        if unique and inside.intersection(contents(found)):
            return found.key.id
    return None


def _bundle_without(state: State, resource: str) -> Optional[str]:
    """The bundle around a resource, where its containers do not see the files."""
    for found in state.objects.values():
        if isinstance(found, Bundle) and found.resource == resource:
            mapped = [one.get("target-dir") or "" for one in found.storage or ()]
            return None if any(f"{SECRETS}/".startswith(one.rstrip("/") + "/") for one in mapped) else found.id
    return None


def _unsupported(entry: Declaration) -> str:
    found = entry.object
    names = ", ".join(sorted((found.secrets or {}) if isinstance(found, Primitive) else ()))
    instead = "let the agent take them from a root-only file, if it can"
    if isinstance(found, Primitive) and found.agent.startswith("stonith:"):
        instead = "give password_script instead, which names a root-only program that prints the password"
    return _NO_FILES.format(names=names, instead=instead)
