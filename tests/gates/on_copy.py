# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run `ansible-test sanity` or `ansible-test units` on a clean copy of the collection.

    python tests/gates/on_copy.py sanity|units [ARGUMENT ...]

ansible-test starts each of its environments with a get-pip script from an Ansible host. That download is replaced:
a script of a few lines that runs the pip of the same version, which comes from the package index like everything
else, is put where ansible-test keeps downloaded ones. Everything it caches goes below .build, by a HOME of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tree import BUILD, copy_sources

# The matrix gives each release of ansible-core a place of its own.
WHERE = Path(os.environ.get("TANDEM_TEST_HOME", BUILD))
HOME = WHERE / "home"
STAND_IN = """\
import sys

sys.path.insert(0, {wheel!r})
from pip._internal.cli.main import main

sys.exit(main(["install", *(word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel"))]))
"""


def pip_version() -> str:
    """The version of pip that this ansible-test asks for."""
    import ansible_test._internal.python_requirements as requirements

    text = Path(requirements.__file__).read_text(encoding="utf-8")
    found = re.search(r"default_packages = dict\(\s*pip='([0-9.]+)'", text)
    if not found:
        raise SystemExit(
            "cannot tell which pip this ansible-test wants: look at get_venv_packages() in " + requirements.__file__
        )
    return found.group(1)


def provide_pip() -> None:
    """Put the stand-in for get-pip where ansible-test looks before it downloads one."""
    version = pip_version()
    script = HOME / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    wheels = BUILD / "wheels"
    wheel = wheels / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--dest", str(wheels), f"pip=={version}"], check=True)
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(STAND_IN.format(wheel=str(wheel)), encoding="utf-8")


def share_pip_settings() -> None:
    """Let pip under the other HOME use the index that this user has set."""
    for name in (".config/pip", ".pip"):
        own = Path.home() / name
        link = HOME / name
        if own.is_dir() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(own)


def main(arguments: list[str]) -> int:
    """Prepare the copy and run; returns ansible-test's exit code."""
    command = arguments[0]
    copy = WHERE / "ansible-test" / command / "ansible_collections" / "tandem" / "ha"
    copy_sources(copy, keep=("tests/output", ".git"))
    if not (copy / ".git").exists():
        # ansible-test asks git for the files; without a repository of its own it would find the one around .build,
        # which ignores them all.
        subprocess.run(["git", "init", "-q", str(copy)], check=True)
    provide_pip()
    share_pip_settings()
    tools = Path(sys.executable).parent
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    environment = dict(os.environ, HOME=str(HOME), PATH=f"{tools}:{os.environ['PATH']}", LC_ALL="C.UTF-8")
    environment.pop("ANSIBLE_CONFIG", None)
    options = ["--color", "no", "--venv", "--python", version, "--requirements"]
    return subprocess.run(
        ["ansible-test", command, *options, *arguments[1:]], cwd=copy, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ("sanity", "units"):
        raise SystemExit(__doc__)
    sys.exit(main(sys.argv[1:]))
