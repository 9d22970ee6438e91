# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: a Pacemaker pair's hardware, made of nothing but one Linux machine.

Real systemd nodes (systemd-nspawn over overlayfs), a switch per network (a bridge in
the lab's own network namespace) and one IPMI management controller per node that has
one.  Standard library only; ``python3 -m tandem_lab --help`` is the way in.

``spec`` and ``names`` are pure.  ``lab`` decides what is missing and does it, in the
order of ``steps``.  ``chassis`` is the one process that owns a node's power.
"""
