# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host knows of an address that it has taken: a small file that is gone after a reboot."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from dataclasses import asdict, dataclass
from typing import Optional


@dataclass(frozen=True)
class Held:
    """The address was given to our card; `confirmed` is when the cloud said so last."""

    address: str
    vnic: str
    subnet: str
    confirmed: float

    def age(self) -> float:
        return now() - self.confirmed


def now() -> float:
    """Seconds since boot, suspended time included: nobody sets this clock, and the file does not outlive it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Marker:
    """The file. Its being there is what makes the resource active here."""

    def __init__(self, directory: str, instance: str) -> None:
        self.path = os.path.join(directory, "oci-private-ip-%s.json" % re.sub(r"[^A-Za-z0-9_.:-]", "_", instance))

    def read(self) -> Optional[Held]:
        try:
            with open(self.path) as stream:
                return Held(**json.load(stream))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            # Cut off while it was written: we had it, and know nothing more.
            return Held("", "", "", 0.0)

    def write(self, held: Held) -> None:
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        beside = self.path + ".new"
        with open(beside, "w") as stream:
            json.dump(asdict(held), stream)
        os.replace(beside, self.path)

    def remove(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
