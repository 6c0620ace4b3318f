# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of ThreadSanitizer's reports, as the libraries of gcc and of clang write it.

The command asks for lines of stacks that cannot be mistaken (TSAN_OPTIONS, stack_trace_format), one file for each
process, and both stacks of each lock in a lock order. A report stands between two lines of equal signs:

    WARNING: ThreadSanitizer: data race (pid=4711)
      Write of size 4 at 0x55... by thread T2 'worker' (mutexes: write M0):
        #0<TAB>function<TAB>file<TAB>line<TAB>module<TAB>offset
      Previous read of size 4 at 0x55... by main thread:
        ...
      Location is global 'counter' of size 4 at 0x55... (program+0x40c0)
      Mutex M0 (0x55...) created at:
      Thread T2 'worker' (tid=4713, running) created by main thread at:

What else stands there becomes a title of the stack that follows it, or a note. The file may end anywhere.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterable

from lockcheck.opinion import C_LIBRARY, Earlier, Frame, Object, Report, Stack, Thread, at, trimmed

# The words with which a report begins, and kinds of ours. The first that fits counts.
KINDS = {
    "data race": "data-race",
    "race on": "data-race",
    "Swift access race": "data-race",
    "heap-use-after-free": "data-race",
    "lock-order-inversion": "lock-order",
    "thread leak": "leak",
    "signal": "signal-unsafe",
}
OTHERS = "lock-misuse"

BEGIN = re.compile(r"(?:WARNING|ERROR): ThreadSanitizer: (.*?)(?: \(pid=\d+\)| on unknown address.*)?$")
FRAME = re.compile(r"\s*#\d+\t([^\t]*)\t([^\t]*)\t(\d+)\t([^\t]*)\t(0x[0-9a-f]+)")
THREAD = r"(main thread|thread T\d+(?: '.*?')?)"
ACCESS = re.compile(
    r"(Previous )?([Aa]tomic )?([Rr]ead|[Ww]rite) of size (\d+) at (0x[0-9a-f]+) by " + THREAD + r"( \(mutexes: .*\))?:"
)
ABOUT_THREAD = re.compile(r"Thread T(\d+)(?: '(.*?)')? \(tid=\d+, (running|finished)\)(?: created by .*)?")
GLOBAL = re.compile(r"Location is global '(.+)' (?:of size \d+ )?at 0x")
HEAP = re.compile(r"Location is heap block of size (\d+) at 0x[0-9a-f]+ allocated by")
LOCATION = re.compile(r"Location is (.*?):?$")
MUTEX = re.compile(r"Mutex (M\d+) \((0x[0-9a-f]+)\) created at:")
CYCLE = re.compile(r"Cycle in lock order graph: (.*)")
ACQUIRED = re.compile(r"Mutex (M\d+) acquired here while holding mutex (M\d+) in " + THREAD)
# A mutex with what is known of it: in a cycle its address.
ADDRESSED = re.compile(r"(M\d+) \((0x[0-9a-f]+)\)")
IN_THREAD = re.compile(THREAD)


def frame_of(line: str) -> Frame | None:
    match = FRAME.match(line)
    if not match:
        return None
    function, path, number, module, offset = match.groups()
    function = re.sub(r"^__interceptor_", "", function)
    # The functions that the library replaces are shown by their names, without where it was built.
    own = "/libtsan.so" in module or "/sanitizer" in path or "/libsanitizer/" in path or path in ("", "<null>", "??")
    own = own or C_LIBRARY.fullmatch(module) is not None
    known = function not in ("", "<null>", "??")
    return Frame(
        function if known else "", "" if own else os.path.normpath(path), int(number), module, "" if known else offset
    )


def sections(lines: Iterable[str]) -> list[tuple[str, Stack]]:
    """Each line that is no frame, with the frames that follow it."""
    found: list[tuple[str, Stack]] = []
    for line in lines:
        frame = frame_of(line)
        if frame is None:
            if line.strip():
                found.append((line.strip(), []))
        elif found:
            found[-1][1].append(frame)
    return [(title, trimmed(stack)) for title, stack in found]


def parts(text: str) -> list[list[str]]:
    """The lines of each report."""
    found: list[list[str]] = []
    open_report = False
    for line in text.splitlines():
        if BEGIN.match(re.sub(r"^==\d+==", "", line)):
            found.append([re.sub(r"^==\d+==", "", line)])
            open_report = True
        elif line.startswith(("SUMMARY: ", "=====")):
            open_report = False
        elif open_report:
            found[-1].append(re.sub(r"^==\d+==", "", line))
    return found


class Reader:
    def __init__(self, lines: list[str]) -> None:
        self.what = BEGIN.match(lines[0])[1]  # type: ignore[index]
        self.sections = sections(lines)
        self.threads: dict[int, Thread] = {}
        self.mutexes: dict[str, str] = {}
        for title, stack in self.sections:
            for name, address in ADDRESSED.findall(title):
                self.mutexes[name] = at(address)
            if match := ABOUT_THREAD.match(title):
                thread = self._thread(int(match[1]))
                thread.given = match[2] or ""
                thread.finished = match[3] == "finished"
                thread.created = stack

    def _thread(self, number: int) -> Thread:
        # T0 is main, which is our first.
        return self.threads.setdefault(number, Thread(number + 1))

    def _named(self, words: str) -> Thread:
        match = re.match(r"thread T(\d+)(?: '(.*)')?", words)
        thread = self._thread(int(match[1]) if match else 0)
        if match and match[2]:
            thread.given = match[2]
        return thread

    def _mutexes_in(self, text: str) -> str:
        """With what is known of mutexes instead of their numbers."""
        text = ADDRESSED.sub(lambda match: at(match[2]), text)
        return re.sub(r"\bM\d+\b", lambda match: self.mutexes.get(match[0], match[0]), text)

    def _threads_in(self, text: str) -> str:
        return IN_THREAD.sub(lambda match: self._named(match[0]).name, text)

    def report(self) -> Report:
        kind = next((kind for words, kind in KINDS.items() if self.what.startswith(words)), OTHERS)
        report = Report(kind, self.what, None, self.sections[0][1])
        for title, stack in self.sections[1:]:
            self._section(report, title, stack)
        self._summarise(report)
        return report

    def _section(self, report: Report, title: str, stack: Stack) -> None:
        if match := ACCESS.match(title):
            self._access(report, match, stack)
        elif ABOUT_THREAD.match(title):
            if report.kind == "leak" and not report.stack:
                report.stack = stack
        elif match := GLOBAL.match(title):
            # Of a lock it is told with the lock itself.
            report.objects[:0] = [Object(match[1], "memory")] if report.kind == "data-race" else []
        elif match := HEAP.match(title):
            accesses = [found for line, _ in self.sections if (found := ACCESS.match(line))]
            words = f"a block of {match[1]} bytes"
            report.objects.insert(0, Object(at(accesses[0][5], words) if accesses else words, "memory", stack))
        elif match := MUTEX.match(title):
            report.objects.append(Object(at(match[2]), "mutex", stack))
        elif match := ACQUIRED.match(title):
            self._acquired(report, match, stack)
        elif title.startswith("Hint:") or CYCLE.match(title) or title.startswith("ThreadSanitizer"):
            return
        elif match := LOCATION.match(title):
            report.objects.insert(0, Object(self._threads_in(match[1]), "memory", stack))
        elif stack:
            before = re.match(r"Mutex (M\d+) previously acquired by the same thread|and:", title)
            thread = (report.earlier[-1].thread if report.earlier else report.thread) if before else None
            text = self._threads_in(self._mutexes_in(title)).rstrip(":")
            if before and before[1] and thread:
                text = f"{thread.name} took {self.mutexes.get(before[1], before[1])}"
            elif before:
                text = "it was taken before"
            report.earlier.append(Earlier(text, thread, stack))
        elif not title.startswith("["):
            report.notes.append(self._threads_in(self._mutexes_in(title)).rstrip(":"))

    def _access(self, report: Report, match: re.Match[str], stack: Stack) -> None:
        thread = self._named(match[6])
        if not match[1]:
            report.thread, report.stack = thread, stack
            return
        done = "read" if match[3].lower() == "read" else "wrote"
        held = re.sub(r"mutexes: (?:read |write )?", "while it held ", match[7] or "")
        held = self._mutexes_in(re.sub(r", (?:read|write) ", ", ", held))
        report.earlier.append(Earlier(f"{thread.name} {done} it{held}", thread, stack))

    def _acquired(self, report: Report, match: re.Match[str], stack: Stack) -> None:
        thread = self._named(match[3])
        taken, held = (self.mutexes.get(name, name) for name in (match[1], match[2]))
        if not report.stack:
            report.thread, report.stack = thread, stack
        else:
            report.earlier.append(Earlier(f"{thread.name} takes {taken} while it holds {held}", thread, stack))

    def _summarise(self, report: Report) -> None:
        accesses = [match for title, _ in self.sections if (match := ACCESS.match(title))]
        name = report.thread.name if report.thread else ""
        if accesses and not accesses[0][1]:
            first = accesses[0]
            target = report.objects[0].name if report.objects and report.objects[0].kind == "memory" else at(first[5])
            how = "reads" if first[3].lower() == "read" else "writes"
            report.summary = f"{name} {how} {first[4]} bytes of {target}"
            if len(accesses) > 1:
                done = "read" if accesses[1][3].lower() == "read" else "wrote"
                other = self._named(accesses[1][6]).name
                report.summary += f", which {other} {done} before, and nothing orders the two"
            if self.what not in ("data race",):
                report.summary += f" ({self.what})"
        elif report.kind == "lock-order":
            cycle = next((match[1] for title, _ in self.sections if (match := CYCLE.match(title))), "")
            names = [self._mutexes_in(word) for word in cycle.split(" => ")]
            report.summary = f"locks are taken in a circle: {', then '.join(names)}" if cycle else self.what
        elif self.sections[0][0].startswith("ERROR"):
            report.kind = "crash"
            report.summary = f"the program was ended by {self.what}"
        else:
            about = next((item.name for item in report.objects if item.kind == "mutex"), "")
            report.summary = f"{self.what}{': ' if about else ''}{about}"
            if report.kind == "leak":
                threads = [thread.name for thread in self.threads.values()]
                report.summary = f"nobody joins {', '.join(threads)}"


def read(directory: pathlib.Path) -> tuple[bool, list[Report]]:
    """Whether the report came to its end, and what it says. Each process has a file of its own."""
    reports = []
    whole = True
    for path in sorted(directory.glob("report.*"), key=lambda path: (len(path.name), path.name)):
        try:
            text = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        lines = text.splitlines()
        # A report that is cut off has no closing line.
        bars = sum(line.startswith("==================") for line in lines)
        whole = whole and bars % 2 == 0
        reports += [Reader(part).report() for part in parts(text)]
    return whole, reports
