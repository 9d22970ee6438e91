# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role documents hands on every option of ha_config that a document may have, and says so everywhere alike."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.tandem.ha.plugins.modules.ha_config import OPTIONS
from ansible_collections.tandem.ha.plugins.plugin_utils._preflight_documents import OPTIONS as ACCEPTED
from ansible_collections.tandem.ha.tests.unit.plugins.modules.speaking import PLUGINS

ROLE = PLUGINS.parent / "roles" / "documents"
# A password belongs beside params, into `secrets`; there is no way round that here.
NOT_HERE = {"allow_password_in_cib"}
WANTED = (set(OPTIONS) - NOT_HERE) | {"allow", "wait"}


def read(name):
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("index", "step"), [(0, "secrets"), (1, "all")])
def test_each_task_hands_every_option_on(index, step):
    task = read("tasks/main.yml")[index]
    given = dict(task["tandem.ha.ha_config"])
    assert given.pop("only") == "{{ documents_step }}"
    assert task["vars"]["documents_step"] == step
    assert set(given) == WANTED
    for name, value in given.items():
        assert value.startswith("{{ documents_one.%s " % name)


def test_the_variable_is_documented_as_it_is_taken():
    options = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]["site_documents"]["options"]
    assert set(options) == WANTED == set(ACCEPTED)


def test_the_secrets_are_kept_before_the_cluster_is_told():
    assert [task["name"] for task in read("tasks/main.yml")] == [
        "Keep the secrets of the documents",
        "Declare the documents",
    ]
