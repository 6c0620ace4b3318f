# SPDX-License-Identifier: GPL-2.0-or-later
"""dfs takes exactly one execution of each kind: programs of which it can be counted by hand how many kinds there are.

Executions that differ only in the order of steps that do not touch each other are of one kind: one Mazurkiewicz trace.
The head of each program under tests/programs/traces says why it has so many; docs/strategies.md has the same table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest

from conftest import ROOT

SOURCES = ROOT / "tests" / "programs" / "traces"
MANUAL = ROOT / "docs" / "strategies.md"

# The number of traces, with N the argument of the program; where it takes none, only None.
TRACES: dict[str, tuple[Callable[[int], int], tuple[int | None, ...]]] = {
    "traces_barrier": (math.factorial, (2, 3, 4, 5)),
    "traces_hand_off": (lambda _: 2, (None,)),
    "traces_once": (lambda n: n, (2, 3, 5)),
    "traces_one_lock": (math.factorial, (2, 3, 4, 5, 6)),
    "traces_own_locks": (lambda _: 1, (2, 5)),
    "traces_philosophers": (lambda n: 2**n - 2, (3, 4, 6)),
    "traces_readers_writer": (lambda n: 2**n, (1, 3, 6)),
    "traces_relay": (lambda _: 1, (2, 5)),
    "traces_trylock": (lambda _: 3, (None,)),
    "traces_two_sections": (lambda n: math.comb(2 * n, n), (1, 2, 3, 5)),
    "traces_unjoined": (lambda _: 5, (None,)),
}
MEMBERS = [(name, size) for name, (_, sizes) in TRACES.items() for size in sizes]


def traces(name: str, size: int | None) -> int:
    return TRACES[name][0](size or 0)


def test_each_program_has_its_number() -> None:
    assert {path.stem for path in SOURCES.glob("*.c")} == TRACES.keys()


@pytest.mark.parametrize(("name", "size"), MEMBERS)
def test_dfs_takes_each_trace_once(name, size, lockcheck, program) -> None:
    arguments = [] if size is None else [size]
    outcome = lockcheck("explore", "--strategy", "dfs", "--schedules", 10_000, "--", program(name), *arguments)
    assert outcome.code == 0, outcome.text
    assert outcome.result["complete"], outcome.text
    assert "complete: every interleaving explored" in outcome.stdout, outcome.text
    assert outcome.result["schedules"] == traces(name, size)


def test_the_manual_has_these_numbers() -> None:
    """Rows of the form: | `traces_once 5` | why | formula | executions |."""
    rows = re.findall(r"^\| `(traces_\w+)(?: (\d+))?` \|.*\| ([\d,]+) \|$", MANUAL.read_text(), re.MULTILINE)
    assert {name for name, _, _ in rows} == TRACES.keys()
    for name, size, number in rows:
        assert int(number.replace(",", "")) == traces(name, int(size) if size else None), f"{name} {size}"
        assert (name, int(size) if size else None) in MEMBERS, f"{name} {size} is not tested"
