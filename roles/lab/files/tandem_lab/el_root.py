# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a root of Debian, with rpm and dnf in it, one in the shape of Enterprise Linux."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import List

from . import el, rpms, tools
from .files import read, write

STATUS = "usr/share/tandem-lab/dpkg-status"
"""What Debian's packages the root was made of: by it the others are chosen, and by it dnf knows what is there."""
BASE = "tandem-lab-base"
_CACHES = ("var/lib/apt", "var/lib/dpkg", "var/cache/apt", "var/cache/debconf", "etc/apt", "etc/dpkg", "usr/lib/apt")


def shape(draft: Path) -> None:
    """Rpm's database and configuration come, dpkg and apt go."""
    status = (draft / "var/lib/dpkg/status").read_text()
    (draft / STATUS).parent.mkdir(parents=True, exist_ok=True)
    write(draft / STATUS, status)
    for name, text in el.files().items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        if (draft / name).is_symlink():
            (draft / name).unlink()
        write(draft / name, text)
    for name in ("etc/yum.repos.d/redhat.repo", "etc/debian_version"):
        (draft / name).unlink(missing_ok=True)
    (draft / "etc/sysconfig").mkdir(exist_ok=True)
    (draft / el.TARGET.lstrip("/")).mkdir(parents=True, exist_ok=True)
    _register(draft, status)
    _remove_foreign(draft)


def base(status: str) -> rpms.Rpm:
    """The package that stands for all that the root was made of: dnf has to know what is there.  Pure."""
    told: List[str] = ["/bin/sh", "/usr/bin/python3", "system-release = 9", "system-release(releasever) = 9"]
    for paragraph in status.split("\n\n"):
        fields = rpms.control(paragraph)
        if fields.get("status") != "install ok installed" or fields["package"] in el.FOREIGN:
            continue
        told += ["%s = %s" % (name, rpms.told(fields["version"])) for name in _names(fields["package"])]
        told += rpms.provides(fields)
    return rpms.Rpm(BASE, "9-1", "noarch", "What the lab's root is made of", provides=tuple(told))


def _names(debian: str) -> List[str]:
    return sorted({debian, el.renamed(debian)})


def _register(draft: Path, status: str) -> None:
    work = draft / "tmp/tandem-lab"
    (work / "stage").mkdir(parents=True)
    rpms.build(base(status), work / "stage", work, work)
    (package,) = work.glob("*.rpm")
    inside = "/" + str(package.relative_to(draft))
    tools.run(["unshare", "--mount", "--propagation", "private", "chroot", str(draft), "rpm", "--install", inside])
    shutil.rmtree(str(work))


def _remove_foreign(draft: Path) -> None:
    for listing in (draft / "var/lib/dpkg/info").glob("*.list"):
        if listing.name[: -len(".list")].split(":")[0] in el.FOREIGN:
            for line in (read(listing) or "").splitlines():
                path = draft / line.lstrip("/")
                if path.is_symlink() or path.is_file():
                    path.unlink()
    for name in _CACHES:
        shutil.rmtree(str(draft / name), ignore_errors=True)
