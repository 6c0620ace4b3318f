# SPDX-License-Identifier: GPL-2.0-or-later
"""lockcheck on the small programs of tests/programs: silent on correct ones, right about buggy ones, honest about
those that it cannot control."""

from __future__ import annotations

import dataclasses
import re

import pytest

from conftest import ROOT, run_command

PROGRAMS = ROOT / "tests" / "programs"
CORRECT = sorted(path.stem for path in (PROGRAMS / "correct").iterdir())
SCHEDULES = 200


@dataclasses.dataclass(frozen=True)
class Bug:
    kinds: tuple[str, ...]
    """What the finding may be called."""
    names: tuple[str, ...] = ()
    """What its summary, threads or objects must name."""
    schedules: int = SCHEDULES
    asked: tuple[str, ...] = ()
    """Options with which it is found."""


# What a report must name; that all of the bug suite is found is in test_suite.py.
BUGS = {
    "abba": Bug(("deadlock",), ("accounts_lock", "ledger_lock")),
    "barrier_hang": Bug(("hang",), ("barrier",)),
    "check_then_act": Bug(("assertion",), ("balance >= 0",)),
    "double_free": Bug(("crash",)),
    "exit_status": Bug(("crash", "assertion", "exit-status"), ("1",)),
    "four_turns": Bug(("assertion",), ("state != 4",), 1000),
    "goes_round": Bug(("livelock",), ("go_round",), asked=("--detect", "livelock")),
    "if_instead_of_while": Bug(("assertion",), ("items > 0",)),
    "join_deadlock": Bug(("deadlock",), ("mutex", "main")),
    "lost_signal": Bug(("lost-wakeup",), ("ready",)),
    "lost_wakeup": Bug(("lost-wakeup",), ("the semaphore",), 1000),
    "missed_unlock": Bug(("deadlock", "hang"), ("mutex",)),
    "outstanding_work": Bug(("hang",), ("requests", "clerk")),
    "own_finding": Bug(("leak",), ("never given back",)),
    "far_object": Bug(("leak",), ("never unmapped", "registers of a card")),
    "brings_suppressions": Bug(("assertion",), ("the second was the last",)),
    "survived_findings": Bug(("dma-fault",), ("an unknown access is refused",)),
    "reset_during_transmit": Bug(("device-misuse",), ("without an address", "descriptor 0")),
    "phantom_wakeup": Bug(("phantom-wakeup",), ("the semaphore",)),
    "rwlock_abba": Bug(("deadlock",), ("routes", "devices")),
    "self_deadlock": Bug(("deadlock",), ("mutex",)),
    "semaphore_hang": Bug(("hang",), ("tokens",)),
    "signal_for_broadcast": Bug(("hang",), ("changed",)),
    "std_abba": Bug(("deadlock",), ("transfer",)),
    "std_uncaught_exception": Bug(("crash", "assertion")),
    "three_philosophers": Bug(("deadlock",), ("forks",)),
    "timeout_at_the_signal": Bug(("assertion",), ("second != 1",), 1000),
    "use_before_init": Bug(("crash",), ("worker",)),
}


def test_every_buggy_program_has_its_expectation() -> None:
    assert {path.stem for path in (PROGRAMS / "buggy").iterdir()} <= BUGS.keys()


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_program_ends_well_without_lockcheck(name, program) -> None:
    outcome = run_command([program(name)], timeout=30)
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("name", CORRECT)
def test_one_execution_of_a_correct_program_is_clean(name, program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program(name))
    assert outcome.code == 0, outcome.text
    assert outcome.result["verdict"] == "clean"
    assert outcome.result["schedules"] == 1


@pytest.mark.parametrize("name", CORRECT)
def test_no_schedule_of_a_correct_program_shows_a_finding(name, program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", SCHEDULES, "--time", 100, "--seed", 3, "--", program(name))
    assert outcome.code == 0, outcome.text
    assert outcome.result["verdict"] == "clean"
    assert outcome.result["schedules"] == SCHEDULES
    assert outcome.result["findings"] == []
    assert outcome.result["truncated"] == 0


@pytest.mark.parametrize("name", sorted(BUGS))
def test_a_bug_is_found_and_its_schedule_replays(name, program, lockcheck, tmp_path) -> None:
    bug = BUGS[name]
    outcome = lockcheck("explore", *bug.asked, "--schedules", bug.schedules, "--time", 100, "--", program(name))
    assert outcome.code == 1, outcome.text
    finding = outcome.result["findings"][0]
    assert finding["kind"] in bug.kinds, finding["summary"]
    named = [finding["summary"], *finding["notes"]]
    for thread in finding["threads"]:
        named += [thread["name"], *thread["holds"], *thread["stack"]]
    named += [item["name"] for item in finding["objects"]]
    for name in bug.names:
        assert any(name in text for text in named), f"nothing names {name} in:\n{outcome.text}"
    # The report is printed with the finding, and names what the summary says.
    assert finding["summary"].split()[0] in outcome.stdout

    again = lockcheck("replay", "--times", 5, outcome.out / finding["schedule"], out=tmp_path / "again")
    assert again.code == 1, again.text
    assert again.result["findings"][0]["kind"] == finding["kind"]
    assert again.result["execution_hash"] == finding["execution_hash"]


@pytest.mark.parametrize("name, where", [("endless_loop", "spinner")])
def test_what_cannot_be_controlled_is_reported_with_its_place(name, where, program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 50, "--", program(name))
    assert outcome.code == 3, outcome.text
    assert outcome.result["verdict"] == "error"
    assert where in outcome.stdout + outcome.stderr


def test_an_execution_that_does_not_replay_is_an_error_and_no_finding(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 50, "--", program("clock_in_behaviour"))
    assert outcome.code == 3, outcome.text
    assert outcome.result["verdict"] == "error"
    assert outcome.result["findings"] == []


def test_equal_seeds_give_equal_results(program, lockcheck, tmp_path) -> None:
    results = []
    for name in ("first", "second"):
        outcome = lockcheck(
            "explore", "--seed", 11, "--schedules", 500, "--jobs", 1, "--", program("three_philosophers"), out=tmp_path / name
        )
        assert outcome.code == 1, outcome.text
        results.append(outcome.result)
    assert results[0]["execution_hash"] == results[1]["execution_hash"]
    assert results[0]["findings"][0]["first_schedule"] == results[1]["findings"][0]["first_schedule"]


def test_different_seeds_give_different_executions(program, lockcheck, tmp_path) -> None:
    hashes = set()
    for seed in range(5):
        outcome = lockcheck(
            "run", "--strategy", "random", "--seed", seed, "--", program("cond_bounded_buffer"), out=tmp_path / str(seed)
        )
        assert outcome.code == 0, outcome.text
        hashes.add(outcome.result["execution_hash"])
    assert len(hashes) > 1


def test_virtual_time_costs_nothing(program, lockcheck) -> None:
    """The program sleeps for a day."""
    outcome = lockcheck("run", "--", program("sleeps_and_clocks"), "long", timeout=20)
    assert outcome.code == 0, outcome.text


def test_arguments_are_passed_as_they_are(program, lockcheck) -> None:
    words = ["plain", "two words", "--out", "-x", "", "*", "$HOME"]
    outcome = lockcheck("run", "--", program("arguments_and_environment"), *words)
    assert outcome.code == 0, outcome.text
    assert outcome.result["program"][1:] == words


def test_a_race_by_time_out_needs_no_waiting(program, lockcheck) -> None:
    """Each schedule of this program holds time-outs of several milliseconds; 200 of them take no such time."""
    outcome = lockcheck("explore", "--schedules", 200, "--", program("mutex_timedlock"))
    assert outcome.code == 0, outcome.text
    assert outcome.result["seconds"] < 20


def test_a_crashing_schedule_does_not_end_the_search(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--keep-going", "--schedules", 100, "--", program("use_before_init"))
    assert outcome.code == 1, outcome.text
    assert outcome.result["schedules"] == 100
    assert [finding["kind"] for finding in outcome.result["findings"]] == ["crash"]
    assert outcome.result["findings"][0]["count"] > 1


def test_stacks_have_functions_files_and_lines(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--", program("abba"))
    stacks = {thread["name"]: thread["stack"] for thread in outcome.result["findings"][0]["threads"]}
    assert any(re.fullmatch(r"transfer \(.*abba\.c:\d+\)", frame) for stack in stacks.values() for frame in stack)
