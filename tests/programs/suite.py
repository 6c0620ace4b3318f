# SPDX-License-Identifier: GPL-2.0-or-later
"""The bug suite as Python sees it: what is in suite/, read from the comments there, and one hunt for one bug.

A program's comment ends with lines of the form "Word: value":

  Class     what kind of bug it is, in the words of the literature
  Finding   what lockcheck may call it, one or more kinds
  Detected  what a detector calls it on executions that do not come to that; without the line, there is nothing wrong in
            those
  Points    "memory" when the bug lies between memory accesses; the program is then built by lockcheck-cc
  Sizes     arguments with which the program is a member of the suite each; without the line, it takes none
  Correct   what the correct version does

Used by the tests, scripts/bench and scripts/soak.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
import re
import subprocess
import tempfile

SOURCES = pathlib.Path(__file__).resolve().parent / "suite"


@dataclasses.dataclass(frozen=True)
class Bug:
    """One member of the suite: a program, at one size."""

    program: str
    size: int | None
    about: str
    """Class of the bug."""
    kinds: tuple[str, ...]
    """What the finding may be called."""
    detected: str | None
    """What a detector calls it on executions that end well."""
    memory: bool
    """Memory accesses must be scheduling points."""

    @property
    def name(self) -> str:
        return self.program if self.size is None else f"{self.program} {self.size}"

    def command(self, build: pathlib.Path, correct: bool = False) -> list[str]:
        path = build / "tests" / "programs" / (self.program + ("-correct" if correct else ""))
        return [str(path)] + ([] if self.size is None else [str(self.size)])


@dataclasses.dataclass(frozen=True)
class Hunt:
    """How one hunt ended."""

    code: int
    """Exit code of lockcheck; -1 when it did not end in its time."""
    schedules: int
    """How many there were; with a finding, its number."""
    kind: str | None
    """Of the first finding."""
    complete: bool
    """Every interleaving was explored."""
    seconds: float
    text: str
    """What lockcheck printed, when it failed."""


def read(source: pathlib.Path) -> list[Bug]:
    """The members of the suite that one file is."""
    text = source.read_text()
    head = text[: text.index("#include")]

    def value(word: str) -> str | None:
        found = re.search(rf"^(?: \*|//) {word}: (.*)$", head, re.MULTILINE)
        return found.group(1) if found else None

    about, kinds, correct, sizes, points = (value(word) for word in ("Class", "Finding", "Correct", "Sizes", "Points"))
    detected = value("Detected")
    if not about or not kinds or not correct or points not in (None, "memory"):
        raise ValueError(f"{source}: its comment needs the lines Class, Finding and Correct; Points may be memory")
    return [
        Bug(source.stem, size, about, tuple(kinds.split()), detected, points == "memory")
        for size in ([int(word) for word in sizes.split()] if sizes else [None])
    ]


@functools.cache
def bugs() -> tuple[Bug, ...]:
    """All of the suite, by name."""
    return tuple(bug for source in sorted(SOURCES.iterdir()) for bug in read(source))


def explore(
    bug: Bug,
    build: pathlib.Path,
    strategy: str | None,
    seed: int,
    schedules: int,
    *,
    correct: bool = False,
    seconds: float = 60.0,
    out: pathlib.Path | None = None,
) -> Hunt:
    """Hunt once, with one job, so that the number of the first finding counts the schedules before it.

    A bug counts when it strikes; detectors, which find many before, are to be silent on correct versions only.
    Without a strategy lockcheck takes its own choice. What it writes stays in `out` where that is given.
    """
    with tempfile.TemporaryDirectory(prefix="lockcheck-suite-") as directory:
        out = out or pathlib.Path(directory) / "out"
        words = [str(build / "bin" / "lockcheck"), "explore", "--quiet", "--out", str(out), "--jobs", "1"]
        words += ["--seed", str(seed), "--schedules", str(schedules), "--time", str(seconds)]
        words += ["--strategy", strategy] if strategy else []
        words += ["--points", "memory"] if bug.memory else []
        words += [] if correct else ["--detect", "livelock" if "livelock" in bug.kinds else "none"]
        try:
            done = subprocess.run(
                [*words, "--", *bug.command(build, correct)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=seconds + 60,
            )
        except subprocess.TimeoutExpired:
            return Hunt(-1, 0, None, False, seconds, f"still running: {' '.join(words)}")
        if done.returncode not in (0, 1):
            return Hunt(done.returncode, 0, None, False, 0.0, done.stdout)
        result = json.loads((out / "result.json").read_text())
        finding = result["findings"][0] if result["findings"] else None
        return Hunt(
            done.returncode,
            finding["first_schedule"] if finding else result["schedules"],
            finding["kind"] if finding else None,
            bool(result.get("complete")),
            result["seconds"],
            done.stdout,
        )
