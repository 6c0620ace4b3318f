# SPDX-License-Identifier: GPL-2.0-or-later
"""The last steps of an execution, from the file NNNN.steps.json beside result.json.

A step is one choice of the scheduler: a thread does one operation, up to the next. The file holds the newest steps
and those around the steps that the story of the finding names, so there may be gaps between them.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from lockcheck.result import LARGEST, Finding, clean

VERSION = 1
COLUMNS = ["step", "thread", "operation", "object", "switched", "time_ns"]

TIME = "time"
"""The "thread" whose steps are the passing of time."""

WENT_ON, HAD_TO_SWITCH, PREEMPTED = range(3)

# Operations after which a thread may sleep until another does something to the same object.
WAITS = {"wait", "timed wait", "semaphore wait", "barrier wait", "futex wait", "join", "woken"}
WAKES = {"signal", "broadcast", "semaphore post", "barrier wait", "futex wake", "exit"}
ACQUIRES = {"lock", "timed lock", "read lock", "write lock", "wait", "timed wait"}


class StepsError(Exception):
    """Steps that cannot be shown. The message says why."""


@dataclasses.dataclass(frozen=True)
class Step:
    number: int
    """From 1."""
    thread: str
    operation: str
    object: str
    """Name of what it is done to, or ""."""
    switched: int
    """WENT_ON: the thread of the step before. HAD_TO_SWITCH: that one could not go on. PREEMPTED: it could."""
    time_ns: int
    """Virtual time before the step."""

    @property
    def text(self) -> str:
        return f"{self.operation} {self.object}".rstrip()


def _table(raw: dict[str, Any], key: str, kind: type) -> Any:
    if not isinstance(raw.get(key), kind):
        raise StepsError(f"{key}: missing or of another kind")
    return raw[key]


def parse(raw: Any) -> list[Step]:
    """Check and convert the content of a file of steps."""
    if not isinstance(raw, dict):
        raise StepsError("not an object")
    if raw.get("version") != VERSION or raw.get("columns") != COLUMNS:
        raise StepsError(f"of another version; this lockcheck reads version {VERSION}")
    operations, threads, objects = _table(raw, "operations", list), _table(raw, "threads", dict), _table(raw, "objects", dict)
    steps: list[Step] = []
    for place, row in enumerate(_table(raw, "rows", list)):
        if not (isinstance(row, list) and len(row) == len(COLUMNS) and all(type(cell) is int and abs(cell) <= LARGEST for cell in row)):
            raise StepsError(f"rows[{place}]: expected {len(COLUMNS)} whole numbers")
        number, thread, operation, item, switched, time_ns = row
        if steps and number <= steps[-1].number:
            raise StepsError(f"rows[{place}]: step {number} after step {steps[-1].number}")
        named = objects.get(str(item))
        steps.append(
            Step(
                number=number,
                thread=clean(str(threads.get(str(thread), f"thread {thread}"))) if thread else TIME,
                operation=clean(str(operations[operation])) if 0 <= operation < len(operations) else "?",
                object=clean(str(named[-1])) if isinstance(named, list) and named else f"object {item}" if item else "",
                switched=switched,
                time_ns=time_ns,
            )
        )
    return steps


def load(directory: pathlib.Path, finding: Finding) -> list[Step]:
    """The last steps of a finding. Raises StepsError when there are none, or none that can be read."""
    if finding.steps_file is None:
        raise StepsError("the steps of this execution were not recorded")
    # The name is content of a file that may be anyone's: it names a file in that directory, or none.
    name = pathlib.PurePath(finding.steps_file).name
    try:
        steps = parse(json.loads((directory / name).read_bytes()))
    except OSError as error:
        raise StepsError(f"{directory / name}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StepsError(f"{directory / name}: damaged, not JSON") from error
    except StepsError as error:
        raise StepsError(f"{directory / name}: {error}") from None
    if not steps:
        raise StepsError("the execution ended before its first step")
    return steps


def wakeups(steps: Sequence[Step]) -> list[tuple[Step, Step]]:
    """Pairs of a step and one of another thread that it let go on: what wakes, and what was released.

    Which of several waiting threads a signal has woken is not recorded; it is the one that goes on first.
    """
    pairs = []
    asleep: dict[str, Step] = {}
    woke: dict[str, Step] = {}
    released: dict[str, Step] = {}
    for step in steps:
        wait = asleep.pop(step.thread, None)
        waker = woke.get(wait.object) if wait else None
        if wait and waker and waker.number > wait.number and waker.thread != step.thread:
            pairs.append((waker, step))
            if waker.operation in ("signal", "semaphore post", "futex wake"):
                del woke[wait.object]
        last = released.pop(step.object, None) if step.operation in ACQUIRES else None
        if last and last.thread != step.thread and not (pairs and pairs[-1][1] is step):
            pairs.append((last, step))
        if step.operation == "unlock":
            released[step.object] = step
        if step.operation in WAKES and step.object:
            woke[step.object] = step
        if step.operation in WAITS and step.object:
            asleep[step.thread] = step
    return pairs


def by_thread(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """The steps of each thread, in the order of their first; the passing of time comes last."""
    lanes: dict[str, list[Step]] = defaultdict(list)
    for step in steps:
        lanes[step.thread].append(step)
    if TIME in lanes:
        lanes[TIME] = lanes.pop(TIME)
    return dict(lanes)
