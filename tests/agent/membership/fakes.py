# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host as the membership sees it: its files in a temporary root, and a runner that behaves like systemd, Corosync,
Pacemaker and pcs would. Any call it was not taught is a failure."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set

from tandem_agent.context import Context, Deadline
from tandem_agent.corosync.parse import parse
from tandem_agent.corosync.render import flat
from tandem_agent.errors import AgentError
from tandem_agent.membership.host import Paths
from tandem_agent.pacemaker.runner import Completed
from tandem_agent.pacemaker.tools import Tools

DEBIAN = """totem {
\tversion: 2
\t# a comment
\tcluster_name: debian
\tcrypto_cipher: none
\tcrypto_hash: none
}
quorum {
\tprovider: corosync_votequorum
}
nodelist {
\tnode {
\t\tname: node1
\t\tnodeid: 1
\t\tring0_addr: 127.0.0.1
\t}
}
"""
CIB = '<cib epoch="1"><configuration><crm_config/><nodes/><resources>{resources}</resources><constraints/></configuration><status/></cib>'
PRIMITIVE = '<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"/>'
KEYS = {"corosync": b"c" * 256, "pacemaker": b"p" * 256}
READONLY = {"totem.netmtu", "totem.transport"}  # what a reload leaves as it was


class Killed(BaseException):
    """SIGKILL: no handler runs after it but what the kernel would do."""


def encoded(keys: Optional[Mapping[str, bytes]] = None) -> Dict[str, str]:
    return {name: base64.b64encode(key).decode() for name, key in (KEYS if keys is None else keys).items()}


class Host:
    """Files, units and daemons of one host; `calls` is every argv that was run."""

    def __init__(self, root: Path, name: str = "c1", addresses: Sequence[str] = ("10.42.0.11", "10.42.1.11")) -> None:
        self.paths = Paths(str(root))
        self.name = name
        self.addresses = list(addresses)
        self.active: Set[str] = set()
        self.enabled: Set[str] = set()
        self.installed = {"corosync", "pacemaker", "corosync-qdevice"}
        self.map: Dict[str, str] = {}
        self.loaded: Dict[str, str] = {}  # what the running Corosync was started or reloaded with
        self.qdevice: Dict[str, str] = {}  # what the running client was started with
        self.started_with: Dict[str, str] = {}  # what votequorum was started with
        self.others: Dict[int, str] = {2: "c2"}  # members beside this one, when it runs
        self.cib_nodes: List[str] = []
        self.remembered: List[str] = []  # whom the coordinator writes into the CIB when Pacemaker starts here
        self.remotes: List[str] = []  # what runs Pacemaker Remote, as the CIB has it
        self.quorate = True
        self.password = "right"
        self.calls: List[List[str]] = []
        self.stdin: List[bytes] = []
        self.kill_at: Optional[int] = None
        self.count = 0
        self.broken: Dict[str, Completed] = {}
        self.takes: Dict[str, float] = {}  # seconds, of a program that is slow
        self.environment: Dict[str, str] = {}
        for directory in (
            self.paths.conf.parent,
            self.paths.cib,
            self.paths.corosync_state,
            self.paths.known_hosts.parent,
        ):
            directory.mkdir(parents=True)
        (self.paths.corosync_state / "ringid_1").write_bytes(b"x")

    # -- scenery

    def pristine(self) -> Host:
        self.paths.conf.write_text(DEBIAN)
        self.cib("")
        self.keys({"pacemaker": b"r" * 4096})  # the package makes it
        self.active = {"corosync", "pacemaker"}
        self.enabled = {"corosync", "pacemaker"}
        self.others = {}
        self._corosync_starts()
        return self

    def cib(self, resources: str = PRIMITIVE) -> None:
        (self.paths.cib / "cib.xml").write_text(CIB.format(resources=resources))
        (self.paths.cib / "cib.xml.sig").write_text("sig")

    def keys(self, keys: Optional[Mapping[str, bytes]] = None) -> None:
        for name, key in (KEYS if keys is None else keys).items():
            self.paths.keys[name].parent.mkdir(parents=True, exist_ok=True)
            self.paths.keys[name].write_bytes(key)

    def certificate(self) -> None:
        self.paths.certificates.mkdir(parents=True)
        (self.paths.certificates / "cert9.db").write_bytes(b"")

    def context(self, seconds: float = 120) -> Context:
        return Context(runner=self, tools=Tools(self), journal=None, metadata=None, deadline=Deadline(seconds))  # type: ignore[arg-type]

    def owner(self, _user: str, _group: str) -> None:
        return None

    def step(self) -> None:
        """One thing happens; the power may go just before it."""
        self.count += 1
        if self.kill_at is not None and self.count == self.kill_at:
            raise Killed

    # -- the runner

    def has(self, _name: str) -> bool:
        return True

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout: float = 30.0, **_more: Any) -> Completed:
        self.step()
        self.calls.append(list(argv))
        self.stdin.append(stdin)
        key = " ".join(argv[:2])
        if key in self.broken:
            return self.broken[key]
        if timeout < self.takes.get(key, 0):
            raise AgentError("tool.timeout", f"{argv[0]} did not end in time and was killed", retryable=True)
        handler = getattr(self, "_" + argv[0].replace("-", "_"), None)
        assert handler is not None, f"unscripted: {argv}"
        answer = handler(list(argv[1:]), stdin)
        self.step()
        return answer if isinstance(answer, Completed) else Completed(0, (answer or "").encode(), b"")

    def _ip(self, argv: List[str], _stdin: bytes) -> str:
        assert argv == ["-json", "address", "show"]
        return json.dumps([{"ifname": "host0", "addr_info": [{"local": address} for address in self.addresses]}])

    def _systemctl(self, argv: List[str], _stdin: bytes) -> Any:
        units = [word[: -len(".service")] for word in argv if word.endswith(".service")]
        if argv[0] == "show":
            return "\n\n".join(self._show(unit) for unit in units)
        assert units and len(argv) == 1 + len(units), argv
        if argv[0] in ("enable", "disable"):
            self.enabled = self.enabled | set(units) if argv[0] == "enable" else self.enabled - set(units)
            return ""
        if argv[0] in ("stop", "restart"):
            self.active -= set(units)
            if "corosync" in units:
                self.active -= {"pacemaker", "corosync-qdevice"}
                self.map = {}
        if argv[0] in ("start", "restart"):
            return self._start(units)
        assert argv[0] == "stop", argv
        return ""

    def _show(self, unit: str) -> str:
        return (
            f"LoadState={'loaded' if unit in self.installed else 'not-found'}\n"
            f"ActiveState={'active' if unit in self.active else 'inactive'}\n"
            f"UnitFileState={'enabled' if unit in self.enabled else 'disabled'}\n"
        )

    def _start(self, units: List[str]) -> Any:
        if "corosync" in units and "corosync" not in self.active:
            tree = parse(self.paths.conf.read_text())
            if flat(tree).get("totem.crypto_cipher", "none") != "none" and not self.paths.keys["corosync"].exists():
                return Completed(1, b"", b"Job for corosync.service failed")
            self.active.add("corosync")
            self._corosync_starts()
        if "corosync-qdevice" in units:
            self.qdevice = {key: value for key, value in self.loaded.items() if key.startswith("quorum.device")}
        if "pacemaker" in units:
            self.cib_nodes += [name for name in self.remembered if name not in self.cib_nodes]
        self.active |= set(units)
        return ""

    def _corosync_starts(self) -> None:
        self.loaded = flat(parse(self.paths.conf.read_text()))
        self.started_with = dict(self.loaded)
        self.map = {**self.loaded, "nodelist.local_node_pos": "0", "runtime.config.totem.token": "1"}

    def _corosync_cmapctl(self, argv: List[str], _stdin: bytes) -> Any:
        if "corosync" not in self.active:
            return Completed(1, b"", b"Failed to initialize the cmap API. Error CS_ERR_LIBRARY")
        if argv[:1] == ["-s"]:
            self.map[argv[1]] = argv[3]
            return ""
        if argv[:1] == ["-d"]:
            return Completed(0 if self.map.pop(argv[1], None) else 1, b"", b"")
        assert argv == []
        own = next(
            (
                value
                for key, value in self.loaded.items()
                if key.endswith(".nodeid") and self.loaded.get(key[:-6] + "name") == self.name
            ),
            "1",
        )
        members = {f"runtime.members.{number}.status": "joined" for number in (own, *self.others)}
        return "".join(f"{key} (str) = {value}\n" for key, value in sorted({**self.map, **members}.items()))

    def _corosync_cfgtool(self, argv: List[str], _stdin: bytes) -> str:
        assert argv == ["-R"] and "corosync" in self.active
        new = flat(parse(self.paths.conf.read_text()))
        kept = {key: self.loaded[key] for key in READONLY & set(self.loaded)}
        new = {key: value for key, value in new.items() if key not in READONLY}
        self.map = {key: value for key, value in self.map.items() if key not in self.loaded}
        self.loaded = {**new, **kept}
        self.map.update(self.loaded)
        return "Reloading corosync.conf...\nDone\n"

    def _crm_mon(self, _argv: List[str], _stdin: bytes) -> Any:
        if "pacemaker" not in self.active:
            return Completed(102, b"", b"not connected")
        quorum = "true" if self.quorate else "false"
        return (
            f'<pacemaker-result><summary><current_dc present="true" name="c1" with_quorum="{quorum}"/></summary>'
            f'<nodes><node name="{self.name.split(".")[0]}" online="true" type="member"/></nodes></pacemaker-result>'
        )

    def _cibadmin(self, argv: List[str], _stdin: bytes) -> Any:
        if argv == ["--query"]:
            if "pacemaker" not in self.active:
                return Completed(102, b"", b"not connected")
            nodes = "".join(f'<node id="{number}" uname="{name}"/>' for number, name in enumerate(self.cib_nodes, 1))
            nodes += "".join(f'<node id="{name}" uname="{name}" type="remote"/>' for name in self.remotes)
            states = "".join(f'<node_state remote_node="true" id="{name}" uname="{name}"/>' for name in self.remotes)
            return f"<cib><configuration><nodes>{nodes}</nodes></configuration><status>{states}</status></cib>"
        assert argv[:3] == ["--delete-all", "--force", "--xpath"], argv
        name = argv[3].split("'")[1]
        self.cib_nodes = [node for node in self.cib_nodes if node != name]
        return ""

    def _crm_node(self, argv: List[str], _stdin: bytes) -> str:
        assert argv[0] == "--force" and argv[1].startswith("--remove="), argv
        return ""  # an old version: the CIB keeps its entry

    def _pcs(self, argv: List[str], stdin: bytes) -> Any:
        assert argv[:2] == ["host", "auth"] and argv[-2:] == ["-u", "hacluster"], argv
        names = argv[2:-2:2]
        if stdin != f"{self.password}\n".encode():
            return Completed(1, b"", b"Error: c2: Username and/or password is incorrect\nc1: Authorized\n")
        places = {
            name: {"dest_list": [{"addr": address[5:], "port": 2224}], "token": "t"}
            for name, address in zip(names, argv[3:-2:2])
        }
        self.paths.known_hosts.write_text(json.dumps({"format_version": 1, "data_version": 1, "known_hosts": places}))
        return ""

    def _certutil(self, _argv: List[str], _stdin: bytes) -> str:
        return '    Data:\n        Subject: "CN=lab"\n'

    # -- what came out

    def state(self) -> Dict[str, Any]:
        """Everything that must be the same, however often the work was cut off."""
        root = Path(self.paths.root)
        files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        running = {key: value for key, value in self.map.items() if not key.startswith("runtime.")}
        return {
            "files": files, "active": self.active, "enabled": self.enabled, "map": running, "nodes": self.cib_nodes,
            "qdevice": self.qdevice if "corosync-qdevice" in self.active else {},
            "votequorum": {key: value for key, value in self.started_with.items() if key == "quorum.wait_for_all"} if self.active else {},
        }  # fmt: skip
