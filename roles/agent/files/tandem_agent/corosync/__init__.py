# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""corosync.conf: parse, render, plan; and the files themselves."""
