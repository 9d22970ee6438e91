# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent says about itself: its parameters and operations, and whether given parameters fit."""

from __future__ import annotations

import difflib
import os
import re
import threading
import time
from typing import Collection, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Tuple
from xml.etree import ElementTree

from ..errors import AgentError
from ..model.secrets import ELSEWHERE, is_secret
from ..model.values import boolean, duration_ms
from .tools import Tools

_RETRY = 5.0  # seconds after which an agent that gave no metadata is asked again

# The fencer fills these from the target and its pcmk_host_* settings, so they are never required of the user.
_FROM_TARGET = frozenset(("action", "plug", "port", "nodename"))


class Parameter(NamedTuple):
    """One parameter; `type` is string, integer, boolean, time, second or select as the agent has it."""

    name: str
    type: str
    required: bool
    default: Optional[str]
    deprecated: bool
    unique: str  # the group of parameters that together tell two resources apart; empty where it is in none
    secret: bool
    options: Tuple[str, ...] = ()
    replaces: FrozenSet[str] = frozenset()  # older names of the same thing
    replaced_by: Tuple[str, ...] = ()


def _of_pacemaker(name: str, kind: str = "string", *options: str) -> Parameter:
    return Parameter(name, kind, False, None, False, "", False, options)


# What Pacemaker itself takes from a stonith device's parameters ("Special Meta-Attributes for Fencing Resources").
_ACTIONS = ("reboot", "off", "on", "list", "monitor", "status", "metadata")
_FENCING: Dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        *map(_of_pacemaker, "pcmk_host_argument pcmk_host_map pcmk_host_list provides action priority".split()),
        _of_pacemaker("pcmk_host_check", "select", "dynamic-list", "static-list", "status", "none"),
        _of_pacemaker("pcmk_delay_base"),  # a time, or one for each node
        _of_pacemaker("pcmk_delay_max", "time"),
        _of_pacemaker("pcmk_action_limit", "integer"),
        _of_pacemaker("stonith-timeout", "time"),
        _of_pacemaker("fencing-timeout", "time"),
        *(_of_pacemaker(f"pcmk_{action}_action") for action in _ACTIONS),
        *(_of_pacemaker(f"pcmk_{action}_timeout", "time") for action in _ACTIONS),
        *(_of_pacemaker(f"pcmk_{action}_retries", "integer") for action in _ACTIONS),
    )
}


class Action(NamedTuple):
    """One operation that the agent offers; times as written ("20s"), None when it names none."""

    name: str
    interval: Optional[str]
    timeout: Optional[str]
    role: Optional[str]
    extra: Mapping[str, str]


class AgentMetadata(NamedTuple):
    """All that matters of an agent's metadata."""

    parameters: Dict[str, Parameter]
    actions: Tuple[Action, ...]


class Metadata:
    """Metadata by agent, kept for the life of the process; asked again when the agent's file changed."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._lock = threading.Lock()
        self._known: Dict[Tuple[str, float], AgentMetadata] = {}
        self._failed: Dict[Tuple[str, float], float] = {}  # when it could not be had, on the monotonic clock

    def of(self, agent: str) -> Optional[AgentMetadata]:
        """The metadata of `class:provider:type`; None when it can't be had here."""
        key = (agent, _changed(agent))
        with self._lock:
            if key in self._known:
                return self._known[key]
            if time.monotonic() - self._failed.get(key, -_RETRY) < _RETRY:
                return None
        try:
            found = read_metadata(self._tools.metadata(agent))
        except (AgentError, ElementTree.ParseError, LookupError, ValueError):  # the latter two: unreadable encodings
            with self._lock:
                self._failed[key] = time.monotonic()
            return None
        with self._lock:
            self._known[key] = found
        return found

    def missing(self, agent: str) -> Optional[str]:
        """Why an agent can't run on this node: its file is not there. Better said before than found in failed actions."""
        path = None if self._tools.offline else agent_file(agent)
        if path is None or os.path.exists(path):
            return None
        package = "fence-agents" if agent.startswith("stonith:") else "resource-agents"
        return f"agent {agent} is not installed on this host ({path} is missing; is the package {package} installed?)"


def read_metadata(data: bytes) -> AgentMetadata:
    """Metadata as XML, of OCF 1.0 and 1.1 resource agents and of fence agents."""
    if b"<!ENTITY" in data:  # a document type is usual here, entities that grow without end are not
        raise ElementTree.ParseError("metadata declares entities")
    root = ElementTree.fromstring(data)
    parameters = [_parameter(element) for element in root.iterfind("parameters/parameter")]
    return AgentMetadata(
        {parameter.name: parameter for parameter in parameters if parameter.name},
        tuple(_action(element) for element in root.iterfind("actions/action")),
    )


def _parameter(element: ElementTree.Element) -> Parameter:
    name = element.get("name", "")
    content = element.find("content")
    deprecated = element.find("deprecated")
    return Parameter(
        name=name,
        type="string" if content is None else content.get("type", "string"),
        required=boolean(element.get("required", "0")) is True,
        default=None if content is None else content.get("default"),
        deprecated=deprecated is not None or boolean(element.get("deprecated", "0")) is True,
        unique=element.get("unique-group", "") or (name if boolean(element.get("unique", "0")) is True else ""),
        secret=is_secret(name),
        options=() if content is None else tuple(one.get("value", "") for one in content.iterfind("option")),
        replaces=frozenset(element.get("obsoletes", "").replace(",", " ").split()),
        replaced_by=()
        if deprecated is None
        else tuple(one.get("name", "") for one in deprecated.iterfind("replaced-with")),
    )


def _action(element: ElementTree.Element) -> Action:
    known = ("name", "interval", "timeout", "role")
    extra = {name: value for name, value in element.attrib.items() if name not in known}
    return Action(element.get("name", ""), element.get("interval"), element.get("timeout"), element.get("role"), extra)


# -- checking


def check(
    metadata: AgentMetadata, params: Mapping[str, Optional[str]], fencing: bool = False, secret: Collection[str] = ()
) -> List[str]:
    """Unknown names and values of the wrong type, the parameter named first. None is a value that nobody here knows; one
    that is `secret` is not quoted.
    """
    faults: List[str] = []
    known = {**_FENCING, **metadata.parameters} if fencing else metadata.parameters
    for name, value in params.items():
        if name in known:
            wrong = _value_fault(known[name], value or "", name in secret)
            faults += [f"{name} {wrong}"] if wrong else []
        else:
            near = difflib.get_close_matches(name, sorted(known), 1)
            faults.append(f"{name} is no parameter of this agent" + (f"; did you mean {near[0]}?" if near else ""))
    return faults


def missing(metadata: AgentMetadata, params: Collection[str], fencing: bool = False) -> List[str]:
    """The required parameters that are not among `params`, nor any older or newer name of them."""
    return [
        parameter.name
        for parameter in metadata.parameters.values()
        if _is_missing(parameter, metadata, params, fencing)
    ]


def deprecated(metadata: AgentMetadata, params: Collection[str]) -> List[str]:
    """A sentence for each of `params` that the agent wants to get rid of."""
    found = []
    for name in params:
        parameter = metadata.parameters.get(name)
        if parameter is not None and parameter.deprecated:
            newer = parameter.replaced_by or tuple(sorted(_newer(metadata, name)))
            found.append(
                f"{name} is deprecated" + (f"; use {' and '.join(newer)} instead" if newer else " by this agent")
            )
    return found


def _newer(metadata: AgentMetadata, name: str) -> FrozenSet[str]:
    return frozenset(other.name for other in metadata.parameters.values() if name in other.replaces)


def _is_missing(parameter: Parameter, metadata: AgentMetadata, params: Collection[str], fencing: bool) -> bool:
    if not parameter.required or parameter.deprecated or parameter.name in params:
        return False
    if fencing and parameter.name in _FROM_TARGET:
        return False
    return not any(alias in params for alias in parameter.replaces | _newer(metadata, parameter.name))


def _value_fault(parameter: Parameter, value: str, secret: bool) -> Optional[str]:
    """Why `value` does not fit, or None. An agent whose own default does not fit its type is not taken at its word."""
    if value in ("", ELSEWHERE) or not _fits(parameter, parameter.default or None):
        return None
    if _fits(parameter, value):
        return None
    shown = "its value" if parameter.secret or secret else repr(value)
    if parameter.type == "select":
        return f"must be one of {', '.join(parameter.options)}, not {shown}"
    words = {"integer": "a whole number", "boolean": "true or false", "second": "a number of seconds"}
    return f"must be {words.get(parameter.type, 'a time such as 30s')}, not {shown}"


def _fits(parameter: Parameter, value: Optional[str]) -> bool:
    if value is None:
        return True
    if parameter.type == "integer":
        return re.match(r"\s*[+-]?\d+\s*\Z", value) is not None
    if parameter.type == "boolean":
        return boolean(value) is not None
    if parameter.type in ("time", "second", "duration", "timeout"):
        return duration_ms(value) is not None or re.match(r"-?\d+(\.\d+)?\Z", value) is not None
    if parameter.type == "select" and parameter.options:
        return value in parameter.options
    return True


# -- where agents live


def agent_file(agent: str) -> Optional[str]:
    """The file of an OCF or fence agent, None for classes whose agents are no single file."""
    parts = agent.split(":")
    if parts[0] == "ocf" and len(parts) == 3:
        return f"/usr/lib/ocf/resource.d/{parts[1]}/{parts[2]}"
    if parts[0] == "stonith" and len(parts) == 2:
        return f"/usr/sbin/{parts[1]}"
    return None


def _changed(agent: str) -> float:
    path = agent_file(agent)
    try:
        return os.stat(path).st_mtime if path else 0.0
    except OSError:
        return 0.0
