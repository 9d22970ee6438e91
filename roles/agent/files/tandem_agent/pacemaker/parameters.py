# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether resources give their agents what these ask for, wherever it comes from: own parameters, secrets, sets with
rules, a template, the group or clone around. Judged is what is new; what was there before, the cluster has lived with.
"""

from __future__ import annotations

from typing import Callable, Dict, FrozenSet, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..errors import Fault
from ..model.declaration import Document
from ..model.entries import options_of
from ..model.objects import Bundle, Clone, Group, Map, Object, Primitive, Record, State, contents
from ..model.secrets import ELSEWHERE, MASK, is_secret
from ..model.values import INFINITY, score
from .metadata import AgentMetadata, Metadata, check, deprecated, missing

_SETS = "instance_attributes"


class Judged(NamedTuple):
    """Faults, and what is allowed but should be known."""

    faults: List[Fault]
    warnings: List[str]


def judge(metadata: Metadata, before: State, wanted: State, document: Document, node: Callable[[], str]) -> Judged:
    """What is wrong with the parameters of all that changes."""
    found = Judged([], [])
    entries = {entry.object.key: entry for entry in document.entries if not entry.absent}
    for key, resource in wanted.objects.items():
        old = before.objects.get(key)
        if not isinstance(resource, Primitive) or resource == old:
            continue
        agent = _agent(resource, wanted)
        entry = entries.get(key)
        declared = entry.object if entry is not None else None
        secrets = (declared.secrets or {}) if isinstance(declared, Primitive) else {}
        judged = _Judged(resource, old, agent, before, wanted, entry.path if entry else resource.id, secrets)
        about = metadata.of(agent) if agent else None
        if about is not None:
            judged.against(about, found)
        elif agent and judged.is_new:
            absent = metadata.missing(agent)
            elsewhere = _cannot_run_here(resource, wanted, node()) if absent else None
            if absent and elsewhere:
                found.warnings.append(
                    f"{judged.path}: {absent}; it does not run here ({elsewhere}), so this may be right"
                )
            elif absent:
                found.faults.append(Fault(f"{judged.path}.agent", absent))
    return found


class _Judged:
    """One resource and all that its agent gets."""

    def __init__(
        self,
        resource: Primitive,
        old: Optional[Object],
        agent: str,
        before: State,
        wanted: State,
        path: str,
        secrets: Map,
    ) -> None:
        self.path = path
        self.agent = agent
        self.resource = resource
        self.wanted = wanted
        self.old = old if isinstance(old, Primitive) and _agent(old, before) == agent else None
        self.was_given = _names(self.old, before) if self.old is not None else frozenset()
        self.is_new = self.old is None
        self.secrets = {name: None if value == MASK else value for name, value in secrets.items()}

    def against(self, about: AgentMetadata, found: Judged) -> None:
        fencing = self.agent.startswith("stonith:")
        for place, params in self._own():
            found.faults.extend(
                Fault(f"{self.path}.{place}", fault) for fault in check(about, params, fencing, self.secrets)
            )
            found.warnings.extend(f"{self.path}.{place}: {text}" for text in deprecated(about, params))
        if not self.resource.is_template and not _borrows(self.resource, self.wanted):
            given = _names(self.resource, self.wanted)
            lacking = missing(about, given, fencing)
            if self.old is not None:
                known = missing(about, self.was_given, fencing)
                lacking = [name for name in lacking if name not in known]
            found.faults.extend(
                Fault(f"{self.path}.params", f"{name} is required by this agent and is not given") for name in lacking
            )
        found.warnings.extend(self._twins(about))

    def _own(self) -> Iterator[Tuple[str, Dict[str, Optional[str]]]]:
        """The resource's own parameters that are new or changed, set by set."""
        before = (self.old.params or {}) if self.old is not None else {}
        sets = [options_of(one) for one in self.old.sets.get(_SETS, ())] if self.old is not None else []
        plain = {name: value for name, value in (self.resource.params or {}).items() if before.get(name) != value}
        kept = {name: self.secrets.get(name) for name in plain if plain[name] == ELSEWHERE}
        kept.update({name: value for name, value in self.secrets.items() if value is not None})
        yield "params", {name: value for name, value in plain.items() if name not in kept}
        yield "secrets", kept
        for index, one in enumerate(self.resource.sets.get(_SETS, ())):
            options = options_of(one)
            if options not in sets:
                yield f"param_sets[{index}]", options

    def _twins(self, about: AgentMetadata) -> Iterator[str]:
        """Others with the same values in parameters that should tell two resources apart."""
        groups: Dict[str, Set[str]] = {}
        for parameter in about.parameters.values():
            if parameter.unique:
                groups.setdefault(parameter.unique, set()).add(parameter.name)
        for _group, names in sorted(groups.items()):
            own = _given(self.resource, names)
            if not own or (self.old is not None and _given(self.old, names) == own):
                continue
            for other in self.wanted.objects.values():
                if not isinstance(other, Primitive) or other.id == self.resource.id or other.is_template:
                    continue
                if _agent(other, self.wanted) == self.agent and _given(other, names) == own:
                    shown = " and ".join(name if is_secret(name) else f"{name} {own[name]}" for name in sorted(own))
                    yield f"{self.path}.params: {other.key.id} has the same {shown}, which should be there once only"


def _given(found: Object, names: Iterable[str]) -> Dict[str, str]:
    params: Map = (found.params or {}) if isinstance(found, Primitive) else {}
    return {name: value for name in names for value in [params.get(name)] if value and value != ELSEWHERE}


def _agent(found: Primitive, state: State) -> str:
    template = state.resource(found.template) if found.template else None
    return found.agent if found.agent.strip(":") not in ("", "stonith") else getattr(template, "agent", "")


def _sources(found: Primitive, state: State) -> Iterator[Object]:
    """Whatever hands parameters to a resource: itself, its template, what it is in."""
    yield found
    template = state.resource(found.template) if found.template else None
    if template is not None:
        yield template
    inside = {found.id}
    for container in (Group, Clone, Bundle):
        for other in state.objects.values():
            if isinstance(other, container) and inside.intersection(contents(other)):
                inside.add(other.key.id)
                yield other


def _names(found: Primitive, state: State) -> FrozenSet[str]:
    """The names of all parameters that a resource gets, at least under some rule."""
    names: Set[str] = set()
    for source in _sources(found, state):
        params: Optional[Mapping[str, Optional[str]]] = getattr(source, "params", None)
        names.update(params or {})
        for one in getattr(source, "sets", {}).get(_SETS, ()):
            names.update(options_of(one))
    return frozenset(names)


def _borrows(found: Primitive, state: State) -> bool:
    """Whether parameters come from sets or options of others, by reference."""
    return any(
        one.get("id-ref") is not None or any(inner.get("id-ref") is not None for inner in one.all("nvpair"))
        for source in _sources(found, state)
        for one in getattr(source, "sets", {}).get(_SETS, ())
    )


def _cannot_run_here(found: Primitive, state: State, node: str) -> Optional[str]:
    """Why a resource never runs on this node itself."""
    for other in _sources(found, state):
        if isinstance(other, Bundle):
            return f"its agent is in the image of {other.id}"
        for constraint in state.objects.values():
            if isinstance(constraint, Record) and constraint.kind == "location":
                ends = (constraint.part.get("rsc"), constraint.part.get("node"))
                if ends == (other.key.id, node) and score(constraint.part.get("score") or "") == -INFINITY:
                    return f"{constraint.id} keeps it away"
    return None
