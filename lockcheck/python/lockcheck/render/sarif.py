# SPDX-License-Identifier: GPL-2.0-or-later
"""SARIF 2.1.0 (OASIS), as code hosts and editors read it.

Each finding is a result whose rule is its kind. The stack of every thread that is not finished is among `stacks`, and
behind them those from before that belong to the finding; the code flow has one thread flow for each thread, from the
outermost call to where it is. Files below the directory of the report, or below that in which the program ran, are
relative to it (SRCROOT).
"""

from __future__ import annotations

import json
import os
import pathlib
import shlex
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from lockcheck import __version__
from lockcheck.kinds import KINDS
from lockcheck.render import graph
from lockcheck.render.style import Style
from lockcheck.result import Finding, Result, Thread
from lockcheck.sources import Frame, frame

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
BASE = "SRCROOT"

Json = dict[str, Any]


def render(result: Result, style: Style) -> str:
    run = _Run(result)
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run.json()]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


class _Run:
    def __init__(self, result: Result) -> None:
        self._result = result
        self._base = _base(result)
        kinds = dict.fromkeys([*(kind for kind in KINDS), *(finding.kind for finding in result.findings)])
        self._rules = {kind: number for number, kind in enumerate(kinds)}

    def json(self) -> Json:
        result = self._result
        run: Json = {
            "tool": {
                "driver": {
                    "name": "lockcheck",
                    "version": __version__,
                    "semanticVersion": __version__,
                    "rules": [_rule(kind) for kind in self._rules],
                }
            },
            "invocations": [self._invocation()],
            "results": [self._result_of(finding) for finding in result.findings],
            "columnKind": "utf16CodeUnits",
        }
        if self._base:
            run["originalUriBaseIds"] = {BASE: {"uri": _uri(self._base) + "/"}}
        return run

    def _invocation(self) -> Json:
        result = self._result
        operands = result.merged or ["--", *result.program]
        invocation: Json = {
            "executionSuccessful": result.verdict != "error",
            "commandLine": shlex.join(["lockcheck", result.command or "explore", *operands]),
            "properties": {
                "strategy": result.strategy,
                "seed": result.seed,
                "schedules": result.schedules,
                "steps": result.steps,
                "seconds": result.seconds,
            },
        }
        if result.cwd:
            invocation["workingDirectory"] = {"uri": _uri(pathlib.Path(result.cwd)) + "/"}
        if result.error:
            message = {"text": result.error.summary or result.error.kind}
            invocation["toolExecutionNotifications"] = [{"level": "error", "message": message}]
        return invocation

    def _result_of(self, finding: Finding) -> Json:
        threads = _threads(finding)
        shown: Json = {
            "ruleId": finding.kind,
            "ruleIndex": self._rules[finding.kind],
            "kind": "fail",
            "level": "error",
            "message": {"text": finding.summary or finding.kind},
            "occurrenceCount": max(finding.count, 1),
            "properties": {"schedule": finding.first_schedule, "step": finding.steps, "virtualNs": finding.virtual_ns},
        }
        places = [(thread, place) for thread in threads if (place := self._place_of(finding, thread))]
        if places:
            shown["locations"] = [places[0][1]]
            # What the other threads do at the same time is where a reader has to look as well.
            shown["relatedLocations"] = [
                {**place, "id": number, "message": {"text": f"{thread.name}: {_state(thread)}"}}
                for number, (thread, place) in enumerate(places)
            ]
        stacks = [(f"{thread.name}: {_state(thread)}", thread.stack) for thread in threads if thread.stack]
        if stacks:
            stacks += [(earlier.title, earlier.stack) for earlier in finding.stacks]
            shown["stacks"] = [self._stack(finding, title, stack) for title, stack in stacks]
            message = {"text": "\n".join(finding.notes)} if finding.notes else {"text": finding.summary or finding.kind}
            flows = [self._flow(finding, thread) for thread in threads if thread.stack]
            shown["codeFlows"] = [{"message": message, "threadFlows": flows}]
        if finding.id:
            shown["partialFingerprints"] = {"lockcheckFinding/v1": finding.id}
        return shown

    def _location(self, place: Frame) -> Json:
        location: Json = {"logicalLocations": [{"name": place.function, "kind": "function"}]}
        if place.file:
            artifact: Json = {"uri": _uri(pathlib.PurePath(place.path or place.file))}
            if place.path and self._base and pathlib.PurePath(place.path).is_relative_to(self._base):
                artifact = {"uri": quote(os.path.relpath(place.path, self._base)), "uriBaseId": BASE}
            location["physicalLocation"] = {"artifactLocation": artifact, "region": {"startLine": max(place.line, 1)}}
        return location

    def _place_of(self, finding: Finding, thread: Thread) -> Json | None:
        """Where the thread is: the innermost function of which the source is known."""
        frames = (frame(text, finding.sources) for text in thread.stack)
        place = next((place for place in frames if place.file), None)
        return self._location(place) if place else None

    def _stack(self, finding: Finding, title: str, stack: Sequence[str]) -> Json:
        frames = [{"location": self._location(frame(text, finding.sources))} for text in stack]
        return {"message": {"text": title}, "frames": frames}

    def _flow(self, finding: Finding, thread: Thread) -> Json:
        calls = []
        for depth, text in enumerate(reversed(thread.stack)):
            place = frame(text, finding.sources)
            location = {**self._location(place), "message": {"text": f"{thread.name} in {place.function}"}}
            calls.append({"location": location, "nestingLevel": depth})
        calls[-1]["importance"] = "essential"
        return {"id": thread.name, "message": {"text": f"{thread.name}: {_state(thread)}"}, "locations": calls}


def _rule(kind: str) -> Json:
    known = KINDS.get(kind)
    rule: Json = {"id": kind, "name": "".join(part.capitalize() for part in kind.split("-"))}
    text = known.help if known else "A finding of the program's own."
    rule["shortDescription"] = {"text": text.split(". ")[0].rstrip(".") + "."}
    rule["fullDescription"] = {"text": text}
    rule["help"] = {"text": f"{text} `lockcheck replay` repeats the execution that is shown."}
    rule["defaultConfiguration"] = {"level": "error"}
    return rule


def _threads(finding: Finding) -> list[Thread]:
    """Those that are alive, first the ones that the summary names, in its order."""
    alive = [thread for thread in finding.threads if thread.state != "finished"]
    named = [thread for thread in alive if graph.mentions(finding.summary, thread.name)]
    named.sort(key=lambda thread: finding.summary.find(thread.name))
    return named + [thread for thread in alive if thread not in named]


def _state(thread: Thread) -> str:
    return f"{thread.state} in {thread.waits_for}" if thread.waits_for else thread.state


def _base(result: Result) -> pathlib.Path | None:
    """The directory that has the most of the sources below it: that of the report, or the program's."""
    paths = [pathlib.PurePath(path) for finding in result.findings for path in finding.sources.values()]
    bases = [pathlib.Path.cwd(), *([pathlib.Path(result.cwd)] if os.path.isabs(result.cwd) else [])]
    below = {base: sum(path.is_relative_to(base) for path in paths) for base in bases if base != pathlib.Path("/")}
    best = max(below, key=lambda base: below[base], default=None)
    return best if best and below[best] else None


def _uri(path: pathlib.PurePath) -> str:
    return ("file://" if path.is_absolute() else "") + quote(str(path))
