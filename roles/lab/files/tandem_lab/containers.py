# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images for the nodes: built once on the machine, seen read-only by every node.

Nodes have no way out and no time to build. The store lies in the cache under the digest of
everything its images are made of, is built aside and renamed, and is never written again.
The first image stands on the suite's root, which is what a node's own packages stand on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import List, Optional

from . import images, repository, tools
from .errors import CommandError, LabError
from .files import locked, read, write
from .paths import Paths
from .progress import say
from .spec import Image, Spec

BASE = "localhost/tandem-lab/base:"
"""The suite's root as an image; what an image of the lab may be built on first."""
STORE_TARGET = "/srv/tandem-lab/images"
"""Where a node sees the store."""
NEWER = "/srv/tandem-lab/newer"
"""Where a build sees the package repository of the suite it takes single files from."""

# A node has no control groups to give away, its /proc/sys is read-only, limits cannot be raised, and there is no journal for events.
_ENGINE_CONF = """[containers]
cgroups = "disabled"
default_sysctls = []
default_ulimits = ["nofile=16384:16384", "nproc=8192:8192"]
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
_STORAGE_CONF = """[storage]
driver = "overlay"
runroot = "/run/containers/storage"
graphroot = "/var/lib/containers/storage"
[storage.options]
additionalimagestores = ["%s"]
"""


def store(cache: Path, spec: Spec) -> Path:
    return cache / "images" / digest(spec)


def present(cache: Path, spec: Spec) -> bool:
    return not spec.images or store(cache, spec).is_dir()


def digest(spec: Spec) -> str:
    """Changes with every file and argument that makes an image, and with the roots below them."""
    recipe = [
        [
            image.name,
            image.suite,
            images.digest(image.suite),
            image.base,
            dict(image.arguments),
            image.newer,
            _content(image.context),
        ]
        for image in spec.images
    ]
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]


def _content(context: Path) -> List[List[str]]:
    if not (context / "Containerfile").is_file():
        raise LabError("images: there is no Containerfile in %s" % context)
    files = sorted(path for path in context.rglob("*") if path.is_file())
    return [[str(path.relative_to(context)), hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]


def make(cache: Path, spec: Spec) -> Path:
    """The store with all images of the lab, made if it is not there.  Two or three minutes the first time."""
    target = store(cache, spec)
    with locked(cache / "images.lock"):
        if target.is_dir():
            return target
        say("building container images (about 3 min, once) ...")
        draft = cache / "images" / ".draft"
        tools.run(["rm", "-rf", "--one-file-system", str(draft)])
        draft.mkdir(parents=True)
        for suite in sorted({image.suite for image in spec.images}):
            _import(cache, draft, suite)
        for image in spec.images:
            _build(cache, draft, image)
        # The engine's notes name the place of the draft, and nobody runs containers here.
        shutil.rmtree(str(draft / "store/libpod"), ignore_errors=True)
        shutil.rmtree(str(draft / "run"), ignore_errors=True)
        (draft / "store").rename(target)
    return target


def _podman(draft: Path) -> List[str]:
    return [
        # What it mounts, the store itself among it, goes with its end.
        *("unshare", "--mount", "--propagation", "private"),
        "podman",
        "--root=%s" % (draft / "store"),
        "--runroot=%s" % (draft / "run"),
        "--tmpdir=%s" % (draft / "run/tmp"),
        "--storage-driver=overlay",
        "--cgroup-manager=cgroupfs",
        "--events-backend=none",
    ]


def _import(cache: Path, draft: Path, suite: str) -> None:
    """The suite's root as the image to begin with."""
    argv = [*_podman(draft), "import", "--quiet", "-", BASE + suite]
    pack = ["tar", "--create", "--one-file-system", "--directory=%s" % images.root(cache, suite), "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE) as tar:
        done = subprocess.run(
            argv, stdin=tar.stdout, capture_output=True, text=True, check=False, env=tools.environment(), timeout=600
        )
    if done.returncode or tar.returncode:
        raise CommandError(argv, done.returncode or tar.returncode, tools.tail(done.stderr))


def _build(cache: Path, draft: Path, image: Image) -> None:
    arguments = {"BASE": image.base or BASE + image.suite, **image.arguments}
    argv = [*_podman(draft), "build", "--quiet", "--isolation=chroot", "--network=host", "--tag=" + image.name]
    argv += ["--build-arg=%s=%s" % pair for pair in sorted(arguments.items())]
    for suite, target in ((image.suite, images.REPOSITORY_TARGET), (image.newer, NEWER)):
        if suite:
            argv.append("--volume=%s:%s:ro" % (repository.directory(cache, suite, apart=True), target))
    tools.run([*argv, str(image.context)], timeout=1200)


def configure(etc: Path) -> None:
    """Tell a node's container engine where the store is, and what it has to do without in a node."""
    directory = etc / "containers"
    directory.mkdir(parents=True, exist_ok=True, mode=0o755)
    write(directory / "containers.conf", _ENGINE_CONF)
    write(directory / "storage.conf", _STORAGE_CONF % STORE_TARGET)


def used(paths: Paths) -> Optional[Path]:
    """The store the nodes of a lab see, if they see one: it stays theirs when another is made."""
    text = read(paths.images)
    return Path(text.strip()) if text else None


def use(paths: Paths, spec: Spec) -> None:
    write(paths.images, "%s\n" % store(paths.cache, spec))


def mounts(paths: Paths) -> List[str]:
    """systemd-nspawn's option by which a node sees the store."""
    return ["--bind-ro=%s:%s" % (used(paths), STORE_TARGET)] if used(paths) else []
