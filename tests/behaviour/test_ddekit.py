# SPDX-License-Identifier: GPL-2.0-or-later
"""DDEKit alone under lockcheck: the repaired generations of semaphores, the timers and the interrupts are clean, and
the old semaphore is found out."""

from __future__ import annotations

import pytest

SCHEDULES = 500

CLEAN = [
    ("ddekit_semaphores", "drain"),
    ("ddekit_semaphores", "posix"),
    ("ddekit_timers", "drain"),
    ("ddekit_timers", "posix"),
    ("ddekit_interrupts",),
]


@pytest.mark.parametrize("command", CLEAN, ids=" ".join)
def test_no_schedule_shows_a_finding(command, program, lockcheck) -> None:
    name, *arguments = command
    outcome = lockcheck("explore", "--schedules", SCHEDULES, "--time", 100, "--", program(name), *arguments)
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] == SCHEDULES
    assert outcome.result["truncated"] == 0


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_legacy_semaphore_is_found_out(seed, program, lockcheck) -> None:
    outcome = lockcheck(
        "explore", "--schedules", 2000, "--seed", seed, "--", program("ddekit_semaphores"), "legacy"
    )
    assert outcome.code == 1, outcome.text
    finding = outcome.result["findings"][0]
    assert finding["kind"] in ("assertion", "lost-wakeup", "phantom-wakeup", "hang"), outcome.text
    assert "tokens" in outcome.stdout, outcome.text
