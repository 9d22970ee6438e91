# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent says about itself: its parameters and operations, and whether given parameters fit."""

from __future__ import annotations

import difflib
import os
import re
import threading
import time
from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Tuple
from xml.etree import ElementTree

from ..errors import AgentError
from ..model.secrets import is_secret
from ..model.values import boolean, duration_ms
from .tools import Tools

_RETRY = 5.0  # seconds after which an agent that gave no metadata is asked again

# What Pacemaker itself takes from a stonith device's parameters ("Special Meta-Attributes for Fencing Resources").
_FENCING = frozenset(
    "pcmk_host_argument pcmk_host_map pcmk_host_list pcmk_host_check pcmk_delay_max pcmk_delay_base pcmk_action_limit"
    " stonith-timeout fencing-timeout priority provides action".split()
    + [
        f"pcmk_{action}_{what}"
        for action in ("reboot", "off", "on", "list", "monitor", "status", "metadata")
        for what in ("action", "timeout", "retries")
    ]
)
# The fencer fills these from the target and its pcmk_host_* settings, so they are never required of the user.
_FROM_TARGET = frozenset(("action", "plug", "port", "nodename"))


class Parameter(NamedTuple):
    """One parameter; `type` is string, integer, boolean, time, second or select as the agent has it."""

    name: str
    type: str
    required: bool
    default: Optional[str]
    deprecated: bool
    unique: bool
    secret: bool
    options: Tuple[str, ...] = ()
    replaces: FrozenSet[str] = frozenset()  # older names of the same thing


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

    def check(self, agent: str, params: Mapping[str, str]) -> List[str]:
        """What is wrong with `params`, one sentence each, the parameter named first. Empty when nothing can be said."""
        found = self.of(agent)
        if found is None:
            return [] if self._tools.offline else _missing(agent)
        return check(found, params, fencing=agent.startswith("stonith:"))


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
        unique=bool(element.get("unique-group")) or boolean(element.get("unique", "0")) is True,
        secret=is_secret(name),
        options=() if content is None else tuple(one.get("value", "") for one in content.iterfind("option")),
        replaces=frozenset(element.get("obsoletes", "").replace(",", " ").split()),
    )


def _action(element: ElementTree.Element) -> Action:
    known = ("name", "interval", "timeout", "role")
    extra = {name: value for name, value in element.attrib.items() if name not in known}
    return Action(element.get("name", ""), element.get("interval"), element.get("timeout"), element.get("role"), extra)


# -- checking


def check(metadata: AgentMetadata, params: Mapping[str, str], fencing: bool = False) -> List[str]:
    """All faults of `params`: unknown names, missing required ones, values of the wrong type."""
    faults: List[str] = []
    known = metadata.parameters
    names = sorted(set(known) | _FENCING if fencing else known)
    for name, value in params.items():
        if name in known:
            wrong = _value_fault(known[name], value)
            faults += [f"{name} {wrong}"] if wrong else []
        elif not (fencing and name in _FENCING):
            near = difflib.get_close_matches(name, names, 1)
            faults.append(f"{name} is no parameter of this agent" + (f"; did you mean {near[0]}?" if near else ""))
    for parameter in known.values():
        if _is_missing(parameter, metadata, params, fencing):
            faults.append(f"{parameter.name} is required by this agent and is not given")
    return faults


def _is_missing(parameter: Parameter, metadata: AgentMetadata, params: Mapping[str, str], fencing: bool) -> bool:
    if not parameter.required or parameter.deprecated or parameter.name in params:
        return False
    if fencing and parameter.name in _FROM_TARGET:
        return False
    newer = {name for name, other in metadata.parameters.items() if parameter.name in other.replaces}
    return not any(alias in params for alias in parameter.replaces | newer)


def _value_fault(parameter: Parameter, value: str) -> Optional[str]:
    """Why `value` does not fit, or None. An agent whose own default does not fit its type is not taken at its word."""
    if value == "" or not _fits(parameter, parameter.default or None):
        return None
    if _fits(parameter, value):
        return None
    shown = "its value" if parameter.secret else repr(value)
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


def _missing(agent: str) -> List[str]:
    """On a node an agent that is no file can't run: better said before than found in the failed actions."""
    path = agent_file(agent)
    if path is None or os.path.exists(path):
        return []
    package = "fence-agents" if agent.startswith("stonith:") else "resource-agents"
    return [f"agent {agent} is not installed on this host ({path} is missing; is the package {package} installed?)"]
