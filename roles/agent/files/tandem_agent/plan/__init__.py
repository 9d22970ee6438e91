# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is and what is declared to an ordered list of changes. Pure."""
