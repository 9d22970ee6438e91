# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the collection, import it as Galaxy would, install it elsewhere, and use it from there.

What works in a checkout may be missing from the archive, or rely on the checkout's ansible.cfg. Here nothing of the
checkout is in reach: its own directory, no ansible.cfg, only the installed archive on the collections path.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import archive
import yaml
from tree import BUILD

WORK = BUILD / "collection"
INSTALLED = WORK / "installed" / "ansible_collections" / "tandem" / "ha"
# Never of use to who installs the collection.
UNWANTED = (".build", ".ci", ".git", "tests/output", "__pycache__")
IMPORTER = """\
[galaxy-importer]
CHECK_CHANGELOG = True
CHECK_REQUIRED_TAGS = True
LOG_LEVEL_MAIN = INFO
RUN_ANSIBLE_DOC = True
RUN_ANSIBLE_LINT = True
OFFLINE_ANSIBLE_LINT = True
RUN_ANSIBLE_TEST = False
RUN_FLAKE8 = False
"""


def run(*command: str) -> tuple[str, str]:
    """Run a tool as somebody who only has the archive; returns its output and its complaints, or stops here with both."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environment.update(
        ANSIBLE_COLLECTIONS_PATH=str(WORK / "installed"),
        ANSIBLE_LOCAL_TEMP=str(WORK / "tmp"),
        GALAXY_IMPORTER_CONFIG=str(WORK / "importer.cfg"),
        HOME=str(WORK / "home"),
        LC_ALL="C.UTF-8",
    )
    done = subprocess.run(command, cwd=WORK / "elsewhere", env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def build() -> Path:
    """Build the archive from what git would commit."""
    shutil.rmtree(WORK, ignore_errors=True)
    for name in ("elsewhere", "home"):
        (WORK / name).mkdir(parents=True)
    (WORK / "importer.cfg").write_text(IMPORTER, encoding="utf-8")
    return archive.build(WORK)


def repeated_faults(first: Path) -> list[str]:
    """A second build that is not the same, byte for byte."""
    second = archive.build(WORK / "again")
    same = first.read_bytes() == second.read_bytes()
    print(
        f"sha256 {hashlib.sha256(first.read_bytes()).hexdigest()}, {'the same' if same else 'another'} when built again"
    )
    return [] if same else [f"{first.name} is another one when it is built again"]


def archive_faults(built: Path) -> list[str]:
    """Files in the archive that must not be there."""
    with tarfile.open(built) as opened:
        names = opened.getnames()
    print(f"{built.name}: {len(names)} files, {built.stat().st_size // 1024} KiB")
    return [f"{built.name} has {name}" for name in names if any(part in f"/{name}/" for part in _slashed())]


def _slashed() -> list[str]:
    return [f"/{part}/" for part in UNWANTED]


def importer_faults(built: Path) -> list[str]:
    """What galaxy-importer warns about; what it refuses ends the run."""
    said = run(sys.executable, "-m", "galaxy_importer.main", str(built))
    return [f"galaxy-importer: {line}" for line in "".join(said).splitlines() if line.startswith(("WARNING", "ERROR"))]


def module_faults() -> list[str]:
    """Modules without documentation, and modules of which only meta/runtime.yml or only their page names the group."""
    modules = sorted(path.stem for path in (INSTALLED / "plugins" / "modules").glob("*.py"))
    group = set(yaml.safe_load((INSTALLED / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]["ha"])
    output, complaints = run("ansible-doc", "-t", "module", "--json", *(f"tandem.ha.{name}" for name in modules))
    pages = json.loads(output)
    members = set()
    for name in modules:
        attributes = pages.get(f"tandem.ha.{name}", {}).get("doc", {}).get("attributes", {})
        if "tandem.ha.ha" in attributes.get("action_group", {}).get("membership", []):
            members.add(name)
    print(f"{len(pages)} of {len(modules)} modules documented")
    undocumented = [
        f"plugins/modules/{name}.py has no documentation" for name in modules if f"tandem.ha.{name}" not in pages
    ]
    undocumented += [f"ansible-doc: {line}" for line in complaints.splitlines()]
    return undocumented + [
        f"{name}: in the action group by {'its attributes' if name in members else 'meta/runtime.yml'} only"
        for name in sorted(members ^ group)
    ]


def playbook_faults() -> list[str]:
    """Playbooks that cannot be called by their full name from an installed collection."""
    playbooks = sorted(path.stem for path in (INSTALLED / "playbooks").glob("*.yml"))
    for name in playbooks:
        run("ansible-playbook", "-i", "localhost,", "--syntax-check", f"tandem.ha.{name}")
    print(f"{len(playbooks)} playbooks: {' '.join(playbooks)}")
    return [] if playbooks else ["playbooks/ is empty"]


def main() -> int:
    """Run all of it; returns 1 when something is wrong."""
    built = build()
    faults = archive_faults(built) + repeated_faults(built) + importer_faults(built)
    run("ansible-galaxy", "collection", "install", "--offline", "-p", str(WORK / "installed"), str(built))
    faults += module_faults() + playbook_faults()
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
