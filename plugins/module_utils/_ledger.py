# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""What a client of a drill asked for, what was acknowledged when, and what of it is not there afterwards. Pure."""

from typing import Any, Dict, Iterable, List, Mapping, Optional, Set

NOTABLE = 0.5  # seconds without an acknowledgement that are worth a line


class Ledger(object):
    """One client's numbered requests. Times come from the caller, in seconds since 1970."""

    def __init__(self) -> None:
        self.attempted = 0
        self.unsure = []  # type: List[int]
        self.servers = []  # type: List[Dict[str, Any]]
        self.errors = {}  # type: Dict[str, int]
        self.gaps = []  # type: List[Dict[str, Any]]
        self.longest = 0.0
        self._first = None  # type: Optional[float]
        self._last = None  # type: Optional[float]

    def acknowledged(self, now: float, server: Optional[str] = None) -> None:
        """The next request was done, and its acknowledgement arrived at `now`, from this server if it said so."""
        self.attempted += 1
        if server and (not self.servers or self.servers[-1]["name"] != server):
            self.servers.append({"name": server, "at": now})
        self._silent(now, True)
        if self._first is None:
            self._first = now
        self._last = now

    def failed(self, error: str) -> None:
        """The next request was not acknowledged: it may have been done or not."""
        self.attempted += 1
        self.unsure.append(self.attempted)
        self.errors[error] = self.errors.get(error, 0) + 1

    def close(self, now: float) -> Dict[str, Any]:
        """The account, at the end; what has not been acknowledged for a while counts up to now."""
        self._silent(now, False)
        return {
            "attempted": self.attempted,
            "acknowledged": self.attempted - len(self.unsure),
            "unsure": self.unsure,
            "servers": self.servers,
            "errors": self.errors,
            "gaps": self.gaps,
            "longest": round(self.longest, 3),
            "from": self._first,
            "to": self._last,
        }

    def _silent(self, now: float, ended: bool) -> None:
        if self._last is None:
            return
        seconds = now - self._last
        self.longest = max(self.longest, seconds)
        if seconds >= NOTABLE:
            self.gaps.append({"from": self._last, "to": now, "seconds": round(seconds, 3), "ended": ended})


def lost(attempted: int, unsure: Iterable[int], found: Set[int]) -> List[int]:
    """The acknowledged requests that are not there. What nobody acknowledged may be there or not."""
    return sorted(set(range(1, attempted + 1)) - set(unsure) - found)


def judged(account: Mapping[str, Any], places: Mapping[str, Any]) -> Dict[str, Any]:
    """For each place in which one looked, how many requests it has and which it lost.

    `places` is a set of numbers for each, or a sentence why it could not be asked.
    """
    told = {}  # type: Dict[str, Any]
    for name, found in places.items():
        if isinstance(found, set):
            told[name] = {"found": len(found), "lost": lost(account["attempted"], account["unsure"], found)}
        else:
            told[name] = {"found": None, "lost": None, "error": str(found)}
    return told


def apart(places: Mapping[str, Any]) -> bool:
    """Whether two places do not have the same: each took something that the other has not."""
    sets = [found for found in places.values() if isinstance(found, set)]
    return any(one - other and other - one for one in sets for other in sets)
