# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared pieces of the lab's tests."""

from __future__ import annotations

import copy
from typing import Any, Dict

import pytest

PAIR: Dict[str, Any] = {
    "name": "pair",
    "networks": [{"name": "mgmt", "subnet": "10.42.0.0/24"}, {"name": "ring1", "subnet": "10.42.1.0/24"}],
    "nodes": {
        "c1": {
            "suite": "bookworm",
            "addresses": {"mgmt": "10.42.0.11", "ring1": "10.42.1.11"},
            "bmc": {"address": "10.42.0.111", "user": "tandem"},
        },
        "w1": {"suite": "trixie", "addresses": {"mgmt": "10.42.0.21"}},
    },
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "lab: brings up real nodes; needs root and the lab's packages")


@pytest.fixture
def raw() -> Dict[str, Any]:
    """A good description, to be spoilt."""
    return copy.deepcopy(PAIR)
