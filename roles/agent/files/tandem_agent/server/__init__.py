# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire: frames, operations, and the Unix socket."""
