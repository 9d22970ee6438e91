# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach the cloud and as whom: one file for both agents, read and checked before anything is asked."""

from __future__ import annotations

import configparser
import os
import re
import stat
from dataclasses import dataclass
from typing import List, Mapping
from urllib.parse import urlsplit

from .faults import Misconfigured

DEFAULT_FILE = "/etc/tandem/oci/settings.ini"
SECTION = "oci"
AUTHENTICATIONS = ("instance_principal", "api_key")
METADATA_URL = "http://169.254.169.254/opc/v2"

_REGION = re.compile(r"[a-z]{2,4}(-[a-z0-9]+)*-[0-9]+\Z")


@dataclass(frozen=True)
class Settings:
    """Empty strings mean: as the SDK and the instance's metadata say."""

    auth: str = "instance_principal"
    config: str = ""  # api_key: a configuration file as the SDK and the CLI have it
    profile: str = "DEFAULT"
    region: str = ""
    endpoint: str = ""  # of the core services
    federation_endpoint: str = ""
    ca_bundle: str = ""
    metadata_url: str = METADATA_URL
    connect_timeout: float = 3.0
    read_timeout: float = 8.0


def load(path: str) -> Settings:
    """Read the file. Raises Misconfigured with every fault found, each by its path."""
    reader = configparser.ConfigParser(interpolation=None)
    try:
        with open(path) as stream:
            reader.read_file(stream)
    except FileNotFoundError:
        raise Misconfigured("settings: %s does not exist: run the role tandem.ha.oci on this host" % path) from None
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise Misconfigured("settings: %s cannot be read: %s" % (path, " ".join(str(error).split()))) from error
    if not reader.has_section(SECTION):
        raise Misconfigured("settings: %s has no section [%s]" % (path, SECTION))
    return check(path, dict(reader.items(SECTION)))


def check(path: str, given: Mapping[str, str]) -> Settings:
    """Judge the section's entries; `path` only tells where they stand."""
    known = Settings.__dataclass_fields__
    faults = ["%s is unknown; known are %s" % (key, ", ".join(known)) for key in given if key not in known]
    values = {key: value.strip() for key, value in given.items() if key in known and value.strip()}
    seconds = {
        key: _seconds(key, values.pop(key), faults) for key in ("connect_timeout", "read_timeout") if key in values
    }
    found = Settings(**values, **seconds)  # type: ignore[arg-type]
    if found.auth not in AUTHENTICATIONS:
        faults.append("auth is %r: use one of %s" % (found.auth, ", ".join(AUTHENTICATIONS)))
    if found.region and not _REGION.match(found.region):
        faults.append("region is %r: write it as eu-frankfurt-1" % found.region)
    for key in ("endpoint", "federation_endpoint", "metadata_url"):
        if getattr(found, key) and urlsplit(getattr(found, key)).scheme not in ("http", "https"):
            faults.append("%s is %r: write it as https://HOST" % (key, getattr(found, key)))
    if found.ca_bundle and not os.path.isfile(found.ca_bundle):
        faults.append("ca_bundle: there is no file %s" % found.ca_bundle)
    if found.auth == "api_key":
        faults += _private("config", found.config)
    if faults:
        raise Misconfigured("; ".join("%s: %s" % (path, fault) for fault in faults))
    return found


def private_file(key: str, path: str) -> None:
    """Raises Misconfigured unless the file is there and for root alone: it is or leads to a private key."""
    faults = _private(key, path)
    if faults:
        raise Misconfigured("; ".join(faults))


def _private(key: str, path: str) -> List[str]:
    if not path:
        return ["%s is missing: auth api_key needs the path of a configuration file" % key]
    try:
        found = os.stat(path)
    except OSError as error:
        return ["%s: %s cannot be used: %s" % (key, path, error.strerror)]
    if not stat.S_ISREG(found.st_mode):
        return ["%s: %s is no file" % (key, path)]
    if found.st_mode & 0o077 or found.st_uid not in (0, os.geteuid()):
        return ["%s: %s can be read by others than its owner root: chown root and chmod 600 it" % (key, path)]
    return []


def _seconds(key: str, text: str, faults: List[str]) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 60:
        faults.append("%s is %r: give seconds from 0.1 to 60" % (key, text))
    return value
