# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that runs other programs, and what of them must be there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import List, Mapping, Optional, Sequence

from .errors import CommandError, LabError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NEEDED = {
    "apt-ftparchive": "apt-utils",
    "ip": "iproute2",
    "ipmitool": "ipmitool",
    "mmdebstrap": "mmdebstrap",
    "nc": "netcat-openbsd",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sysctl": "procps",
    "systemd-nspawn": "systemd-container",
    "unshare": "util-linux",
}
"""Program → the Debian package that has it."""
CONTAINERS = {"podman": "podman", "crun": "crun"}
"""What a lab with container images needs besides."""
SHAPES = {"createrepo_c": "createrepo-c", "rpmbuild": "rpm"}
"""What a lab with nodes in the shape of another distribution needs besides."""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def missing_packages(containers: bool = False, shapes: bool = False) -> List[str]:
    """Debian packages this machine lacks for a lab."""
    needed = {**NEEDED, **(CONTAINERS if containers else {}), **(SHAPES if shapes else {})}
    packages = {package for program, package in needed.items() if not shutil.which(program, path=PATH)}
    if not os.path.exists(KEYRING):
        packages.add("debian-archive-keyring")
    if not _has_venv():
        packages.add("python3-venv")
    return sorted(packages)


def check(only_look: bool = False, containers: bool = False, shapes: bool = False) -> None:
    """Refuse at once, naming everything that is missing; looking alone needs no packages."""
    faults = []
    if os.geteuid() != 0:
        faults.append("the lab makes namespaces, mounts and cgroups: run it as root")
    packages = [] if only_look else missing_packages(containers, shapes)
    if packages:
        faults.append("packages are missing: apt-get install --no-install-recommends " + " ".join(packages))
    if faults:
        raise LabError("; ".join(faults))


def run(
    argv: Sequence[str],
    stdin: Optional[str] = None,
    timeout: float = 60,
    env: Optional[Mapping[str, str]] = None,
    accept: Sequence[int] = (0,),
) -> str:
    """Run to the end and return stdout.  Raises CommandError on an exit code not in `accept`."""
    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout,
            env=environment(env),
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError("%s is not installed" % argv[0]) from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(argv, -1, "no end after %d s" % timeout) from error
    if done.returncode not in accept:
        raise CommandError(argv, done.returncode, tail(done.stderr or done.stdout))
    return done.stdout


def environment(extra: Optional[Mapping[str, str]] = None) -> Mapping[str, str]:
    """The caller's (apt and pip may need its proxies), with a sane PATH and no translations."""
    return {**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **(extra or {})}


def tail(text: str, lines: int = 8) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def _has_venv() -> bool:
    # Debian ships the module without its pip wheels; only both together can make one.
    import importlib.util

    return sys.prefix != sys.base_prefix or bool(
        importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")
    )
