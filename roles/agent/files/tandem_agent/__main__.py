# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start of `python3 -m tandem_agent` and of the zipapp. Python 3.6 syntax, so that an old Python hears what is wrong."""

import gc
import sys


def start():
    # type: () -> int
    if sys.version_info < (3, 8):
        sys.stderr.write(
            "tandem: the agent needs Python 3.8 or newer, this is %s; install a newer Python on this host and set\n"
            "agent_python to it (role agent)\n" % sys.version.split()[0]
        )
        return 1
    # Configurations are large and hold no cycles: by default a third of the time goes into looking for some.
    gc.set_threshold(20000, 20, 20)
    from tandem_agent.cli import main  # only a Python that can read it may see it

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(start())
