# SPDX-License-Identifier: GPL-2.0-or-later
"""The report that a developer reads: what went wrong, how it came about, who waits for whom, and every thread and
object with what it did last.

What matters most comes first: threads and objects that the summary, the story or a cycle name stand before the
others, and those that have ended are only counted.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence

from lockcheck.render import graph
from lockcheck.render.style import Style
from lockcheck.result import Event, Finding, Object, Result, Thread

# Frames of a stack and events of a history that are shown; the json format has all.
FRAMES = 16
EVENTS = 16
# Objects that play no part in the finding are listed by name up to this number.
OTHER_OBJECTS = 12
# Names up to this length are lined up in columns.
COLUMN = 28

KINDS = {
    "deadlock": "threads wait for each other in a circle",
    "hang": "threads wait for something that will never come",
    "lost-wakeup": "somebody was to be woken, and nobody was",
    "phantom-wakeup": "a wait returned without the signal that it waited for",
    "livelock": "threads run and get nowhere",
    "data-race": "two threads access the same memory, at least one writes, and nothing orders them",
    "lock-order": "locks are taken in orders that can deadlock",
    "lock-misuse": "a lock is used against its rules",
    "irq-unsafe": "a lock is used both inside and outside interrupts, unsafely",
    "sleep-in-atomic": "a thread sleeps where it must not",
    "dma-fault": "a device accessed memory that was not mapped for it",
    "leak": "something was taken and never given back",
    "crash": "the program died",
    "assertion": "the program's own assertion failed",
    "uncontrolled": "the program did what lockcheck does not control",
    "not-reproducible": "the same schedule gave another execution",
}


def render(result: Result, style: Style) -> str:
    """The whole report, ending in a newline."""
    lines = _head(result, style)
    if result.error is not None:
        lines += [""] + _finding(result, result.error, style)
    for finding in result.findings:
        lines += [""] + _finding(result, finding, style)
    return "\n".join(lines) + "\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _milliseconds(ns: int) -> str:
    return f"{ns / 1e6:.3f} ms"


def _head(result: Result, style: Style) -> list[str]:
    program = shlex.join(result.program)
    effort = f"{_count(result.schedules, 'schedule')}, {_count(result.steps, 'step')}, {result.seconds:.1f} s"
    how = f"strategy {result.strategy}, seed {result.seed}"
    if result.verdict == "clean":
        verdict = style.good("Nothing found")
    elif result.verdict == "finding":
        verdict = style.alarm(_count(len(result.findings), "finding"))
    else:
        verdict = style.alarm("Not checked: the execution could not be controlled or repeated")
        if result.error is None or result.error.kind not in ("uncontrolled", "not-reproducible"):
            verdict = style.alarm("Not checked")
    lines = [f"{verdict}: {effort} ({how})", *style.wrapped(program, "  ", "    ")]
    if result.truncated:
        lines += style.wrapped(
            f"{_count(result.truncated, 'schedule')} reached the limit of steps and tell nothing.", "  "
        )
    if result.interrupted:
        lines.append("  The search was interrupted.")
    return lines


def _finding(result: Result, finding: Finding, style: Style) -> list[str]:
    title = finding.kind.upper().replace("-", " ")
    meaning = KINDS.get(finding.kind)
    lines = [f"{style.alarm(title)}{': ' + meaning if meaning else ''}", ""]
    lines += [style.strong(line) for line in style.wrapped(_sentence(finding.summary), "  ")]

    facts = []
    if finding.first_schedule:
        facts.append(f"schedule {finding.first_schedule}")
    if finding.steps:
        facts.append(f"step {finding.steps}")
    facts.append(f"virtual time {_milliseconds(finding.virtual_ns)}")
    if finding.count > 1:
        facts.append(f"shown by {_count(finding.count, 'schedule')}")
    lines += [f"  ({', '.join(facts)})"]

    lines += _story(finding, style)
    lines += _graph(finding, style)
    lines += _threads(finding, style)
    lines += _objects(finding, style)
    if finding.outstanding:
        work = ", ".join(f"{number} {what}" for what, number in sorted(finding.outstanding.items()))
        lines += _section("Work outstanding", style) + style.wrapped(work, "  ")
    lines += _again(result, finding, style)
    return lines


def _sentence(text: str) -> str:
    """Text as a sentence. The first letter stays as it is: it may begin the name of a thread."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def _section(title: str, style: Style) -> list[str]:
    return ["", style.strong(title)]


def _story(finding: Finding, style: Style) -> list[str]:
    if not finding.notes:
        return []
    lines = _section("What happened", style)
    indent = len(str(len(finding.notes))) + 4
    for number, note in enumerate(finding.notes, 1):
        lines += style.wrapped(_sentence(note), f"  {number}.".ljust(indent), " " * indent)
    return lines


def _node(node: graph.Node, style: Style) -> str:
    return style.thread(node[1]) if node[0] == "thread" else style.object(node[1])


def _graph(finding: Finding, style: Style) -> list[str]:
    chains = graph.chains(finding.graph)
    if not chains:
        return []
    lines = _section("Who waits for whom", style)
    for chain in chains:
        end = "  (a cycle)" if chain.cycle else "  (as above)" if chain.continued else ""
        length = len(chain.start[1]) + sum(len(label) + len(node[1]) + 8 for label, node in chain.hops)
        if 2 + length + len(end) <= style.width:
            line = _node(chain.start, style)
            for label, node in chain.hops:
                line += f" --{label}--> {_node(node, style)}"
            lines.append(f"  {line}{style.strong(end) if chain.cycle else end}")
            continue
        # One hop a line where the names are long.
        lines.append(f"  {_node(chain.start, style)}")
        column = max(len(label) for label, _ in chain.hops)
        for label, node in chain.hops:
            lines.append(f"    --{label}--> ".ljust(column + 10) + _node(node, style))
        if end:
            lines[-1] += style.strong(end) if chain.cycle else end
    return lines


def _named_in(finding: Finding) -> str:
    return "\n".join([finding.summary, *finding.notes])


def _mentions(text: str, name: str) -> bool:
    """Whether the text names it: "thread 1" is not in "thread 12"."""
    start = text.find(name)
    while start >= 0:
        after = text[start + len(name) : start + len(name) + 1]
        before = text[start - 1 : start] if start else ""
        if not (after.isalnum() or after == "_") and not (before.isalnum() or before == "_"):
            return True
        start = text.find(name, start + 1)
    return False


def _threads(finding: Finding, style: Style) -> list[str]:
    if not finding.threads:
        return []
    text = _named_in(finding)
    alive = [thread for thread in finding.threads if thread.state != "finished"]
    finished = [thread for thread in finding.threads if thread.state == "finished"]
    mentioned_finished = [thread for thread in finished if _mentions(text, thread.name)]
    alive.sort(key=lambda thread: (not _mentions(text, thread.name), not thread.holds))

    lines = _section("Threads", style)
    for thread in [*alive, *mentioned_finished]:
        lines += _thread(thread, style)
    others = [thread.name for thread in finished if thread not in mentioned_finished]
    if others:
        lines += [""] + style.wrapped(f"Finished: {', '.join(others)}", "  ", "    ")
    return lines


def _thread(thread: Thread, style: Style) -> list[str]:
    state = thread.state
    if thread.waits_for:
        state += f" in {thread.waits_for}"
    lines = ["", f"  {style.thread(thread.name)}: {state}"]
    if thread.holds:
        lines += style.wrapped(", ".join(thread.holds), "      holds    ", " " * 15)
    lines += _stack(thread.stack, "at", style)
    # How it came to be helps only where its stack does not tell.
    if not any("(" in frame for frame in thread.stack):
        lines += _stack(thread.created, "made by", style)
    return lines


def _stack(stack: Sequence[str], title: str, style: Style) -> list[str]:
    lines = []
    for number, frame in enumerate(stack[:FRAMES]):
        lines.append(f"      {title if number == 0 else '':8} {frame}")
    if len(stack) > FRAMES:
        lines.append(style.faint(f"      {'':8} ... {_count(len(stack) - FRAMES, 'more frame')}"))
    return lines


def _objects(finding: Finding, style: Style) -> list[str]:
    text = _named_in(finding)
    concerned = {node for edge in finding.graph for node in (edge.source[1], edge.target[1])}
    concerned |= {name for thread in finding.threads for name in thread.holds}
    first, second, others = [], [], []
    for item in finding.objects:
        if _mentions(text, item.name):
            first.append(item)
        elif item.kind == "thread":
            # A thread as an object says nothing that is not among the threads.
            continue
        elif item.name in concerned and item.history:
            second.append(item)
        else:
            others.append(item)
    # A thread's own history is of use where the thread is what the finding is about, and nothing else is.
    if any(item.kind != "thread" for item in first):
        first = [item for item in first if item.kind != "thread"]
    lines = []
    if first or second:
        lines += _section("Objects, each with what happened to it last", style)
    for item in [*first, *second]:
        lines += _object(item, style)
    if others:
        names = [item.name for item in others[:OTHER_OBJECTS]]
        more = f", and {len(others) - len(names)} more" if len(others) > len(names) else ""
        lines += [""] + style.wrapped(f"Others: {', '.join(names)}{more}", "  ", "    ")
    return lines


def _place(stack: Iterable[str]) -> str:
    """The innermost frame that has a line, else the innermost."""
    frames = list(stack)
    return next((frame for frame in frames if "(" in frame), frames[0] if frames else "")


def _object(item: Object, style: Style) -> list[str]:
    about = [] if item.kind == item.name else [item.kind]
    if item.holder:
        about.append(f"held by {item.holder}")
    made = _place(item.created)
    if made and made not in item.name:
        about.append(f"first seen in {made}")
    lines = ["", f"  {style.object(item.name)}{': ' if about else ''}{', '.join(about)}"]
    lines += _history(item.history, style)
    return lines


def _history(history: Sequence[Event], style: Style) -> list[str]:
    if not history:
        return []
    shown = history[-EVENTS:]
    what = [f"{event.event} {event.detail}".strip() for event in shown]
    steps = max(len("step"), *(len(str(event.step)) for event in shown))
    times = max(len("virtual time"), *(len(_milliseconds(event.time_ns)) for event in shown))
    threads = max(len("thread"), *(min(COLUMN, len(event.thread)) for event in shown))
    events = max(len("event"), *(min(COLUMN, len(text)) for text in what))
    lines = [
        style.faint(
            f"      {'step':>{steps}}  {'virtual time':>{times}}  {'thread':{threads}}  {'event':{events}}  where"
        )
    ]
    if len(history) > len(shown):
        lines.append(style.faint(f"      ... {_count(len(history) - len(shown), 'earlier event')}"))
    for event, text in zip(shown, what):
        lines.append(
            f"      {event.step:>{steps}}  {_milliseconds(event.time_ns):>{times}}  {event.thread:{threads}}  "
            f"{text:{events}}  {_place(event.stack)}".rstrip()
        )
    return lines


def _again(result: Result, finding: Finding, style: Style) -> list[str]:
    lines = []
    if finding.schedule:
        path = os.path.join(result.directory, finding.schedule)
        lines += _section("The same execution again", style)
        lines.append(f"  lockcheck replay {shlex.quote(path)}")
    if finding.output:
        path = os.path.join(result.directory, finding.output)
        if os.path.exists(path) and os.path.getsize(path) > 0:
            lines += _section("What the program printed", style)
            lines.append(f"  {shlex.quote(path)}")
    return lines
