# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""RPMs of Debian's packages: the files, dependencies and versions of each, under the names and in the places of EL.

rpmbuild packs them and createrepo_c indexes them, so that a node's dnf resolves and installs as it does anywhere. Nothing
of Debian's package scripts is taken over: what a package needs of them, `el.SPECIAL` says, and no service starts by itself.
"""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from . import el, tools
from .files import remove_if_empty, write

ARCHITECTURES = {"all": "noarch", "amd64": "x86_64", "arm64": "aarch64"}
_MERGED = ("bin", "lib", "lib64", "sbin")
"""Directories that are in /usr in the root, whatever a package of Debian 12 says."""
_RELATION = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]*)(?::\w+)?\s*(?:\((?P<sign><<|<=|=|>=|>>)\s*(?P<version>\S+)\))?")
_SIGNS = {"<<": "<", ">>": ">"}


@dataclass(frozen=True)
class Rpm:
    """One RPM to be made. `version` is Debian's."""

    name: str
    version: str
    arch: str
    summary: str
    requires: Tuple[str, ...] = ()
    provides: Tuple[str, ...] = ()
    files: Tuple[str, ...] = ()
    before: str = ""
    after: str = ""


def control(text: str) -> Dict[str, str]:
    """The fields of one paragraph, in small letters; what goes on over lines is joined by newlines."""
    fields: Dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t"):
            fields[last] += "\n" + line.strip()
        elif ":" in line:
            last, _colon, value = line.partition(":")
            last = last.lower()
            fields[last] = value.strip()
    return fields


def evr(version: str) -> Tuple[str, str, str]:
    """Debian's version as epoch, version and release; only the release of an RPM may not hold a dash, nor its version."""
    epoch, colon, rest = version.partition(":")
    rest = rest if colon else version
    upstream, _dash, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return epoch if colon else "0", upstream.replace("-", "_"), revision


def told(version: str) -> str:
    """The same in one word, as a dependency has it."""
    epoch, upstream, revision = evr(version)
    short = upstream if "-" not in version else "%s-%s" % (upstream, revision)
    return short if epoch == "0" else "%s:%s" % (epoch, short)


def relations(text: str) -> List[List[str]]:
    """A field of dependencies: what of each list of alternatives satisfies it, in RPM's words."""
    found = []
    for entry in text.replace("\n", " ").split(","):
        matches = [_RELATION.match(choice.strip()) for choice in entry.split("|")]
        choices = [match for match in matches if match and match["name"] not in el.NO_NEED]
        # One of them that only Debian needs is here without being anywhere.
        if choices and len(choices) == len(matches):
            found.append([_relation(match) for match in choices])
    return found


def _relation(match: re.Match[str]) -> str:
    name = el.renamed(match["name"])
    if not match["sign"]:
        return name
    return "%s %s %s" % (name, _SIGNS.get(match["sign"], match["sign"]), told(match["version"]))


def requires(fields: Mapping[str, str]) -> Tuple[str, ...]:
    both = [fields.get("pre-depends", ""), fields.get("depends", "")]
    found = relations(", ".join(text for text in both if text))
    return tuple(choices[0] if len(choices) == 1 else "(%s)" % " or ".join(choices) for choices in found)


def provides(fields: Mapping[str, str]) -> Tuple[str, ...]:
    return tuple(choices[0] for choices in relations(fields.get("provides", "")))


def spec(rpm: Rpm, stage: Path) -> str:
    """What rpmbuild reads. The files are in `stage` already: there is nothing to build."""
    epoch, version, release = evr(rpm.version)
    lines = ["%global __os_install_post %{nil}", "%global debug_package %{nil}", "%global _build_id_links none"]
    lines += ["Name: " + rpm.name, "Epoch: " + epoch, "Version: " + version, "Release: " + release]
    lines += ["Summary: " + (rpm.summary or rpm.name), "License: as in Debian", "AutoReqProv: no"]
    lines += ["Requires: " + text for text in rpm.requires]
    lines += ["Provides: " + text for text in rpm.provides]
    lines += ["%description", "Made by the lab of the files of Debian's package.", "%install"]
    lines += ['mkdir -p "%{buildroot}"', 'cp -a "%s/." "%%{buildroot}"' % stage]
    lines += ["%pre", rpm.before] if rpm.before else []
    lines += ["%post", rpm.after] if rpm.after else []
    return "\n".join([*lines, "%files", "%defattr(-,root,root,-)", *rpm.files]) + "\n"


def listed(path: str, prefix: str = "") -> str:
    """A line of %files for one path below the root."""
    # In quotes nothing is a pattern, but macros are still replaced.
    return '%s"/%s"' % (prefix, path.replace("%", "%%"))


def parts(package: str, paths: Sequence[str]) -> Iterator[Tuple[str, List[str]]]:
    """The RPMs of a Debian package with the files of each: the parts that EL has of it, then the package itself."""
    left = list(paths)
    for name, patterns in el.PARTS.get(package, ()):
        mine = [path for path in left if any(fnmatchcase(path, pattern) for pattern in patterns)]
        left = [path for path in left if path not in mine]
        yield name, mine
    yield el.renamed(package), left


def convert(debs: Iterable[Path], target: Path, work: Path) -> None:
    """Make the RPMs of these packages, where they are not made yet, and index the repositories."""
    made = target / ".made"
    for directory in (made, *(target / name for name in el.REPOSITORIES)):
        directory.mkdir(parents=True, exist_ok=True)
    todo = [deb for deb in sorted(debs) if not (made / deb.name).exists()]
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for deb in pool.map(lambda deb: _convert(deb, target, work / deb.stem), todo):
            write(made / deb.name, "")
    for name in el.REPOSITORIES:
        tools.run(["createrepo_c", "--quiet", "--no-database", str(target / name)], timeout=300)


def _convert(deb: Path, target: Path, work: Path) -> Path:
    shutil.rmtree(str(work), ignore_errors=True)
    stage = work / "stage"
    stage.mkdir(parents=True)
    tools.run(["dpkg-deb", "--extract", str(deb), str(stage)], timeout=120)
    fields = control(tools.run(["dpkg-deb", "--field", str(deb)]))
    debian = fields["package"]
    special = el.SPECIAL.get(el.renamed(debian), el.Special())
    lay_out(stage, special)
    kept = set(_conffiles(deb))
    found = list(parts(debian, list(_paths(stage))))
    names = [name for name, _paths_of in found]
    for name, paths in found:
        whole = name == names[-1]
        lines = [_line(stage, path, path in kept) for path in paths if path not in special.owned]
        lines += ['%%attr(%s,%s,%s) %%dir "/%s"' % (*owner, path) for path, owner in special.owned.items() if whole]
        rpm = Rpm(
            name=name,
            version=fields["version"],
            arch=ARCHITECTURES[fields["architecture"]],
            summary=fields.get("description", "").split("\n", maxsplit=1)[0],
            requires=(*requires(fields), *special.requires, *names[:-1]) if whole else (),
            provides=provides(fields) if whole else (),
            files=tuple(lines),
            before=special.before if whole else "",
            after=after(paths),
        )
        build(rpm, stage, target / el.repository_of(name), work)
    shutil.rmtree(str(work))
    return deb


def lay_out(stage: Path, special: el.Special) -> None:
    """Put a package's files where EL has them."""
    for top in _MERGED:
        if (stage / top).is_dir():
            shutil.copytree(str(stage / top), str(stage / "usr" / top), symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(str(stage / top))
    for name in el.GONE:
        shutil.rmtree(str(stage / name), ignore_errors=True)
        remove_if_empty((stage / name).parent)
    for source, goal in special.moved:
        (stage / goal).parent.mkdir(parents=True, exist_ok=True)
        (stage / source).rename(stage / goal)
    for name in special.added:
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(el.DATA / name), str(stage / name))
    for name, goal in special.links.items():
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).symlink_to(goal)
    for name in special.owned:
        (stage / name).mkdir(parents=True, exist_ok=True)


def _paths(stage: Path) -> Iterator[str]:
    """Everything in a tree but the directories that come by themselves."""
    for place, directories, names in os.walk(str(stage)):
        here = Path(place)
        links = [name for name in directories if (here / name).is_symlink()]
        for name in (*names, *links):
            yield str((here / name).relative_to(stage))
        if here != stage and ((not directories and not names) or here.stat().st_mode & 0o7777 != 0o755):
            yield str(here.relative_to(stage))


def _line(stage: Path, path: str, kept: bool) -> str:
    place = stage / path
    if place.is_dir() and not place.is_symlink():
        return listed(path, "%dir ")
    # What somebody configures stays when the package is updated.
    return listed(path, "%config(noreplace) " if kept or path.startswith("etc/httpd/conf") else "")


def _conffiles(deb: Path) -> List[str]:
    text = tools.run(["dpkg-deb", "--info", str(deb), "conffiles"], accept=(0, 2))
    return [line.strip().split(" ")[-1].lstrip("/") for line in text.splitlines()]


def after(paths: Sequence[str]) -> str:
    """What follows the installation of such files on every EL: nobody is started."""
    lines = []
    if any(re.match(r"usr/lib/(\S+/)?lib[^/]+\.so", path) for path in paths):
        lines.append("ldconfig")
    lines += ["systemd-tmpfiles --create %s || :" % Path(path).name for path in paths if "/tmpfiles.d/" in path]
    if any(path.startswith("usr/lib/systemd/system/") for path in paths):
        lines.append("systemctl daemon-reload || :")
    return "\n".join(lines)


def build(rpm: Rpm, stage: Path, target: Path, work: Path) -> None:
    """Pack one RPM into a directory."""
    work.mkdir(parents=True, exist_ok=True)
    written = work / (rpm.name + ".spec")
    write(written, spec(rpm, stage))
    macros = {
        "_topdir": work / "rpmbuild",
        "_rpmdir": target,
        "_rpmfilename": "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
        "_binary_payload": "w1.gzdio",
        "_unpackaged_files_terminate_build": "0",
        "_build_name_fmt": "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
    }
    argv = ["rpmbuild", "-bb", "--quiet", "--target=" + rpm.arch]
    argv += [word for name, value in macros.items() for word in ("--define", "%s %s" % (name, value))]
    tools.run([*argv, str(written)], timeout=300)
    shutil.rmtree(str(work / "rpmbuild"), ignore_errors=True)
