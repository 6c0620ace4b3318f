# SPDX-License-Identifier: GPL-2.0-or-later
"""The scripts say clearly what to do where they cannot go on.

scripts/setup runs with a PATH that holds only what it may use, with a package database, a user and an apt of the
test's own: nothing is installed here.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Callable

import pytest

from conftest import BUILD, ROOT, Outcome, run_command

SETUP = ROOT / "scripts" / "setup"
TOOLS = ("awk", "cat", "env", "grep", "mktemp", "rm", "tail", "touch", "tr")
OS_RELEASE = pathlib.Path("/etc/os-release")

debian_12 = pytest.mark.skipif(
    not OS_RELEASE.exists() or 'VERSION_ID="12"' not in OS_RELEASE.read_text(), reason="this is not Debian 12"
)


@pytest.fixture
def setup(tmp_path: pathlib.Path) -> Callable[..., Outcome]:
    """setup(user=1000, missing="cmake", apt="...", sudo=False): run scripts/setup in such a world.

    apt is a shell script that stands for apt-get and sudo for running it as root; $INSTALLED is a file whose existence
    makes the missing package installed.
    """

    def call(
        *args: str, user: int = 0, missing: str = "", apt: str = "exit 99", sudo: bool = False, dpkg: bool = True
    ) -> Outcome:
        commands = tmp_path / "bin"
        commands.mkdir(exist_ok=True)
        for tool in TOOLS:
            link = commands / tool
            if not link.exists():
                link.symlink_to(str(shutil.which(tool)))

        def script(name: str, text: str) -> None:
            (commands / name).write_text(f"#!/bin/sh\n{text}\n")
            (commands / name).chmod(0o755)

        script("id", f"echo {user}")
        script("apt-get", f'echo "$*" >>{tmp_path}/apt.log\n{apt}')
        if dpkg:
            script(
                "dpkg-query",
                f'for name; do :; done\nif [ "$name" = "{missing}" ] && [ ! -e {tmp_path}/installed ]; then exit 1; fi\n'
                "printf installed",
            )
        if sudo:
            script("sudo", f'echo "sudo $*" >>{tmp_path}/apt.log\nexec "$@"')
        return run_command([SETUP, *args], env={"PATH": str(commands), "INSTALLED": str(tmp_path / "installed")})

    return call


def test_nothing_happens_when_everything_is_there(setup, tmp_path) -> None:
    outcome = setup(user=1000)
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "", "")
    assert not (tmp_path / "apt.log").exists()


def test_the_table_has_a_reason_for_each_package(setup) -> None:
    rows = [line.split(None, 1) for line in setup("--list").stdout.splitlines()]
    assert {"gcc", "cmake", "libpcap-dev", "linux-source-6.1", "libcmocka-dev", "python3-pytest"} <= {row[0] for row in rows}
    assert all(len(row) == 2 and len(row[1]) > 3 for row in rows)
    assert "tcpdump" not in {row[0] for row in rows}
    assert "tcpdump" in setup("capture", "--list").stdout


@debian_12
def test_root_installs_only_what_is_missing_and_says_why(setup, tmp_path) -> None:
    outcome = setup(missing="cmake", apt='touch "$INSTALLED"')
    assert outcome.code == 0, outcome.text
    assert "cmake                the build" in outcome.stdout
    assert outcome.stdout.index("because it is missing") < outcome.stdout.index("Installed.")
    installs = [line for line in (tmp_path / "apt.log").read_text().splitlines() if " install " in line]
    assert len(installs) == 1 and installs[0].endswith("--no-install-recommends cmake")


@debian_12
def test_another_user_installs_through_sudo(setup, tmp_path) -> None:
    outcome = setup(user=1000, missing="cmake", sudo=True, apt='touch "$INSTALLED"')
    assert outcome.code == 0, outcome.text
    assert "through sudo" in outcome.stdout
    assert "sudo env DEBIAN_FRONTEND=noninteractive apt-get" in (tmp_path / "apt.log").read_text()


@debian_12
def test_without_root_and_sudo_it_says_what_to_run(setup, tmp_path) -> None:
    outcome = setup(user=1000, missing="cmake")
    assert outcome.code == 1
    assert "no sudo" in outcome.stderr
    assert "apt-get install --no-install-recommends cmake" in outcome.stderr
    assert not (tmp_path / "apt.log").exists()


@debian_12
@pytest.mark.parametrize(
    "apt, says",
    [
        ("echo \"Err: Temporary failure resolving 'deb.debian.org'\"; exit 100", "no network"),
        ('echo "E: Unable to locate package cmake"; exit 100', "bookworm"),
        ('echo "E: dpkg was interrupted"; exit 100', "dpkg was interrupted"),
        ("exit 0", "yet these packages are missing"),
    ],
)
def test_a_failing_apt_is_explained(setup, apt, says) -> None:
    outcome = setup(missing="cmake", apt=apt)
    assert outcome.code == 1
    assert says in outcome.stderr


def test_check_installs_nothing(setup, tmp_path) -> None:
    outcome = setup("--check", missing="cmake")
    assert outcome.code == 1
    assert "cmake" in outcome.stdout
    assert not (tmp_path / "apt.log").exists()


def test_a_system_without_dpkg_is_told_what_is_needed(setup) -> None:
    outcome = setup(dpkg=False)
    assert outcome.code == 1
    assert "Debian 12" in outcome.stderr and "docker run" in outcome.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["setup", "everything"],
        ["reproduce", "--sed", "1"],
        ["reproduce", "--seed"],
        ["reproduce", "--seed", "x"],
        ["bench", "everything"],
        ["bench", "--rounds", "0"],
        ["soak", "everything"],
        ["soak", "clean", "--schedules", "0"],
        ["soak", "clean", "--nic", "ne2000"],
    ],
)
def test_wrong_usage_of_a_script_is_2_and_named(command) -> None:
    outcome = run_command([ROOT / "scripts" / command[0], *command[1:]])
    assert outcome.code == 2, outcome.text
    assert command[1] in outcome.stderr or command[-1] in outcome.stderr


@pytest.fixture
def soak(tmp_path) -> Callable[..., Outcome]:
    """scripts/soak, with results of its own: those of the build are the user's."""

    def call(*words: str, lockcheck: pathlib.Path = BUILD / "bin" / "lockcheck") -> Outcome:
        build = tmp_path / "build"
        (build / "bin").mkdir(parents=True)
        (build / "bin" / "lockcheck").symlink_to(lockcheck)
        (build / "bin" / "netdde").symlink_to(BUILD / "bin" / "netdde")
        (build / "tests").symlink_to(BUILD / "tests")
        return run_command([ROOT / "scripts" / "soak", *words], env={**os.environ, "LOCKCHECK_BUILD": str(build)})

    return call


def test_a_short_soak_holds(soak) -> None:
    outcome = soak("found", "clean", "shared-line", "--nic", "virtio-net", "--seeds", "1", "--replays", "2", "--schedules", "8")
    assert outcome.code == 0, outcome.text
    assert outcome.stdout.endswith("\nall of it held\n")


@pytest.mark.parametrize("hunt", ["found", "clean", "shared-line"])
def test_a_soak_that_comes_to_nothing_has_not_held(hunt, soak) -> None:
    outcome = soak(hunt, "--nic", "virtio-net", "--seeds", "1", "--schedules", "4", lockcheck=pathlib.Path("/bin/true"))
    assert outcome.code == 1, outcome.text
    assert outcome.stdout.endswith("something did not hold\n")


def test_a_broken_build_is_shown(tmp_path) -> None:
    """The build directory is a file: configuring must fail, and say so."""
    (tmp_path / "build").write_text("")
    outcome = run_command([ROOT / "scripts" / "build"], env={**os.environ, "LOCKCHECK_BUILD": str(tmp_path / "build")})
    assert outcome.code == 2
    assert "could not configure" in outcome.stderr
