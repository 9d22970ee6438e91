# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root file system per suite: made once by mmdebstrap, shared by all nodes, never written.

Bare on purpose: an init, SSH and a Python, as a provider hands a machine over.  The name
carries the digest of the recipe, so a changed recipe makes a new root and a disk that
was laid over the old one still finds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Dict, Tuple

from . import el, el_root, mirror, tools
from .errors import LabError
from .files import locked
from .progress import say

PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-arping",
    "iputils-ping",
    "netbase",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "sudo",
    "systemd",
    "systemd-sysv",
)
APT_OPTIONS = (
    'Acquire::Languages "none"',
    # A node installs what a role names and nothing else: quick, and the role's list stays honest.
    'APT::Install-Recommends "false"',
)
DPKG_OPTIONS = (
    "force-unsafe-io",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
REPOSITORY_TARGET = "/srv/tandem-lab/apt"
"""Where a node sees the package repository of its suite."""
FILES: Dict[str, str] = {
    "etc/apt/sources.list": "deb [trusted=yes] file:%s ./\n" % REPOSITORY_TARGET,
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    "etc/machine-id": "",
    # The lab has no way out and no name server: ask nobody and fail at once.
    "etc/resolv.conf": "options attempts:1 timeout:1\n",
    "etc/ssh/sshd_config.d/lab.conf": "UseDNS no\nPermitRootLogin prohibit-password\nMaxStartups 50\n",
}
MASKED = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "e2scrub_reap.service",
    "getty.target",
    # Modules are the machine's; Debian 13 fails here and the node would begin its life degraded.
    "systemd-modules-load.service",
)


def packages(suite: str) -> Tuple[str, ...]:
    """What a root of this suite has."""
    if not el.is_shape(suite):
        return PACKAGES
    return tuple(name for name in (*PACKAGES, *el.ROOT_PACKAGES) if name not in el.NO_ROOT_PACKAGES)


def target(suite: str) -> str:
    """Where a node of this suite sees its package repository."""
    return el.TARGET if el.is_shape(suite) else REPOSITORY_TARGET


def digest(suite: str) -> str:
    """Changes with all that makes a root, but for where the packages are fetched."""
    sources = mirror.Mirror("main", "security").sources(el.base(suite))
    recipe = [packages(suite), APT_OPTIONS, DPKG_OPTIONS, FILES, MASKED, sources]
    if el.is_shape(suite):
        recipe.append(el.digest())
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]


def root(cache: Path, suite: str) -> Path:
    return cache / "roots" / ("%s-%s" % (suite, digest(suite)))


def make(cache: Path, suite: str) -> Path:
    """The suite's root, made if it is not there.  About 25 s the first time."""
    made = root(cache, suite)
    with locked(cache / ("root-%s.lock" % suite)):
        if made.is_dir():
            return made
        say("making the %s root (about 30 s, once) ..." % suite)
        made.parent.mkdir(parents=True, exist_ok=True)
        draft = made.parent / (".draft-" + suite)
        _discard(draft)
        _bootstrap(draft, suite)
        _finish(draft, suite)
        draft.rename(made)
    return made


def status(cache: Path, suite: str) -> Path:
    """The list by dpkg of what the root was made of, by which the others are resolved."""
    return root(cache, suite) / (el_root.STATUS if el.is_shape(suite) else "var/lib/dpkg/status")


def _bootstrap(draft: Path, suite: str) -> None:
    argv = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--include=" + ",".join(packages(suite))]
    argv += ["--aptopt=" + option for option in APT_OPTIONS]
    argv += ["--dpkgopt=" + option for option in DPKG_OPTIONS]
    argv += [el.base(suite), str(draft), *mirror.of_host().sources(el.base(suite))]
    # Its mounts go with its namespace, also when it is cut off.
    tools.run(["unshare", "--mount", "--propagation", "private", *argv], timeout=900)


def _finish(draft: Path, suite: str) -> None:
    if el.is_shape(suite):
        el_root.shape(draft)
    for name, text in ({} if el.is_shape(suite) else FILES).items():
        path = draft / name
        if path.is_symlink():
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for unit in MASKED:
        link = draft / "etc/systemd/system" / unit
        if not link.is_symlink():
            link.symlink_to("/dev/null")
    for path in [draft / "etc/hostname", *(draft / "etc/ssh").glob("ssh_host_*")]:
        if path.exists():
            path.unlink()
    # Mount points, so that no node has to make them on its own disk.
    for name in (target(suite), "/var/lib/containers"):
        (draft / name.lstrip("/")).mkdir(parents=True, exist_ok=True)
    # Kept by the node's nspawn anyway; a device node in a tree of ours helps nobody.
    for entry in (draft / "dev").iterdir():
        if entry.is_char_device() or entry.is_block_device():
            entry.unlink()


def _discard(draft: Path) -> None:
    if draft.exists():
        for line in Path("/proc/self/mounts").read_text().splitlines():
            if line.split()[1].startswith(str(draft) + "/"):
                raise LabError("%s is still mounted on: umount it" % line.split()[1])
        shutil.rmtree(str(draft))


def present(cache: Path, suite: str) -> bool:
    return os.path.isdir(str(root(cache, suite)))
