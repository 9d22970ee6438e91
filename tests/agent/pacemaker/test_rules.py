# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a rule holds on a node: yes, no, or not known from its attributes alone."""

from __future__ import annotations

from typing import Optional
from xml.etree import ElementTree

import pytest

from tandem_agent.pacemaker.rules import attributes_of, holds, needs

pytestmark = pytest.mark.offline
NODE = {"#uname": "c1", "site": "North", "pingd": "900", "version": "1.10"}


def rule(*tests: str, operator: str = "and") -> ElementTree.Element:
    inner = "".join(test if test.startswith("<") else f"<expression {test}/>" for test in tests)
    return ElementTree.fromstring(f'<rule boolean-op="{operator}">{inner}</rule>')


DATE = "<date_expression operation='in_range' end='2030-01-01'/>"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('attribute="site" operation="eq" value="north"', True),
        ('attribute="site" operation="ne" value="north"', False),
        ('attribute="pingd" operation="lt" value="1000" type="number"', True),
        ('attribute="pingd" operation="lt" value="1000"', True),
        ('attribute="pingd" operation="gte" value="901"', False),
        ('attribute="pingd" operation="eq" value="900.0" type="number"', True),
        ('attribute="none" operation="lt" value="1"', False),
        ('attribute="none" operation="ne" value="1"', True),
        ('attribute="none" operation="not_defined"', True),
        ('attribute="site" operation="defined"', True),
        ('attribute="#uname" operation="eq" value="c1"', True),
        ('attribute="#kind" operation="eq" value="remote"', None),
        ('attribute="version" operation="lt" value="1.9" type="version"', None),
        ('attribute="site" operation="lt" value="x"', None),
        ('attribute="site" operation="eq" value="where" value-source="param"', None),
        (DATE, None),
    ],
)
def test_one_test(test: str, expected: Optional[bool]) -> None:
    assert holds(rule(test), NODE) is expected


def test_and_or_and_what_is_not_known() -> None:
    yes, no = 'attribute="site" operation="defined"', 'attribute="site" operation="not_defined"'
    assert holds(rule(yes, DATE), NODE) is None
    assert holds(rule(no, DATE), NODE) is False
    assert holds(rule(yes, DATE, operator="or"), NODE) is True
    assert holds(rule(no, DATE, operator="or"), NODE) is None
    assert holds(rule(yes, f'<rule boolean-op="or"><expression {no}/><expression {yes}/></rule>'), NODE) is True


def test_what_a_rule_waits_for() -> None:
    assert needs(rule('attribute="#uname" operation="eq" value="c1"')) is None
    assert (
        needs(rule('attribute="#uname" operation="eq" value="c1"', 'attribute="pingd" operation="defined"')) == "pingd"
    )


def test_the_attributes_of_the_nodes() -> None:
    cib = ElementTree.fromstring(
        '<cib><configuration><nodes><node id="1" uname="c1"><instance_attributes><nvpair name="site" value="north"/>'
        '<nvpair name="standby" value="off"/></instance_attributes></node></nodes></configuration><status><node_state id="1">'
        '<transient_attributes id="1"><instance_attributes><nvpair name="standby" value="on"/></instance_attributes>'
        "</transient_attributes></node_state></status></cib>"
    )
    assert attributes_of(cib) == {"c1": {"#uname": "c1", "site": "north", "standby": "on"}}
