# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laws of reading and writing corosync.conf."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from tandem_agent.corosync.edit import add, child, drop, put, put_in
from tandem_agent.corosync.parse import Section, parse
from tandem_agent.corosync.render import flat, render
from tandem_agent.errors import AgentError

WORD = st.from_regex(r"[a-z_][a-z0-9_]{0,12}", fullmatch=True)
VALUE = st.text(st.characters(whitelist_categories=("L", "N"), whitelist_characters='.-_/:" '), max_size=20).filter(
    lambda text: len(text.encode()) < 200
)
PAD = st.sampled_from(["", " ", "    ", "\t", "\t\t"])
NOTE = st.sampled_from(["", "  ", "# a comment", "\t#ring1_addr: 1.2.3.4", "# brace { in a comment }"])


@st.composite
def option_line(draw: st.DrawFn) -> str:
    return draw(PAD) + draw(WORD) + draw(st.sampled_from([":", ": ", " : "])) + draw(VALUE)


def block(inner: st.SearchStrategy[list]) -> st.SearchStrategy[list]:
    def wrap(parts: tuple) -> list:
        pad, name, lines = parts
        return [f"{pad}{name} {{", *lines, f"{pad}}}"]

    return st.tuples(PAD, WORD, inner).map(wrap)


LINES = st.recursive(
    st.lists(st.one_of(option_line(), NOTE), max_size=5),
    lambda inner: st.lists(st.one_of(inner, block(inner)), max_size=4).map(
        lambda parts: [line for part in parts for line in part]
    ),
    max_leaves=12,
)
TEXT = LINES.map("\n".join)


@given(TEXT, st.sampled_from(["", "\n", "\n\n"]))
def test_what_was_read_is_written_letter_by_letter(text: str, end: str) -> None:
    assert render(parse(text + end)) == text + end


@given(TEXT, WORD, st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True))
def test_putting_twice_is_putting_once_and_nothing_else_moves(text: str, key: str, value: str) -> None:
    tree = parse(text)
    put_in(tree, "totem", key, value)
    once = render(tree)
    put_in(tree, "totem", key, value)
    assert render(tree) == once
    assert parse(once).sections("totem")
    assert flat(parse(once))[f"totem.{key}"] == value
    kept = [line for line in text.split("\n") if line.split(":")[0].strip() != key]
    remaining = iter(once.split("\n"))
    assert all(line in remaining for line in kept if line.strip()), "a foreign line was lost or moved"


@given(TEXT, WORD)
def test_a_removed_option_is_gone_and_a_missing_one_changes_nothing(text: str, key: str) -> None:
    tree = parse(text)
    before = flat(tree)
    put_in(tree, "totem", key, None)
    assert f"totem.{key}" not in flat(tree)
    if f"totem.{key}" not in before:
        assert render(tree) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("totem {\n", 2),
        ("totem {\n}\n}\n", 3),
        ("nonsense\n", 1),
        ("totem { token: 1\n}", 1),
        ("{\n}\n", 1),
        ("totem {\n} trailing\n", 2),
        ("a: " + "x" * 600, 1),
    ],
)
def test_what_corosync_would_refuse_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(AgentError) as caught:
        parse(text)
    assert caught.value.code == "cluster.unreadable"
    assert caught.value.details == {"line": line}


def test_the_last_of_two_values_counts_and_the_double_goes() -> None:
    tree = parse("totem {\n  token: 1\n  token: 2\n}\n")
    assert flat(tree)["totem.token"] == "2"
    put_in(tree, "totem", "token", "3")
    assert render(tree) == "totem {\n  token: 3\n}\n"


def test_a_section_in_two_pieces_is_edited_where_the_option_stands() -> None:
    tree = parse("totem {\n version: 2\n}\ntotem {\n token: 9\n}\n")
    put_in(tree, "totem", "token", "8")
    put_in(tree, "totem", "join", "60")
    assert render(tree) == "totem {\n version: 2\n join: 60\n}\ntotem {\n token: 8\n}\n"


def test_flat_names_are_those_of_the_running_corosync() -> None:
    tree = parse(
        "totem {\n version: 2\n interface {\n  linknumber: 1\n  knet_link_priority: 5\n }\n interface {\n  ringnumber: 0\n }\n}\n"
        "nodelist {\n node {\n  ring0_addr: a\n  nodeid: 7\n }\n node {\n  ring0_addr: b\n }\n}\n"
        "quorum {\n device {\n  model: net\n  net {\n   host: w\n  }\n }\n}\nlogging {\n debug: on\n}\n"
    )
    assert flat(tree) == {
        "totem.version": "2",
        "totem.interface.1.knet_link_priority": "5",
        "nodelist.node.0.ring0_addr": "a",
        "nodelist.node.0.nodeid": "7",
        "nodelist.node.1.ring0_addr": "b",
        "quorum.device.model": "net",
        "quorum.device.net.host": "w",
    }


def test_new_sections_join_their_kind_and_keep_the_indentation() -> None:
    tree = parse("nodelist {\n\tnode {\n\t\tnodeid: 1\n\t}\n\t# end\n}\n")
    put(add(child(tree, "nodelist"), "node"), "nodeid", "2")
    assert render(tree) == "nodelist {\n\tnode {\n\t\tnodeid: 1\n\t}\n\tnode {\n\t    nodeid: 2\n\t}\n\t# end\n}\n"
    nodelist = child(tree, "nodelist")
    drop(nodelist, nodelist.sections("node")[1:])
    assert render(tree) == "nodelist {\n\tnode {\n\t\tnodeid: 1\n\t}\n\t# end\n}\n"


def test_an_empty_file_is_an_empty_tree() -> None:
    tree = parse("")
    assert isinstance(tree, Section) and flat(tree) == {}
    put_in(tree, "totem", "version", "2")
    assert render(tree) == "totem {\n    version: 2\n}\n"
