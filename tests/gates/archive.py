# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's archive, the same bytes from the same sources: who builds it anew can compare.

    python tests/gates/archive.py DIRECTORY

`ansible-galaxy collection build` writes the time of the build, the owner of the files and the directory's own order into it. The
archive is written again with the time of the last commit, no owner, and in order; the manifest follows. DIRECTORY also gets the
archive's checksum, as sha256sum writes it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tree import TOP, copy_sources

MANIFEST, FILES = "MANIFEST.json", "FILES.json"


def build(target: Path) -> Path:
    """Build what git would commit into `target`; returns the archive."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        copy_sources(Path(scratch) / "source")
        command = ["ansible-galaxy", "collection", "build", str(Path(scratch) / "source"), "--output-path", scratch]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        found = next(Path(scratch).glob("*.tar.gz"))
        (target / found.name).write_bytes(normal(found.read_bytes(), last_change()))
        return target / found.name


def last_change() -> int:
    """When the sources were committed last."""
    said = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=TOP, capture_output=True, text=True, check=True)
    return int(said.stdout)


def normal(data: bytes, when: int) -> bytes:
    """The archive with nothing in it that is not in its sources."""
    contents: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member) if member.isfile() else None
            contents[member.name] = (member, stream.read() if stream else b"")
    _in_order(contents)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as compressed:
        compressed.write(_packed(contents, when))
    return packed.getvalue()


def _in_order(contents: dict[str, tuple[tarfile.TarInfo, bytes]]) -> None:
    """FILES.json in order, and its new checksum in MANIFEST.json."""
    listed = json.loads(contents[FILES][1])
    listed["files"].sort(key=lambda entry: str(entry["name"]))
    files = json.dumps(listed, indent=True).encode()
    manifest = json.loads(contents[MANIFEST][1])
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(files).hexdigest()
    contents[FILES] = (contents[FILES][0], files)
    contents[MANIFEST] = (contents[MANIFEST][0], json.dumps(manifest, indent=True).encode())


def _packed(contents: dict[str, tuple[tarfile.TarInfo, bytes]], when: int) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(contents, key=lambda one: (one not in (MANIFEST, FILES), one)):
            found, data = contents[name]
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.linkname = found.type, found.mode, found.linkname
            member.mtime, member.size = when, len(data)
            archive.addfile(member, io.BytesIO(data))
    return written.getvalue()


def main() -> int:
    """Build it where the user says."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    archive = build(target)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (target / f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n", encoding="utf-8")
    print(f"{digest}  {archive}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
