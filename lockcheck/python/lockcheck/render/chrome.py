# SPDX-License-Identifier: GPL-2.0-or-later
"""Chrome's trace event format, JSON object form: opens in Perfetto (ui.perfetto.dev) and chrome://tracing.

Each finding is a process and each thread a track. A step of the scheduler is a slice of one microsecond, since most
steps take no virtual time; its number and the virtual time are among its arguments. Arrows lead from what wakes a
thread, or releases a lock, to the step that it lets go on. What mattered is an instant over all tracks.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from lockcheck.render.style import Style
from lockcheck.result import Finding, Result
from lockcheck.steps import PREEMPTED, Step, StepsError, by_thread, load, wakeups
from lockcheck.story import moments

Json = dict[str, Any]


def render(result: Result, style: Style) -> str:
    events: list[Json] = []
    about: Json = {"program": shlex.join(result.program), "time": "1 us is one step; see the argument virtual_ms"}
    findings = result.findings + ([result.error] if result.error else [])
    for pid, finding in enumerate(findings, 1):
        name = f"{finding.kind} in schedule {finding.first_schedule}"
        events.append(_name("process_name", pid, 0, name))
        try:
            events += _events(pid, finding, load(result.directory, finding))
        except StepsError as error:
            about[f"missing {pid}"] = f"{name}: {error}"
    trace = {"displayTimeUnit": "ns", "otherData": about, "traceEvents": events}
    return json.dumps(trace, ensure_ascii=False, indent=0) + "\n"


def _name(what: str, pid: int, tid: int, name: str) -> Json:
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}}


def _events(pid: int, finding: Finding, steps: list[Step]) -> list[Json]:
    tracks = {thread: number for number, thread in enumerate(by_thread(steps), 1)}
    events = [_name("thread_name", pid, number, thread) for thread, number in tracks.items()]
    for thread, number in tracks.items():
        events.append({"ph": "M", "name": "thread_sort_index", "pid": pid, "tid": number, "args": {"sort_index": number}})
    for step in steps:
        args: Json = {"step": step.number, "virtual_ms": step.time_ns / 1e6}
        if step.object:
            args["object"] = step.object
        if step.switched == PREEMPTED:
            args["preempted"] = "the thread before could have gone on"
        at = {"pid": pid, "tid": tracks[step.thread], "ts": step.number}
        events.append({"ph": "X", "name": step.text, "cat": step.operation, "dur": 1, "args": args, **at})
    for number, (waker, woken) in enumerate(wakeups(steps), 1):
        # Within the slices at both ends, which the arrow binds to.
        flow = {"name": "lets go on", "cat": "wake-up", "id": pid << 32 | number, "pid": pid}
        events.append({"ph": "s", "tid": tracks[waker.thread], "ts": waker.number, **flow})
        events.append({"ph": "f", "bp": "e", "tid": tracks[woken.thread], "ts": woken.number, **flow})
    known = {step.number: step for step in steps}
    for moment in moments(finding, steps):
        if moment.step in known:
            tid = tracks[known[moment.step].thread]
            events.append({"ph": "i", "s": "p", "name": moment.text, "pid": pid, "tid": tid, "ts": moment.step})
    return events
