# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an EL-shaped node is: Debian's programs under the names, in the places and by the tools of Enterprise Linux.  Pure.

No release of Enterprise Linux can be fetched here, but all that differs for who configures one is at hand: Debian has
rpm, dnf and firewalld. `el_root` makes a root of these without dpkg and apt, `rpms` makes packages of Debian's files. What
the node then proves is that every step of the RedHat branch runs; what it does not prove is a version of a real release.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Dict, Mapping, Sequence, Tuple

DATA = Path(__file__).parent / "el9"
"""Files of the distribution that Debian has not: the web server's layout."""

BASES = {"el9": "bookworm"}
"""Shape → the suite whose files it has."""

REPOSITORIES = {"baseos": True, "appstream": True, "highavailability": False}
"""The repositories of a node; the last is off until somebody enables it, as on every EL."""
TARGET = "/srv/tandem-lab/dnf"
"""Where a node sees them."""

ROOT_PACKAGES = ("dnf", "dnf-plugins-core", "firewalld", "kmod", "python3-dnf", "rpm")
"""What the root has beside that of its base. A minimal EL has an active firewall too."""
NO_ROOT_PACKAGES = ("python3-apt",)
FOREIGN = ("apt", "dpkg", "debconf", "debian-archive-keyring", "libapt-pkg6.0")
"""Packages whose files are taken out of the root again."""
NO_NEED = frozenset({*FOREIGN, "adduser", "cdebconf", "debconf-2.0", "init-system-helpers", "ucf"})
"""What only Debian's package scripts need, which no RPM has."""

# Debian's name → EL's.
RENAMED = {
    "apache2-bin": "httpd",
    "fence-agents": "fence-agents-all",
    "iproute2": "iproute",
    "iputils-arping": "iputils",
    "libcorosync-common4": "corosynclib",
    "libnss3": "nss",
    "libnss3-tools": "nss-tools",
    "libqb100": "libqb",
    "libxml2-utils": "libxml2-tools",
    "media-types": "mailcap",
    "pacemaker-cli-utils": "pacemaker-cli",
    "pacemaker-common": "pacemaker-schemas",
    "procps": "procps-ng",
}
DEBIAN = {name: debian for debian, name in RENAMED.items()}
PARTS = {
    "fence-agents": (
        ("fence-agents-common", ("usr/share/fence/*", "usr/lib/tmpfiles.d/*", "usr/share/cluster/*")),
        ("fence-agents-ipmilan", ("usr/sbin/fence_ipmilan*", "usr/sbin/fence_ilo[345]*", "usr/sbin/fence_i[dm][rm]*")),
    ),
}
"""A package that EL has in several: each by the files it takes, the rest is the package itself and needs them all."""
_CLUSTER = ("corosync*", "fence-agents*", "pacemaker*", "pcs", "resource-agents", "cluster-glue")
_BASE = ("lib*", "iptables", "nftables", "psmisc", "gawk", "bc", "mailcap", "bzip2")

GONE = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/bug", "etc/init.d")
"""Directories that no RPM gets."""

_ACCOUNT = (
    "getent group {group} >/dev/null || groupadd --system {group}\n"
    "getent passwd {user} >/dev/null || useradd --system --gid {group} --home-dir {home} --no-create-home"
    " --shell /sbin/nologin {user}\n"
)


@dataclass(frozen=True)
class Special:
    """What a package needs beside its files, in the place of Debian's package scripts."""

    before: str = ""
    owned: Mapping[str, Tuple[str, str, str]] = field(default_factory=dict)
    """Path → mode, user, group; made if the package does not have it."""
    moved: Tuple[Tuple[str, str], ...] = ()
    added: Tuple[str, ...] = ()
    """Files below DATA, by their paths."""
    links: Mapping[str, str] = field(default_factory=dict)
    requires: Tuple[str, ...] = ()


_STATE = ("hacluster", "haclient")
SPECIAL: Mapping[str, Special] = {
    "pacemaker-schemas": Special(
        before=_ACCOUNT.format(user="hacluster", group="haclient", home="/var/lib/pacemaker"),
        owned={
            "etc/pacemaker": ("0750", "root", "haclient"),
            "var/lib/pacemaker": ("0750", *_STATE),
            "var/lib/pacemaker/blackbox": ("0750", *_STATE),
            "var/lib/pacemaker/cib": ("0750", *_STATE),
            "var/lib/pacemaker/cores": ("0750", *_STATE),
            "var/lib/pacemaker/pengine": ("0750", *_STATE),
            "var/log/pacemaker": ("0770", *_STATE),
            "var/log/pacemaker/bundles": ("0770", *_STATE),
        },
    ),
    "httpd": Special(
        before=_ACCOUNT.format(user="apache", group="apache", home="/usr/share/httpd"),
        moved=(("usr/sbin/apache2", "usr/sbin/httpd"), ("usr/lib/apache2/modules", "usr/lib64/httpd/modules")),
        added=(
            "etc/httpd/conf/httpd.conf",
            "etc/httpd/conf.modules.d/00-base.conf",
            "usr/lib/systemd/system/httpd.service",
            "usr/lib/tmpfiles.d/httpd.conf",
        ),
        links={
            "etc/httpd/logs": "../../var/log/httpd",
            "etc/httpd/modules": "../../usr/lib64/httpd/modules",
            "etc/httpd/run": "/run/httpd",
        },
        owned={
            "etc/httpd/conf.d": ("0755", "root", "root"),
            "usr/share/httpd": ("0755", "root", "root"),
            "var/log/httpd": ("0700", "root", "root"),
            "var/www/html": ("0755", "root", "root"),
        },
        requires=("mailcap",),
    ),
}

_NODE_FILES: Dict[str, str] = {
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
    "etc/locale.conf": "LANG=C.UTF-8\n",
    "etc/machine-id": "",
    "etc/os-release": (
        'NAME="CentOS Stream"\nVERSION="9"\nID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="9"\n'
        'PRETTY_NAME="CentOS Stream 9 in shape only: a lab node made of Debian 12"\n'
        'VARIANT="EL-shaped lab node"\nVARIANT_ID="tandem-lab"\n'
    ),
    "etc/redhat-release": "CentOS Stream release 9 (in shape only: a lab node made of Debian 12)\n",
    "etc/resolv.conf": "options attempts:1 timeout:1\n",
    # Debian's rpm keeps a user's own database in his home, so as not to be taken for the system's.
    "etc/rpm/macros": "%_dbpath /var/lib/rpm\n",
    "etc/dnf/dnf.conf": (
        "[main]\ngpgcheck=0\ninstallonly_limit=3\nclean_requirements_on_remove=True\nbest=True\n"
        # A weak dependency is Debian's recommendation; nodes of the lab install what a role names.
        "install_weak_deps=False\nskip_if_unavailable=False\n"
    ),
    # Debian has all plugins in one package; EL's minimum has no local cache of packages.
    "etc/dnf/plugins/local.conf": "[main]\nenabled = false\n",
    "usr/lib/systemd/system-preset/99-default-disable.preset": "disable *\n",
    "etc/ssh/sshd_config.d/lab.conf": "UseDNS no\nPermitRootLogin prohibit-password\nMaxStartups 50\n",
}


def base(suite: str) -> str:
    """The suite whose packages are fetched for this one."""
    return BASES.get(suite, suite)


def is_shape(suite: str) -> bool:
    return suite in BASES


def files() -> Dict[str, str]:
    """What the root's configuration is."""
    return {**_NODE_FILES, "etc/yum.repos.d/centos.repo": repositories()}


def repositories() -> str:
    """The node's repositories as dnf reads them."""
    lines = ["# The lab's, on local disk: %s" % TARGET]
    for name, enabled in REPOSITORIES.items():
        lines += ["[%s]" % name, "name=Lab - %s" % name, "baseurl=file://%s/%s" % (TARGET, name)]
        lines += ["enabled=1" if enabled else "enabled=0", "gpgcheck=0", "metadata_expire=1", ""]
    return "\n".join(lines)


def renamed(debian: str) -> str:
    """What a package of Debian's is called here."""
    return RENAMED.get(debian, debian)


def wanted(package: str) -> str:
    """The Debian package to fetch for a name of either distribution; a part of one comes with the whole."""
    for whole, parts in PARTS.items():
        if package in [name for name, _files in parts]:
            return whole
    return DEBIAN.get(package, package)


def needs(packages: Sequence[str]) -> Tuple[str, ...]:
    """Further packages to fetch for what these need only here."""
    return tuple(wanted(name) for package in packages for name in SPECIAL.get(renamed(package), Special()).requires)


def repository_of(package: str) -> str:
    """Which repository EL has a package in, by its name there."""
    if any(fnmatchcase(package, pattern) for pattern in _CLUSTER):
        return "highavailability"
    return "baseos" if any(fnmatchcase(package, pattern) for pattern in _BASE) else "appstream"


def digest() -> str:
    """Changes with all that makes a root and its packages: this file, what reads it, and the files of the distribution."""
    sources = [Path(__file__), Path(__file__).with_name("el_root.py"), Path(__file__).with_name("rpms.py")]
    text = b"".join(path.read_bytes() for path in (*sources, *sorted(p for p in DATA.rglob("*") if p.is_file())))
    return hashlib.sha256(text).hexdigest()[:12]
