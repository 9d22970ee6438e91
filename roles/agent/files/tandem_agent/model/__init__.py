# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Pacemaker can be configured to do, as frozen values. Pure: no XML, no tools."""
