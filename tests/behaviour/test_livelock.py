# SPDX-License-Identifier: GPL-2.0-or-later
"""Executions that come back to a state that they were in before, fairly, are livelocks; others are not, however long."""

from __future__ import annotations

import re

import pytest

from conftest import BUILD, ROOT

BUILT = BUILD / "tests" / "programs"
PROGRAMS = ROOT / "tests" / "programs"

NAMES = sorted(path.stem for path in (PROGRAMS / "livelock").glob("*.c"))
ENOUGH = 300_000  # steps, for two windows of the detector
ONE_WINDOW = 150_000
ASKED = ("--detect", "livelock", "--steps", ENOUGH)
SUITE = BUILT / "memory" / "suite" / "polite_diners"


def livelock(outcome) -> dict:
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "livelock", outcome.text
    return finding


@pytest.mark.parametrize("strategy", ["cooperative", "random", "pct", "pos", "portfolio"])
@pytest.mark.parametrize("name", NAMES)
def test_it_is_found_by_every_strategy_and_replays(name, strategy, lockcheck, program, tmp_path) -> None:
    found = lockcheck("explore", "--quiet", "--strategy", strategy, "--schedules", 20, *ASKED, "--",
                      program(f"livelock_{name}"))  # fmt: skip
    finding = livelock(found)
    again = lockcheck("replay", found.out / finding["schedule"], out=tmp_path / "again")
    replayed = livelock(again)
    for what in ("summary", "execution_hash", "notes", "stacks"):
        assert replayed[what] == finding[what]


def test_it_can_be_shrunk(lockcheck, program, tmp_path) -> None:
    found = lockcheck("run", "--quiet", *ASKED, "--", program("livelock_retry"))
    schedule, shorter = found.out / livelock(found)["schedule"], tmp_path / "shorter.schedule"
    assert lockcheck("shrink", schedule, "-o", shorter, out=None).code == 1
    livelock(lockcheck("replay", shorter, out=tmp_path / "again"))


def test_it_replays_with_a_trace(lockcheck, program, tmp_path) -> None:
    """Whose mappings and system calls are not the program's."""
    found = lockcheck("run", "--quiet", *ASKED, "--", program("livelock_back_off"))
    schedule = found.out / livelock(found)["schedule"]
    again = lockcheck("replay", "--ctf", tmp_path / "trace", schedule, out=tmp_path / "again")
    assert livelock(again)["execution_hash"] == livelock(found)["execution_hash"]


@pytest.mark.parametrize("name", NAMES)
def test_the_correct_version_is_silent(name, lockcheck, program) -> None:
    outcome = lockcheck("explore", "--quiet", "--strategy", "portfolio", "--schedules", 300, *ASKED, "--", program(f"livelock_{name}-correct"))
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] == 300


def test_each_thread_is_told_with_what_it_does_each_time_round(lockcheck, program) -> None:
    finding = livelock(lockcheck("run", *ASKED, "--", program("livelock_back_off")))
    assert re.fullmatch(r"2 threads go round and round and get nowhere: after \d+ steps everything is as it was", finding["summary"])
    rounds = [note for note in finding["notes"] if " goes round: " in note]
    assert [note.split(" goes round: ")[0] for note in rounds] == ["thread 2", "thread 3"]
    for note, own, other in (rounds[0], "left", "right"), (rounds[1], "right", "left"):
        for deed in (f"lock {own}", f"trylock {other}", f"unlock {own}", "barrier wait step", "yield"):
            assert deed in note
    assert {stack["thread"] for stack in finding["stacks"]} == {"thread 2", "thread 3"}
    assert any("take_both (livelock/back_off.c:" in frame for stack in finding["stacks"] for frame in stack["stack"])


def test_time_that_passes_as_they_go_round_is_told(lockcheck, program) -> None:
    finding = livelock(lockcheck("run", *ASKED, "--", program("livelock_retry")))
    assert finding["summary"].startswith("a thread goes round and round and gets nowhere, and no other can run: ")
    assert any("and time has passed" in note for note in finding["notes"])


def test_it_is_looked_for_without_being_asked_and_not_by_dfs(lockcheck, program, tmp_path) -> None:
    livelock(lockcheck("run", "--steps", ENOUGH, "--", program("livelock_back_off")))
    outcome = lockcheck("explore", "--strategy", "dfs", "--schedules", 1, *ASKED, "--", program("livelock_back_off"), out=tmp_path / "dfs")
    assert outcome.code == 0 and outcome.result["steps"] == ENOUGH, outcome.text


def test_a_thread_that_goes_round_and_does_nothing_else_is_one(lockcheck, program) -> None:
    livelock(lockcheck("run", *ASKED, "--", program("goes_round"), "nothing"))


IS_NONE = ["counts", "reads the clock", "reads the processor's clock", "calls the kernel", "looks for input", "tells of progress",
           "handles a signal", "waits for a signal", "shares memory", "sleeps"]  # fmt: skip


@pytest.mark.parametrize("what", IS_NONE)
def test_what_may_get_on_or_be_ended_from_outside_is_none(what, lockcheck, program) -> None:
    outcome = lockcheck("run", "--detect", "livelock", "--steps", ONE_WINDOW, "--", program("goes_round"), what)
    assert outcome.code == 3 and outcome.result["findings"] == [], outcome.text
    assert f"given up after {ONE_WINDOW + 1} steps" in outcome.text


@pytest.mark.parametrize("what", ["counts", "reads the processor's clock"])
def test_nor_is_it_one_in_a_process_that_a_schedule_has_left(what, lockcheck, program) -> None:
    outcome = lockcheck("explore", "--strategy", "random", "--schedules", 3, "--jobs", 1, "--detect", "livelock", "--steps", ONE_WINDOW,
                        "--", program("goes_round"), what)  # fmt: skip
    assert outcome.code == 3 and outcome.result["findings"] == [], outcome.text
    assert "limit: 3 of 3 schedules were given up" in outcome.stderr


@pytest.mark.parametrize("name", ["yield_until_phase", "trylock_between_yields"])
def test_what_only_goes_round_in_step_with_the_strategy_is_none_and_ends(name, lockcheck, program, tmp_path) -> None:
    """By lot they soon get out, in the first window."""
    outcome = lockcheck("run", *ASKED, "--", program(name))
    assert outcome.code == 0, outcome.text
    assert outcome.result["steps"] < ONE_WINDOW
    without = lockcheck("run", "--detect", "none", "--steps", ENOUGH, "--", program(name), out=tmp_path / "without")
    assert without.code == 3 and without.result["findings"] == [], without.text


def test_it_does_not_look_from_stacks_of_the_programs_making(lockcheck, program) -> None:
    outcome = lockcheck("run", *ASKED, "--", program("coroutines_on_small_stacks"), 30_000)
    assert outcome.code == 0, outcome.text
    assert outcome.result["steps"] > ONE_WINDOW


def test_jobs_and_rewound_processes_make_no_difference(lockcheck, program, tmp_path) -> None:
    """Schedules of these diners that end well follow each other in one process; what is found is repeated in its own."""
    found = []
    for jobs in (1, 2):
        outcome = lockcheck("explore", "--quiet", "--keep-going", "--schedules", 100, "--seed", 5, "--jobs", jobs, *ASKED,
                            "--", program("polite_diners"), out=tmp_path / str(jobs))  # fmt: skip
        assert outcome.code == 1, outcome.text
        assert outcome.result["truncated"] == 0
        found.append({(it["id"], it["count"], it["first_schedule"], it["execution_hash"]) for it in outcome.result["findings"]})
    assert found[0] == found[1]
    assert sum(count for _, count, _, _ in found[0]) < 100


@pytest.mark.parametrize(("points", "detectors"), [("sync", "all"), ("memory", "livelock")])
def test_it_is_found_in_code_that_shows_its_accesses_too(points, detectors, lockcheck) -> None:
    """And while all else is looked for, of which races take memory of the runtime's."""
    finding = livelock(lockcheck("explore", "--quiet", "--schedules", 500, "--points", points, "--detect", detectors, "--steps", ENOUGH,
                                 "--", SUITE))  # fmt: skip
    assert "2 threads" in finding["summary"]
