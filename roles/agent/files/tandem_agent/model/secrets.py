# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which options hold a secret. One rule for diffs, plans, exports and metadata."""

from __future__ import annotations

import re

MASK = "********"
_SECRET = re.compile(r"passw|passphrase|secret|token|(private|api)_?key|community", re.IGNORECASE)
_A_WAY_TO_IT = ("_script", "_file", "_path", "_timeout")


def is_secret(name: str) -> bool:
    """Whether option `name` holds a secret itself (`passwd`), not the way to one (`passwd_script`)."""
    return bool(_SECRET.search(name)) and not name.endswith(_A_WAY_TO_IT)
