# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The buttons of a chassis, pressed from outside."""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Dict

from .errors import ChassisGone, LabError
from .paths import Paths


def press(paths: Paths, node: str, operation: str, timeout: float = 30, **params: Any) -> Dict[str, Any]:
    """Ask the node's chassis; returns its status afterwards.  Raises ChassisGone, LabError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(timeout)
            stream.connect(str(paths.socket(node)))
            stream.sendall(json.dumps({"op": operation, **params}).encode() + b"\n")
            line = stream.makefile("rb").readline()
    except (FileNotFoundError, ConnectionError) as error:
        raise ChassisGone("no supervisor answers for %s: run `up`" % node) from error
    except OSError as error:
        raise LabError("the supervisor of %s does not answer: %s" % (node, error)) from error
    if not line:
        raise ChassisGone("the supervisor of %s hung up" % node)
    answer: Dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise LabError("%s: %s" % (node, answer["error"]))
    return answer


def wait(paths: Paths, node: str, timeout: float) -> Dict[str, Any]:
    """Wait for a chassis that was just launched."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return press(paths, node, "status")
        except ChassisGone:
            if time.monotonic() > deadline:
                log = paths.log(node, "chassis")
                said = log.read_text(errors="replace").strip()[-800:] if log.exists() else ""
                raise LabError("the supervisor of %s does not start: %s" % (node, said or "it says nothing")) from None
            time.sleep(0.02)
