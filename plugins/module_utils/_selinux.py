# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""SELinux as the kernel shows it: its mode, and which booleans are not as wanted."""

import os
from typing import Dict, List, Mapping

ROOT = "/sys/fs/selinux"


def _read(path: str) -> str:
    try:
        with open(path) as stream:
            return stream.read()
    except (IOError, OSError):
        return ""


def mode(root: str = ROOT) -> str:
    """`enforcing`, `permissive` or `disabled`."""
    return {"1": "enforcing", "0": "permissive"}.get(_read(os.path.join(root, "enforce")).strip(), "disabled")


def booleans(wanted: Mapping[str, bool], root: str = ROOT) -> Dict[str, List[str]]:
    """Booleans that are not as `wanted`, and those that the policy does not have. Where SELinux is off, none."""
    missing = {"other": [], "unknown": []}  # type: Dict[str, List[str]]
    if mode(root) == "disabled":
        return missing
    for name, value in sorted(wanted.items()):
        # "current pending": what is in force, and what will be with the next commit.
        words = _read(os.path.join(root, "booleans", os.path.basename(name))).split()
        if not words:
            missing["unknown"].append(name)
        elif (words[0] == "1") != value:
            missing["other"].append(name)
    return missing
