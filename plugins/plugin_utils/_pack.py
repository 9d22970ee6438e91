# Copyright: the Tandem contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# PRIVATE to the collection: may change in any release.
"""The agent as one file: a zipapp that depends on nothing but its sources, whatever Python packs it and when."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile

ROLE_FILES = os.path.normpath(os.path.join(os.path.dirname(__file__), "..", "..", "roles", "agent", "files"))
PACKAGE = "tandem_agent"
UNITS = ("tandem-agent.socket", "tandem-agent.service")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that a zip can hold


def pack(python: str, source: str = ROLE_FILES) -> bytes:
    """The zipapp of the package below `source`, to be run by `python`. Nothing is compressed: compressors differ."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sources(source):
            with open(os.path.join(source, name), "rb") as stream:
                _add(archive, name, stream.read())
        with open(os.path.join(source, PACKAGE, "__main__.py"), "rb") as stream:
            _add(archive, "__main__.py", stream.read())
    return b"#!" + python.encode("utf-8") + b"\n" + buffer.getvalue()


def sources(source: str = ROLE_FILES) -> list[str]:
    """The package's Python files relative to `source`, in one order everywhere."""
    found = []
    for directory, folders, names in os.walk(os.path.join(source, PACKAGE)):
        folders[:] = [folder for folder in folders if folder != "__pycache__"]
        found += [os.path.relpath(os.path.join(directory, name), source) for name in names if name.endswith(".py")]
    return sorted(found)


def units(path: str, idle: int, source: str = ROLE_FILES) -> dict[str, str]:
    """systemd's units by name, for an agent at `path` that ends after `idle` seconds without a client."""
    found = {}
    for name in UNITS:
        with open(os.path.join(source, name), encoding="utf-8") as stream:
            found[name] = stream.read().replace("@AGENT@", path).replace("@IDLE@", str(idle))
    return found


def checksum(data: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name.replace(os.sep, "/"), _EPOCH)
    entry.create_system = 3  # Unix, also where it is not packed on one
    entry.external_attr = 0o100644 << 16
    archive.writestr(entry, data)
