# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in the shape of EL: what Debian's packages become, and what the lab needs for it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tandem_lab import el, el_root, images, repository, rpms, spec as specs, tools
from tandem_lab.errors import SpecError

Raw = Dict[str, Any]

CONTROL = """Package: pacemaker-cli-utils
Version: 2.1.5-1+deb12u1
Architecture: amd64
Pre-Depends: init-system-helpers (>= 1.54~)
Depends: pacemaker-common, libqb100 (>= 2.0.3), perl:any, libc6 (>> 2:2.34-1), a | media-types (= 1-2), adduser,
 debconf | debconf-2.0, dpkg | b
Provides: crm-tools (= 2.1.5), old-tools
Description: command line utilities
 More of it
"""


def test_a_paragraph_is_read() -> None:
    fields = rpms.control(CONTROL)
    assert fields["package"] == "pacemaker-cli-utils"
    assert fields["description"] == "command line utilities\nMore of it"


@pytest.mark.parametrize(
    ("debian", "epoch", "version", "release", "told"),
    [
        ("2.1.5-1+deb12u1", "0", "2.1.5", "1+deb12u1", "2.1.5-1+deb12u1"),
        ("1:4.12.0-2", "1", "4.12.0", "2", "1:4.12.0-2"),
        ("3.1.7+really-3.1.2-0", "0", "3.1.7+really_3.1.2", "0", "3.1.7+really_3.1.2-0"),
        ("10.0", "0", "10.0", "0", "10.0"),
        ("1:3.1", "1", "3.1", "0", "1:3.1"),
    ],
)
def test_versions_are_split_as_rpm_has_them(debian: str, epoch: str, version: str, release: str, told: str) -> None:
    assert rpms.evr(debian) == (epoch, version, release)
    assert rpms.told(debian) == told


def test_dependencies_have_the_names_of_el_and_only_what_it_needs() -> None:
    fields = rpms.control(CONTROL)
    assert rpms.requires(fields) == (
        "pacemaker-schemas",
        "libqb >= 2.0.3",
        "perl",
        "libc6 > 2:2.34-1",
        "(a or mailcap = 1-2)",
    )
    assert rpms.provides(fields) == ("crm-tools = 2.1.5", "old-tools")


def test_names_go_both_ways() -> None:
    assert el.renamed("apache2-bin") == "httpd"
    assert el.wanted("httpd") == "apache2-bin"
    assert el.wanted("fence-agents-ipmilan") == "fence-agents" == el.wanted("fence-agents-all")
    assert el.wanted("pcs") == el.renamed("pcs") == "pcs"
    assert el.needs(["apache2-bin", "pcs"]) == ("media-types",)


def test_alternatives_are_chosen_by_what_they_are_called_here() -> None:
    assert repository.choose("pacemaker-cli", {"pacemaker-cli-utils"}, el.wanted) == "pacemaker-cli-utils"
    assert repository.choose("apache2|httpd", {"apache2-bin"}, el.wanted) == "apache2-bin"


@pytest.mark.parametrize(
    ("package", "where"),
    [
        ("pacemaker", "highavailability"),
        ("corosynclib", "highavailability"),
        ("fence-agents-ipmilan", "highavailability"),
        ("httpd", "appstream"),
        ("python3-lxml", "appstream"),
        ("libqb", "baseos"),
    ],
)
def test_packages_are_where_el_has_them(package: str, where: str) -> None:
    assert el.repository_of(package) == where


def test_only_the_high_availability_repository_is_off() -> None:
    text = el.repositories()
    assert [line for line in text.splitlines() if line.startswith("enabled")] == ["enabled=1", "enabled=1", "enabled=0"]
    assert text.index("enabled=0") > text.index("[highavailability]")
    assert "ID_LIKE" in el.files()["etc/os-release"]
    assert 'VARIANT_ID="tandem-lab"' in el.files()["etc/os-release"]


def test_what_el_has_in_parts_is_split() -> None:
    paths = ["usr/share/fence/fencing.py", "usr/sbin/fence_ipmilan", "usr/sbin/fence_idrac", "usr/sbin/fence_apc"]
    assert list(rpms.parts("fence-agents", paths)) == [
        ("fence-agents-common", ["usr/share/fence/fencing.py"]),
        ("fence-agents-ipmilan", ["usr/sbin/fence_ipmilan", "usr/sbin/fence_idrac"]),
        ("fence-agents-all", ["usr/sbin/fence_apc"]),
    ]
    assert list(rpms.parts("pcs", ["usr/sbin/pcs"])) == [("pcs", ["usr/sbin/pcs"])]


def test_nothing_is_started_by_a_package() -> None:
    after = rpms.after(
        ["usr/lib/systemd/system/pcsd.service", "usr/lib/x86_64-linux-gnu/libqb.so.100", "usr/lib/tmpfiles.d/a.conf"]
    )
    assert after.splitlines() == [
        "ldconfig",
        "systemd-tmpfiles --create a.conf || :",
        "systemctl daemon-reload || :",
    ]
    assert rpms.after(["usr/bin/x"]) == ""


def test_odd_names_of_files_are_written_so_that_rpm_finds_them() -> None:
    assert rpms.listed("usr/share/a b[1]*%.rb") == '"/usr/share/a b[1]*%%.rb"'
    assert rpms.listed("var/log/x", "%dir ") == '%dir "/var/log/x"'


def make(top: Path, files: Dict[str, str]) -> Path:
    for name, text in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


def test_files_go_where_el_has_them(tmp_path: Path) -> None:
    stage = make(
        tmp_path,
        {
            "lib/systemd/system/x.service": "",
            "usr/lib/keep": "",
            "usr/sbin/apache2": "",
            "usr/lib/apache2/modules/mod_status.so": "",
            "usr/share/doc/x/copyright": "",
        },
    )
    rpms.lay_out(stage, el.SPECIAL["httpd"])
    found = sorted(str(path.relative_to(stage)) for path in stage.rglob("*") if path.is_symlink() or not path.is_dir())
    assert found == [
        "etc/httpd/conf.modules.d/00-base.conf",
        "etc/httpd/conf/httpd.conf",
        "etc/httpd/logs",
        "etc/httpd/modules",
        "etc/httpd/run",
        "usr/lib/keep",
        "usr/lib/systemd/system/httpd.service",
        "usr/lib/systemd/system/x.service",
        "usr/lib/tmpfiles.d/httpd.conf",
        "usr/lib64/httpd/modules/mod_status.so",
        "usr/sbin/httpd",
    ]
    assert (stage / "var/www/html").is_dir()
    assert not (stage / "usr/share/doc").exists()


def test_a_spec_says_who_owns_what_and_who_is_needed(tmp_path: Path) -> None:
    rpm = rpms.Rpm(
        name="pacemaker-schemas",
        version="2.1.5-1",
        arch="noarch",
        summary="x",
        requires=("libqb >= 2",),
        files=('%attr(0750,hacluster,haclient) %dir "/var/lib/pacemaker/cib"',),
        before="getent group haclient",
        after="ldconfig",
    )
    text = rpms.spec(rpm, tmp_path)
    for line in ("Name: pacemaker-schemas", "Epoch: 0", "Version: 2.1.5", "Release: 1", "Requires: libqb >= 2"):
        assert line in text.splitlines()
    assert text.index("%pre\ngetent") < text.index("%post\nldconfig") < text.index("%files")


def test_the_package_for_the_root_provides_what_it_was_made_of() -> None:
    status = "\n\n".join(
        "Package: %s\nStatus: %s\nVersion: %s\n%s" % item
        for item in (
            ("libc6", "install ok installed", "2.36-9", "Provides: libc"),
            ("iproute2", "install ok installed", "6.1-3", ""),
            ("dpkg", "install ok installed", "1.21", ""),
            ("gone", "deinstall ok config-files", "1", ""),
        )
    )
    told = el_root.base(status).provides
    assert {"libc6 = 2.36-9", "libc", "iproute = 6.1-3", "iproute2 = 6.1-3", "/bin/sh"} <= set(told)
    assert not [line for line in told if line.startswith(("dpkg", "gone"))]


def test_the_shape_is_a_suite_with_a_root_and_a_place_of_its_own(tmp_path: Path) -> None:
    assert images.digest("el9") != images.digest("bookworm")
    assert images.target("el9") == "/srv/tandem-lab/dnf"
    assert images.target("bookworm") == "/srv/tandem-lab/apt"
    assert "python3-apt" not in images.packages("el9")
    assert {"dnf", "firewalld", "rpm"} <= set(images.packages("el9")) - set(images.packages("bookworm"))
    assert repository.directory(tmp_path, "el9").name == images.root(tmp_path, "el9").name
    assert not repository.present(tmp_path, "el9", [])


def test_another_name_makes_another_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = tmp_path / "el9"
    shutil.copytree(str(el.DATA), str(data))
    before = el.digest()
    (data / "etc/httpd/conf/httpd.conf").write_text("Listen 8080\n")
    monkeypatch.setattr(el, "DATA", data)
    assert el.digest() != before


def test_a_node_may_have_the_shape_and_an_image_not(raw: Raw) -> None:
    raw["nodes"] = {"z1.example.com": {"suite": "el9", "addresses": {"mgmt": "10.42.0.11"}}}
    spec = specs.parse(raw)
    assert spec.has_shapes()
    assert specs.parse(json.loads(json.dumps(specs.dump(spec)))) == spec
    raw["images"] = [{"name": "localhost/x:latest", "context": "/x", "suite": "el9"}]
    with pytest.raises(SpecError, match=r"images\[0\]\.suite: unknown suite 'el9': use one of bookworm"):
        specs.parse(raw)


@pytest.mark.parametrize("name", ["z1.example.com", "c1", "a-b.c"])
def test_names_of_nodes_may_be_full(raw: Raw, name: str) -> None:
    raw["nodes"] = {name: {"addresses": {"mgmt": "10.42.0.11"}}}
    assert list(specs.parse(raw).nodes) == [name]


@pytest.mark.parametrize("name", ["z1.", ".z1", "z1..com", "z1.-a", "Z1.com", "a" * 41])
def test_names_that_are_none(raw: Raw, name: str) -> None:
    raw["nodes"] = {name: {"addresses": {"mgmt": "10.42.0.11"}}}
    with pytest.raises(SpecError, match="is not a host name"):
        specs.parse(raw)


def test_only_a_lab_with_shapes_needs_rpm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.shutil, "which", lambda program, path: None if program in tools.SHAPES else program)
    assert not {"rpm", "createrepo-c"} & set(tools.missing_packages())
    assert {"rpm", "createrepo-c"} <= set(tools.missing_packages(shapes=True))


def deb(directory: Path, name: str, version: str, fields: List[str], files: Dict[str, str]) -> Path:
    """A small package of Debian's kind."""
    tree = make(directory / name, {**files, "DEBIAN/conffiles": "/etc/thing.conf\n"})
    lines = ["Package: " + name, "Version: " + version, "Architecture: all", "Maintainer: x <x@example.com>", *fields]
    (tree / "DEBIAN/control").write_text("\n".join([*lines, "Description: a thing"]) + "\n")
    made = directory / ("%s_all.deb" % name)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", str(tree), str(made)], check=True, capture_output=True)
    return made


@pytest.mark.skipif(bool(set(tools.missing_packages(shapes=True)) & {"rpm", "createrepo-c"}), reason="needs rpm")
def test_a_package_is_converted_once_and_rpm_reads_it(tmp_path: Path) -> None:
    files = {
        "etc/thing.conf": "a\n",
        "usr/lib/thing/a b[1]%.txt": "x\n",
        "lib/systemd/system/thing.service": "[Unit]\n",
    }
    package = deb(tmp_path, "thing", "1:2.0-3+b1", ["Depends: libqb100 (>= 2), dpkg"], files)
    target = tmp_path / "target"
    rpms.convert([package], target, tmp_path / "work")
    (made,) = (target / "appstream").glob("*.rpm")
    assert made.name == "thing-2.0-3+b1.noarch.rpm"

    def asked(*what: str) -> List[str]:
        return tools.run(["rpm", "--query", *what, "--package", str(made)]).splitlines()

    assert "/usr/lib/systemd/system/thing.service" in asked("--list")
    assert "/usr/lib/thing/a b[1]%.txt" in asked("--list")
    assert asked("--configfiles") == ["/etc/thing.conf"]
    assert "libqb >= 2" in asked("--requires")
    assert asked("--queryformat", "%{EPOCH}\n") == ["1"]
    assert (target / "highavailability/repodata/repomd.xml").exists()
    before = made.stat().st_mtime_ns
    rpms.convert([package], target, tmp_path / "work")
    assert made.stat().st_mtime_ns == before
