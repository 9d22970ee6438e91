# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, by what follows from it."""

from __future__ import annotations


class Fault(Exception):
    """The message names what is wrong and what to do."""


class Misconfigured(Fault):
    """A setting or the cloud's network is not as it must be: asking again changes nothing."""


class NotInstalled(Fault):
    """The SDK or its environment is missing here."""


class CannotAsk(Fault):
    """The cloud gave no answer to the question. That says nothing about where an address is."""


class Refused(CannotAsk):
    """The cloud knows us not, or not well enough: credentials, clock, or policy."""


class Conflict(CannotAsk):
    """Somebody else changed the same thing, or it is in between two states: look again."""


class OutOfTime(BaseException):
    """The action's time is over. No Exception: the SDK's own retries must not swallow it."""
