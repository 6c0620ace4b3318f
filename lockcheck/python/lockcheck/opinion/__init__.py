# SPDX-License-Identifier: GPL-2.0-or-later
"""The reports of Helgrind, DRD and ThreadSanitizer, read and put into the form of our findings.

`python3 -m lockcheck.opinion TOOL DIR` reads what a run under that tool has left in a directory and prints

    { "whole": true | false,    the tool came to the end of its report
      "findings": [ ... ] }     as in result.json, with, in each of them,
          "frames": [ {"thread": N, "concerned": bool, "lines": [{"text", "function", "object"}]} ]
                                its stacks in the parts that suppressions look at
and in their texts {@ADDRESS} or {@ADDRESS|WORDS} for what is there: the program's name for it, else these words or
the variable.

The rest, which needs the program's debug information, its exit status and the user's suppressions, is the
command's: lockcheck/tool/opinion.c.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import zlib
from typing import Any

TOOLS = ("helgrind", "drd", "tsan")

# The C library's own sources are not there to be looked at.
C_LIBRARY = re.compile(r".*/(?:libc|libpthread|ld-linux-x86-64|ld|libc-[\d.]+)\.so[.\d]*")

# Functions below the first one of a thread, or of the program.
BELOW = re.compile(r"start_thread|clone3?|__clone.*|\(below main\)|__libc_start.*|_start")


@dataclasses.dataclass(frozen=True)
class Frame:
    function: str
    """"" when it is not known."""
    path: str
    line: int
    object: str
    offset: str = ""
    """In the object, as the tool writes it."""

    @property
    def file(self) -> str:
        """As all our stacks name it: with its last directory."""
        return "/".join(pathlib.PurePosixPath(self.path).parts[-2:]).removeprefix("//")

    @property
    def text(self) -> str:
        place = os.path.basename(self.object) + (f"+{self.offset}" if self.offset else "")
        if self.function and self.path:
            return f"{self.function} ({self.file}:{self.line})"
        return self.function or place or "?"


Stack = list[Frame]


def trimmed(stack: Stack) -> Stack:
    """Without what the C library and the tool have below the program's own functions."""
    for number, frame in enumerate(stack):
        if BELOW.fullmatch(frame.function):
            return stack[:number]
    return stack


@dataclasses.dataclass
class Thread:
    number: int
    """From 1, which is main, in the order in which they were made."""
    given: str = ""
    created: Stack = dataclasses.field(default_factory=list)
    finished: bool = False

    @property
    def name(self) -> str:
        return self.given or ("main" if self.number == 1 else f"thread {self.number}")


@dataclasses.dataclass
class Object:
    name: str
    kind: str
    created: Stack = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Earlier:
    title: str
    thread: Thread | None
    stack: Stack


@dataclasses.dataclass
class Report:
    """One report of a tool."""

    kind: str
    summary: str
    thread: Thread | None
    stack: Stack
    earlier: list[Earlier] = dataclasses.field(default_factory=list)
    objects: list[Object] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    count: int = 1
    source: str = ""

    @property
    def id(self) -> str:
        """Equal for reports of one defect: of one kind, about the same lines and the same variable."""
        parts = {place(stack) for stack in (self.stack, *(item.stack for item in self.earlier))}
        # Addresses would make a finding of each element of an array.
        memory = [item for item in self.objects if item.kind == "memory"]
        parts |= {place(item.created) if "{@" in item.name else item.name for item in memory}
        whole = "|".join([self.source, *sorted(parts)])
        return f"{self.kind}-{zlib.crc32(whole.encode(errors='replace')):08x}"

    def threads(self) -> list[Thread]:
        known: dict[int, Thread] = {}
        for thread in (self.thread, *(item.thread for item in self.earlier)):
            if thread is not None:
                known.setdefault(thread.number, thread)
        return list(known.values())

    def frames(self) -> list[dict[str, Any]]:
        stacks = [(self.thread, self.stack), *((item.thread, item.stack) for item in self.earlier)]
        return [
            {
                # Of a thread that the tool does not name it is only known that it is another one.
                "thread": thread.number if thread else -number,
                "concerned": True,
                "lines": [{"text": f.text, "function": f.function, "object": f.object} for f in stack],
            }
            for number, (thread, stack) in enumerate(stacks, 1)
            if stack
        ]

    def finding(self) -> dict[str, Any]:
        """As result.json has it."""
        threads = [
            {
                "id": thread.number,
                "name": thread.name,
                "state": "running" if thread is self.thread else "finished" if thread.finished else "elsewhere",
                "waits_for": None,
                "waits_for_object": None,
                "holds": [],
                "stack": texts(self.stack) if thread is self.thread else [],
                "created": texts(thread.created),
            }
            for thread in self.threads()
        ]
        stacks = [*self.earlier]
        if self.thread is None and self.stack:
            stacks.insert(0, Earlier("where it was reported", None, self.stack))
        return {
            "id": self.id,
            "kind": self.kind,
            "source": self.source,
            "summary": self.summary,
            "count": self.count,
            "first_schedule": 1,
            "notes": self.notes,
            "stacks": [
                {"title": item.title, "thread": item.thread.name if item.thread else None, "stack": texts(item.stack)}
                for item in stacks
            ],
            "threads": threads,
            "objects": [
                {"name": item.name, "kind": item.kind, "holder": None, "created": texts(item.created), "history": []}
                for item in self.objects
            ],
            "sources": self._sources(),
            "frames": self.frames(),
        }

    def _sources(self) -> dict[str, str]:
        stacks = [self.stack, *(item.stack for item in self.earlier), *(item.created for item in self.objects)]
        return {f.file: f.path for stack in stacks for f in stack if f.path.startswith("/")}


def texts(stack: Stack) -> list[str]:
    return [frame.text for frame in stack]


def place(stack: Stack) -> str:
    """The line of a stack that tells most: the innermost one with a source line."""
    return next((frame.text for frame in stack if frame.path), stack[0].text if stack else "")


def at(address: str, otherwise: str = "") -> str:
    """The place in a text for what is at an address: its name, or what it is otherwise."""
    return "{@%#x%s}" % (int(address, 16), otherwise and f"|{otherwise}")


def grouped(reports: list[Report]) -> list[dict[str, Any]]:
    """Findings, each defect once: a tool reports the read and the write of one line apart."""
    first: dict[str, Report] = {}
    for report in reports:
        known = first.setdefault(report.id, report)
        if known is not report:
            known.count += report.count
    return [report.finding() for report in first.values()]


def said_by_program(directory: pathlib.Path) -> list[Report]:
    """What the program itself has reported: see lockcheck/annotate/annotate.c."""
    try:
        lines = (directory / "notes").read_text(errors="replace").splitlines()
    except OSError:
        return []
    matches = [re.fullmatch(r"finding ([a-z0-9_-]+) (.+)", line) for line in lines]
    return [Report(match[1], match[2], None, [], source="program") for match in matches if match]


def read(tool: str, directory: pathlib.Path) -> dict[str, Any]:
    """What is printed, see above."""
    from lockcheck.opinion import tsan, valgrind

    whole, reports = (tsan if tool == "tsan" else valgrind).read(directory)
    for report in reports:
        report.source = report.source or tool
    return {"whole": whole, "findings": grouped([*reports, *said_by_program(directory)])}
