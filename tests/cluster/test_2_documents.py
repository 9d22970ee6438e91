# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an inventory declares in site_documents runs, is known to drift.yml, and goes when it is declared no more."""

from __future__ import annotations

import json

import pytest
from pair import Pair

pytestmark = pytest.mark.slow

DUMMY = {"id": "extra", "agent": "ocf:pacemaker:Dummy", "ops": [{"name": "monitor", "interval": "10s"}]}
DECLARED = json.dumps({"site_documents": [{"name": "extra", "resources": [DUMMY]}]})
GONE = json.dumps({"site_documents": [{"name": "extra"}]})


def test_a_document_runs_is_no_drift_and_goes(site: Pair) -> None:
    run = site.site("-e", DECLARED)
    assert run.ok and sum(run.changed.values()) == 1, run.text
    assert "Started" in site.node("c1", "crm_resource --resource extra --locate; pcs status | grep extra")
    again = site.site("-e", DECLARED)
    assert again.ok and again.changed == {}, again.text
    known = site.drift("-e", DECLARED)
    assert not known["changes"] and not known["foreign"], known
    assert "resource extra" in site.drift()["foreign"]
    assert "extra" in json.dumps(site.drift("-e", GONE)["changes"])
    back = site.site("-e", GONE)
    assert back.ok and "extra" not in site.cib().replace("tandem.extra", ""), back.text


def test_a_wrong_document_is_refused_before_anything_is_touched(site: Pair) -> None:
    before = site.cib()
    wrong = json.dumps({"site_documents": [{"name": "vip"}, {"name": "web", "resource": []}]})
    run = site.site("-e", wrong)
    assert run.rc != 0 and "2 faults" in run.text, run.text
    assert "site_documents[0].name is 'vip'" in run.text and "site_documents[1].resource is unknown" in run.text
    assert site.cib() == before
