# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `cluster.plan` and `cluster.apply` are asked. All faults at once, before anything is looked at."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from ..corosync.parse import Section, parse
from ..corosync.spec import NAME, Spec, read_spec
from ..errors import AgentError, Fault, invalid
from ..model.fields import Fields

STATES = ("present", "started", "stopped", "absent")
KEY_SIZES = {
    "corosync": (128, 512),
    "pacemaker": (8, 4096),
}  # bytes: what Corosync takes, what makes sense for Pacemaker
DEFAULT_WAIT = 60.0  # seconds


@dataclass(frozen=True)
class Request:
    """One call, checked."""

    state: str
    spec: Spec
    remove: Tuple[str, ...]
    unreached: Tuple[str, ...]
    keys: Dict[str, bytes]
    base: Optional[Section]
    activate: bool
    enabled: Optional[bool]
    restart: str
    password: Optional[str]
    wait: float


def read_request(params: Fields) -> Request:
    """The parameters. Errors: `params.invalid` for the call itself, `cluster.invalid` for the cluster it describes."""
    faults: List[Fault] = []
    cluster = Fields(params.raw("cluster") or {}, "cluster", faults)
    state = params.choice("state", STATES, "present")
    spec = read_spec(cluster, members=state != "absent")
    request = Request(
        state=state,
        spec=spec,
        remove=tuple(params.texts("remove_nodes")),
        unreached=tuple(params.texts("unreached")),
        keys=_keys(params.object("keys")),
        base=_base(params),
        activate=params.flag("activate", True),
        enabled=params.optional_flag("enabled"),
        restart=params.choice("restart", ("never", "rolling"), "never"),
        password=_password(params.object("pcs")),
        wait=params.number("wait", DEFAULT_WAIT, 0, 3600),
    )
    params.conclude()
    faults.extend(
        Fault("remove_nodes", f"{name} is declared as a member as well; a node can't be both")
        for name in request.remove
        if name in spec.names()
    )
    faults.extend(Fault("remove_nodes", f"{name!r} is no node name") for name in request.remove if not NAME.match(name))
    if faults:
        raise invalid("cluster.invalid", "the cluster", faults)
    return request


def _keys(fields: Fields) -> Dict[str, bytes]:
    found = {}
    for name, (least, most) in KEY_SIZES.items():
        text = fields.optional_text(name)
        if text is None:
            continue
        try:
            key = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            fields.fault(name, "is not base64")
            continue
        if least <= len(key) <= most:
            found[name] = key
        else:
            fields.fault(name, f"is {len(key)} bytes long; allowed is {least} to {most}")
    fields.finish()
    return found


def _base(params: Fields) -> Optional[Section]:
    text = params.optional_text("base")
    if text is None:
        return None
    try:
        return parse(text)
    except AgentError as error:
        params.fault("base", error.message)
        return None


def _password(fields: Fields) -> Optional[str]:
    password = fields.optional_text("password")
    fields.finish()
    if password is not None and (not password or "\n" in password):
        fields.fault("password", "must be one line that is not empty")
    return password
