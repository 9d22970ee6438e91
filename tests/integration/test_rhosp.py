# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""inventory/rhosp, through the roles and the agent into a CIB, compared with the original field by field (S1.02, S1.04 to S1.13)."""

from __future__ import annotations

from typing import Any, Dict, List, Set, Tuple
from xml.etree import ElementTree

import pytest
from harness import TOP, Agent, Ansible

CONTROLLERS = ["overcloud-controller-0", "overcloud-controller-1", "overcloud-controller-2"]
INTERNAL = [f"{name}.internalapi.localdomain" for name in CONTROLLERS]
CONTAINER = {
    "network": "host",
    "options": "--user=root --log-driver=journald -e KOLLA_CONFIG_STRATEGY=COPY_ALWAYS",
    "replicas": "3",
    "run-command": "/bin/bash /usr/local/bin/kolla_start",
}
KOLLA = "/var/lib/kolla/config_files"
GENERATED = "/var/lib/config-data/puppet-generated"

Mapping = Tuple[str, str, str]


def same(path: str, options: str = "ro") -> Mapping:
    return (path, path, options)


@pytest.fixture(scope="module")
def applied() -> Dict[str, ElementTree.Element]:
    return {}


@pytest.fixture
def resources(ansible: Ansible, agent: Agent, applied: Dict[str, ElementTree.Element]) -> ElementTree.Element:
    """What the CIB holds after the roles; they run once for all tests here."""
    if not applied:
        agent.reset("pacemaker-3.9")  # the first one that knows today's names of roles
        roles: List[Dict[str, Any]] = [
            {"name": name, "ansible.builtin.include_role": {"name": f"tandem.ha.{name}"}}
            for name in ("galera", "haproxy", "rabbitmq")
        ]
        ansible.play(roles, "-i", str(TOP / "inventory" / "rhosp"))
        found = ElementTree.fromstring(agent.cib.read_text()).find("configuration/resources")
        assert found is not None
        applied["resources"] = found
    return applied["resources"]


def bundle(resources: ElementTree.Element, name: str) -> ElementTree.Element:
    found = resources.find(f"bundle[@id='{name}']")
    assert found is not None
    return found


def container(found: ElementTree.Element) -> Dict[str, str]:
    engine = found.find("docker")
    assert engine is not None
    return dict(engine.attrib)


def storage(found: ElementTree.Element) -> Set[Mapping]:
    return {
        (entry.attrib["source-dir"], entry.attrib["target-dir"], entry.attrib["options"])
        for entry in found.iterfind("storage/storage-mapping")
    }


def pairs(found: ElementTree.Element, kind: str) -> Dict[str, str]:
    return {entry.attrib["name"]: entry.attrib["value"] for entry in found.iterfind(f"primitive/{kind}/nvpair")}


def test_the_simple_bundle(resources: ElementTree.Element) -> None:
    """S1.04"""
    proxy = bundle(resources, "haproxy-bundle")
    image = "192.168.24.1:8787/rhosp-rhel7/openstack-haproxy:pcmklatest"
    assert container(proxy) == {**CONTAINER, "image": image}
    assert proxy.find("primitive") is None
    assert proxy.find("network") is None


def test_what_the_simple_bundle_sees_of_the_host(resources: ElementTree.Element) -> None:
    """S1.05; of its configuration the directory that counts, and not /etc/haproxy (S1.07)."""
    assert storage(bundle(resources, "haproxy-bundle")) == {
        (f"{KOLLA}/haproxy.json", f"{KOLLA}/config.json", "ro"),
        (f"{GENERATED}/haproxy/", f"{KOLLA}/src", "ro"),
        same("/etc/hosts"),
        same("/etc/localtime"),
        same("/etc/pki/ca-trust/extracted"),
        same("/etc/pki/tls/certs/ca-bundle.crt"),
        same("/etc/pki/tls/certs/ca-bundle.trust.crt"),
        same("/etc/pki/tls/cert.pem"),
        same("/dev/log", "rw"),
    }


def test_the_complex_bundle(resources: ElementTree.Element) -> None:
    """S1.09"""
    galera = bundle(resources, "galera-bundle")
    image = "192.168.24.1:8787/rhosp-rhel7/openstack-mariadb:pcmklatest"
    assert container(galera) == {**CONTAINER, "image": image, "promoted-max": "3"}
    network = galera.find("network")
    assert network is not None
    assert network.attrib == {"control-port": "3123"}


def test_what_the_complex_bundle_sees_of_the_host(resources: ElementTree.Element) -> None:
    """S1.10"""
    assert storage(bundle(resources, "galera-bundle")) == {
        (f"{KOLLA}/mysql.json", f"{KOLLA}/config.json", "ro"),
        (f"{GENERATED}/mysql/", f"{KOLLA}/src", "ro"),
        same("/etc/hosts"),
        same("/etc/localtime"),
        same("/var/lib/mysql", "rw"),
        same("/var/log/mariadb", "rw"),
        same("/dev/log", "rw"),
    }


def test_the_agent_inside(resources: ElementTree.Element) -> None:
    """S1.11 and S1.12"""
    galera = bundle(resources, "galera-bundle")
    primitive = galera.find("primitive")
    assert primitive is not None
    assert {key: primitive.attrib[key] for key in ("class", "provider", "type")} == {
        "class": "ocf",
        "provider": "heartbeat",
        "type": "galera",
    }
    assert pairs(galera, "instance_attributes") == {
        "additional_parameters": "--open-files-limit=16384",
        "cluster_host_map": ";".join(f"{name}:{other}" for name, other in zip(CONTROLLERS, INTERNAL)),
        "enable_creation": "true",
        "wsrep_cluster_address": "gcomm://" + ",".join(INTERNAL),
    }
    assert pairs(galera, "meta_attributes") == {
        "container-attribute-target": "host",
        "ordered": "true",
        "promoted-max": "3",
    }


def test_the_operations_of_the_agent_inside(resources: ElementTree.Element) -> None:
    """S1.13, with today's names of the roles (S1.15)."""
    found = {
        tuple(entry.attrib.get(key, "") for key in ("name", "interval", "role", "timeout", "on-fail"))
        for entry in bundle(resources, "galera-bundle").iterfind("primitive/operations/op")
    }
    assert found == {
        ("demote", "0s", "", "120", ""),
        ("monitor", "20s", "", "30", ""),
        ("monitor", "10s", "Promoted", "30", ""),
        ("monitor", "30s", "Unpromoted", "30", ""),
        ("promote", "0s", "", "300s", "block"),
        ("start", "0s", "", "120", ""),
        ("stop", "0s", "", "120", ""),
    }


def test_the_bundle_of_messages(resources: ElementTree.Element) -> None:
    rabbit = bundle(resources, "rabbitmq-bundle")
    image = "192.168.24.1:8787/rhosp-rhel7/openstack-rabbitmq:pcmklatest"
    assert container(rabbit) == {**CONTAINER, "image": image}
    network = rabbit.find("network")
    assert network is not None
    assert network.attrib == {"control-port": "3122"}
    assert storage(rabbit) == {
        (f"{KOLLA}/rabbitmq.json", f"{KOLLA}/config.json", "ro"),
        (f"{GENERATED}/rabbitmq/", f"{KOLLA}/src", "ro"),
        same("/etc/hosts"),
        same("/etc/localtime"),
        same("/var/lib/rabbitmq", "rw"),
        ("/var/log/containers/rabbitmq", "/var/log/rabbitmq", "rw"),
        same("/dev/log", "rw"),
    }


def test_the_agent_of_messages(resources: ElementTree.Element) -> None:
    rabbit = bundle(resources, "rabbitmq-bundle")
    primitive = rabbit.find("primitive")
    assert primitive is not None
    assert (primitive.get("provider"), primitive.get("type")) == ("heartbeat", "rabbitmq-cluster")
    assert pairs(rabbit, "instance_attributes") == {"set_policy": 'ha-all ^(?!amq\\.).* {"ha-mode":"all"}'}
    assert pairs(rabbit, "meta_attributes") == {"container-attribute-target": "host", "notify": "true"}
    found = {
        (entry.get("name"), entry.get("interval"), entry.get("timeout"))
        for entry in rabbit.iterfind("primitive/operations/op")
    }
    assert found == {("start", "0s", "200s"), ("stop", "0s", "200s"), ("monitor", "10s", "40s")}
