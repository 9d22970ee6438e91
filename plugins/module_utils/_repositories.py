# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""The package repositories of a host that has dnf: which it knows, which are enabled, which of the wanted ones are missing."""

import configparser
import os
from typing import Any, Dict, List, Mapping

DIRECTORY = "/etc/yum.repos.d"
MANAGED = "redhat.repo"
"""What subscription-manager writes there on a registered host; changes by others are lost."""
_OFF = ("0", "no", "off", "false")


def repositories(directory: str = DIRECTORY) -> Dict[str, Dict[str, bool]]:
    """Each repository with whether it is enabled, and whether subscription-manager says so."""
    found = {}  # type: Dict[str, Dict[str, bool]]
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    for name in names:
        if not name.endswith(".repo"):
            continue
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(os.path.join(directory, name), encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # dnf passes over such a file too
        for section in parser.sections():
            if section != "main":
                enabled = parser.get(section, "enabled", fallback="1").strip().lower() not in _OFF
                found[section] = {"enabled": enabled, "managed": name == MANAGED}
    return found


def expanded(entry: str, variables: Mapping[str, str]) -> List[str]:
    """The alternatives of an entry `a|b`, with dnf's variables filled in."""
    for name, value in variables.items():
        entry = entry.replace("$" + name, value)
    return entry.split("|")


def judged(wanted: List[str], known: Mapping[str, Mapping[str, bool]], variables: Mapping[str, str]) -> Dict[str, Any]:
    """What is to be enabled so that of each entry one is, and the entries of which the host knows none."""
    missing = {"disabled": [], "unknown": []}  # type: Dict[str, List[str]]
    for entry in wanted:
        here = [name for name in expanded(entry, variables) if name in known]
        if not here:
            missing["unknown"].append("|".join(expanded(entry, variables)))
        elif not any(known[name]["enabled"] for name in here):
            missing["disabled"].append(here[0])
    return missing
