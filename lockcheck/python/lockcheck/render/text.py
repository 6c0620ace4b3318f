# SPDX-License-Identifier: GPL-2.0-or-later
"""The report that a developer reads: what went wrong, how it came about, who waits for whom, and every thread and
object with what it did last.

What matters most comes first: threads and objects that the summary, the story or a cycle name stand before the
others, and those that have ended are only counted.
"""

from __future__ import annotations

import os
import re
import shlex
from collections import defaultdict
from collections.abc import Sequence

from lockcheck.kinds import meaning
from lockcheck.render import graph
from lockcheck.render.style import Style
from lockcheck.result import Event, Finding, Object, Result, Thread

# Frames of a stack and events of a history that are shown; the json format has all.
FRAMES = 16
EVENTS = 16
# Objects that play no part in the finding are listed by name up to this number.
OTHER_OBJECTS = 12
# Cells up to this length are lined up in columns.
COLUMN = 36
# A function that so many objects of one kind share is a layer, and no place that tells one from another.
LAYER = 3

def render(result: Result, style: Style) -> str:
    """The whole report, ending in a newline."""
    lines = _head(result, style)
    if result.error is not None:
        lines += [""] + finding_lines(result, result.error, style)
    for finding in result.findings:
        lines += [""] + finding_lines(result, finding, style)
    return "\n".join(lines) + "\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _milliseconds(ns: int) -> str:
    return f"{ns / 1e6:.3f} ms"


def native(result: Result) -> bool:
    """Whether the program ran with real threads in real time: without schedules, steps and virtual time."""
    return result.raw.get("mode") == "native"


def _head(result: Result, style: Style) -> list[str]:
    program = shlex.join(result.program)
    effort = f"{_count(result.schedules, 'schedule')}, {_count(result.steps, 'step')}, {result.seconds:.1f} s"
    how = result.search
    if native(result):
        effort = f"{_count(result.schedules, 'run')}, {result.seconds:.1f} s"
        how = f"native, seed {result.seed}" if result.command == "stress" else "native"
    if result.source:
        how = f"by {result.source}"
    if result.command == "attach":
        return [f"Process {result.raw.get('pid')}, which goes on:", *style.wrapped(program, "  ", "    ")]
    if result.verdict == "clean":
        verdict = style.good("Nothing found")
    elif result.verdict == "finding":
        verdict = style.alarm(_count(len(result.findings), "finding"))
    else:
        verdict = style.alarm("Not checked: the execution could not be controlled or repeated")
        if result.error is None or result.error.kind not in ("uncontrolled", "not-reproducible"):
            verdict = style.alarm("Not checked")
        if result.error is not None and result.error.kind in ("interrupted", "unfinished"):
            verdict = style.alarm("Not finished")
    lines = [f"{verdict}: {effort} ({how})", *style.wrapped(program, "  ", "    ")]
    if result.truncated:
        lines += style.wrapped(
            f"{_count(result.truncated, 'schedule')} reached the limit of steps and tell nothing.", "  "
        )
    if result.suppressed:
        lines += style.wrapped(f"{_count(result.suppressed, 'finding')} suppressed.", "  ")
    if result.interrupted:
        lines.append("  The search was interrupted.")
    if result.raw.get("unfinished"):
        lines.append("  The search still goes on, or was killed.")
    return lines


def finding_lines(result: Result, finding: Finding, style: Style) -> list[str]:
    title = finding.kind.upper().replace("-", " ")
    about = meaning(finding.kind)
    lines = [f"{style.alarm(title)}{': ' + about if about else ''}", ""]
    lines += [style.strong(line) for line in style.wrapped(sentence(finding.summary), "  ")]

    facts = []
    if finding.source:
        facts.append(f"found by {'the program' if finding.source == 'program' else finding.source}")
    elif finding.first_schedule:
        of_seed = f" of seed {finding.seed}" if len(result.seeds) > 1 and finding.seed is not None else ""
        facts.append(f"{'run' if native(result) else 'schedule'} {finding.first_schedule}{of_seed}")
    if finding.steps:
        facts.append(f"step {finding.steps}")
    if finding.steps and not native(result):
        facts.append(f"virtual time {_milliseconds(finding.virtual_ns)}")
    if finding.count > 1:
        facts.append(f"reported {finding.count} times" if finding.source else f"shown by {_count(finding.count, 'schedule')}")
    if facts:
        lines += [f"  ({', '.join(facts)})"]

    lines += _story(finding, style)
    lines += _graph(finding, style)
    lines += _threads(finding, style)
    lines += _earlier(finding, style)
    lines += _objects(finding, style)
    if finding.outstanding:
        work = ", ".join(f"{number} {what}" for what, number in sorted(finding.outstanding.items()))
        lines += _section("Work outstanding", style) + style.wrapped(work, "  ")
    lines += _again(result, finding, style)
    return lines


def sentence(text: str) -> str:
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
        lines += style.wrapped(sentence(note), f"  {number}.".ljust(indent), " " * indent)
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


def _threads(finding: Finding, style: Style) -> list[str]:
    if not finding.threads:
        return []
    text = _named_in(finding)
    alive = [thread for thread in finding.threads if thread.state != "finished"]
    finished = [thread for thread in finding.threads if thread.state == "finished"]
    mentioned_finished = [thread for thread in finished if graph.mentions(text, thread.name)]
    alive.sort(key=lambda thread: (not graph.mentions(text, thread.name), not thread.holds))

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


def _earlier(finding: Finding, style: Style) -> list[str]:
    if not finding.stacks:
        return []
    lines = _section("Before that", style)
    for earlier in finding.stacks:
        lines += ["", *style.wrapped(earlier.title, "  ", "    "), *_stack(earlier.stack, "at", style)]
    return lines


def _stack(stack: Sequence[str], title: str, style: Style) -> list[str]:
    lines = []
    for number, frame in enumerate(stack[:FRAMES]):
        lines.append(f"      {title if number == 0 else '':8} {frame}")
    if len(stack) > FRAMES:
        lines.append(style.faint(f"      {'':8} ... {_count(len(stack) - FRAMES, 'more frame')}"))
    return lines


class Places:
    """Which line of a stack to name as the place of an event.

    The innermost function is often only a layer through which everything goes: the request to lockcheck itself, a
    wrapper, a library's lock function. The place is the innermost function that is no layer. A layer is found by
    what it does: it is the innermost remaining function for several objects of one kind.
    """

    def __init__(self, objects: Sequence[Object]) -> None:
        self._layers: set[str] = set()
        while True:
            users: dict[tuple[str, str], set[str]] = defaultdict(set)
            for item in objects:
                for stack in (item.created, *(event.stack for event in item.history)):
                    frame = self._first(stack)
                    if frame is not None:
                        users[item.kind, self._function(frame)].add(item.name)
            layers = {function for (_, function), names in users.items() if len(names) >= LAYER}
            if not layers:
                break
            self._layers |= layers

    @staticmethod
    def _function(frame: str) -> str:
        return re.sub(r":\d+\)$", ")", frame)

    def _first(self, stack: Sequence[str]) -> str | None:
        return next((frame for frame in self._candidates(stack) if self._function(frame) not in self._layers), None)

    @staticmethod
    def _candidates(stack: Sequence[str]) -> list[str]:
        located = [frame for frame in stack if "(" in frame]
        return [frame for frame in located if "/lockcheck.h:" not in frame and not frame.startswith("__wrap_")]

    def of(self, stack: Sequence[str]) -> str:
        return self._first(stack) or next(iter([*self._candidates(stack), *stack]), "")


def _objects(finding: Finding, style: Style) -> list[str]:
    text = _named_in(finding)
    for chain in graph.chains(finding.graph):
        if chain.cycle:
            text += "\n" + "\n".join(node[1] for _, node in chain.hops)
    concerned = {node for edge in finding.graph for node in (edge.source[1], edge.target[1])}
    concerned |= {name for thread in finding.threads for name in thread.holds}
    # A thread as an object says nothing that is not among the threads.
    objects = [item for item in finding.objects if item.kind != "thread"]
    main = [item for item in objects if graph.mentions(text, item.name)]
    second = [item for item in objects if item not in main and item.name in concerned and item.history]
    others = [item for item in objects if item not in main and item not in second]
    if not main and len(second) <= LAYER:
        main, second = second, []

    places = Places(objects)
    lines = _section("Objects, each with what happened to it last", style) if main else []
    for item in main:
        lines += ["", _title(item, places, style), *_history(item.history, places, style)]
    if second:
        lines += _section("Other objects that are held or waited for, each with its latest event", style)
        for item in second:
            lines += _latest(item, places, style)
    if others:
        names = [item.name for item in others[:OTHER_OBJECTS]]
        more = f", and {len(others) - len(names)} more" if len(others) > len(names) else ""
        lines += [""] + style.wrapped(f"Others: {', '.join(names)}{more}", "  ", "    ")
    return lines


def _title(item: Object, places: Places, style: Style) -> str:
    about = [] if item.kind == item.name else [item.kind]
    if item.holder:
        about.append(f"held by {item.holder}")
    made = places.of(item.created)
    if made and made not in item.name:
        about.append(f"first seen in {made}")
    return f"  {style.object(item.name)}{': ' if about else ''}{', '.join(about)}"


def what(event: Event) -> str:
    """ "message sent" with "message #7" is "message sent #7"."""
    first = event.event.split(" ", 1)[0] + " "
    return f"{event.event} {event.detail.removeprefix(first)}".strip()


def _moment(event: Event) -> str:
    """When it happened. Without a scheduler there are no steps."""
    return f"step {event.step}, {_milliseconds(event.time_ns)}" if event.step else _milliseconds(event.time_ns)


def _latest(item: Object, places: Places, style: Style) -> list[str]:
    event = item.history[-1]
    held = f", held by {item.holder}" if item.holder else ""
    where = places.of(event.stack)
    return [
        f"  {style.object(item.name)}: {item.kind}{held}",
        f"      {_moment(event)}: {event.thread}: {what(event)}"
        f"{', in ' if where else ''}{where}",
    ]


def _history(history: Sequence[Event], places: Places, style: Style) -> list[str]:
    history = [event for event in history if event.event != "name"]
    if not history:
        return []
    shown = history[-EVENTS:]
    rows = [("step", "virtual time", "thread", "event", "where")]
    if not any(event.step for event in shown):
        rows = [("", "time", "thread", "event", "where")]
    for event in shown:
        time = _milliseconds(event.time_ns)
        rows.append((str(event.step or ""), time, event.thread, what(event), places.of(event.stack)))
    widths = [max(min(len(row[i]), COLUMN) for row in rows) for i in range(4)]
    lines = []
    for step, time, thread, done, where in rows:
        line = (
            f"      {step:>{widths[0]}}  {time:>{widths[1]}}  {thread:{widths[2]}}  {done:{widths[3]}}  {where}"
        )
        lines.append(line.rstrip())
    lines[0] = style.faint(lines[0])
    if len(history) > len(shown):
        lines.insert(1, style.faint(f"      ... {_count(len(history) - len(shown), 'earlier event')}"))
    return lines


def _again(result: Result, finding: Finding, style: Style) -> list[str]:
    lines = []
    if finding.schedule:
        path = os.path.join(result.directory, finding.schedule)
        lines += _section("The same execution again", style)
        lines.append(f"  lockcheck replay {shlex.quote(path)}")
    if finding.short_schedule:
        path = os.path.join(result.directory, finding.short_schedule)
        lines += _section("The same finding, shrunk", style)
        lines += [f"  {finding.shrunk}"] if finding.shrunk else []
        lines.append(f"  lockcheck replay {shlex.quote(path)}")
    if finding.output:
        path = os.path.join(result.directory, finding.output)
        if os.path.exists(path) and os.path.getsize(path) > 0:
            lines += _section("What the program printed", style)
            lines.append(f"  {shlex.quote(path)}")
    return lines
