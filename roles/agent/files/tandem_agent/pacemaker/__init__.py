# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pacemaker's own tools: the only place where other programs are run."""
