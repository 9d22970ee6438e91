# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packages come from: the host's own apt configuration, else Debian's front page."""

from __future__ import annotations

from typing import List, NamedTuple

from . import tools
from .errors import LabError

DEFAULT_MAIN = "http://deb.debian.org/debian"
DEFAULT_SECURITY = "http://deb.debian.org/debian-security"

NO_SECURITY = ("bullseye",)
"""Suites whose support has ended: the security archive still lists packages that it no longer has."""


class Mirror(NamedTuple):
    """URIs of the main and the security archive."""

    main: str
    security: str

    def sources(self, suite: str) -> List[str]:
        """sources.list lines of a suite with its updates."""
        options = "[signed-by=%s]" % tools.KEYRING
        lines = ["deb %s %s %s%s main" % (options, self.main, suite, part) for part in ("", "-updates")]
        if suite not in NO_SECURITY:
            lines.append("deb %s %s %s-security main" % (options, self.security, suite))
        return lines


def of_host() -> Mirror:
    """The archives this machine itself uses."""
    try:
        text = tools.run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
    except LabError:
        text = ""
    return choose(text.split())


def choose(uris: List[str]) -> Mirror:
    """Pick by the last part of the path, which every Debian mirror keeps.  Pure."""
    main, security = DEFAULT_MAIN, DEFAULT_SECURITY
    for uri in reversed([uri.rstrip("/") for uri in uris]):
        if uri.endswith("/debian"):
            main = uri
        elif uri.endswith("/debian-security"):
            security = uri
    return Mirror(main, security)
