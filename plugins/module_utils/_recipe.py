# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""What a container image is built of, as one digest: the files of its directory, its base and its arguments."""

import hashlib
import json
import os
from typing import Iterator, List, Mapping

LABEL = "tandem.recipe"


def digest(context: str, base: str, arguments: Mapping[str, str]) -> str:
    """Changes with anything that makes the image; `base` is a name, or the id of an image that is built here too."""
    recipe = [list(_files(context)), base, dict(arguments)]
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode("utf-8")).hexdigest()


def _files(context: str) -> Iterator[List[str]]:
    found = []
    for directory, _names, files in os.walk(context):
        found += [os.path.join(directory, name) for name in files]
    for path in sorted(found):
        with open(path, "rb") as stream:
            yield [os.path.relpath(path, context), hashlib.sha256(stream.read()).hexdigest()]
