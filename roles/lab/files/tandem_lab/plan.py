# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing to do: what people read and how it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable


@dataclass(frozen=True)
class Step:
    """Found by looking, done later or, in check mode, never."""

    text: str
    act: Callable[[], Any]

    @classmethod
    def of(cls, text: str, function: Callable[..., Any], *arguments: Any) -> Step:
        return cls(text, lambda: function(*arguments))
