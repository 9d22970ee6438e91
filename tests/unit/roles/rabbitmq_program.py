# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the program that runs a member of RabbitMQ, where the image takes it from."""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[3] / "roles" / "image" / "files" / "rabbitmq"
if str(PROGRAM) not in sys.path:
    sys.path.insert(0, str(PROGRAM))
