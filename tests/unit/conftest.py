# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes `pytest tests/unit` work in a checkout; under `ansible-test units` everything is in place already."""

import importlib.util
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]


def _collection_is_importable():
    try:
        return importlib.util.find_spec("ansible_collections.tandem.ha") is not None
    except ModuleNotFoundError:
        return False


if not _collection_is_importable():
    subprocess.run([str(TOP / "tests" / "gates" / "link-collection")], check=True)
    sys.path.insert(0, str(TOP / ".build" / "collections"))
