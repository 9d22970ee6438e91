# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to a request and from an outcome to a result, with a scripted agent in between."""

import json
import re

import pytest
from ansible.module_utils import basic
from ansible_collections.tandem.ha.plugins.module_utils import _client, _module
from ansible_collections.tandem.ha.tests.unit.plugins.module_utils.scripted import error, line, result

OUTCOME = {
    "changed": True,
    "plan": [{"action": "create", "kind": "primitive", "id": "vip"}],
    "diff": [{"before": "", "after": "id: vip\n"}],
    "preview": {"available": True, "matched": None},
    "cib": {"before": "0.1.0", "after": "0.2.0"},
    "transaction": "t-1",
    "objects": [{"kind": "primitive", "id": "vip"}],
    "settled": {"waited": 0.1, "state": "settled"},
    "failures": [{"resource": "vip", "node": "c1", "text": "monitor of vip on c1 failed: not running"}],
    "fail_counts": [{"resource": "vip", "node": "c1", "count": 1, "threshold": 1000000}],
    "warnings": ["c9 is no node of this cluster"],
    "timings": {"load": 0.01},
}


class Exit(Exception):
    """How a module ended: `failed`, and what it returned."""

    def __init__(self, failed, returned):
        super().__init__(returned)
        self.failed = failed
        self.returned = returned


class FakeModule:
    """Only the parts of AnsibleModule that may be used."""

    def __init__(self, params, check_mode=False, diff=False):
        self.params = dict({"allow": [], "wait": 120}, **params)
        self.check_mode = check_mode
        self._diff = diff
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)

    def exit_json(self, **returned):
        raise Exit(False, returned)

    def fail_json(self, **returned):
        raise Exit(True, returned)


@pytest.fixture
def ended(socket_path):
    """Runs a module to its end: (module, how it ended)."""

    def end(to_document=lambda params: {"properties": {}}, check_mode=False, diff=False, **params):
        module = FakeModule(dict(params, agent_socket=socket_path), check_mode, diff)
        with pytest.raises(Exit) as caught:
            _module.run(module, to_document, "ha_test " + "x" * 300)
        return module, caught.value

    return end


def answer(outcome):
    return lambda request: line(v=1, id=request["id"], result=outcome)


def test_a_run_applies_and_waits(agent, ended):
    fake = agent(answer(OUTCOME))
    module, end = ended(allow=["stop"], wait=30, purge="owned")
    (request,) = fake.requests
    assert request["op"] == "apply"
    assert request["params"] == {
        "document": {"properties": {}},
        "allow": ["stop"],
        "wait": 30,
        "purge": "owned",
        "request": ("ha_test " + "x" * 300)[:200],
    }
    assert request["deadline"] > 30  # waiting is not all there is to do
    assert not end.failed
    assert end.returned == {key: value for key, value in OUTCOME.items() if key not in ("diff", "warnings", "timings")}
    assert module.warnings == OUTCOME["warnings"]


def test_a_check_plans_and_does_not_wait(agent, ended):
    fake = agent(answer(dict(OUTCOME, transaction=None)))
    end = ended(check_mode=True)[1]
    assert fake.requests[0]["op"] == "plan"
    assert sorted(fake.requests[0]["params"]) == ["allow", "document", "request"]
    assert end.returned["changed"] is True and end.returned["transaction"] is None


def test_differences_are_returned_when_asked_for(agent, ended):
    agent(answer(OUTCOME))
    assert ended(diff=True)[1].returned["diff"] == OUTCOME["diff"]


def test_cluster_operations_have_their_own_plan(agent, socket_path):
    fake = agent(answer({"changed": False}), answer({"changed": False}))
    for check_mode in (False, True):
        module = FakeModule({"agent_socket": socket_path, "wait": 7}, check_mode)
        assert _module.change(module, "cluster.apply", {"state": "present"}) == {"changed": False}
    assert [request["op"] for request in fake.requests] == ["cluster.apply", "cluster.plan"]
    assert [request["params"].get("wait") for request in fake.requests] == [7, None]


def test_a_check_without_an_agent_predicts_a_change_and_says_why(ended):
    module, end = ended(check_mode=True, diff=True)
    assert not end.failed
    assert end.returned == _module.NOTHING_KNOWN
    assert re.search("role tandem.ha.agent on this host.*cannot see further", module.warnings[0])


@pytest.mark.parametrize("code", ["cib.unavailable", "tool.missing"])
def test_a_check_on_a_host_that_is_not_ready_predicts_a_change(agent, ended, code):
    agent(lambda request: error(request, code, "Pacemaker does not run."), lambda request: error(request, code))
    module, end = ended(check_mode=True)
    assert end.returned["changed"] is True
    assert module.warnings == ["Pacemaker does not run. This check cannot see further."]
    assert ended()[1].failed


def test_a_run_without_an_agent_fails_with_the_remedy(ended):
    end = ended()[1]
    assert end.failed
    assert end.returned["code"] == "agent.missing"
    assert "run the role tandem.ha.agent" in end.returned["msg"]


def test_a_check_still_says_what_is_wrong(agent, ended):
    faults = [{"path": "resources[0].agent", "message": "is required"}]
    agent(lambda request: error(request, "document.invalid", "the document has 1 fault", faults=faults))
    end = ended(check_mode=True)[1]
    assert end.failed and end.returned["faults"] == faults


@pytest.mark.parametrize("name", ["faults", "failures", "refused", "pending"])
def test_an_error_is_passed_on_whole(agent, ended, name):
    agent(lambda request: error(request, "some.code", "what to do", **{name: ["x"], "transaction": "t-2"}))
    end = ended()[1]
    assert end.failed
    assert end.returned["msg"] == "what to do"
    assert end.returned["code"] == "some.code"
    assert end.returned[name] == ["x"]
    assert end.returned["details"]["transaction"] == "t-2"
    assert end.returned["changed"] is False


@pytest.mark.parametrize("code", ["settle.failed", "settle.timeout", "prove.failed"])
def test_a_failure_after_the_patch_is_a_change(agent, ended, code):
    agent(lambda request: error(request, code, transaction="t-2"))
    assert ended()[1].returned["changed"] is True


def test_a_refusal_of_the_options_asks_nobody(ended):
    def refuse(_params):
        raise _module.Refusal("agent makes no sense with kind=group")

    end = ended(refuse)[1]
    assert end.failed
    assert end.returned == {"msg": "agent makes no sense with kind=group", "code": "params.invalid"}


@pytest.mark.parametrize(
    ("options", "hidden"),
    [
        ({"params": {"passwd": "geheim", "ip": "10.0.0.1"}}, {"geheim"}),
        ({"params": {"password_script": "/etc/x", "login": "admin"}}, set()),
        ({"stonith": [{"params": {"password": 12345}}, {"params": {"snmp_priv_passwd": "p2"}}]}, {"12345", "p2"}),
        ({"params": {"passwd": None, "secret_key": True, "token": "", "api_key": "k"}}, {"k"}),
        ({"totem": {"token": 3000, "token_coefficient": "650"}, "params": {"token": "abc"}}, {"abc"}),
        ({"params": '{"passwd": "as text"}'}, {"as text"}),
        ({"params": "{not json, passwd: x"}, set()),
        ({"passwd": ["several", "of", {"deep": "no"}]}, {"several", "of"}),
        ({"resources": [{"secrets": {"login": "geheim", "passwd": "********", "gone": None}}]}, {"geheim"}),
        ({"params": {"passwd": "********"}, "ids": {"params.passwd": "f-passwd"}}, set()),
    ],
)
def test_secrets_are_found_by_name(options, hidden):
    assert _module.secrets(options) == hidden


@pytest.fixture
def real(monkeypatch, capsys):
    """A real module with these arguments: what it returned, and what went to the host's journal."""

    def run(arguments, options, body=lambda module: module.exit_json(**module.params)):
        logged = []
        # ansible-core 2.21 returns the invocation only where it is asked for, the releases before always.
        asked = {"_ansible_inject_invocation": True} if "inject_invocation" in basic.PASS_VARS else {}
        raw = json.dumps({"ANSIBLE_MODULE_ARGS": dict(arguments, **asked)}).encode()
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", raw)
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(
            basic.AnsibleModule, "log", lambda self, msg, log_args=None: logged.append("%s %s" % (msg, log_args))
        )
        with pytest.raises(SystemExit):
            body(_module.create(options))
        return json.loads(capsys.readouterr().out), " ".join(logged)

    return run


def test_secrets_of_free_maps_are_neither_logged_nor_returned(real):
    arguments = {"params": {"passwd": "geheim-1", "ip": "10.0.0.1"}, "more": [{"password": "geheim-2"}]}
    options = {"params": {"type": "dict"}, "more": {"type": "list", "elements": "dict"}}
    returned, logged = real(arguments, options)
    assert "geheim" not in json.dumps(returned) and "geheim" not in logged
    assert returned["params"]["ip"] == "10.0.0.1" and "10.0.0.1" in logged


def test_a_mask_that_is_given_back_hides_nothing(real):
    arguments = {"secrets": {"login": "geheim", "passwd": "********"}, "text": "a ******** mask"}
    returned, logged = real(arguments, {"secrets": {"type": "dict", "no_log": True}, "text": {"type": "str"}})
    assert returned["text"] == "a ******** mask"
    assert "geheim" not in json.dumps(returned) and "geheim" not in logged


@pytest.mark.parametrize("text", ['{"passwd": "geheim"}', "passwd=geheim ip=10.0.0.1"])
def test_secrets_of_maps_written_as_text_are_hidden_too(real, text):
    returned, logged = real({"params": text}, {"params": {"type": "dict"}})
    assert returned["params"]["passwd"] != "geheim"
    assert "geheim" not in json.dumps(returned) and "geheim" not in logged


def test_secrets_are_hidden_even_when_the_options_are_wrong(real):
    arguments = {"params": {"passwd": "geheim"}, "nmae": "x"}
    returned, logged = real(arguments, {"params": {"type": "dict"}})
    assert returned["failed"] and "nmae" in returned["msg"]
    assert "geheim" not in json.dumps(returned) and "geheim" not in logged


def test_a_short_secret_hides_itself_and_nothing_else(real):
    arguments = {
        "params": {"passwd": "a", "pin_token": "ab"},
        "secrets": {"pin": "10", "x": "geheim"},
        "text": "a 10 ab",
    }
    options = {"params": {"type": "dict"}, "secrets": {"type": "dict", "no_log": True}, "text": {"type": "str"}}
    returned, logged = real(arguments, options, lambda module: module.exit_json(msg="a tab of 10 and geheim"))
    assert returned["msg"] == "a tab of 10 and ********" and "a 10 ab" in logged
    given = returned["invocation"]["module_args"]
    assert set(given["params"].values()) == {"********"} == set(given["secrets"].values())
    assert given["text"] == "a 10 ab" and '"a"' not in logged and "'a'" not in logged


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"params": {"passwd": "x", "ip": "y"}}, {"params": {"passwd": "********", "ip": "y"}}),
        ({"secrets": {"pin": 1, "gone": None}}, {"secrets": {"pin": "********", "gone": None}}),
        ({"ids": {"params.passwd": "an-id"}, "list": [{"password": "x"}]}, None),
    ],
)
def test_a_mask_stands_for_each_secret(options, shown):
    expected = shown or {"ids": {"params.passwd": "an-id"}, "list": [{"password": "********"}]}
    assert _module.masked(options) == expected


def test_names_may_have_pacemakers_dashes(real):
    op = {"name": {"type": "str"}, "on_fail": {"type": "str"}}
    options = {
        "resources": {
            "type": "list",
            "elements": "dict",
            "options": {"ops": {"type": "list", "elements": "dict", "options": op}},
        },
        "meta": {"type": "dict"},
    }
    ops = [{"name": "monitor", "on-fail": "block"}, {"name": "start", "on_fail": "fence"}]
    arguments = {"resources": [{"ops": ops}], "meta": {"on-fail": "stays"}}
    returned = real(arguments, options)[0]
    assert [op["on_fail"] for op in returned["resources"][0]["ops"]] == ["block", "fence"]
    assert returned["meta"] == {"on-fail": "stays"}


def test_a_score_that_is_null_in_a_document_is_kept(real):
    options = {"score": {"type": "str"}, "constraints": {"type": "list", "elements": "dict", "options": {}}}
    options["constraints"]["options"] = {"score": {"type": "str"}, "node": {"type": "str"}}
    returned = real({"score": None, "constraints": [{"score": None, "node": None}, {"score": 0}, {}]}, options)[0]
    assert returned["score"] is None
    assert [(found["score"], found["node"]) for found in returned["constraints"]] == [
        ("", None),
        ("0", None),
        (None, None),
    ]


def test_a_name_in_both_spellings_is_refused(real):
    returned = real({"a_b": "1", "a-b": "2"}, {"a_b": {"type": "str"}})[0]
    assert returned["failed"] and "a-b" in returned["msg"]


def test_secrets_in_an_error_of_the_agent_are_hidden(real, agent, socket_path):
    agent(lambda request: error(request, "tool.failed", "cannot log in with geheim", said=["geheim"]))
    options = dict(_module.CHANGE_OPTIONS, params={"type": "dict"})
    arguments = {"params": {"passwd": "geheim"}, "agent_socket": socket_path}
    returned, _logged = real(arguments, options, lambda module: _module.run(module, lambda params: {}, "test"))
    assert returned["failed"] and "geheim" not in json.dumps(returned)


def test_the_default_socket_is_the_agents():
    assert _module.AGENT_OPTIONS["agent_socket"]["default"] == _client.SOCKET == "/run/tandem/agent.sock"


def test_reading_returns_the_result(agent, socket_path):
    fake = agent(lambda request: result(request, findings=[]))
    assert _module.ask(FakeModule({"agent_socket": socket_path}), "doctor") == {"findings": []}
    assert fake.requests[0]["params"] == {}
