# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The on-node agent of the Ansible collection tandem.ha.

declare -> plan -> preview -> apply -> settle -> prove, through one path. Pacemaker and Corosync are the engine; the agent
only speaks to their tools, keeps no state that is not in the CIB (a journal aside), and does nothing unasked.
"""

from __future__ import annotations

__version__ = "1.0.0"
