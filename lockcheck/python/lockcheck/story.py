# SPDX-License-Identifier: GPL-2.0-or-later
"""Which steps of an execution mattered.

Where a detector has told how the finding came about, these are the steps that it names. Otherwise, of each lock that
somebody waits for: where its holder was preempted first while it had it. A thread that is interrupted where it does
not hold what others want does no harm.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from lockcheck.result import Finding
from lockcheck.steps import PREEMPTED, Step

MOST = 12
TAKES = {"acquired", "lock", "trylock", "timed lock", "read lock", "write lock"}


@dataclasses.dataclass(frozen=True)
class Moment:
    step: int
    text: str
    note: int | None
    """Which of the finding's notes it is from, from 0."""


def moments(finding: Finding, steps: Sequence[Step]) -> list[Moment]:
    """The steps that mattered, oldest first; those of `steps` count as known. The last is the end."""
    found = _named(finding)
    if not found:
        found = _preempted_holders(finding, steps)
    if not found:
        found = _last_preemption(steps)
    end = finding.steps or (steps[-1].number if steps else 0)
    if end:
        found.append(Moment(end, "The finding.", None))
    unique = {moment.step: moment for moment in reversed(found)}
    return [unique[step] for step in sorted(unique)][-MOST:]


def _named(finding: Finding) -> list[Moment]:
    return [
        Moment(int(step), note, number)
        for number, note in enumerate(finding.notes)
        for step in re.findall(r"\bstep (\d{1,15})\b", note)
    ]


def _preempted_holders(finding: Finding, steps: Sequence[Step]) -> list[Moment]:
    wanted = {edge.target[1] for edge in finding.graph if edge.source[0] == "thread" and edge.target[0] == "object"}
    found = []
    for item in finding.objects:
        if not item.holder or item.name not in wanted:
            continue
        taken = [event.step for event in item.history if event.thread == item.holder and event.event in TAKES]
        for before, step in zip(steps, steps[1:]):
            if taken and step.number > taken[-1] and before.thread == item.holder and step.switched == PREEMPTED:
                text = f"{item.holder} holds {item.name} and is preempted here; {step.thread} goes on."
                found.append(Moment(step.number, text, None))
                break
    return found


def _last_preemption(steps: Sequence[Step]) -> list[Moment]:
    for before, step in reversed(list(zip(steps, steps[1:]))):
        if step.switched == PREEMPTED:
            return [Moment(step.number, f"{before.thread} is preempted here; {step.thread} goes on.", None)]
    return []
