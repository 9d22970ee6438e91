# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of many goes with which: found by handle, so that thousands take no longer each than a few do."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Deque, Dict, Iterable, List, Optional


class Left:
    """The places of a list whose items are not matched yet. Each item is known by its handles."""

    def __init__(self, handles: Iterable[Iterable[Hashable]]) -> None:
        self._by_handle: Dict[Hashable, Deque[int]] = {}
        self._free: Dict[int, None] = {}  # in order
        for place, names in enumerate(handles):
            self._free[place] = None
            for name in names:
                self._by_handle.setdefault(name, deque()).append(place)

    def take(self, *handles: Hashable) -> Optional[int]:
        """The first place of the first handle that has one left, which is taken by that; None where none has."""
        for handle in handles:
            places = self._by_handle.get(handle)
            while places:
                place = places.popleft()
                if place in self._free:
                    del self._free[place]
                    return place
        return None

    def places(self) -> List[int]:
        """The places that were never taken."""
        return list(self._free)
