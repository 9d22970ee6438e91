# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python3 -m tandem_lab``."""

import sys

if sys.version_info < (3, 8):  # noqa: UP036  # the sentence is for whoever has an older one
    sys.exit("tandem_lab needs Python 3.8 or newer, this is %d.%d" % sys.version_info[:2])

from tandem_lab.cli import main

sys.exit(main())
