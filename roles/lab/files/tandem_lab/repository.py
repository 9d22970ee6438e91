# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package repository per suite on local disk: nodes have no way out.

The host's apt resolves the wanted packages against the bare root's package list and
downloads what is missing there, dependencies included.  The directory only grows, so
labs with different wishes share it, and running nodes see an addition at once.

What goes into container images has a directory of its own, `SUITE-images`: there each
package comes by itself, since no image has all of them, and some exclude each other.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Callable, List, Mapping, Sequence, Set

from . import el, images, mirror, rpms, tools
from .files import locked, read, write
from .progress import say


def directory(cache: Path, suite: str, apart: bool = False) -> Path:
    # What is made of packages depends on how, and a running node keeps what it sees.
    name = images.root(cache, suite).name if el.is_shape(suite) else suite
    return cache / "repositories" / (name + "-images" if apart else name)


def _index_file(cache: Path, suite: str, apart: bool) -> Path:
    """There when the repository is complete."""
    return directory(cache, suite, apart) / (
        "highavailability/repodata/repomd.xml" if el.is_shape(suite) else "Packages"
    )


def _stamp(cache: Path, suite: str, apart: bool) -> Path:
    return directory(cache, suite, apart).with_suffix(".json")


def _held(cache: Path, suite: str, apart: bool) -> Set[str]:
    """Packages the repository was made for, on today's root; empty when there is none."""
    text = read(_stamp(cache, suite, apart))
    raw = json.loads(text) if text else {}
    return set(raw["packages"]) if raw.get("root") == images.root(cache, suite).name else set()


def present(cache: Path, suite: str, packages: Sequence[str], apart: bool = False) -> bool:
    return set(packages) <= _held(cache, suite, apart) and _index_file(cache, suite, apart).exists()


def make(cache: Path, suite: str, packages: Sequence[str], apart: bool = False) -> Path:
    """The suite's repository with these packages in it, extended if one is missing; `apart`: each by itself."""
    target = directory(cache, suite, apart)
    with locked(cache / ("repository-%s.lock" % target.name)):
        if present(cache, suite, packages, apart):
            return target
        say("downloading packages for %s (about 30 s, once) ..." % target.name)
        wanted = sorted(_held(cache, suite, apart) | set(packages))
        target.mkdir(parents=True, exist_ok=True)
        _download(cache, suite, [[package] for package in wanted] if apart else [wanted], target)
        if not el.is_shape(suite):
            _index(target)
        write(_stamp(cache, suite, apart), json.dumps({"root": images.root(cache, suite).name, "packages": wanted}))
    return target


def _download(cache: Path, suite: str, groups: Sequence[Sequence[str]], target: Path) -> None:
    work = cache / "apt" / target.name
    # What a failed run fetched does not fit together.
    shutil.rmtree(str(work), ignore_errors=True)
    for part in ("lists/partial", "archives/partial", "empty"):
        (work / part).mkdir(parents=True, exist_ok=True)
    write(work / "sources.list", "\n".join(mirror.of_host().sources(el.base(suite))) + "\n")
    shutil.copy(str(images.status(cache, suite)), str(work / "status"))
    options = _apt_options(work)
    tools.run(["apt-get", "-q", *options, "update"], timeout=300)
    known = set(tools.run(["apt-cache", *options, "pkgnames"]).split())
    for packages in groups:
        names = [choose(package, known, el.wanted if el.is_shape(suite) else str) for package in packages]
        names += el.needs(names) if el.is_shape(suite) else ()
        tools.run(["apt-get", "-q", *options, "install", "--yes", "--download-only", *names], timeout=900)
    if el.is_shape(suite):
        rpms.convert((work / "archives").glob("*.deb"), target, work / "rpms")
    else:
        for package in (work / "archives").glob("*.deb"):
            package.chmod(0o644)
            package.rename(target / package.name)
    shutil.rmtree(str(work))


def choose(package: str, known: Set[str], called: Callable[[str], str] = str) -> str:
    """The first of `a|b` that the suite has, where it is `called` so; apt then says itself that it lacks the last.  Pure."""
    alternatives = [called(name) for name in package.split("|")]
    return next((name for name in alternatives if name in known), alternatives[-1])


def _apt_options(work: Path) -> List[str]:
    """Apt with a world of its own, but the host's way to the mirrors (proxy and the like)."""
    options = {
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Dir::Cache": work,
        "Dir::Cache::archives": work / "archives",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": work / "empty",
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": work / "empty",
        "Dir::State": work,
        "Dir::State::lists": work / "lists",
        "Dir::State::status": work / "status",
    }
    return [word for key, value in options.items() for word in ("-o", "%s=%s" % (key, value))]


def _index(target: Path) -> None:
    packages = tools.run(["sh", "-c", 'cd "$1" && apt-ftparchive packages .', "sh", str(target)], timeout=300)
    write(target / "Packages", packages)
    release = tools.run(["sh", "-c", 'cd "$1" && apt-ftparchive release .', "sh", str(target)])
    write(target / "Release", release)


def sizes(cache: Path) -> Mapping[str, int]:
    """Number of packages in each repository."""
    place = cache / "repositories"
    found = sorted(path for path in place.iterdir() if path.is_dir()) if place.is_dir() else []
    return {path.name: sum(1 for _package in (*path.glob("*.deb"), *path.glob("*/*.rpm"))) for path in found}
