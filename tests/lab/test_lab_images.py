# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images of a lab: how they are described, what makes them others, what a node is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest

from tandem_lab import containers, spec as specs, tools
from tandem_lab.errors import LabError, SpecError
from tandem_lab.paths import Paths

Raw = Dict[str, Any]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    made = tmp_path / "galera"
    made.mkdir()
    (made / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    return made


@pytest.fixture
def with_images(raw: Raw, context: Path) -> Raw:
    raw["images"] = [
        {"name": "localhost/lab/bundle:latest", "context": str(context), "packages": ["pacemaker-remote"]},
        {
            "name": "localhost/lab/galera:latest",
            "context": str(context),
            "base": "localhost/lab/bundle:latest",
            "packages": ["mariadb-server"],
            "newer": "trixie",
            "newer_packages": ["resource-agents"],
            "arguments": {"UID": 27},
        },
    ]
    return raw


def test_images_read_back_the_same(with_images: Raw) -> None:
    spec = specs.parse(with_images)
    assert specs.parse(json.loads(json.dumps(specs.dump(spec)))) == spec
    assert spec.images[1].arguments == {"UID": "27"}


def test_packages_of_images_are_those_of_their_suites(with_images: Raw) -> None:
    assert specs.parse(with_images).image_packages() == {
        "bookworm": ("mariadb-server", "pacemaker-remote"),
        "trixie": ("resource-agents",),
    }


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("name", "docker.io/galera", "images[1].name: 'docker.io/galera' is not a name like localhost/NAME:TAG"),
        ("context", "galera", "images[1].context: 'galera' is not the absolute path of a directory"),
        ("base", "debian", "images[1].base: 'debian' is not a name like localhost/NAME:TAG"),
        ("suite", "sid", "images[1].suite: unknown suite 'sid'"),
        ("newer", "sid", "images[1].newer: unknown suite 'sid'"),
        ("packages", ["a b"], "images[1].packages[0]: 'a b' is not the name of a Debian package"),
        ("tag", "x", "images[1].tag: unknown"),
    ],
)
def test_wrong_images_are_said_by_their_place(with_images: Raw, key: str, value: Any, said: str) -> None:
    with_images["images"][1][key] = value
    with pytest.raises(SpecError) as fault:
        specs.parse(with_images)
    assert said in str(fault.value)


def test_another_file_makes_other_images(with_images: Raw, context: Path) -> None:
    spec = specs.parse(with_images)
    before = containers.digest(spec)
    assert containers.digest(spec) == before
    (context / "Containerfile").write_text("FROM x\n")
    assert containers.digest(spec) != before


def test_another_argument_makes_other_images(with_images: Raw) -> None:
    before = containers.digest(specs.parse(with_images))
    with_images["images"][1]["arguments"] = {"UID": 28}
    assert containers.digest(specs.parse(with_images)) != before


def test_a_directory_without_containerfile_is_said(with_images: Raw, context: Path) -> None:
    (context / "Containerfile").unlink()
    with pytest.raises(LabError, match="there is no Containerfile in"):
        containers.digest(specs.parse(with_images))


def test_a_lab_without_images_needs_none(raw: Raw, tmp_path: Path) -> None:
    spec = specs.parse(raw)
    paths = Paths.of("x", str(tmp_path / "state/x"), str(tmp_path / "run/x"), str(tmp_path / "cache/x"))
    assert containers.present(paths.cache, spec)
    assert containers.mounts(paths) == []


def test_nodes_keep_the_images_they_were_made_with(with_images: Raw, tmp_path: Path, context: Path) -> None:
    paths = Paths.of("x", str(tmp_path / "state/x"), str(tmp_path / "run/x"), str(tmp_path / "cache/x"))
    paths.state.mkdir(parents=True)
    spec = specs.parse(with_images)
    containers.use(paths, spec)
    before = containers.mounts(paths)
    assert before == ["--bind-ro=%s:/srv/tandem-lab/images" % containers.store(paths.cache, spec)]
    (context / "Containerfile").write_text("FROM x\n")
    assert containers.mounts(paths) == before


def test_a_node_is_told_where_its_images_are(tmp_path: Path) -> None:
    containers.configure(tmp_path)
    assert 'additionalimagestores = ["/srv/tandem-lab/images"]' in (tmp_path / "containers/storage.conf").read_text()
    assert 'cgroups = "disabled"' in (tmp_path / "containers/containers.conf").read_text()


def test_only_a_lab_with_images_needs_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda program, path: None if program in tools.CONTAINERS else program)
    assert not {"podman", "crun"} & set(tools.missing_packages())
    assert {"podman", "crun"} <= set(tools.missing_packages(containers=True))
