# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""What an archive of a container image holds, without a container engine.

An image is known by the digest of its configuration, which both kinds of archive name: `podman save` writes either.
"""

import json
import tarfile
from typing import Any, Optional


def image_id(path: str) -> str:
    """The id of the only image in the archive.  Raises ValueError that says what is wrong with it."""
    try:
        with tarfile.open(path) as archive:
            found = _docker(archive) or _oci(archive)
    except (tarfile.TarError, KeyError, IndexError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise ValueError("%s is no archive of a container image: %s" % (path, error)) from error
    if not found:
        raise ValueError("%s is no archive of a container image: it has neither manifest.json nor index.json" % path)
    return found


def _docker(archive: tarfile.TarFile) -> Optional[str]:
    manifest = _json(archive, "manifest.json")
    if not manifest:
        return None
    if len(manifest) != 1:
        raise ValueError("it holds %d images, and one is needed: save each by itself" % len(manifest))
    return str(manifest[0]["Config"]).rsplit("/", 1)[-1].split(".", 1)[0]


def _oci(archive: tarfile.TarFile) -> Optional[str]:
    index = _json(archive, "index.json")
    if not index:
        return None
    if len(index["manifests"]) != 1:
        raise ValueError("it holds %d images, and one is needed: save each by itself" % len(index["manifests"]))
    manifest = _json(archive, _blob(index["manifests"][0]["digest"]))
    return str(manifest["config"]["digest"]).split(":", 1)[1]


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/", 1)


def _json(archive: tarfile.TarFile, name: str) -> Any:
    names = set(archive.getnames())
    member = next((spelled for spelled in (name, "./" + name) if spelled in names), None)
    stream = archive.extractfile(member) if member else None
    return json.loads(stream.read().decode("utf-8")) if stream else None
