# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver stack, built so that its memory accesses are seen, under all detectors; scripts/soak detectors hunts for longer."""

from __future__ import annotations

import pathlib

import pytest
from conftest import BUILD, ROOT, run_command


@pytest.fixture(scope="session")
def watched_netdde() -> pathlib.Path:
    build = BUILD / "tests" / "watched-netdde"
    compilers = [f"-DCMAKE_{what}_COMPILER={BUILD / 'bin' / name}" for what, name in (("C", "lockcheck-cc"), ("CXX", "lockcheck-c++"))]
    for words in (["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", *compilers], ["ninja", "-C", build, "-j2", "netdde"]):
        outcome = run_command(words, timeout=600)
        assert outcome.code == 0, outcome.text
    return build / "bin" / "netdde"


@pytest.mark.parametrize("sync", ["drain", "posix"])
@pytest.mark.parametrize("capture", ["sftp-download", "sftp-upload"])
def test_no_detector_speaks_on_the_repaired_stack(sync, capture, watched_netdde, lockcheck) -> None:
    outcome = lockcheck("explore", "--detect", "all", "--strategy", "portfolio", "--schedules", 20, "--seed", 4, "--",
                        watched_netdde, "--quiet", "--sync", sync, "--replay", ROOT / "traces" / f"{capture}.pcapng")
    assert outcome.code == 0, outcome.text


def test_the_drivers_own_race_is_told_with_both_stacks(watched_netdde, lockcheck) -> None:
    outcome = lockcheck("explore", "--detect", "data-race", "--no-default-suppressions", "--keep-going", "--strategy", "portfolio",
                        "--schedules", 10, "--", watched_netdde, "--quiet", "--sync", "drain", "--replay",
                        ROOT / "traces" / "sftp-upload.pcapng")
    assert outcome.code == 1, outcome.text
    for finding in (it for it in outcome.result["findings"] if it["kind"] == "data-race"):
        [before] = finding["stacks"]
        [now] = [thread for thread in finding["threads"] if thread["state"] == "running"]
        places = {before["stack"][0].split(" ")[0], now["stack"][0].split(" ")[0]}
        if places == {"rtl8139_thread", "rtl8139_tx_timeout"}:
            assert "bytes allocated by " in finding["summary"]
            return
    pytest.fail(outcome.text)
