# SPDX-License-Identifier: GPL-2.0-or-later
"""The driver stack, built so that its memory accesses are seen, under all detectors; scripts/soak detectors hunts for longer."""

from __future__ import annotations

import collections
import pathlib
import re

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


CARDS = re.findall(r"^  (\S+) .*\(driver \S+\)$", run_command([BUILD / "bin" / "netdde", "--list"]).stdout, re.MULTILINE)
# What a report says of a wake-up that came when its waiter had given up: the defect of the first generation.
STALE = "had timed out of"


def test_there_are_cards() -> None:
    assert {"rtl8139", "82540em", "82559", "virtio-net", "virtio-net-legacy"} <= set(CARDS)


# The third pair, drain and sftp-upload, is looked at below.
@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(("sync", "capture"), [("drain", "sftp-download"), ("posix", "sftp-upload")])
def test_no_detector_speaks_on_the_repaired_stack(card, sync, capture, watched_netdde, lockcheck) -> None:
    outcome = lockcheck("explore", "--detect", "all", "--strategy", "portfolio", "--schedules", 10, "--seed", 4, "--",
                        watched_netdde, "--quiet", "--nic", card, "--sync", sync, "--replay",
                        ROOT / "traces" / f"{capture}.pcapng", timeout=300)
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("card", CARDS)
def test_what_is_suppressed_is_written_down(card, watched_netdde, lockcheck) -> None:
    outcome = lockcheck("explore", "--detect", "all", "--strategy", "portfolio", "--schedules", 20, "--", watched_netdde, "--quiet",
                        "--nic", card, "--sync", "drain", "--replay", ROOT / "traces" / "sftp-upload.pcapng", timeout=300)
    assert outcome.code == 0, outcome.text
    told = (ROOT / "docs" / "findings.md").read_text()
    used = [it["name"] for it in outcome.result["suppressions"] if it["count"]]
    assert used and not [name for name in used if f"`{name}`" not in told]


def test_each_suppression_is_written_down_with_its_reason() -> None:
    text = (ROOT / "netdde-under-test" / "drivers" / "findings.supp").read_text()
    told = (ROOT / "docs" / "findings.md").read_text()
    names = re.findall(r"^\{\n   (\S+)$", text, re.MULTILINE)
    assert names and len(names) == len(set(names)) == text.count("lockcheck:")
    assert not [name for name in names if f"`{name}`" not in told]


@pytest.mark.parametrize("sync", ["legacy", "drain"])
def test_only_the_first_generation_has_a_wake_up_that_comes_too_late(sync, lockcheck) -> None:
    """What is suppressed otherwise is reported here, so that there is something to explain in both."""
    outcome = lockcheck("explore", "--detect", "all", "--no-default-suppressions", "--keep-going", "--strategy", "portfolio",
                        "--schedules", 60, "--", BUILD / "bin" / "netdde", "--quiet", "--sync", sync, "--replay",
                        ROOT / "traces" / "sftp-download.pcapng", timeout=300)
    assert outcome.code == 1, outcome.text
    explained = collections.Counter(STALE in it["summary"] for it in outcome.result["findings"])
    assert (explained[True] > 0) == (sync == "legacy"), outcome.text


@pytest.mark.parametrize("card", CARDS)
def test_the_first_generations_defect_is_found_with_each_card_and_replays(card, lockcheck, tmp_path) -> None:
    """scripts/soak found does the same with many seeds."""
    outcome = lockcheck("explore", "--schedules", 2000, "--", BUILD / "bin" / "netdde", "--quiet", "--nic", card, "--sync", "legacy",
                        "--replay", ROOT / "traces" / "sftp-download.pcapng", timeout=300)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert STALE in finding["summary"]
    again = lockcheck("replay", "--quiet", "--out", tmp_path / "again", outcome.out / finding["schedule"])
    assert again.code == 1, again.text


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


def test_netdev_list_unlocked_is_not_in_the_device_server(watched_netdde, lockcheck) -> None:
    """That the lists of filters are walked while a request changes them: here clients come, die and change their filter
    while frames are delivered to them."""
    outcome = lockcheck("explore", "--detect", "data-race,lock-misuse", "--strategy", "portfolio", "--schedules", 10, "--seed", 4,
                        "--", watched_netdde, "--quiet", "--sync", "drain", "--replay", ROOT / "traces" / "sftp-upload.pcapng",
                        "--clients", "visitor,mortal,pest", timeout=300)
    assert outcome.code == 0, outcome.text


def test_a_driver_that_polls_memory_is_ordered_behind_its_device(watched_netdde, lockcheck) -> None:
    """e1000 learns from descriptors what the card has done: no access of the card is part of a race."""
    outcome = lockcheck("explore", "--detect", "data-race", "--no-default-suppressions", "--keep-going", "--schedules", 5, "--",
                        watched_netdde, "--quiet", "--driver", "e1000", "--sync", "drain", "--replay",
                        ROOT / "traces" / "sftp-download.pcapng", timeout=300)
    assert outcome.code == 1, outcome.text
    races = [it for it in outcome.result["findings"] if it["kind"] == "data-race"]
    accessing = [stack["stack"][0] for it in races
                 for stack in (*it["stacks"], *(thread for thread in it["threads"] if thread["state"] == "running"))]
    assert accessing and not [place for place in accessing if "dma.c" in place], outcome.text
