# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# PRIVATE to the collection: may change in any release.
"""A drill as a picture: a lane for each client, when it got no answer, and what the cluster did. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from ansible_collections.tandem.ha.plugins.plugin_utils._drill_report import STEPS

LEFT, RIGHT, WIDTH = 150, 190, 1100
LANE, BAR = 26, 14
LABEL = 15  # from one mark's label to the next one's
BEFORE = 3.0  # seconds that are shown before the beginning
INK, PALE, WELL, SILENT = "#222222", "#767676", "#4a8f5a", "#c8402f"
LEGEND = "green: answered; red: no answer for half a second or longer; times in seconds after the beginning"
STEP_WIDTHS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)


def svg(report: Mapping[str, Any]) -> str:
    """One drill's report as a picture."""
    lanes = list(_lanes(report))
    steps = sorted(((when, STEPS[name]) for name, when in report["measured"].items()), key=lambda mark: mark[0])
    marks = [(0.0, "beginning"), *steps]
    end = max(marks[-1][0], 10.0) * 1.04 + 1.0
    scale = (WIDTH - LEFT - RIGHT) / (end + BEFORE)

    def across(seconds: float) -> float:
        return round(LEFT + (min(max(seconds, -BEFORE), end) + BEFORE) * scale, 1)

    top = 58 + LABEL * len(marks)
    bottom = top + LANE * max(len(lanes), 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 46}"',
        f' font-family="sans-serif" font-size="12" fill="{INK}">',
        f"<title>{escape(_title(report))}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold">{escape(_title(report))}</text>',
        f'<text x="12" y="42" fill="{PALE}">{LEGEND}</text>',
    ]
    parts += _axis(end, across, top, bottom)
    for index, lane in enumerate(lanes):
        parts += _lane(lane, across, top + LANE * index)
    told = [(across(when), 62 + LABEL * index, f"{what} {when:.1f}") for index, (when, what) in enumerate(marks)]
    parts += [_line(x, y, bottom) for x, y, _words in told] + [_label(x, y, words) for x, y, words in told]
    return "\n".join([*parts, "</svg>", ""])


def _title(report: Mapping[str, Any]) -> str:
    role = f" ({report['role']})" if report["role"] else ""
    return f"{report['cluster']}: {report['target']}{role}, {report['told']}"


def _lanes(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    began = report["began"]
    if report["silent"] is not None:
        yield {
            "name": "address",
            "span": None,
            "gaps": [(gap["from"] - began, gap["to"] - began) for gap in report["gaps"] if gap["seconds"] >= 0.5],
            "told": f"silent for {report['silent']:.1f} s",
        }
    for name, client in report["clients"].items():
        first, last = client["span"]
        lost = "" if client["lost"] is None else f", lost {client['lost']}"
        yield {
            "name": name,
            "span": None if first is None else (first - began, last - began),
            "gaps": [(gap["from"] - began, gap["to"] - began) for gap in client["gaps"]],
            "told": f"{client['longest']:.1f} s; {client['acknowledged']}{lost}",
        }


def _lane(lane: Mapping[str, Any], across: Any, y: float) -> Iterator[str]:
    middle = y + LANE / 2
    yield f'<text x="12" y="{middle + 4:.1f}">{escape(lane["name"])}</text>'
    first, last = lane["span"] or (-BEFORE, float("inf"))
    left, right = across(first), across(last)
    yield _bar(left, right, middle, WELL, "answered")
    for began, ended in lane["gaps"]:
        yield _bar(across(began), across(ended), middle, SILENT, f"{ended - began:.1f} s without an answer")
    yield f'<text x="{WIDTH - RIGHT + 8}" y="{middle + 4:.1f}">{escape(lane["told"])}</text>'


def _bar(left: float, right: float, middle: float, colour: str, told: str) -> str:
    width = max(right - left, 1.0)
    return (
        f'<rect x="{left}" y="{middle - BAR / 2:.1f}" width="{width:.1f}" height="{BAR}" fill="{colour}">'
        f"<title>{escape(told)}</title></rect>"
    )


def _line(x: float, y: float, bottom: float) -> str:
    return (
        f'<line x1="{x}" y1="{y - 9}" x2="{x}" y2="{bottom}" stroke="{INK}" stroke-width="1" stroke-dasharray="3 2"/>'
    )


def _label(x: float, y: float, words: str) -> str:
    """Where there is room: left of its line in the right half. White behind it, for the lines of others."""
    side, anchor = (-4, "end") if x > WIDTH / 2 else (4, "start")
    behind = 'stroke="#ffffff" stroke-width="4" paint-order="stroke"'
    return f'<text x="{x + side:.1f}" y="{y}" text-anchor="{anchor}" {behind}>{escape(words)}</text>'


def _axis(end: float, across: Any, top: float, bottom: float) -> Iterator[str]:
    width = next((width for width in STEP_WIDTHS if end / width <= 14), STEP_WIDTHS[-1])
    yield f'<line x1="{LEFT}" y1="{bottom}" x2="{WIDTH - RIGHT}" y2="{bottom}" stroke="{PALE}"/>'
    for seconds in range(0, int(end) + 1, width):
        x = across(seconds)
        yield f'<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom + 4}" stroke="#e2e2e2"/>'
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle" fill="{PALE}">{seconds}</text>'
    yield f'<text x="{LEFT}" y="{bottom + 36}" fill="{PALE}">right of a lane: longest time without an answer; acknowledged, lost</text>'
