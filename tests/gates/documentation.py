# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site, .build/docs/html, from docs/ and from what antsibull-docs writes about plugins and roles.

    python tests/gates/documentation.py

Run by the environment `docs`. Warnings are errors: a link that leads nowhere, a page that nothing leads to.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tree import BUILD, TOP, sources

WORK = BUILD / "docs"
PAGES = WORK / "pages"
REPOSITORY = "https://example.com/tandem/tandem.ha/blob/main/"
BIN = Path(sys.executable).parent
LINK = re.compile(r"\]\((?!https?:|#)([^)\s]+)\)")


def run(*command: str) -> None:
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(TOP / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD / "collections"),
        "LC_ALL": "C.UTF-8",
    }
    if subprocess.run(command, cwd=WORK, env=environment, check=False).returncode:
        raise SystemExit(f"failed: {' '.join(command)}")


def gather() -> None:
    """The pages of docs/, and index and settings beside them; links that lead out of docs/ become links to the repository."""
    for path in sorted(name for name in sources() if name.startswith("docs/")):
        source = TOP / path
        target = PAGES / source.relative_to(TOP / "docs")
        if source.parent.name == "site":
            target = PAGES / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            target.write_text(LINK.sub(functools.partial(_link, source), source.read_text()))
        else:
            shutil.copy(source, target)


def _link(page: Path, found: re.Match[str]) -> str:
    name, _hash, anchor = found.group(1).partition("#")
    target = Path(os.path.normpath(page.parent / name))
    if target.is_relative_to(TOP / "docs") and target.suffix == ".md":
        return found.group(0)
    if not target.exists():
        raise SystemExit(f"{page.relative_to(TOP)}: {name} is not there")
    return f"]({REPOSITORY}{target.relative_to(TOP)}{'#' + anchor if anchor else ''})"


def main() -> int:
    """Gather, write the reference, build."""
    shutil.rmtree(WORK, ignore_errors=True)
    (PAGES / "reference").mkdir(parents=True)
    gather()
    run("antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error",
        "--dest-dir", str(PAGES / "reference"), "tandem.ha")  # fmt: skip
    run("sphinx-build", "-q", "-W", "--keep-going", "-b", "html", str(PAGES), str(WORK / "html"))
    pages = sorted((WORK / "html").rglob("*.html"))
    print(f"{len(pages)} pages in {(WORK / 'html').relative_to(TOP)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
