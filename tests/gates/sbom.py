# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bill of materials (CycloneDX 1.6) of the collection with all that runs it on the control side.

    python tests/gates/sbom.py PYTHON DIRECTORY

PYTHON is that of the environment `ansible`, DIRECTORY holds the archive. The agent and the modules need nothing from an index.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from tree import TOP


def component(archive: Path) -> dict[str, Any]:
    """The collection itself."""
    about = yaml.safe_load((TOP / "galaxy.yml").read_text(encoding="utf-8"))
    return {
        "type": "library",
        "bom-ref": "tandem.ha",
        "name": f"{about['namespace']}.{about['name']}",
        "version": about["version"],
        "description": about["description"],
        "licenses": [{"license": {"id": name}} for name in about["license"]],
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(archive.read_bytes()).hexdigest()}],
    }


def main() -> int:
    """Write it beside the archive."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    archive = next(Path(sys.argv[2]).glob("*.tar.gz"))
    target = archive.with_name(archive.name.replace(".tar.gz", ".cdx.json"))
    tool = Path(sys.executable).with_name("cyclonedx-py")
    subprocess.run([str(tool), "environment", "--output-reproducible", "-o", str(target), sys.argv[1]], check=True)
    bill = json.loads(target.read_text(encoding="utf-8"))
    bill.setdefault("metadata", {})["component"] = component(archive)
    target.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(bill['components'])} components in {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
