# SPDX-License-Identifier: GPL-2.0-or-later
"""lockcheck on threads that wait for each other through pipes, eventfds, sockets, poll, select and epoll: the programs
of tests/programs/descriptors."""

from __future__ import annotations

import dataclasses
import re

import pytest

from conftest import ROOT, run_command

PROGRAMS = ROOT / "tests" / "programs" / "descriptors"
CORRECT = sorted(path.stem for path in (PROGRAMS / "correct").glob("*.c"))
SCHEDULES = 300


@dataclasses.dataclass(frozen=True)
class Bug:
    kind: str
    names: tuple[str, ...]
    """What its summary or its notes must name."""


BUGS = {
    "both_pipes_full": Bug("hang", ("there is room in descriptor",)),
    "close_does_not_wake": Bug("hang", ("socket pair", "which has been closed since")),
    "close_race": Bug("assertion", ("read(data[0], &byte, 1) != 1",)),
    "epoll_edge_half_read": Bug("hang", ("epoll instance",)),
    "eventfd_missed": Bug("hang", ("eventfd",)),
    "poll_then_read": Bug("hang", ("pipe", r"comes out of descriptor \d+")),
    "read_from_each_other": Bug("hang", ("socket pair", r"its other end is descriptor \d+")),
    "self_pipe_lost": Bug("hang", ("pipe", r"comes out of descriptor \d+")),
}

UNCONTROLLED = {
    "becomes_another": ("execl()", "become_true"),
    "daemonises": ("daemon()", "go_into_background"),
    "listen_for_nobody": ("blocked in a system call", "server"),
    "listens_before_checkpoint": ("made before the checkpoint", "serve"),
    "poll_child": ("blocked in a system call", "poller"),
    "read_inotify": ("blocked in a system call", "reader"),
}


def test_every_program_has_its_expectation() -> None:
    assert sorted(path.stem for path in (PROGRAMS / "buggy").glob("*.c")) == sorted(BUGS)
    assert sorted(path.stem for path in (PROGRAMS / "uncontrolled").glob("*.c")) == sorted(UNCONTROLLED)


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_program_ends_well_without_lockcheck(name, program) -> None:
    outcome = run_command([program(name)], timeout=30)
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("strategy", ["random", "pct"])
@pytest.mark.parametrize("name", CORRECT)
def test_no_schedule_of_a_correct_program_shows_a_finding(name, strategy, program, lockcheck) -> None:
    outcome = lockcheck(
        "explore", "--strategy", strategy, "--schedules", SCHEDULES, "--time", 100, "--seed", 5, "--", program(name)
    )
    assert outcome.code == 0, outcome.text
    assert outcome.result["verdict"] == "clean"
    assert outcome.result["schedules"] == SCHEDULES
    assert outcome.result["truncated"] == 0


@pytest.mark.parametrize("name", sorted(BUGS))
def test_a_bug_is_found_and_its_schedule_replays(name, program, lockcheck, tmp_path) -> None:
    bug = BUGS[name]
    outcome = lockcheck("explore", "--schedules", SCHEDULES, "--time", 100, "--", program(name))
    assert outcome.code == 1, outcome.text
    finding = outcome.result["findings"][0]
    assert finding["kind"] == bug.kind, finding["summary"]
    told = [finding["summary"], *finding["notes"]]
    for words in bug.names:
        assert any(words in text or re.search(words, text) for text in told), f"nothing names {words} in:\n{outcome.text}"

    again = lockcheck("replay", "--times", 5, outcome.out / finding["schedule"], out=tmp_path / "again")
    assert again.code == 1, again.text
    assert again.result["execution_hash"] == finding["execution_hash"]


@pytest.mark.parametrize("name", sorted(UNCONTROLLED))
def test_what_only_the_world_outside_can_end_is_named_with_a_stack(name, program, lockcheck) -> None:
    why, where = UNCONTROLLED[name]
    outcome = lockcheck("explore", "--schedules", 50, "--", program(name))
    assert outcome.code == 3, outcome.text
    assert outcome.result["verdict"] == "error"
    assert why in outcome.stdout + outcome.stderr
    assert where in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("name", ["epoll_edge", "pipe_producers_consumers", "select_two_pipes", "unix_server"])
def test_equal_seeds_give_equal_executions(name, program, lockcheck, tmp_path) -> None:
    hashes = []
    for turn in ("first", "second"):
        outcome = lockcheck(
            "run", "--strategy", "random", "--seed", 9, "--", program(name), out=tmp_path / turn
        )
        assert outcome.code == 0, outcome.text
        hashes.append(outcome.result["execution_hash"])
    assert hashes[0] == hashes[1]


def test_time_outs_of_an_hour_cost_nothing(program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program("poll_timeout"), timeout=20)
    assert outcome.code == 0, outcome.text


def test_a_session_of_schedules_leaves_nothing_for_the_next(program, lockcheck) -> None:
    """Each schedule writes to a pipe and an eventfd from before the checkpoint, and leaves something in them."""
    outcome = lockcheck("explore", "--schedules", 1000, "--jobs", 1, "--", program("before_checkpoint"))
    assert outcome.code == 0, outcome.text
