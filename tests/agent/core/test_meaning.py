# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge is judged: no loss goes unseen, and what means the same is called the same."""

from __future__ import annotations

import copy
from itertools import islice
from typing import Iterator
from xml.etree.ElementTree import Element, fromstring

import pytest
from corpus import SOUND, known, nothing, tree
from meaning import NAMED, differences, meaning


def test_no_loss_goes_unseen() -> None:
    """Each word of the schemas is spoken somewhere in the corpus where taking it away is a difference."""
    words = {word for word in known() if "/" in word and "=" not in word}
    missing = {word for word in words if not word.endswith("/@id") or word.split("/")[0] in NAMED}  # ids say nothing
    for path in SOUND:
        root = tree(path)
        whole = meaning(root, known())
        for word in sorted(missing):
            if any(differences(whole, meaning(less, known())) for less in islice(robbed(root, word), 5)):
                missing.remove(word)
    nothing(sorted(missing))


def robbed(root: Element, word: str) -> Iterator[Element]:
    """Copies of the tree, each without one of the places where it speaks the word."""
    parent, _slash, lost = word.partition("/")
    for index, found in enumerate(root.iterfind(f".//{parent}")):
        if lost[0] == "@" and lost[1:] in found.attrib:
            less = copy.deepcopy(root)
            del less.findall(f".//{parent}")[index].attrib[lost[1:]]
            yield less
        elif lost[0] != "@" and found.find(lost) is not None:
            less = copy.deepcopy(root)
            there = less.findall(f".//{parent}")[index]
            there.remove(there.findall(lost)[0])
            yield less


PAIR = '<nvpair id="p" name="{}" value="{}"/>'
A, B = '<primitive id="a" class="ocf" type="x"/>', '<primitive id="b" class="stonith" type="x"/>'
ORDER = '<rsc_order id="o" first="a" then="b"{}/>'


def configured(resources: str = A + B, constraints: str = "", settings: str = "") -> Element:
    text = (
        f"<crm_config>{settings}</crm_config><resources>{resources}</resources><constraints>{constraints}</constraints>"
    )
    return fromstring(f"<cib><configuration>{text}</configuration></cib>")


def with_order(words: str) -> Element:
    return configured(constraints=ORDER.format(words))


def with_op(words: str) -> Element:
    return configured(f'<primitive id="a"><operations><op id="o" name="monitor"{words}/></operations></primitive>')


def with_meta(tag: str, *sets: str) -> Element:
    nvsets = "".join(f'<meta_attributes id="s{number}"{one}</meta_attributes>' for number, one in enumerate(sets))
    return configured(f'<{tag} id="k">{nvsets}{A}</{tag}>')


def pair(name: str, value: str, score: str = "") -> str:
    return f'{score}><nvpair id="p" name="{name}" value="{value}"/>'


TRUE = pair("promotable", "true")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (with_order(""), with_order(' kind="Mandatory" first-action="start" then-action="start"')),
        (with_order(' first-action="stop"'), with_order(' first-action="stop" then-action="stop"')),
        (with_order(' score="0"'), with_order(' kind="Optional"')),
        (with_order(' score="-5"'), with_order("")),
        (with_order(' symmetrical="0"'), with_order(' symmetrical="false"')),
        (with_op(' interval="90"'), with_op(' interval="PT1M30S"')),
        (with_op(' interval="2min"'), with_op(' interval="120s"')),
        (with_op(""), with_op(' interval="0s"')),
        (with_op(' role="Master"'), with_op(' role="Promoted"')),
        (with_meta("master"), with_meta("clone", TRUE)),
        (with_meta("clone", TRUE, pair("a", "1")), with_meta("clone", pair("a", "1"), TRUE)),
        (with_meta("clone", pair("master-max", "2")), with_meta("clone", pair("promoted-max", "2"))),
        (
            with_meta("group", pair("a", "1", ' score="+INFINITY"')),
            with_meta("group", pair("a", "1", ' score="INFINITY"')),
        ),
        (
            with_meta("group", pair("a", "1", ' score="2"'), pair("a", "2")),
            with_meta("group", pair("a", "2"), pair("a", "1", ' score="2"')),
        ),
        (with_meta("group", pair("a", "1"), ">"), with_meta("group", pair("a", "1"))),
        (configured(constraints=ORDER.format("")), configured(constraints=ORDER.format("").replace('"o"', '"other"'))),
        (
            configured(settings=""),
            configured(
                settings=f'<cluster_property_set id="x">{PAIR.format("dc-version", "2")}</cluster_property_set>'
            ),
        ),
    ],
)
def test_what_means_the_same(left: Element, right: Element) -> None:
    nothing(differences(meaning(left, known()), meaning(right, known())))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (configured(A + B), configured(B + A)),
        (with_order(""), with_order(' kind="Optional"')),
        (with_order(""), with_order(' then-action="promote"')),
        (with_op(' role="Master"'), with_op(' role="Slave"')),
        (with_op(' interval="1min"'), with_op(' interval="1s"')),
        (with_meta("clone"), with_meta("clone", TRUE)),
        (with_meta("group", pair("a", "1"), pair("a", "2")), with_meta("group", pair("a", "2"), pair("a", "1"))),
        (with_meta("group", pair("a", "1", ' score="1"')), with_meta("group", pair("a", "1"))),
        (with_meta("group", pair("a", "")), with_meta("group")),
    ],
)
def test_what_does_not(left: Element, right: Element) -> None:
    assert differences(meaning(left, known()), meaning(right, known()))
