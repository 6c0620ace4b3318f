# SPDX-License-Identifier: GPL-2.0-or-later
"""result.json, version 1, as typed objects.

Loading checks what it reads: a file that is damaged, of another version or of another shape raises ResultError
with the file, the place in it, and what was expected there. Keys that are not known are passed over, so that a
newer command may add some; a key that only some results have is optional here and has an empty value.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

VERSION = 1
VERDICTS = ("clean", "finding", "error")
LARGEST = 2**64
# So many seeds are named; more are only counted.
SEEDS = 8

T = TypeVar("T")


class ResultError(Exception):
    """Results that cannot be read. The message names the file and what is wrong with it."""


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that happened to an object."""

    step: int
    """Number of the scheduler's choice during which it happened, from 1."""
    time_ns: int
    """Virtual time since the program's start, in nanoseconds."""
    thread: str
    event: str
    detail: str
    stack: list[str]
    """Innermost function first, each "function (file:line)"."""


@dataclasses.dataclass(frozen=True)
class Object:
    """A lock, semaphore, port, ... that the finding is about."""

    name: str
    kind: str
    holder: str | None
    """The thread that holds it."""
    created: list[str]
    history: list[Event]
    """What happened to it, oldest first. Only the latest events are kept."""


@dataclasses.dataclass(frozen=True)
class Thread:
    """A thread at the moment of the finding."""

    name: str
    state: str
    """blocked, runnable, running or finished; elsewhere when another checker does not tell."""
    waits_for: str | None
    waits_for_object: str | None
    holds: list[str]
    stack: list[str]
    created: list[str]


@dataclasses.dataclass(frozen=True)
class Edge:
    """An edge of the wait-for graph. An end is a thread or an object; the two may share a name."""

    source: tuple[str, str]
    """("thread" or "object", its name)"""
    target: tuple[str, str]
    label: str


@dataclasses.dataclass(frozen=True)
class Input:
    """An input that a thread took up, as the program told."""

    step: int
    time_ns: int
    thread: str
    input: str
    """What it is: "frame 12 of download.pcapng"."""


@dataclasses.dataclass(frozen=True)
class Earlier:
    """A stack from before the end of the execution."""

    title: str
    thread: str | None
    stack: list[str]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One defect with its evidence; also the evidence of an execution that could not be controlled."""

    id: str
    kind: str
    summary: str
    count: int
    """How many schedules showed it."""
    first_schedule: int
    seed: int | None
    """That of the first schedule, in merged results."""
    seconds: float
    """Wall time from the start of the search to the finding."""
    steps: int
    virtual_ns: int
    schedule: str | None
    """Name of the schedule file, in the directory of the results."""
    short_schedule: str | None
    """Name of the file with the shrunk schedule, in the same directory."""
    shrunk: str
    """What it is shorter by, in a phrase."""
    output: str | None
    """Name of the file with what the program printed, in the same directory."""
    execution_hash: str
    notes: list[str]
    """How it came about, oldest first."""
    stacks: list[Earlier]
    """Where threads stood before, when what they did then is part of the finding."""
    threads: list[Thread]
    objects: list[Object]
    graph: list[Edge]
    outstanding: dict[str, int]
    """Work that was accepted and not done, by what it is."""
    suppression: str
    """A block for a file of suppressions that matches this finding, without a name."""
    inputs: list[Input]
    """The newest inputs that threads took up, oldest first."""
    sources: dict[str, str]
    """Paths of source files, by the names that stand in stacks."""
    source: str
    """Who found it, when it was another checker: "helgrind", "drd", "tsan", or "program" for the program itself."""
    steps_file: str | None
    """Name of the file with the last steps, in the directory of the results: see lockcheck.steps."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What one run, explore or replay found."""

    directory: pathlib.Path
    verdict: str
    command: str
    program: list[str]
    strategy: str
    seed: int
    seeds: list[int]
    """More than that one when results of several were merged."""
    merged: list[str]
    """The directories whose results were merged."""
    schedules: int
    steps: int
    truncated: int
    """Schedules given up because they took too many steps."""
    suppressed: int
    """Schedules whose finding a suppression matches; they are not among the findings."""
    seconds: float
    execution_hash: str
    interrupted: bool
    findings: list[Finding]
    error: Finding | None
    """With verdict "error": what went wrong."""
    source: str
    """The checker of another project that the program ran under: "helgrind", "drd" or "tsan"; or ""."""
    cwd: str
    """The directory in which the program ran."""
    raw: dict[str, Any]
    """The whole of result.json."""

    @property
    def search(self) -> str:
        """By what the schedules are known: "strategy random, seed 1"."""
        if len(self.seeds) == 1:
            return f"strategy {self.strategy}, seed {self.seed}"
        if len(self.seeds) > SEEDS:
            return f"strategy {self.strategy}, {len(self.seeds)} seeds"
        return f"strategy {self.strategy}, seeds {', '.join(map(str, self.seeds))}"

    def assert_clean(self) -> None:
        """Raise AssertionError, with what was found, unless nothing was."""
        __tracebackhide__ = True  # pytest is to show the test's line
        if self.error is not None:
            raise AssertionError(f"not checked: {self.error.kind}: {self.error.summary}")
        if self.findings:
            raise AssertionError("; ".join(f"{finding.kind}: {finding.summary}" for finding in self.findings))

    def assert_finds(self, kind: str) -> Finding:
        """The first finding of that kind. Raises AssertionError when there is none."""
        __tracebackhide__ = True
        for finding in self.findings:
            if finding.kind == kind:
                return finding
        found = ", ".join(finding.kind for finding in self.findings) or "nothing"
        raise AssertionError(f"expected to find {kind}, found {found} in {self.schedules} schedules")


class _Reader:
    """One JSON object being read; knows where in the file it is, to say so."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise ResultError(f"{place}: expected an object, found {_name_of(value)}")
        self._value = value
        self._place = place

    def _at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def _get(self, key: str, kind: type[T] | tuple[type, ...], what: str, default: T | None) -> T:
        if key not in self._value:
            if default is None:
                raise ResultError(f"{self._at(key)}: missing, expected {what}")
            return default
        value = self._value[key]
        # bool is an int in Python, and is none here.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ResultError(f"{self._at(key)}: expected {what}, found {_name_of(value)}")
        return value  # type: ignore[return-value]

    def text(self, key: str, default: str | None = None) -> str:
        return clean(self._get(key, str, "text", default))

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._get(key, int, "a whole number", default)
        if not -LARGEST <= value <= LARGEST:
            raise ResultError(f"{self._at(key)}: expected a number of 64 bits")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = self._get(key, (int, float), "a number", default)
        if not abs(value) <= LARGEST:
            raise ResultError(f"{self._at(key)}: expected a number of 64 bits")
        return float(value)

    def flag(self, key: str) -> bool:
        return self._get(key, bool, "true or false", False)

    def none(self, key: str) -> bool:
        return self._value.get(key) is None

    def inner(self, key: str) -> _Reader:
        return _Reader(self._value[key], self._at(key))

    def text_or_none(self, key: str) -> str | None:
        return None if self.none(key) else self.text(key)

    def texts(self, key: str) -> list[str]:
        return self.list(key, lambda value, place: _text(value, place))

    def list(self, key: str, read: Callable[[Any, str], T], required: bool = False) -> list[T]:
        values = self._get(key, list, "a list", None if required else [])
        return [read(value, f"{self._at(key)}[{i}]") for i, value in enumerate(values)]

    def named_texts(self, key: str) -> dict[str, str]:
        """Those members of an object that are text; null says that there is none."""
        inner = _Reader(self._value.get(key) or {}, self._at(key))
        return {clean(name): inner.text(name) for name in inner._value if inner._value[name] is not None}

    def counts(self, key: str) -> dict[str, int]:
        inner = _Reader(self._value.get(key) or {}, self._at(key))
        return {clean(name): inner.integer(name) for name in inner._value}


def _name_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def clean(text: str) -> str:
    """Without halves of characters, which JSON can write and nothing else can."""
    return text.encode(errors="replace").decode()


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise ResultError(f"{place}: expected text, found {_name_of(value)}")
    return clean(value)


def _integer(value: Any, place: str) -> int:
    return _Reader({"": value}, place).integer("")


def _event(value: Any, place: str) -> Event:
    read = _Reader(value, place)
    return Event(
        step=read.integer("step"),
        time_ns=read.integer("time_ns", 0),
        thread=read.text("thread"),
        event=read.text("event"),
        detail=read.text("detail", ""),
        stack=read.texts("stack"),
    )


def _object(value: Any, place: str) -> Object:
    read = _Reader(value, place)
    return Object(
        name=read.text("name"),
        kind=read.text("kind"),
        holder=read.text_or_none("holder"),
        created=read.texts("created"),
        history=read.list("history", _event),
    )


def _thread(value: Any, place: str) -> Thread:
    read = _Reader(value, place)
    return Thread(
        name=read.text("name"),
        state=read.text("state"),
        waits_for=read.text_or_none("waits_for"),
        waits_for_object=read.text_or_none("waits_for_object"),
        holds=read.texts("holds"),
        stack=read.texts("stack"),
        created=read.texts("created"),
    )


def _earlier(value: Any, place: str) -> Earlier:
    read = _Reader(value, place)
    return Earlier(title=read.text("title"), thread=read.text_or_none("thread"), stack=read.texts("stack"))


def _edge(value: Any, place: str) -> Edge:
    read = _Reader(value, place)
    return Edge(
        source=(read.text("from_type"), read.text("from")),
        target=(read.text("to_type"), read.text("to")),
        label=read.text("label", ""),
    )


def _input(value: Any, place: str) -> Input:
    read = _Reader(value, place)
    return Input(
        step=read.integer("step"),
        time_ns=read.integer("time_ns", 0),
        thread=read.text("thread"),
        input=read.text("input"),
    )


def _finding(value: Any, place: str) -> Finding:
    read = _Reader(value, place)
    return Finding(
        id=read.text("id", ""),
        kind=read.text("kind"),
        summary=read.text("summary"),
        count=read.integer("count", 1),
        first_schedule=read.integer("first_schedule", 0),
        seed=None if read.none("seed") else read.integer("seed"),
        seconds=read.number("seconds", 0.0),
        steps=read.integer("steps", 0),
        virtual_ns=read.integer("virtual_ns", 0),
        schedule=read.text_or_none("schedule"),
        short_schedule=read.text_or_none("short_schedule"),
        shrunk="" if read.none("shrunk") else read.inner("shrunk").text("story", ""),
        output=read.text_or_none("output"),
        execution_hash=read.text("execution_hash", ""),
        notes=read.texts("notes"),
        stacks=read.list("stacks", _earlier),
        threads=read.list("threads", _thread),
        objects=read.list("objects", _object),
        graph=read.list("graph", _edge),
        outstanding=read.counts("outstanding"),
        suppression=read.text("suppression", ""),
        inputs=read.list("inputs", _input),
        sources=read.named_texts("sources"),
        source=read.text("source", ""),
        steps_file=read.text_or_none("steps_file"),
    )


def parse(raw: Any, directory: pathlib.Path) -> Result:
    """Check and convert the content of a result.json that was found in that directory."""
    read = _Reader(raw, "")
    version = read.integer("version")
    if version != VERSION:
        raise ResultError(f"version: is {version}; this lockcheck reads version {VERSION}")
    verdict = read.text("verdict")
    if verdict not in VERDICTS:
        raise ResultError(f"verdict: is '{verdict}', expected one of {', '.join(VERDICTS)}")
    return Result(
        directory=directory,
        verdict=verdict,
        command=read.text("command", ""),
        program=read.texts("program"),
        strategy=read.text("strategy", ""),
        seed=read.integer("seed", 0),
        seeds=read.list("seeds", _integer) or [read.integer("seed", 0)],
        merged=read.list("merged", lambda value, place: _Reader(value, place).text("directory")),
        schedules=read.integer("schedules", 0),
        steps=read.integer("steps", 0),
        truncated=read.integer("truncated", 0),
        suppressed=read.integer("suppressed", 0),
        seconds=read.number("seconds", 0.0),
        execution_hash=read.text("execution_hash", ""),
        interrupted=read.flag("interrupted"),
        findings=read.list("findings", _finding, required=True),
        error=_finding(raw["error"], "error") if raw.get("error") is not None else None,
        source=read.text("source", ""),
        cwd=read.text("cwd", ""),
        raw=raw,
    )


def load(directory: str | os.PathLike[str]) -> Result:
    """Read the results in a directory that `lockcheck run`, `explore` or `replay` wrote.

    Raises ResultError when there are none, or none that can be read.
    """
    place = pathlib.Path(directory)
    path = place / "result.json"
    if path.exists() and not path.is_file():
        raise ResultError(f"{path}: not a regular file; expected a directory of results")
    try:
        raw = json.loads(path.read_bytes())
    except OSError as error:
        if place.is_file():
            raise ResultError(f"{place}: is a file; expected a directory of results") from error
        raise ResultError(f"{path}: {error.strerror}; expected a directory of results") from error
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path}: damaged, not JSON: {error}") from error
    try:
        return parse(raw, place)
    except ResultError as error:
        raise ResultError(f"{path}: {error}") from None
