# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""The container of a bundle on this host."""

from typing import Any, Optional


def running(module: Any, bundle: str, engine: str) -> Optional[str]:
    """The name of the bundle's container that runs here; None for none, and where there is no engine."""
    program = module.get_bin_path(engine)
    if not program:
        return None
    name = "name=^%s-%s-" % (bundle, engine)
    _rc, out, _err = module.run_command([program, "ps", "--filter", name, "--format", "{{.Names}}"])
    return (out.split() or [None])[0]
