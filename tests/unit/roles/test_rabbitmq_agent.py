# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent and what it starts, as processes, with stand-ins for RabbitMQ's and Pacemaker's programs."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree

import pytest
from ansible_collections.tandem.ha.tests.unit.roles.rabbitmq_program import PROGRAM

from tandem_rabbitmq import database, manual, ocf, pacemaker, peers, runner, settings, state, tools

PYTHON = "#!%s\nimport json, os, sys, time\nTOP = %r\n"
# A server that keeps what it is told in a file, and serves a moment later.
SERVER = """
me = os.path.join(TOP, "data", "mnesia", "rabbit@a")
if os.path.exists(os.path.join(TOP, "broken")):
    sys.exit(3)
known = ["a"] + [word.split("'")[1][7:] for word in [os.environ.get("RABBITMQ_SERVER_START_ARGS", "")] if word]
with open(os.path.join(TOP, "starts"), "a") as log:
    log.write(json.dumps([os.environ.get("RABBITMQ_SERVER_START_ARGS", ""), os.path.exists(me + "/schema.DAT")]) + "\\n")
if not os.path.exists(me + "/schema.DAT"):
    os.makedirs(me, exist_ok=True)
    open(me + "/schema.DAT", "w").close()
    names = ",".join("'rabbit@%s'" % name for name in known)
    open(me + "/cluster_nodes.config", "w").write("{[%s],[%s]}." % (names, names))
open(os.path.join(TOP, "erlang-a"), "w").write("ready")
time.sleep(300)
"""
ERL_CALL = """
host, question = sys.argv[2].split("@")[1], sys.argv[-1]
path = os.path.join(TOP, "erlang-" + host)
if not os.path.exists(path):
    sys.exit(1)
if question == "rabbit_boot_state get":
    print(open(path).read())
elif question == "-e":
    sys.stdin.read()
    if open(path).read() == "paused":
        open(path, "w").write("ready")
        print("{ok, resumed}", end="")
    else:
        print("{ok, busy}", end="")
elif question == "erlang node":
    print("rabbit@" + host)
elif question == "rabbit_mnesia cluster_nodes [all]":
    note = os.path.join(TOP, "members-" + host)
    if host == "a":
        note = os.path.join(TOP, "data", "mnesia", "rabbit@a", "cluster_nodes.config")
    print(open(note).read().partition("]")[0].replace("'", "") + "]")
else:
    sys.exit(9)
"""
CONTROL = """
with open(os.path.join(TOP, "controls"), "a") as log:
    log.write(" ".join([os.path.basename(sys.argv[0])] + sys.argv[1:]) + "\\n")
"""
CRM_ATTRIBUTE = """
name = "record" if "crm_config" in sys.argv else "said"
path = os.path.join(TOP, name)
if "--update" in sys.argv:
    open(path, "w").write(sys.argv[sys.argv.index("--update") + 1])
elif os.path.exists(path):
    print(open(path).read())
else:
    sys.exit(105)
"""
CRM_MON = """
said = open(os.path.join(TOP, "said")).read()
print('<r><summary><current_dc present="true" with_quorum="true"/></summary><nodes>'
      '<node name="a" online="true" unclean="false" pending="false" standby="false" type="member"/>'
      '<node name="b" online="false" unclean="false" pending="false" standby="false" type="member"/></nodes>'
      '<node_attributes><node name="a"><attribute name="mq-data" value="%s"/></node></node_attributes></r>' % said)
"""


class Host:
    """Host a of a pair, with a witness w."""

    def __init__(self, top):
        self.top = top
        programs = top / "programs"
        programs.mkdir()
        for name, text in (
            ("rabbitmq-server", SERVER),
            ("erl_call", ERL_CALL),
            ("rabbitmqctl", CONTROL),
            ("rabbitmq-queues", CONTROL),
            ("crm_attribute", CRM_ATTRIBUTE),
            ("crm_mon", CRM_MON),
        ):
            path = programs / name
            path.write_text(PYTHON % (sys.executable, str(top)) + text)
            path.chmod(0o755)
        self.environment = {
            "PATH": "%s:/usr/sbin:/usr/bin:/sbin:/bin" % programs,
            "OCF_RESOURCE_INSTANCE": "mq:0",
            "OCF_RESKEY_CRM_meta_physical_host": "a",
            "OCF_RESKEY_CRM_meta_timeout": "20000",
            "OCF_RESKEY_members": "a b",
            "OCF_RESKEY_voters": "w",
            "OCF_RESKEY_user": pwd.getpwuid(os.geteuid()).pw_name,
            "OCF_RESKEY_start_wait": "8s",
        }
        for name in ("programs", "data", "log", "run", "configuration"):
            key = {"data": "directory", "log": "log_directory", "run": "run_directory"}.get(name, name)
            self.environment["OCF_RESKEY_" + key] = str(top / name)

    def does(self, action, **parameters):
        """Exit code and what the agent gives for a reason."""
        environment = dict(self.environment, **{"OCF_RESKEY_" + key: value for key, value in parameters.items()})
        done = subprocess.run(
            ["sh", str(self.top / "agent"), action],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stderr.replace("ocf-exit-reason:", "").strip()

    def state(self):
        return state.read(settings.Settings(me="", members=(), run_directory=str(self.top / "run")))

    def put(self, name, text=""):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def lines(self, name):
        path = self.top / name
        return path.read_text().splitlines() if path.exists() else []

    def until(self, kind):
        for _try in range(100):
            if self.state() and self.state().state == kind:
                return
            time.sleep(0.1)
        raise AssertionError("%s, not %s; %s" % (self.state(), kind, self.lines("log/tandem.log")))


@pytest.fixture
def host(tmp_path):
    found = Host(tmp_path)
    agent = (PROGRAM / "rabbitmq").read_text().replace("/usr/lib/tandem/rabbitmq", str(PROGRAM))
    agent = agent.replace("/usr/bin/python3", sys.executable)
    (tmp_path / "agent").write_text(agent)
    yield found
    assert found.does("stop") == (ocf.SUCCESS, "")


def test_the_first_makes_the_cluster_and_keeps_that_there_is_one(host):
    assert host.does("monitor") == (ocf.NOT_RUNNING, "")
    assert host.does("start") == (ocf.SUCCESS, "")
    assert host.does("monitor") == (ocf.SUCCESS, "")
    assert [json.loads(line) for line in host.lines("starts")] == [["", False]]
    assert (host.lines("record"), host.lines("said")) == (["made"], ["member"])
    assert host.does("stop") == (ocf.SUCCESS, "")
    assert host.does("monitor") == (ocf.NOT_RUNNING, "")


def test_it_starts_on_the_data_that_are_there_and_a_second_start_changes_nothing(host):
    assert host.does("start")[0] == ocf.SUCCESS
    assert host.does("stop")[0] == ocf.SUCCESS
    (host.top / "erlang-a").unlink()
    assert host.does("start")[0] == ocf.SUCCESS
    assert host.does("start")[0] == ocf.SUCCESS
    assert [json.loads(line)[1] for line in host.lines("starts")] == [False, True]


def test_without_data_it_has_itself_forgotten_and_joins(host):
    host.put("erlang-w", "ready")
    host.put("members-w", "['rabbit@w','rabbit@b','rabbit@a']")
    host.put("record", "made")
    host.put("data/mnesia/rabbit@a/left-over")
    assert host.does("start")[0] == ocf.SUCCESS
    assert json.loads(host.lines("starts")[0]) == ["-rabbit cluster_nodes {['rabbit@w'],disc}", False]
    assert not (host.top / "data/mnesia/rabbit@a/left-over").exists()
    for _try in range(50):
        if len(host.lines("controls")) == 2:
            break
        time.sleep(0.1)
    assert host.lines("controls") == [
        "rabbitmqctl --node rabbit@w forget_cluster_node rabbit@a",
        "rabbitmq-queues --node rabbit@a grow rabbit@a all",
    ]


def test_what_a_join_left_behind_that_did_not_end_is_no_data(host):
    host.put("data/mnesia/rabbit@a/schema.DAT")
    host.put("data/mnesia/joining-a")
    host.put("erlang-w", "ready")
    host.put("members-w", "['rabbit@w','rabbit@b']")
    assert host.does("start")[0] == ocf.SUCCESS
    assert json.loads(host.lines("starts")[0])[1] is False
    assert not (host.top / "data/mnesia/joining-a").exists()


def test_a_start_does_not_wait_for_others(host):
    host.put("record", "made")
    begun = time.monotonic()
    assert host.does("start", start_wait="1s") == (ocf.SUCCESS, "")
    assert time.monotonic() - begun < 18  # less than what Pacemaker gives it
    assert host.does("monitor") == (ocf.SUCCESS, "")
    assert "waiting for b or w to run" in host.state().why
    assert not host.lines("starts")
    host.put("members-w", "['rabbit@w','rabbit@b']")
    host.put("erlang-w", "ready")
    host.until(state.SERVING)


def test_a_server_that_ends_at_once_fails_the_start(host):
    host.put("broken")
    code, reason = host.does("start")
    assert code == ocf.ERROR
    assert "the server ended by itself (exit code 3)" in reason


def test_a_server_that_was_killed_is_noticed(host):
    assert host.does("start")[0] == ocf.SUCCESS
    os.kill(host.state().server, signal.SIGKILL)
    (host.top / "erlang-a").unlink()
    code, reason = host.does("monitor")
    assert code in (ocf.ERROR, ocf.NOT_RUNNING)
    assert "the server" in reason
    host.until(state.FAILED)
    assert host.does("monitor") == (ocf.NOT_RUNNING, "the server ended by itself (signal 9); its log says why")


def test_a_server_that_nobody_watches_fails_the_monitor_and_ends_with_the_stop(host):
    assert host.does("start")[0] == ocf.SUCCESS
    found = host.state()
    os.kill(found.runner, signal.SIGKILL)
    time.sleep(0.3)
    assert host.does("monitor") == (ocf.ERROR, "what watches the server ended by itself")
    assert host.does("stop")[0] == ocf.SUCCESS
    assert not state.serves(found)


def test_a_server_that_hangs_fails_the_monitor(host):
    assert host.does("start")[0] == ocf.SUCCESS
    (host.top / "erlang-a").unlink()
    assert host.does("monitor", CRM_meta_timeout="4000") == (ocf.ERROR, "the server does not answer")


def test_a_pause_ends_when_the_missing_one_is_off_and_another_went_on(host):
    host.put("erlang-w", "waiting")
    assert host.does("start")[0] == ocf.SUCCESS
    names = "'rabbit@a','rabbit@b','rabbit@w'"
    host.put("data/mnesia/rabbit@a/cluster_nodes.config", "{[%s],[%s]}." % (names, names))
    server = host.state().server
    host.put("erlang-a", "paused")
    host.until(state.PAUSED)
    time.sleep(2)
    assert host.state().state == state.PAUSED  # nobody runs
    host.put("erlang-w", "ready")
    host.until(state.SERVING)
    assert host.state().server == server
    assert any("ending the pause: b is off, and w went on" in line for line in host.lines("log/tandem.log"))


def test_data_of_another_cluster_are_refused(host):
    host.put("data/mnesia/rabbit@a/schema.DAT")
    host.put("data/mnesia/rabbit@a/cluster_nodes.config", "{['rabbit@a'],['rabbit@a']}.")
    host.put("erlang-b", "ready")
    code, reason = host.does("start")
    assert code == ocf.ERROR
    assert "move them away" in reason
    assert (host.top / "data/mnesia/rabbit@a/schema.DAT").exists()


@pytest.mark.parametrize(
    ("said", "parameters"),
    [
        ("members: a is not among them (b c)", {"members": "b c"}),
        ("members: 'a;b' is no name", {"members": "a;b"}),
        ("each host once", {"members": "a a"}),
        ("voters: a is a member already", {"voters": "a"}),
        ("force_after: 'soon' is no time", {"force_after": "soon"}),
        ("start_wait: 'soon' is no time", {"start_wait": "soon"}),
    ],
)
def test_what_cannot_be_is_refused(host, said, parameters):
    code, reason = host.does("validate-all", **parameters)
    assert code == ocf.ARGUMENTS
    assert said in reason


def test_without_the_server_s_program_it_is_not_installed(host):
    assert host.does("start", programs="/nowhere")[0] == ocf.INSTALLED


def test_other_actions_are_none(host):
    assert host.does("promote")[0] == ocf.UNIMPLEMENTED
    assert host.does("usage")[0] == ocf.SUCCESS


def test_the_metadata_say_what_the_agent_takes():
    tree = ElementTree.fromstring(manual.METADATA)
    names = {entry.get("name") for entry in tree.iterfind("parameters/parameter")}
    fields = {"me", "resource", "members", "voters", *settings.Settings.__dataclass_fields__} - {"me", "resource"}
    assert names == fields | {"start_wait"}
    assert {entry.get("name") for entry in tree.iterfind("actions/action")} >= {"start", "stop", "monitor"}


def test_a_command_line_says_all_settings():
    told = settings.Settings("a", ("a", "b.example"), ("w",), resource="mq", force_after=60.0)
    assert settings.parse(told.arguments()) == told
    assert told.long_names


def test_the_members_of_rabbitmq_s_own_note():
    assert database.parse("{['rabbit@a','rabbit@b.c'],['rabbit@a']}.\n") == {"a", "b.c"}
    assert database.parse("") == frozenset()


NODE = '<node name="%s" online="%s" unclean="%s" pending="%s" standby="%s" type="member"/>'


def test_what_pacemaker_says():
    told = settings.Settings("a", ("a", "b", "c", "d", "e"), resource="mq")
    nodes = [
        NODE % ("a", "true", "false", "false", "false"),
        NODE % ("b", "false", "true", "false", "false"),
        NODE % ("c", "true", "false", "true", "false"),
        NODE % ("d", "true", "false", "false", "true"),
        NODE % ("e", "true", "false", "false", "true"),
    ]
    text = (
        '<r><summary><current_dc with_quorum="true"/></summary><nodes>%s</nodes><node_attributes>'
        '<node name="a"><attribute name="mq-data" value="fresh"/><attribute name="x" value="y"/></node>'
        '<node name="e"><attribute name="mq-data" value="member"/></node></node_attributes></r>' % "".join(nodes)
    )
    view = pacemaker.parse(told, text)
    assert view.quorate
    assert view.here == {"a": "fresh", "e": "member"}
    assert view.unsure == {"b", "c"}
    assert not pacemaker.parse(told, "no XML").quorate


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


@pytest.mark.parametrize(
    ("line", "unheard"),
    [
        ("   1: 0B002E0A:D2F0 0C002E0A:6448 01 0000012C:00000000 01:0000001A 00000003 42439 0 1 1 0 0\n", True),
        ("   1: 0B002E0A:6448 15002E0A:D2F0 01 0000012C:00000000 01:0000001A 00000002 42439 0 1 1 0 0\n", True),
        ("   1: 0B002E0A:D2F0 0C002E0A:6448 01 0000012C:00000000 01:0000001A 00000001 42439 0 1 1 0 0\n", False),
        ("   1: 0B002E0A:D2F0 0C002E0A:6448 02 0000012C:00000000 01:0000001A 00000005 42439 0 1 1 0 0\n", False),
        ("   1: 0B002E0A:D2F0 0C002E0A:1538 01 0000012C:00000000 01:0000001A 00000005 42439 0 1 1 0 0\n", False),
        ("", False),
    ],
    ids=["towards it", "from it", "once is nothing", "not yet made", "another service", "none"],
)
def test_the_kernel_knows_whether_a_member_is_heard(tmp_path, line, unheard):
    (tmp_path / "tcp").write_text(HEAD + line)
    assert peers.unheard([str(tmp_path / "none"), str(tmp_path / "tcp")]) is unheard


@pytest.mark.parametrize(
    ("unheard", "gone", "asked"),
    [
        (True, {"online": "false"}, [("a", ("b",))]),
        (False, {"online": "false"}, []),
        (True, {"unclean": "true"}, []),
        (True, {}, []),
    ],
    ids=["off", "nobody is missed", "not fenced yet", "there"],
)
def test_a_member_is_given_up_when_it_is_off(monkeypatch, unheard, gone, asked):
    told, dropped = settings.Settings("a", ("a", "b"), ("w",), resource="mq"), []
    monkeypatch.setattr(peers, "unheard", lambda: unheard)
    other = {
        "name": "b",
        "online": "true",
        "unclean": "false",
        "pending": "false",
        "standby": "false",
        "type": "member",
    }
    node = " ".join('%s="%s"' % pair for pair in {**other, **gone}.items())
    text = '<r><summary><current_dc with_quorum="true"/></summary><nodes><node %s/></nodes></r>' % node
    monkeypatch.setattr(tools, "run", lambda *_words: (0, text, ""))

    class Servers(tools.Servers):
        def drop(self, host, gone):
            dropped.append((host, tuple(gone)))
            return True

    assert runner.Runner(told, Servers(told), lambda _text: None)._consider_drop() is unheard
    assert dropped == asked
