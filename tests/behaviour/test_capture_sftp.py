# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/capture-sftp: what it refuses, and one small real capture where the machine allows it."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import ROOT, run_command

SCRIPT = ROOT / "scripts" / "capture-sftp"
TOOLS = ["ip", "tc", "ethtool", "sftp", "sshd", "tcpdump", "editcap", "capinfos"]
SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def can_make_namespaces() -> bool:
    if os.geteuid() != 0 or any(shutil.which(tool, path=SEARCH) is None for tool in TOOLS):
        return False
    return subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--bogus"], "unknown argument '--bogus'"),
        (["sideways"], "unknown argument 'sideways'"),
        (["--rate"], "--rate needs a value"),
        (["--size", "2M"], "--size '2M' is not a number of bytes"),
        (["--size", "0"], "--size '0' is not a number of bytes"),
    ],
)
def test_wrong_usage_is_named(args: list[str], message: str) -> None:
    outcome = run_command([SCRIPT, *args])
    assert outcome.code == 2, outcome.text
    assert message in outcome.stderr, outcome.text


def test_help_tells_the_options() -> None:
    outcome = run_command([SCRIPT, "--help"])
    assert outcome.code == 0, outcome.text
    for option in ("--out", "--size", "--rate", "--force"):
        assert option in outcome.stdout


@pytest.mark.skipif(not can_make_namespaces(), reason="needs root, network namespaces and the capture's tools")
def test_a_transfer_is_captured_whole_and_nothing_stays(tmp_path: pathlib.Path) -> None:
    before = set(pathlib.Path("/tmp").glob("capture-sftp.*"))
    outcome = run_command([SCRIPT, "--out", tmp_path, "--size", 100000, "--rate", "16mibps", "download"])
    assert outcome.code == 0, outcome.text
    capture = tmp_path / "sftp-download.pcapng"
    assert capture.stat().st_size > 100000
    frames = run_command(["tcpdump", "-n", "-e", "-r", capture]).stdout.splitlines()
    assert "ethertype ARP" in frames[0] and "Request who-has 192.0.2.2" in frames[0]
    assert sum("Flags [S]" in frame for frame in frames) == 1
    assert sum("Flags [F.]" in frame for frame in frames) == 2
    assert all("52:54:00:12:34:56" in frame for frame in frames)
    assert set(pathlib.Path("/tmp").glob("capture-sftp.*")) == before
    assert "capture-" not in run_command(["ip", "netns", "list"]).stdout

    again = run_command([SCRIPT, "--out", tmp_path, "download"])
    assert again.code == 2, again.text
    assert "--force replaces it" in again.stderr
