# SPDX-License-Identifier: GPL-2.0-or-later
"""The report as one HTML file that needs no network: all of the text report, a picture of the wait-for graph, swim
lanes of the last steps, and source code around the lines of stacks as it is when the report is made.

Everything that comes from the program is escaped. The picture is made by Graphviz's `dot`; without it the graph is
text. The style and the script are files in ../html; without the script the page still shows all but the lanes.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from lockcheck import __version__, sources
from lockcheck.kinds import KINDS, meaning
from lockcheck.render import dot, graph, text
from lockcheck.render.style import Style
from lockcheck.result import Finding, Object, Result, Thread
from lockcheck.steps import TIME, Step, StepsError, by_thread, load, wakeups
from lockcheck.story import Moment, moments

FILES = pathlib.Path(__file__).resolve().parent.parent / "html"
DOT_SECONDS = 20
# Steps in the whole page, over all findings, and at least of each.
STEPS = 60_000
LEAST_STEPS = 1_000
# Of what the program printed, the last so many bytes.
OUTPUT = 20_000
# Nothing is fetched from anywhere, whatever the program's names contain.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def render(result: Result, style: Style) -> str:
    findings = ([result.error] if result.error else []) + result.findings
    title = f"lockcheck: {_verdict(result)}"
    body = [_head(result)]
    if len(findings) > 1:
        body.append(_contents(findings))
    room = max(STEPS // max(len(findings), 1), LEAST_STEPS)
    body += [_Finding(result, finding, f"f{number}", room).html() for number, finding in enumerate(findings, 1)]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="generator" content="lockcheck {__version__}">
<title>{escape(title)}</title>
<style>
{(FILES / "report.css").read_text()}</style>
</head>
<body>
{"".join(body)}<script>
{(FILES / "report.js").read_text()}</script>
</body>
</html>
"""


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _milliseconds(ns: int) -> str:
    return f"{ns / 1e6:,.3f} ms"


def _verdict(result: Result) -> str:
    if result.verdict == "clean":
        return "nothing found"
    return _count(len(result.findings), "finding") if result.verdict == "finding" else "not checked"


def _head(result: Result) -> str:
    effort = [_count(result.schedules, "schedule"), _count(result.steps, "step"), f"{result.seconds:.1f} s"]
    effort.append(result.search)
    if text.native(result):
        effort = [_count(result.schedules, "run"), f"{result.seconds:.1f} s", f"by {result.source}" if result.source else "with real threads"]
    if result.truncated:
        effort.append(f"{_count(result.truncated, 'schedule')} reached the limit of steps")
    if result.interrupted:
        effort.append("interrupted")
    return f"""<header class="page {escape(result.verdict)}">
<h1>lockcheck: {escape(_verdict(result))}</h1>
<p><code>{escape(shlex.join(result.program))}</code></p>
<p class="faint">{escape(" · ".join(effort))}</p>
</header>
"""


def _contents(findings: Sequence[Finding]) -> str:
    items = (
        f'<li><a href="#f{number}"><b>{escape(finding.kind)}</b> {escape(finding.summary)}</a></li>\n'
        for number, finding in enumerate(findings, 1)
    )
    return f'<nav aria-label="Findings"><ol>\n{"".join(items)}</ol></nav>\n'


def _embedded(value: Any) -> str:
    """JSON that nothing in it can end the script element of."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


class _Finding:
    """One finding being written. Identifiers in the page begin with its prefix."""

    def __init__(self, result: Result, finding: Finding, prefix: str, room: int) -> None:
        self._result = result
        self._finding = finding
        self._prefix = prefix
        self._native = text.native(result)
        self._steps: list[Step] = []
        self._no_steps = ""
        try:
            steps = load(result.directory, finding)
            self._moments = moments(finding, steps)
            self._steps = _fitting(steps, self._moments, room)
        except StepsError as error:
            self._no_steps = str(error)
            self._moments = moments(finding, [])
        self._places = text.Places(finding.objects)
        self._threads = {thread.name: f"{prefix}t{i}" for i, thread in enumerate(finding.threads)}
        self._objects = {
            item.name: f"{prefix}o{i}" for i, item in enumerate(finding.objects) if item.kind != "thread"
        }
        names = sorted({*self._threads, *self._objects}, key=len, reverse=True)
        # Names as whole words, and steps.
        patterns = [rf"(?<!\w){re.escape(name)}(?!\w)" for name in names if name] + [r"\bstep \d{1,15}\b"]
        self._references = re.compile("|".join(patterns))

    def html(self) -> str:
        story, graphs, lanes, threads = self._story(), self._waits(), self._lanes(), self._thread_list()
        # What belongs together stands side by side: the story and who waits in the end, or else who waits and where.
        middle = [_columns(story, graphs), lanes, threads] if story else [_columns(graphs, threads), lanes]
        parts = [self._top(), *middle, self._earlier(), self._object_list(), self._output()]
        return f'<article id="{self._prefix}">\n{"".join(parts)}</article>\n'

    # ---- text with references ----

    def _linked(self, prose: str) -> str:
        """Prose in which names of threads and objects, and steps, lead to where they are shown."""
        written, at = [], 0
        for match in self._references.finditer(prose):
            written += [escape(prose[at : match.start()]), self._reference(match[0])]
            at = match.end()
        return "".join([*written, escape(prose[at:])])

    def _reference(self, name: str) -> str:
        if name in self._threads:
            return f'<a class="thread" href="#{self._threads[name]}">{escape(name)}</a>'
        if name in self._objects:
            return f'<a class="object" href="#{self._objects[name]}">{escape(name)}</a>'
        step = name.removeprefix("step ")
        if name.startswith("step ") and any(moment.step == int(step) for moment in self._moments) and self._steps:
            return f'<a class="step" href="#{self._prefix}lanes" data-step="{step}">step {step}</a>'
        return escape(name)

    def _section(self, title: str, content: str, name: str = "") -> str:
        mark = f' class="{name}"' if name else ""
        return f"<section{mark}>\n<h3>{escape(title)}</h3>\n{content}</section>\n"

    # ---- parts ----

    def _top(self) -> str:
        finding = self._finding
        about = meaning(finding.kind)
        facts = []
        if finding.source:
            facts.append(("Found by", "the program" if finding.source == "program" else finding.source))
        elif finding.first_schedule:
            shown = f", shown by {_count(finding.count, 'schedule')}" if finding.count > 1 else ""
            facts.append(("Run" if self._native else "Schedule", f"{finding.first_schedule:,}{shown}"))
        if finding.steps and not self._native:
            facts.append(("At", f"step {finding.steps:,}, virtual time {_milliseconds(finding.virtual_ns)}"))
        for thread, taken in self._in_progress():
            facts.append((f"In {thread}", taken))
        if finding.outstanding:
            work = ", ".join(f"{number} {what}" for what, number in sorted(finding.outstanding.items()))
            facts.append(("Outstanding", work))
        if finding.schedule:
            path = shlex.quote(os.path.join(self._result.directory, finding.schedule))
            facts.append(("Once more", f"lockcheck replay {path}"))
            shrink = f"lockcheck shrink {path} -o short.schedule"
            if finding.short_schedule:
                path = shlex.quote(os.path.join(self._result.directory, finding.short_schedule))
                shrink = f"lockcheck replay {path}"
            facts.append(("With fewer switches", shrink))
        terms = "".join(
            f"<div><dt>{escape(term)}</dt><dd>{f'<code>{escape(value)}</code>' if value.startswith('lockcheck ') else self._linked(value)}</dd></div>\n"
            for term, value in facts
        )
        advice = KINDS[finding.kind].advice if finding.kind in KINDS else ""
        return f"""<header>
<p class="kind"><b>{escape(finding.kind.replace("-", " "))}</b>{escape(": " + about if about else "")}</p>
<h2>{self._linked(text.sentence(finding.summary))}</h2>
{f'<p class="advice">{escape(advice)}</p>' if advice else ""}
<dl class="facts">
{terms}</dl>
</header>
"""

    def _in_progress(self) -> list[tuple[str, str]]:
        """The newest input of each thread that is still there, the newest first."""
        alive = {thread.name for thread in self._finding.threads if thread.state != "finished"}
        newest = {item.thread: item for item in self._finding.inputs}
        newest_first = sorted(newest.values(), key=lambda item: -item.step)
        return [(item.thread, f"{item.input}, since step {item.step:,}") for item in newest_first if item.thread in alive]

    def _story(self) -> str:
        if not self._finding.notes:
            return ""
        items = "".join(f"<li>{self._linked(text.sentence(note))}</li>\n" for note in self._finding.notes)
        return self._section("What happened", f'<ol class="story">\n{items}</ol>\n')

    def _waits(self) -> str:
        return self._section("Who waits for whom", self._graph()) if self._finding.graph else ""

    def _graph(self) -> str:
        chains = graph.chains(self._finding.graph)
        rows = []
        for chain in chains:
            hops = "".join(f" <i>{escape(label)}</i> {self._reference(node[1])}" for label, node in chain.hops)
            end = " (a cycle)" if chain.cycle else " (as above)" if chain.continued else ""
            rows.append(f"<li>{self._reference(chain.start[1])}{hops}{end}</li>\n")
        in_words = f'<ul class="chains">\n{"".join(rows)}</ul>\n'
        picture, why_not = _picture(dot.picture(self._finding, self._prefix))
        if not picture:
            return f'<p class="faint">{escape(why_not)}</p>\n{in_words}'
        # The nodes lead to what they stand for.
        names = dot.node_names(dot.relevant(self._finding), self._prefix)
        for (_, name), node in names.items():
            target = self._threads.get(name) or self._objects.get(name)
            if target:
                link = f'<g id="{node}" data-target="{target}" tabindex="0" role="link"'
                picture = picture.replace(f'<g id="{node}"', link)
        return f'<div class="graph">{picture}</div>\n<details><summary>In words</summary>\n{in_words}</details>\n'

    # ---- threads ----

    def _thread_list(self) -> str:
        named = "\n".join([self._finding.summary, *self._finding.notes])
        alive = [thread for thread in self._finding.threads if thread.state != "finished"]
        alive.sort(key=lambda thread: (not graph.mentions(named, thread.name), not thread.holds))
        finished = [thread for thread in self._finding.threads if thread.state == "finished"]
        items = [self._thread(thread, number < 2) for number, thread in enumerate(alive)]
        for thread in finished:
            items.append(f'<p id="{self._threads[thread.name]}" class="faint">{escape(thread.name)}: finished</p>\n')
        return self._section("Threads", "".join(items)) if items else ""

    def _thread(self, thread: Thread, is_open: bool) -> str:
        state = f"{thread.state} in {thread.waits_for}" if thread.waits_for else thread.state
        holds = ", ".join(self._reference(name) for name in thread.holds)
        stack = self._stack(thread.stack) or '<p class="faint">No stack.</p>\n'
        made = ""
        if thread.created and not any("(" in line for line in thread.stack):
            made = f"<p>Made by</p>\n{self._stack(thread.created)}"
        return f"""<details class="thread" id="{self._threads[thread.name]}"{" open" if is_open else ""}>
<summary><b class="thread">{escape(thread.name)}</b> <span>{escape(state)}</span></summary>
{f"<p>holds {holds}</p>{chr(10)}" if holds else ""}{stack}{made}</details>
"""

    def _earlier(self) -> str:
        items = [
            f"""<details class="thread" open>
<summary><span>{self._linked(earlier.title)}</span></summary>
{self._stack(earlier.stack)}</details>
"""
            for earlier in self._finding.stacks
        ]
        return self._section("Before that", "".join(items)) if items else ""

    def _stack(self, stack: Iterable[str]) -> str:
        lines, shown = [], False
        for line in stack:
            place = sources.frame(line, self._finding.sources)
            where = f" <span>{escape(place.file)}:{place.line}</span>" if place.file else ""
            call = f"<code>{escape(place.function)}</code>{where}"
            code = self._excerpt(place)
            if code:
                lines.append(f"<li><details{'' if shown else ' open'}><summary>{call}</summary>{code}</details></li>\n")
                shown = True
            else:
                why = ""
                if place.path and not os.path.exists(place.path):
                    why = f' title="{escape(place.path)} is not there"'
                lines.append(f"<li{why}>{call}</li>\n")
        return f'<ol class="stack">\n{"".join(lines)}</ol>\n' if lines else ""

    def _excerpt(self, place: sources.Frame) -> str:
        lines = sources.excerpt(place)
        if not lines or not place.path:
            return ""
        written = "".join(
            f'<span{" class=here" if number == place.line else ""}><i>{number}</i>{escape(line)}\n</span>'
            for number, line in lines
        )
        changed = ""
        if sources.changed_since(place.path, self._when()):
            changed = '<p class="faint">The file has changed since; lines may have moved.</p>'
        return f"<pre>{written}</pre>{changed}"

    def _when(self) -> float:
        try:
            return os.path.getmtime(self._result.directory / "result.json")
        except OSError:
            return float("inf")

    # ---- lanes ----

    def _lanes(self) -> str:
        if self._native:
            return ""
        if not self._steps:
            why = f"The lanes of the threads cannot be shown: {self._no_steps}."
            again = ' <code>lockcheck replay</code> records them.' if self._finding.schedule else ""
            return self._section("Step by step", f'<p class="faint">{escape(why)}{again}</p>\n')
        by_number = {step.number: step for step in self._steps}
        marks = "".join(self._mark(moment, by_number.get(moment.step)) for moment in self._moments)
        identity = f"{self._prefix}lanes"
        return self._section(
            "Step by step",
            f"""<ol class="moments">
{marks}</ol>
<div class="lanes" id="{identity}"><noscript>Swim lanes need JavaScript.</noscript></div>
<script type="application/json" id="{identity}-data">{_embedded(self._lanes_data())}</script>
""",
        )

    def _mark(self, moment: Moment, step: Step | None) -> str:
        if step is None:
            return f"<li>step {moment.step:,} (not recorded): {self._linked(moment.text)}</li>\n"
        # What the story tells of it stands above.
        what = f"{step.thread}: {step.text}"
        told = f"{what} ({moment.note + 1})" if moment.note is not None else moment.text
        return f'<li><button data-step="{moment.step}">step {moment.step:,}</button> {self._linked(told)}</li>\n'

    def _lanes_data(self) -> dict[str, Any]:
        named = "\n".join([self._finding.summary, *self._finding.notes])
        lanes = sorted(by_thread(self._steps), key=lambda name: (name == TIME, not graph.mentions(named, name)))
        operations = list(dict.fromkeys(step.operation for step in self._steps))
        objects = list(dict.fromkeys(step.object for step in self._steps))
        lane_of, operation_of, object_of = _places(lanes), _places(operations), _places(objects)
        row_of = {step.number: row for row, step in enumerate(self._steps)}
        inputs = [
            {"row": row_of[item.step], "lane": lane_of[item.thread], "text": item.input}
            for item in self._finding.inputs
            if item.step in row_of and item.thread in lane_of
        ]
        return {
            "lanes": [{"name": name, "target": self._threads.get(name)} for name in lanes],
            "operations": operations,
            "objects": objects,
            "steps": _runs(step.number - row for row, step in enumerate(self._steps)),
            "times": _runs(step.time_ns for step in self._steps),
            "lane": [lane_of[step.thread] for step in self._steps],
            "operation": [operation_of[step.operation] for step in self._steps],
            "object": [object_of[step.object] for step in self._steps],
            "switched": "".join(str(step.switched) if 0 <= step.switched <= 2 else "1" for step in self._steps),
            "wakeups": [[row_of[a.number], row_of[b.number]] for a, b in wakeups(self._steps)],
            "inputs": inputs,
            "moments": [{"row": row_of[m.step], "text": m.text} for m in self._moments if m.step in row_of],
        }

    # ---- objects and output ----

    def _object_list(self) -> str:
        named = "\n".join([self._finding.summary, *self._finding.notes])
        for chain in graph.chains(self._finding.graph):
            if chain.cycle:
                named += "\n" + "\n".join(node[1] for _, node in chain.hops)
        shown = [item for item in self._finding.objects if item.name in self._objects]
        shown.sort(key=lambda item: (not graph.mentions(named, item.name), not item.history))
        items = "".join(self._object(item, graph.mentions(named, item.name)) for item in shown)
        return self._section("Locks and other objects, each with what happened to it", items) if items else ""

    def _object(self, item: Object, is_open: bool) -> str:
        about = [item.kind] if item.kind != item.name else []
        if item.holder:
            about.append(f"held by {item.holder}")
        made = self._places.of(item.created)
        history = [event for event in item.history if event.event != "name"]
        rows = "".join(
            f"<tr><td>{format(event.step, ',') if event.step else ''}</td><td>{_milliseconds(event.time_ns)}</td>"
            f"<td>{self._reference(event.thread)}</td><td>{escape(text.what(event))}</td>"
            f"<td>{escape(self._places.of(event.stack))}</td></tr>\n"
            for event in history
        )
        table = f"""<div class="scroll"><table>
<thead><tr><th>{"" if self._native else "step"}</th><th>{"time" if self._native else "virtual time"}</th><th>thread</th><th>event</th><th>where</th></tr></thead>
<tbody>
{rows}</tbody></table></div>
"""
        first_seen = f'<p class="faint">First seen in {escape(made)}</p>\n' if made else ""
        return f"""<details class="object" id="{self._objects[item.name]}"{" open" if is_open else ""}>
<summary><b class="object">{escape(item.name)}</b> <span>{escape(", ".join(about))}</span></summary>
{first_seen}{table if rows else '<p class="faint">Nothing is known to have happened to it.</p>'}
</details>
"""

    def _output(self) -> str:
        if not self._finding.output:
            return ""
        path = self._result.directory / pathlib.PurePath(self._finding.output).name
        try:
            printed = path.read_bytes()
        except (OSError, ValueError):
            return ""
        if not printed:
            return ""
        note = f'<p class="faint">The last {OUTPUT:,} bytes of {len(printed):,}.</p>\n' if len(printed) > OUTPUT else ""
        shown = printed[-OUTPUT:].decode(errors="replace")
        return self._section("What the program printed", f"{note}<pre>{escape(shown)}</pre>\n")


def _columns(*sections: str) -> str:
    return f'<div class="columns">\n{"".join(sections)}</div>\n'


def _places(names: Sequence[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _runs(values: Iterable[int]) -> list[list[int]]:
    """[value, how often in a row]..."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return runs


def _fitting(steps: Sequence[Step], marked: Sequence[Moment], room: int) -> list[Step]:
    """Those that fit: around what mattered, and the newest."""
    if len(steps) <= room:
        return list(steps)
    around = room // (4 * max(len(marked), 1))
    newest = steps[-(room // 2)].number
    wanted = [moment.step for moment in marked]
    return [s for s in steps if s.number >= newest or any(abs(s.number - step) <= around for step in wanted)]


def _picture(source: str) -> tuple[str, str]:
    """The graph as SVG to be put into a page; else "" and why there is none."""
    program = shutil.which("dot")
    if not program:
        return "", "There is no picture, because Graphviz (the command dot) is not installed."
    try:
        made = subprocess.run(
            [program, "-Tsvg"], input=source.encode(), capture_output=True, timeout=DOT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        return "", f"There is no picture: {type(error).__name__} of Graphviz."
    svg = made.stdout.decode(errors="replace")
    svg = svg[svg.find("<svg") :]
    svg = re.sub(r"<!--.*?-->|<title>.*?</title>\n?", "", svg, flags=re.DOTALL)
    return svg.replace("<svg ", '<svg role="group" aria-label="wait-for graph" ', 1).strip(), ""
