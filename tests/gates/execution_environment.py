# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the build context of the execution environment, and check what would be built from it.

    python tests/gates/execution_environment.py [--context-only]

The context is .build/ee/context. Building the image takes podman and a registry, which is not done here; what the build
would install is: the collection from the context's own requirements, and what ansible-builder finds that it needs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import archive
import yaml
from tree import BUILD, TOP

EE = BUILD / "ee"
CONTEXT = EE / "context"
# Of each set at least one.
WANTED = {"python": ({"netaddr"}, {"jmespath"}), "system": ({"openssh-clients", "openssh-client"},)}


def run(*command: str, cwd: Path = TOP) -> str:
    """What a tool says; its failure ends the run."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def make_context() -> str:
    """The collection as git would commit it, and the context around it; returns what ansible-builder said."""
    shutil.rmtree(EE, ignore_errors=True)
    archive.build(EE).rename(EE / "tandem-ha.tar.gz")
    return run("ansible-builder", "create", "-f", "execution-environment.yml", "-c", str(CONTEXT), "-v", "2")


def introspected() -> dict[str, set[str]]:
    """Install what the context installs, and ask ansible-builder, as the build does, what that needs."""
    build, installed = CONTEXT / "_build", EE / "collections"
    # By force: the checkout itself is on the path for collections, and would be taken for an installed one.
    run("ansible-galaxy", "collection", "install", "--force", "-r", "requirements.yml", "-p", str(installed), cwd=build)
    said = run("ansible-builder", "introspect", str(installed), "--sanitize")
    found = yaml.safe_load(said[said.index("---") :])
    found.setdefault("python", []).extend((build / "requirements.txt").read_text(encoding="utf-8").splitlines())
    return {kind: {_name(line) for line in found.get(kind, [])} for kind in WANTED}


def _name(line: str) -> str:
    return re.split(r"[#\[<>=\s]", line, maxsplit=1)[0]


def main() -> int:
    """Make it, and unless told otherwise check it; returns 1 when something is wrong."""
    said = make_context()
    faults = [line for line in said.splitlines() if "warning" in line.lower() or "error" in line.lower()]
    if "--context-only" not in sys.argv[1:]:
        found = introspected()
        faults += [
            f"the execution environment would lack {' or '.join(sorted(names))} ({kind})"
            for kind, needed in WANTED.items()
            for names in needed
            if not names & found[kind]
        ]
        print({kind: sorted(names) for kind, names in found.items()})
    print(f"build context: {CONTEXT.relative_to(TOP)}")
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
