# SPDX-License-Identifier: GPL-2.0-or-later
"""The XML of Helgrind and DRD, protocol version 4.

The format is that of docs/internals/xml-output-protocol4.txt in Valgrind's sources. What stands in it that is not known is passed over,
and an error whose text has another form than expected is shown by that text. The file may end anywhere.
"""

from __future__ import annotations

import os
import pathlib
import re
from xml.etree import ElementTree

from lockcheck.opinion import C_LIBRARY, Earlier, Frame, Object, Report, Stack, Thread, at, trimmed

KINDS = {
    "Race": "data-race",
    "ConflictingAccess": "data-race",
    "LockOrder": "lock-order",
    "HoldtimeErr": "lock-held-long",
}
OTHERS = "lock-misuse"
# Complaints about annotations, of which ours are not meant for both tools.
PASSED_OVER = {"UnimpHgClReq", "UnimpDrdClReq"}

ACCESS = re.compile(r"Possible data race during (read|write) of size (\d+) at 0x([0-9A-Fa-f]+) by thread #(\d+)")
EARLIER = re.compile(r"This conflicts with a previous (read|write) of size (\d+) by thread #(\d+)")
CONFLICT = re.compile(r"Conflicting (load|store) by thread (\d+) at 0x([0-9a-f]+) size (\d+)")
SYMBOL = re.compile(r"""is \d+ bytes inside (?:data symbol|local var|global var) "(.+?)\"""")
SYMBOL_PART = re.compile(r"is \d+ bytes inside ([\w.\[\]>-]+(?:\.|\[|->).*?),?$")
BLOCK = re.compile(r"is (\d+) bytes inside a block of size ([\d,]+) (alloc'd|free'd|in arena.*)")
OFFSET = re.compile(r"is at offset (\d+) from 0x[0-9a-f]+\. ?(?:Allocation context:)?")
OBSERVED = re.compile(r"Lock at 0x[0-9A-Fa-f]+ was first observed")
TITLES = {
    r"Required order was established by acquisition of lock at (\w+)": r"elsewhere \1 is taken",
    r"followed by a later acquisition of lock at (\w+)": r"and then \1 under it",
    r"Lock was previously acquired": "it was taken before",
}
ADDRESS = re.compile(r"0x[0-9A-Fa-f]{3,}")
NUMBERED = re.compile(r"[Tt]hread #(\d+)")


def clean(raw: bytes) -> str:
    """Names may be anything, and XML may not."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", raw.decode(errors="replace"))


def elements(text: str) -> list[ElementTree.Element]:
    """The whole ones just below the root, of a document that may be cut off."""
    parser = ElementTree.XMLPullParser(("start", "end"))
    found: list[ElementTree.Element] = []
    depth = 0
    try:
        parser.feed(text)
        parser.close()
    except ElementTree.ParseError:
        pass
    try:
        for event, element in parser.read_events():
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 1:
                found.append(element)
    except ElementTree.ParseError:
        pass
    return found


def text_of(element: ElementTree.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def number_of(element: ElementTree.Element, name: str) -> int:
    text = text_of(element, name)
    return int(text) if text.isdecimal() else 0


def frame_of(element: ElementTree.Element) -> Frame:
    file = text_of(element, "file")
    function = text_of(element, "fn")
    # Of versions of a symbol the plain name: pthread_create@@GLIBC_2.34.
    function = re.sub(r"@.*", "", function) if not function.startswith("operator") else function
    object_file = text_of(element, "obj")
    known = file and not C_LIBRARY.fullmatch(object_file)
    return Frame(
        function=function,
        path=os.path.normpath(os.path.join(text_of(element, "dir"), file)) if known else "",
        line=number_of(element, "line"),
        object=object_file,
        offset=text_of(element, "ip") if not function else "",
    )


def stack_of(element: ElementTree.Element | None) -> Stack:
    if element is None:
        return []
    frames = [frame_of(frame) for frame in element.findall("frame")]
    # The tool's replacements of functions have no names in a stripped Valgrind.
    return trimmed([f for f in frames if f.function or "/vgpreload_" not in f.object])


def created_at(stack: Stack) -> Stack:
    """Of a thread: from the call that the program made."""
    for number, frame in reversed(list(enumerate(stack))):
        if frame.function.startswith("pthread_create"):
            return stack[number:]
    return stack


class Reader:
    def __init__(self, found: list[ElementTree.Element]) -> None:
        self.threads: dict[int, Thread] = {1: Thread(1)}
        self.elements = found
        for element in found:
            self._learn(element)

    def _learn(self, element: ElementTree.Element) -> None:
        if element.tag == "announcethread":
            thread = self.thread(number_of(element, "hthreadid"))
            stack = [frame_of(frame) for frame in element.iterfind("stack/frame")]
            stack = created_at([f for f in stack if not re.fullmatch(r"_*clone.*|create_thread", f.function)])
            thread.created = [f for f in stack if f.function or "/vgpreload_" not in f.object]
        elif element.tag == "error":
            # Names stand with Valgrind's number of the thread that reports, its own number elsewhere.
            number = number_of(element, "xwhat/hthreadid") or self._number_of_drd(element)
            name = text_of(element, "threadname")
            if number > 1 and name:
                self.thread(number).given = name

    @staticmethod
    def _number_of_drd(element: ElementTree.Element) -> int:
        match = CONFLICT.search(text_of(element, "what"))
        return int(match[2]) if match else number_of(element, "tid")

    def thread(self, number: int) -> Thread:
        return self.threads.setdefault(number or 1, Thread(number or 1))

    def reports(self) -> list[Report]:
        counts = {}
        for element in self.elements:
            if element.tag == "errorcounts":
                counts |= {text_of(pair, "unique"): number_of(pair, "count") for pair in element.iterfind("pair")}
        found = []
        for element in self.elements:
            if element.tag == "error" and text_of(element, "kind") not in PASSED_OVER:
                report = self._error(element)
                report.count = counts.get(text_of(element, "unique")) or 1
                found.append(report)
            elif element.tag == "fatal_signal":
                found.append(self._signal(element))
        return found

    def _error(self, element: ElementTree.Element) -> Report:
        what = text_of(element, "xwhat/text") or text_of(element, "what")
        kind = KINDS.get(text_of(element, "kind"), OTHERS)
        number = number_of(element, "xwhat/hthreadid") or self._number_of_drd(element)
        report = Report(kind, what, self.thread(number), stack_of(element.find("stack")))
        variable = self._details(element, report)
        self._summarise(element, report, what, variable)
        return report

    def _details(self, element: ElementTree.Element, report: Report) -> str:
        """What stands below the first stack. Returns the name of the memory that it is about, or ""."""
        variable, title, reporter = "", "", None
        locks = [at(address) for address in ADDRESS.findall(report.summary)]
        seen_first = False
        for child in element:
            if child.tag in ("auxwhat", "xauxwhat"):
                title = (child.findtext("text") or child.text or "").strip()
                reporter = number_of(child, "hthreadid")
                if match := SYMBOL.search(title) or SYMBOL_PART.search(title):
                    variable = match[1]
                    report.objects.append(Object(variable, "memory"))
                    title = ""
                elif BLOCK.search(title) or OFFSET.search(title):
                    variable = self._block(title, report)
            elif child.tag == "stack":
                if not seen_first:
                    seen_first = True
                    continue
                self._stack(child, title, reporter, locks, report)
                title = ""
            elif child.tag == "allocation_context":
                report.objects += [Object("", "memory")] if not report.objects else []
                report.objects[-1].created = stack_of(child.find("stack"))
            elif child.tag == "first_observed_at":
                kind = text_of(child, "what") or "lock"
                name = at(text_of(child, "address")) if text_of(child, "address") else kind
                report.objects.append(Object(name, kind, stack_of(child.find("stack"))))
            elif child.tag in ("other_segment_start", "other_segment_end"):
                stack = stack_of(child.find("stack") if child.find("stack") is not None else child)
                where = "began" if child.tag.endswith("start") else "ended"
                if stack:
                    report.earlier.append(Earlier(f"the other thread's work without order {where} here", None, stack))
        return variable

    @staticmethod
    def _block(title: str, report: Report) -> str:
        match = BLOCK.search(title)
        words = f"a block of {match[2]} bytes" if match else "a block of memory"
        if match and match[3].startswith("free"):
            words = f"a freed block of {match[2]} bytes"
        address = ADDRESS.search(title)
        name = at(address[0], words) if address else words
        report.objects.append(Object(name, "memory"))
        return name

    def _stack(
        self, child: ElementTree.Element, title: str, number: int | None, locks: list[str], report: Report
    ) -> None:
        stack = stack_of(child)
        if OBSERVED.fullmatch(title):
            # The address in this text is one of the tool's own. Locks come in the order of the first sentence.
            known = sum(item.kind == "lock" for item in report.objects)
            name = locks[known] if known < len(locks) else "lock"
            report.objects.append(Object(name, "lock", stack))
        elif report.objects and report.objects[-1].kind == "memory" and not number:
            report.objects[-1].created = stack
        elif match := EARLIER.search(title):
            thread = self.thread(int(match[3]))
            done = "read" if match[1] == "read" else "wrote"
            report.earlier.append(Earlier(f"{thread.name} {done} it", thread, stack))
        else:
            for form, words in TITLES.items():
                title = re.sub(form, words, title)
            text = ADDRESS.sub(lambda match: at(match[0]), title) or "before"
            report.earlier.append(Earlier(text, self.thread(number) if number else None, stack))

    def _summarise(self, element: ElementTree.Element, report: Report, what: str, variable: str) -> None:
        name = report.thread.name if report.thread else "a thread"
        if match := ACCESS.search(what):
            target = variable or at(match[3])
            report.summary = f"{name} {match[1]}s {match[2]} bytes of {target}"
            before = EARLIER.search(text_of(element, "xauxwhat/text"))
            if before:
                other = self.thread(int(before[3])).name
                done = "read" if before[1] == "read" else "wrote"
                report.summary += f", which {other} {done} before, and nothing orders the two"
            else:
                report.summary += ", and nothing orders that after what another thread did to it"
        elif match := CONFLICT.search(what):
            done = "reads" if match[1] == "load" else "writes"
            report.summary = (
                f"{name} {done} {match[4]} bytes of {variable or at(match[3])}, "
                "and nothing orders that after what another thread did to it"
            )
        elif report.kind == "lock-order" and len(ADDRESS.findall(what)) == 2:
            first, second = (at(address) for address in ADDRESS.findall(what))
            report.summary = f"{name} takes {first} while it holds {second}, and elsewhere {second} is taken under {first}"
        else:
            more = text_of(element, "what") if element.find("xwhat") is not None else ""
            text = NUMBERED.sub(lambda match: self.thread(int(match[1])).name, what)
            text = re.sub(r": mutex (0x\w+), recursion count \d+, owner (\d+)\.?", self._owner, text)
            report.summary = ADDRESS.sub(lambda match: at(match[0]), f"{text} {more}".strip())

    def _owner(self, match: re.Match[str]) -> str:
        owner = int(match[2])
        return f": {match[1]}" + (f", which {self.thread(owner).name} holds" if owner else "")

    def _signal(self, element: ElementTree.Element) -> Report:
        stack = stack_of(element.find("stack"))
        name = text_of(element, "signame")
        thread = self.thread(number_of(element, "tid"))
        if any(frame.function.startswith("__assert_fail") for frame in stack):
            below = [f for f in stack if not re.match(r"__assert_fail|abort|raise|gsignal|__pthread_kill", f.function)]
            where = f" in {below[0].text}" if below else ""
            return Report("assertion", f"{thread.name} failed an assertion{where}", thread, stack)
        event = text_of(element, "event")
        return Report(
            "crash", f"{thread.name} was ended by {name}{': ' if event else ''}{event[:1].lower()}{event[1:]}", thread, stack
        )


def read(directory: pathlib.Path) -> tuple[bool, list[Report]]:
    """Whether the report came to its end, and what it says."""
    try:
        text = clean((directory / "report.xml").read_bytes())
    except OSError:
        return False, []
    found = elements(text)
    states = [text_of(element, "state") for element in found if element.tag == "status"]
    return "FINISHED" in states, Reader(found).reports()
