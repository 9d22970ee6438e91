# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret reaches the agent's file and nothing else: no CIB, plan, diff, history, journal, event, error or export."""

from __future__ import annotations

import json
import pathlib
import re
import stat
from typing import Any, Callable, Dict, List, Optional

import pytest
import yaml

from tandem_agent import doctor, fencing, requests
from tandem_agent.context import Context, Deadline
from tandem_agent.errors import AgentError
from tandem_agent.journal import Journal
from tandem_agent.model.fields import Fields
from tandem_agent.pacemaker.cibsecret import SecretFiles
from tandem_agent.pacemaker.metadata import Metadata
from tandem_agent.pacemaker.runner import Runner
from tandem_agent.pacemaker.tools import Tools
from tandem_agent.server.dispatch import Caller, Dispatcher
from tandem_agent.server.frames import Request
from tandem_agent.server.operations import OPERATIONS

TOP = pathlib.Path(__file__).resolve().parents[3]
OLD, NEW, PLAIN = "canary-old-5151", "canary-new-6262", "canary-plain-7373"
NO_FENCING = {"properties": {"stonith-enabled": False}}

Json = Dict[str, Any]


class Node:
    """A node with an agent: the CIB is a file, secrets are beside it."""

    def __init__(
        self, suite: str, cib: str, base: pathlib.Path, name: str = "c1", features: str = "cibsecrets"
    ) -> None:
        self.cib = pathlib.Path(cib)
        self.base = base / name
        (self.base / "pacemaker").mkdir(parents=True)
        (base / "authkey").write_bytes(b"k" * 32)
        tools = self.base / "bin"
        tools.mkdir()
        (tools / "pacemakerd").write_text(f"#!/bin/sh\necho ' Supporting v3.6.1: acls {features}'\n")
        (tools / "pacemakerd").chmod(0o755)
        runner = Runner([str(tools), suite, "/usr/bin", "/bin"], {"CIB_file": cib})
        self.secrets: Optional[SecretFiles] = SecretFiles(
            runner, str(self.base / "pacemaker"), (str(base / "authkey"),)
        )
        self.tools = Tools(runner)
        self.runner, self.name = runner, name
        self.said: List[Any] = []

    def call(self, operation: Callable[[Context, Fields], Json], **params: Any) -> Json:
        context = Context(
            self.runner, self.tools, Metadata(self.tools), Journal(str(self.base / "journal")), Deadline(60),
            emit=lambda name, data: self.said.append((name, dict(data))), node=self.name, secrets=self.secrets,
        )  # fmt: skip
        try:
            found = operation(context, Fields(params, "params", []))
        except AgentError as error:
            self.said.append((error.code, error.message, error.details))
            raise
        self.said.append(found)
        return found

    def apply(self, document: Json, **more: Any) -> Json:
        return self.call(requests.apply, document=document, **more)

    def plan(self, document: Json, **more: Any) -> Json:
        return self.call(requests.plan, document=document, **more)

    def give(self, document: Json) -> Json:
        """As a role does it: first the files, then the rest."""
        self.apply(document, only="secrets")
        return self.apply(document)

    def files(self, resource: str = "dev") -> Dict[str, str]:
        assert self.secrets is not None
        return self.secrets.values(resource)

    def shown(self) -> str:
        """All that the agent said and kept: answers, events, errors, the journal on the disk, the CIB."""
        kept = [path.read_text() for path in (self.base / "journal").glob("*")]
        return json.dumps(self.said) + "".join(kept) + self.cib.read_text()


@pytest.fixture
def node(any_suite: str, cib_file: str, tmp_path: pathlib.Path) -> Node:
    made = Node(any_suite, cib_file, tmp_path)
    made.apply(NO_FENCING)
    return made


def device(**more: Any) -> Json:
    return {"stonith": [{"id": "dev", "agent": "fence_ipmilan", **more}]}


PARAMS = {"ip": "192.0.2.1", "username": "tandem"}
SECRET = device(params=PARAMS, secrets={"password": OLD})


def refused(call: Callable[[], Any]) -> AgentError:
    with pytest.raises(AgentError) as caught:
        call()
    return caught.value


@pytest.mark.offline
def test_a_secret_goes_into_the_file_and_its_place_into_the_cib(node: Node) -> None:
    first = node.apply(SECRET, only="secrets")
    assert [entry["summary"] for entry in first["plan"]] == ["create secret dev.password in the files of this node"]
    assert node.files() == {"password": OLD} and "lrm://" not in node.cib.read_text()
    assert not node.apply(SECRET, only="secrets")["changed"]
    done = node.apply(SECRET)
    assert done["changed"] and 'name="password" value="lrm://"' in node.cib.read_text()
    assert done["plan"][0]["after"]["secrets"] == {"password": "********"}
    assert not node.plan(SECRET)["changed"] and not node.apply(SECRET)["changed"]
    assert OLD not in node.shown()


@pytest.mark.offline
def test_the_cluster_is_not_told_before_the_others_can_have_the_files(node: Node) -> None:
    error = refused(lambda: node.apply(SECRET))
    assert error.code == "secrets.first" and "c2" in error.message and "only: secrets" in error.message
    assert node.files() == {} and "lrm://" not in node.cib.read_text()
    assert any("on every member" in warning for warning in node.plan(SECRET)["warnings"])


@pytest.mark.offline
def test_a_changed_secret_shows_as_changed_and_the_cluster_is_told(node: Node) -> None:
    node.give(SECRET)
    changed = device(params=PARAMS, secrets={"password": NEW})
    planned = node.plan(changed, only="secrets")
    assert [entry["summary"] for entry in planned["plan"]] == ["update secret dev.password in the files of this node"]
    assert planned["diff"][0]["before"] != planned["diff"][0]["after"]
    assert node.files() == {"password": OLD}
    assert refused(lambda: node.apply(changed)).code == "secrets.first"
    before = node.cib.read_text()
    node.apply(changed, only="secrets")
    assert node.cib.read_text() == before
    told = node.apply(changed)
    assert [entry["summary"] for entry in told["plan"]] == ["update stonith dev: its secrets change"]
    assert "(changed)" in told["diff"][0]["before"] + told["diff"][0]["after"]
    assert node.files() == {"password": NEW} and not node.apply(changed)["changed"]
    assert OLD not in node.shown() and NEW not in node.shown()


@pytest.mark.offline
def test_another_member_finds_its_files_missing_and_nothing_else(
    any_suite: str, node: Node, cib_file: str, tmp_path: pathlib.Path
) -> None:
    node.give(SECRET)
    other = Node(any_suite, cib_file, tmp_path, "c2")
    findings = {one["code"]: one["message"] for one in other.call(doctor.doctor)["findings"]}
    assert "password of dev" in findings["secret.missing"]
    done = other.apply(SECRET)
    assert [entry["kind"] for entry in done["plan"]] == ["secret"] and other.files() == {"password": OLD}
    assert "secret.missing" not in {one["code"] for one in other.call(doctor.doctor)["findings"]}
    assert not node.apply(SECRET)["changed"]


@pytest.mark.offline
def test_a_damaged_file_is_written_anew(node: Node) -> None:
    node.give(SECRET)
    (node.base / "pacemaker/lrm/secrets/dev/password").write_text("something else\n")
    done = node.apply(SECRET)
    assert [entry["action"] for entry in done["plan"]] == ["update"] and node.files() == {"password": OLD}


@pytest.mark.offline
def test_what_is_not_said_stays_and_an_empty_map_takes_all_away(node: Node) -> None:
    node.give(SECRET)
    node.apply(device(params={**PARAMS, "lanplus": True}, meta={"priority": 5}))
    assert 'value="lrm://"' in node.cib.read_text() and node.files() == {"password": OLD}
    assert not node.apply(device(params={**PARAMS, "lanplus": True}, secrets={"password": OLD}))["changed"]
    done = node.apply(device(secrets={}))
    assert "lrm://" not in node.cib.read_text() and "tandem-secrets" not in node.cib.read_text()
    assert [entry["action"] for entry in done["plan"]] == ["update", "remove"] and node.files() == {}
    assert not node.apply(device(secrets={}))["changed"]


@pytest.mark.offline
def test_with_the_resource_go_its_files(node: Node) -> None:
    node.give(SECRET)
    node.apply({"stonith": [{"id": "dev", "state": "absent"}]})
    assert node.files() == {} and not (node.base / "pacemaker/lrm/secrets/dev").exists()
    assert not node.apply({"stonith": [{"id": "dev", "state": "absent"}]})["changed"]


@pytest.mark.offline
def test_an_export_masks_and_applied_again_changes_nothing(node: Node) -> None:
    node.give(SECRET)
    exported = node.call(requests.export)["document"]
    assert exported["stonith"][0]["secrets"] == {"password": "********"}
    assert "password" not in exported["stonith"][0]["params"] and "meta" not in exported["stonith"][0]
    assert not node.apply(exported)["changed"] and node.files() == {"password": OLD}
    assert OLD not in node.shown()
    assert node.call(requests.export, secrets=True)["document"]["stonith"][0]["secrets"] == {"password": OLD}


@pytest.mark.offline
def test_a_mask_becomes_no_secret(node: Node) -> None:
    masked = device(params=PARAMS, secrets={"password": "********"})
    error = refused(lambda: node.apply(masked))
    assert error.details["faults"][0]["path"] == "document.stonith[0].secrets.password"
    assert "mask" in error.message and node.files() == {}
    node.give(SECRET)
    (node.base / "pacemaker/lrm/secrets/dev/password").unlink()
    assert any("this node has no file" in warning for warning in node.apply(masked)["warnings"])


@pytest.mark.offline
def test_a_password_moves_out_of_the_cib_unseen(node: Node) -> None:
    node.apply(device(params={**PARAMS, "password": PLAIN, "ipport": "6230"}))
    moved = device(secrets={"password": PLAIN, "ipport": "6230"})
    node.said.clear()  # what was no secret then was told then
    for path in (node.base / "journal").glob("*"):
        path.unlink()
    node.give(moved)
    assert PLAIN not in node.shown() and "6230" not in node.shown()
    assert node.files() == {"password": PLAIN, "ipport": "6230"}


@pytest.mark.offline
@pytest.mark.parametrize("value", ["abc", "two\nlines", "end ", "x" * 300])
def test_what_pacemaker_would_not_read_back_is_a_fault_that_quotes_nothing(node: Node, value: str) -> None:
    error = refused(lambda: node.apply(device(params=PARAMS, secrets={"password": value})))
    assert error.code == "document.invalid" and value not in json.dumps([error.message, error.details])
    assert error.details["faults"][0]["path"] == "document.stonith[0].secrets.password"


@pytest.mark.offline
def test_one_option_is_either_plain_or_secret(node: Node) -> None:
    error = refused(lambda: node.apply(device(params={**PARAMS, "password": OLD}, secrets={"password": NEW})))
    assert "speak of the same" in error.message and OLD not in node.shown() and NEW not in node.shown()


@pytest.mark.offline
def test_without_pacemakers_support_it_is_refused_with_a_way_out(
    bookworm: str, cib_file: str, tmp_path: pathlib.Path
) -> None:
    node = Node(bookworm, cib_file, tmp_path, features="")
    node.apply(NO_FENCING)
    error = refused(lambda: node.apply(SECRET, only="secrets"))
    assert "built without CIB secrets" in error.message and "password_script" in error.message
    resource = {"resources": [{"id": "r", "agent": "ocf:pacemaker:Dummy", "secrets": {"state": "some-secret"}}]}
    assert "root-only file" in refused(lambda: node.apply(resource)).message
    assert node.files() == {} and node.files("r") == {}


@pytest.mark.offline
def test_where_pacemaker_would_not_find_them_they_are_refused(node: Node) -> None:
    entry = {"id": "r", "agent": "ocf:pacemaker:Dummy", "secrets": {"state": "some-secret"}}
    clone = {"id": "c", "kind": "clone", "resource": "r", "meta": {"globally-unique": True}}
    assert "names of their own" in refused(lambda: node.apply({"resources": [entry, clone]})).message
    template = {"resources": [{**entry, "id": "t", "kind": "template"}]}
    assert "by resource" in refused(lambda: node.apply(template)).message


@pytest.mark.offline
@pytest.mark.parametrize(("target", "told"), [("/var/log", True), ("/var/lib/pacemaker", False)])
def test_containers_need_the_files_too(
    bookworm: str, cib_file: str, tmp_path: pathlib.Path, target: str, told: bool
) -> None:
    node = Node(bookworm, cib_file, tmp_path)
    bundle = {
        "id": "b", "kind": "bundle", "container": {"image": "i"}, "network": {"control_port": "3121"}, "resource": "r",
        "storage": [{"id": "s", "source_dir": "/srv", "target_dir": target}],
    }  # fmt: skip
    entry = {"id": "r", "agent": "ocf:pacemaker:Dummy", "secrets": {"state": "some-secret"}}
    found = node.plan({"resources": [entry, bundle]})["warnings"]
    assert any("containers of b" in one for one in found) is told


@pytest.mark.offline
def test_a_cib_file_has_no_files_beside_it(node: Node) -> None:
    node.secrets = None
    done = node.apply(SECRET)
    assert "lrm://" in node.cib.read_text() and any("not kept anywhere" in one for one in done["warnings"])
    assert not node.apply(SECRET)["changed"]


# -- the journal


@pytest.mark.offline
def test_the_journal_keeps_no_secret_and_says_so_when_asked_for_one(node: Node) -> None:
    node.apply(device(params={**PARAMS, "password": OLD}))
    done = node.apply(device(params={**PARAMS, "password": NEW}))
    gone = node.apply({"stonith": [{"id": "dev", "state": "absent"}]})
    journal = "".join(path.read_text() for path in (node.base / "journal").glob("*"))
    assert OLD not in journal and NEW not in journal
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (node.base / "journal").glob("*")}
    assert modes == {0o600} and stat.S_IMODE((node.base / "journal").stat().st_mode) == 0o700
    error = refused(lambda: node.call(requests.rollback, transaction=gone["transaction"]))
    assert "keeps no secrets" in error.message and "password" in error.message
    node.apply(device(params={**PARAMS, "password": NEW}))
    error = refused(lambda: node.call(requests.rollback, transaction=done["transaction"]))
    assert "keeps no secrets" in error.message


@pytest.mark.offline
def test_rolling_back_something_else_keeps_the_secret_there_is(node: Node) -> None:
    node.apply(device(params={**PARAMS, "password": OLD}))
    done = node.apply(device(params={**PARAMS, "password": OLD, "lanplus": True}))
    node.call(requests.rollback, transaction=done["transaction"])
    assert f'value="{OLD}"' in node.cib.read_text() and "lanplus" not in node.cib.read_text()


@pytest.mark.offline
def test_rolling_back_the_birth_of_a_device_needs_no_secret(node: Node) -> None:
    done = node.apply(device(params={**PARAMS, "password": OLD}))
    node.call(requests.rollback, transaction=done["transaction"])
    assert 'id="dev"' not in node.cib.read_text()


@pytest.mark.offline
def test_secrets_in_files_are_not_brought_back_either(node: Node) -> None:
    node.give(SECRET)
    gone = node.apply({"stonith": [{"id": "dev", "state": "absent"}]})
    assert "keeps no secrets" in refused(lambda: node.call(requests.rollback, transaction=gone["transaction"])).message


# -- what others say


@pytest.mark.offline
def test_errors_of_tools_are_told_without_the_secrets_they_quote(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.apply(device(params={**PARAMS, "password": OLD}))

    def complain(_tools: Tools, _cib: bytes) -> Any:
        raise AgentError("tool.failed", f"cannot read {OLD} and {NEW}", {"stderr": [f"<nvpair value='{NEW}'/>"]})

    monkeypatch.setattr(Tools, "verify", complain)
    error = refused(lambda: node.apply(device(params={**PARAMS, "password": NEW})))
    assert error.message == "cannot read ******** and ********" and error.details["stderr"] == [
        "<nvpair value='********'/>"
    ]


@pytest.mark.offline
def test_a_device_is_asked_with_the_secret_of_this_node(node: Node) -> None:
    targets = {**PARAMS, "pcmk_host_list": "c1"}
    node.give(device(params=targets, secrets={"password": OLD}))
    agent = node.base / "bin" / "fence_ipmilan"
    agent.write_text(
        f"#!/bin/sh\ncat > {node.base}/told\necho \"$@\" > {node.base}/argv\necho 'bad {OLD}' >&2\nexit 1\n"
    )
    agent.chmod(0o755)
    found = node.call(fencing.verify)["devices"][0]
    assert f"password={OLD}\n" in (node.base / "told").read_text() and (node.base / "argv").read_text() == "\n"
    assert "bad ********" in found["message"] and OLD not in node.shown()
    (node.base / "pacemaker/lrm/secrets/dev/password").unlink()
    assert "no usable file with its password" in node.call(fencing.verify)["devices"][0]["message"]


@pytest.mark.parametrize(
    ("document", "root_only"),
    [
        (SECRET, True), ({"resources": [{"id": "r", "secrets": {"x": "********"}}]}, True),
        (device(params=PARAMS), False), ({"stonith": "nonsense"}, False), ("nonsense", False),
    ],
)  # fmt: skip
def test_nobody_but_root_may_try_secrets(document: Any, root_only: bool) -> None:
    dispatcher = Dispatcher(OPERATIONS, Runner([], {"CIB_file": "/nowhere"}))
    request = Request("1", "plan", {"document": document}, 5.0)
    with pytest.raises(AgentError) as caught:
        dispatcher.call(request, Caller(1000, True, False), lambda _name, _data: None)
    assert (caught.value.code == "auth.denied") is root_only


# -- docs/secrets.md


def examples() -> List[Any]:
    page = (TOP / "docs" / "secrets.md").read_text(encoding="utf-8")
    return [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]


@pytest.mark.offline
def test_the_examples_of_the_page_do_what_it_says(node: Node) -> None:
    documents = [one for one in examples() if isinstance(one, dict)]
    for document in documents:
        secrets = document["stonith"][0]["secrets"]
        assert node.give(document)["changed"] and node.files("fence-c1") == secrets
        assert not node.apply(document)["changed"]
        assert not any(secret in node.shown() for name, secret in secrets.items() if name == "password")
    assert len(documents) == 3 and node.cib.read_text().count('value="lrm://"') == 2
    assert "tandem-secrets" in node.cib.read_text()


def test_the_tasks_of_the_page_are_the_modules() -> None:
    (tasks,) = [one for one in examples() if isinstance(one, list)]
    text = (TOP / "plugins" / "modules" / "ha_stonith.py").read_text(encoding="utf-8")
    options = yaml.safe_load(text.split('DOCUMENTATION = r"""')[1].split('"""')[0])["options"]
    for task in tasks:
        assert set(task["tandem.ha.ha_stonith"]) <= set(options)
    assert [task["tandem.ha.ha_stonith"].get("only", "all") for task in tasks] == ["secrets", "all"]
