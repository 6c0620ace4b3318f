# SPDX-License-Identifier: GPL-2.0-or-later
"""The bug suite, in short: each bug is found, called by its kind, and replays; its correct version is silent.

scripts/soak suite does the same with many seeds, and scripts/bench strategies compares the strategies.
"""

from __future__ import annotations

import pytest
import suite

from conftest import BUILD, ROOT, run_command

BUGS = suite.bugs()
SEEDS = (1, 2)
SCHEDULES = 10_000
SILENT_SCHEDULES = 300

# What the literature on concurrency testing measures itself by.
CLASSES = {
    "ABA",
    "ABBA",
    "bank transfer",
    "barrier reuse",
    "bounded buffer",
    "check-then-act",
    "circular buffer",
    "dining philosophers",
    "lazy initialisation",
    "lock cycle",
    "lost signal",
    "missed broadcast",
    "reader-writer starvation",
    "semaphore misuse",
    "signal by time-out",
    "two-stage",
    "work-stealing queue",
    "wrong lock",
}


# How many executions differ in more than the order of steps that do not touch each other (Mazurkiewicz traces), for
# correct versions where that can be counted by hand.
TRACES = {
    "abba": 2,  # two critical sections under one lock, in either order
    "lock_cycle": 14,  # four operations on a ring of four locks: 2^4 orders of neighbours, less the two that are cycles
    "lost_update": 6,  # two threads with two atomic additions each: 4! / (2! 2!)
    "reorder 1": 2,  # critical sections of two threads: 2!
    "reorder 4": 120,  # of five threads: 5!
    "three_philosophers": 1680,  # any two share a fork, and each eats three times: 9! / (3! 3! 3!)
    "two_stage 1": 2,  # the writer holds the first lock over both stages; the reader comes before or after
    "write_under_read_lock": 2,  # two critical sections
    "wrong_lock 4": 120,  # critical sections of five threads: 5!
}


def ids(bug: suite.Bug) -> str:
    return bug.name.replace(" ", "-")


def test_the_suite_covers_the_classes_of_the_literature() -> None:
    assert len({bug.program for bug in BUGS}) >= 40
    assert CLASSES <= {bug.about for bug in BUGS}


@pytest.mark.parametrize("bug", BUGS, ids=ids)
def test_a_bug_is_found_and_its_schedule_replays(bug, lockcheck, tmp_path) -> None:
    for seed in SEEDS:
        out = tmp_path / str(seed)
        hunt = suite.explore(bug, BUILD, "portfolio", seed, SCHEDULES, out=out)
        assert hunt.code == 1, f"seed {seed}, {hunt.schedules} schedules\n{hunt.text}"
        assert hunt.kind in bug.kinds, f"seed {seed}"
    again = lockcheck("replay", "--times", 2, next(out.glob("*.schedule")), out=tmp_path / "again")
    assert again.code == 1, again.text
    assert again.result["findings"][0]["kind"] == hunt.kind


@pytest.mark.parametrize("bug", BUGS, ids=ids)
def test_the_correct_version_ends_well_without_lockcheck(bug) -> None:
    outcome = run_command(bug.command(BUILD, correct=True), timeout=30)
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("bug", BUGS, ids=ids)
def test_no_schedule_of_the_correct_version_shows_a_finding(bug) -> None:
    hunt = suite.explore(bug, BUILD, "portfolio", 3, SILENT_SCHEDULES, correct=True)
    assert hunt.code == 0, hunt.text
    assert hunt.schedules == SILENT_SCHEDULES


@pytest.mark.parametrize("name", TRACES)
def test_dfs_takes_each_trace_of_a_correct_version_once(name) -> None:
    [bug] = [bug for bug in BUGS if bug.name == name]
    hunt = suite.explore(bug, BUILD, "dfs", 1, SCHEDULES, correct=True)
    assert hunt.code == 0, hunt.text
    assert hunt.complete
    assert hunt.schedules == TRACES[name]


def test_strategies_that_have_no_hope_are_given_up() -> None:
    outcome = run_command(
        [ROOT / "scripts" / "bench", "strategies", "--seeds", 7, "--schedules", 20, "--strategy", "pct,random"]
        + ["--only", "permits_one_by_one"],
        timeout=300,
    )
    assert outcome.code == 0, outcome.text
    rows = {" ".join(line.split()[:2]): line.split()[2:] for line in outcome.stdout.splitlines()}
    assert rows["permits_one_by_one 4"] == ["0/5", "-", "0/5", "-"]
    assert rows["permits_one_by_one 2"][0].endswith("/7")


def test_strategies_are_compared_in_a_table(tmp_path) -> None:
    table = tmp_path / "table.md"
    table.write_text("before\n<!-- scripts/bench strategies: begin -->\nold\n<!-- scripts/bench strategies: end -->\nafter\n")
    outcome = run_command(
        [ROOT / "scripts" / "bench", "strategies", "--seeds", 2, "--schedules", 200, "--strategy", "random,pct"]
        + ["--only", "abba,two_stage", "--markdown", table],
        timeout=300,
    )
    assert outcome.code == 0, outcome.text
    [row] = [line.split() for line in outcome.stdout.splitlines() if line.startswith("abba ")]
    assert (row[1], row[3]) == ("2/2", "2/2")
    lines = table.read_text().splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    assert any(line.startswith("| abba | ABBA | ") for line in lines)
    assert sum(line.startswith("| two_stage ") for line in lines) == 3
