# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that sources can be read by the oldest Python they promise to run on.

Modules and module_utils keep to Python 3.6, so does the agent's `__main__.py`, which tells an old interpreter what it
lacks; the rest of the agent and the lab keep to 3.8. Each file is parsed with that version's grammar, and compiled by
that very interpreter where this machine has it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tree import GATES, TOP, sources

COMPILE = """
import sys
failed = False
for path in sys.argv[1:]:
    try:
        with open(path, encoding="utf-8") as handle:
            compile(handle.read(), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        failed = True
        print("%s:%s: %s" % (path, error.lineno, error.msg))
sys.exit(failed)
"""


@dataclass(frozen=True)
class Promise:
    """Files below `roots`, or these files, run on Python `version`."""

    version: tuple[int, int]
    roots: tuple[str, ...]

    @property
    def name(self) -> str:
        return "{}.{}".format(*self.version)

    def files(self, known: set[str]) -> list[str]:
        return sorted(p for p in known if p.endswith(".py") and p.startswith(self.roots))


PROMISES = (
    Promise((3, 6), ("plugins/modules/", "plugins/module_utils/", "roles/agent/files/tandem_agent/__main__.py")),
    Promise((3, 8), ("roles/agent/files/", "roles/image/files/", "roles/lab/files/", "roles/oci/files/")),
)


def grammar_faults(promise: Promise, files: list[str]) -> list[str]:
    """What the parser says about `files` when it reads them by the promised version's grammar."""
    faults = []
    for path in files:
        try:
            ast.parse((TOP / path).read_text(encoding="utf-8"), path, feature_version=promise.version)
        except SyntaxError as error:
            faults.append(f"{path}:{error.lineno}: Python {promise.name}: {error.msg}")
    return faults


def interpreter(version: str) -> Path | None:
    """The machine's own interpreter of that version, if there is one."""
    found = subprocess.run([str(GATES / "bootstrap"), "python", version], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def main() -> int:
    """Check every promise; returns 1 when one is broken."""
    known = sources()
    faults: list[str] = []
    for promise in PROMISES:
        files = promise.files(known)
        faults += grammar_faults(promise, files)
        python = interpreter(promise.name)
        if python is None:
            print(
                f"skipped: no Python {promise.name} on this machine; its {len(files)} files were checked by grammar only"
            )
            continue
        compiled = subprocess.run(
            [str(python), "-c", COMPILE, *files], cwd=TOP, capture_output=True, text=True, check=False
        )
        faults += (compiled.stdout + compiled.stderr).splitlines()
        print(f"Python {promise.name}: {len(files)} files")
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
