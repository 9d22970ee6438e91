# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of container images: both kinds, and what is none."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tandem.ha.plugins.module_utils import _archive, _recipe

ID = "d88df7ac9401" + "0" * 52


def pack(path: Path, files: dict[str, Any]) -> str:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            text = json.dumps(content).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return str(path)


def test_an_archive_of_docker(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.tar", {"manifest.json": [{"Config": f"{ID}.json", "RepoTags": ["x:y"]}]})
    assert _archive.image_id(path) == ID


def test_an_archive_of_oci(tmp_path: Path) -> None:
    files = {
        "index.json": {"manifests": [{"digest": "sha256:aa"}]},
        "blobs/sha256/aa": {"config": {"digest": f"sha256:{ID}"}},
    }
    assert _archive.image_id(pack(tmp_path / "x.tar", files)) == ID


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "neither manifest.json nor index.json"),
        ({"manifest.json": [{"Config": "a"}, {"Config": "b"}]}, "it holds 2 images"),
        ({"manifest.json": [{"Layers": []}]}, "is no archive of a container image"),
        ({"index.json": {"manifests": [{"digest": "sha256:aa"}]}}, "is no archive of a container image"),
    ],
)
def test_what_is_no_image_is_said(tmp_path: Path, files: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _archive.image_id(pack(tmp_path / "x.tar", files))


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_text("hello")
    with pytest.raises(ValueError, match="is no archive of a container image"):
        _archive.image_id(str(tmp_path / "x.tar"))


def test_a_recipe_changes_with_all_that_makes_the_image(tmp_path: Path) -> None:
    def digest(base: str = "debian:12", **arguments: str) -> str:
        return _recipe.digest(str(tmp_path), base, arguments)

    (tmp_path / "Containerfile").write_text("FROM x\n")
    first = digest()
    assert digest() == first
    assert len({first, digest("debian:13"), digest(UID="1"), digest(UID="2")}) == 4
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "file").write_text("")
    assert digest() != first
