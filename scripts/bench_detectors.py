# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/bench detectors: what lockcheck, Helgrind, DRD and ThreadSanitizer find in the same programs.

Each program and its correct version is run a few times under each tool, and for some schedules under lockcheck, which take
it less time: the table says how long each tool took for all of them. A tool has found a bug when it reports anything about
the program; with lockcheck it must be what the program's comment says, and where that names what executions show which end
well, nothing else. Anything that it reports about the correct version is a false alarm. Then the time that a program without
races takes under each, and natively under lockcheck.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence

import suite

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "tests" / "programs"
TOOLS = ("lockcheck", "helgrind", "drd", "tsan")
TITLES = {"lockcheck": "lockcheck", "helgrind": "Helgrind", "drd": "DRD", "tsan": "ThreadSanitizer"}
KINDS = ("data-race", "lock-order", "lock-misuse")

VALGRIND_SAYS = 99
TSAN_SAYS = 66
SECONDS = 15.0
"""After which an execution is ended; it is then one that got stuck, and what was reported until then counts."""
SCHEDULES = 100
"""Under lockcheck, of each program."""
MORE_SCHEDULES = 10_000
"""Of those that none of the tools finds: how rare is what they need?"""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A program with a bug."""

    name: str
    source: pathlib.Path
    folder: str
    """Where its build by lockcheck-cc is, in tests/programs."""
    arguments: tuple[str, ...]
    kinds: tuple[str, ...]
    """What lockcheck may call it; of one that is to be found on executions that end well, what it is called there."""
    detected: bool
    """It is to be found on executions that end well."""
    memory: bool
    """It lies between memory accesses."""


def subjects() -> list[Subject]:
    found = []
    for source in sorted((PROGRAMS / "detectors").glob("*.c*")):
        kind = re.search(r"^(?: \*|//) Finding: (\S+)$", source.read_text(), re.MULTILINE)
        if kind and kind.group(1) in KINDS:
            found.append(Subject(source.stem, source, "detectors", (), (kind.group(1),), True, False))
    for bug in suite.bugs():
        source = next((PROGRAMS / "suite").glob(bug.program + ".c*"))
        kinds = (bug.detected,) if bug.detected else bug.kinds
        arguments = () if bug.size is None else (str(bug.size),)
        found.append(Subject(bug.name, source, "memory/suite", arguments, kinds, bug.detected is not None, bug.memory))
    return found


def build(directory: pathlib.Path, source: pathlib.Path, correct: bool, tsan: bool) -> pathlib.Path:
    program = directory / f"{source.stem}{'-correct' if correct else ''}{'-tsan' if tsan else ''}"
    cxx = source.suffix == ".cpp"
    words = ["g++", "-std=gnu++20"] if cxx else ["gcc", "-std=gnu17"]
    words += ["-g", "-O1", "-pthread", "-w", "-D_GNU_SOURCE", f"-DCORRECT={int(correct)}", "-I", PROGRAMS]
    words += ["-I", ROOT / "lockcheck" / "include", *(["-fsanitize=thread"] if tsan else []), source, "-o", program, "-lm"]
    subprocess.run(words, check=True)
    return program


def command(tool: str, program: Sequence[object]) -> list[object]:
    if tool == "tsan":
        # Its shadow memory does not go with every way in which addresses can be randomised.
        return ["setarch", "-R", *program]
    if tool in ("helgrind", "drd"):
        return ["valgrind", "-q", f"--tool={tool}", f"--error-exitcode={VALGRIND_SAYS}", *program]
    return list(program)


def run_once(tool: str, program: Sequence[object]) -> tuple[bool, bool]:
    """Does it report anything, and does it end?"""
    environment = {**os.environ, "TSAN_OPTIONS": f"exitcode={TSAN_SAYS} detect_deadlocks=1"}
    words = [str(word) for word in command(tool, program)]
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        try:
            code = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=SECONDS, env=environment
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        log.seek(0)
        text = log.read()
    if tool == "tsan":
        return code == TSAN_SAYS or "WARNING: ThreadSanitizer" in text, code is not None
    # A program that crashes or hangs ends without Valgrind's exit code.
    said = re.search(r"^==\d+== .*(data race|lock order|Exiting thread|mutex|rwlock)", text, re.M)
    return code == VALGRIND_SAYS or bool(said), code is not None


def reports(tool: str, program: Sequence[object], runs: int) -> bool:
    """In one of some executions; one that gets stuck is the last, since others would likely be no different."""
    for _ in range(runs):
        said, ended = run_once(tool, program)
        if said or not ended:
            return said
    return False


def findings_of_lockcheck(
    lockcheck: pathlib.Path, program: Sequence[object], memory: bool, kinds: Sequence[str], schedules: int = SCHEDULES
) -> list[dict]:
    with tempfile.TemporaryDirectory(prefix="lockcheck-bench-") as directory:
        words = [lockcheck, "explore", "--quiet", "--out", f"{directory}/out", "--jobs", 1, "--keep-going"]
        words += ["--schedules", schedules, "--points", "memory" if memory else "sync", "--", *program]
        done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"exit code {done.returncode} from {' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
        found = json.loads(pathlib.Path(directory, "out", "result.json").read_text())["findings"]
    return [finding for finding in found if not kinds or finding["kind"] in kinds]


@dataclasses.dataclass
class Row:
    subject: Subject
    found: dict[str, bool]
    alarms: dict[str, bool]
    seconds: dict[str, float]
    """That each tool took."""
    rare: str = ""
    """Of what none has found: how many of more schedules show it under lockcheck."""


def how_rare(findings: list[dict]) -> str:
    if not findings:
        return "none"
    first = min(finding["first_schedule"] for finding in findings)
    return f"{sum(finding['count'] for finding in findings)}, the first is number {first}"


def look_at(subject: Subject, directory: pathlib.Path, build_directory: pathlib.Path, runs: int) -> Row:
    found, alarms, seconds, rare = {}, {}, dict.fromkeys(TOOLS, 0.0), ""
    for correct, into in ((False, found), (True, alarms)):
        suffix = "-correct" if correct else ""
        ours = build_directory / "tests" / "programs" / subject.folder / (subject.source.stem + suffix)
        kinds = () if correct else subject.kinds
        lockcheck = build_directory / "bin" / "lockcheck"
        own = directory / subject.name.replace(" ", "-")
        own.mkdir(exist_ok=True)
        plain, tsan = (build(own, subject.source, correct, tool) for tool in (False, True))
        for tool in TOOLS:
            begin = time.monotonic()
            if tool == "lockcheck":
                into[tool] = bool(findings_of_lockcheck(lockcheck, [ours, *subject.arguments], subject.memory, kinds))
            else:
                into[tool] = reports(tool, [tsan if tool == "tsan" else plain, *subject.arguments], runs)
            seconds[tool] += time.monotonic() - begin
        if not correct and not any(found.values()):
            command = [ours, *subject.arguments]
            rare = how_rare(findings_of_lockcheck(lockcheck, command, subject.memory, kinds, MORE_SCHEDULES))
    return Row(subject, found, alarms, seconds, rare)


HEAVY = {"ledger": 60_000, "busy_map": 50_000}
"""Programs without races that do little but access memory and take locks; how much."""
NATIVELY = 20
"""So many times as much, so that natively it is not the start of the command that takes the time."""


def slowdowns(directory: pathlib.Path, build_directory: pathlib.Path, name: str, rounds: int) -> dict[str, tuple[float, float]]:
    """Of each tool, and of native runs under lockcheck, how many times as long it takes, and how much processor time."""
    source = ROOT / "tests" / "bench" / f"{name}.c"
    ours = directory / f"{name}-lockcheck"
    subprocess.run([build_directory / "bin" / "lockcheck-cc", "-g", "-O1", "-pthread", source, "-o", ours], check=True)
    plain = build(directory, source, True, False)
    run = [build_directory / "bin" / "lockcheck", "run", "--quiet", "--out", directory / "out"]
    amount = HEAVY[name]
    commands: dict[str, list[object]] = {
        "plain": [plain, amount],
        "lockcheck": [*run, "--detect", "data-race", "--", ours, amount],
        "helgrind": command("helgrind", [plain, amount]),
        "drd": command("drd", [plain, amount]),
        "tsan": command("tsan", [build(directory, source, True, True), amount]),
        "plain for long": [plain, NATIVELY * amount],
        "native": [*run, "--native", "--", plain, NATIVELY * amount],
    }
    times: dict[str, list[tuple[float, float]]] = {tool: [] for tool in commands}
    for _ in range(rounds):
        for tool, words in commands.items():
            before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)
            after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            times[tool].append((end - begin, processor))
    medians = {tool: tuple(statistics.median(one[i] for one in taken) for i in range(2)) for tool, taken in times.items()}
    beside = dict.fromkeys(TOOLS, "plain") | {"native": "plain for long"}
    return {tool: (medians[tool][0] / medians[it][0], medians[tool][1] / medians[it][1]) for tool, it in beside.items()}


def bench(build_directory: pathlib.Path, only: Sequence[str], runs: int, rounds: int) -> list[str]:
    """Prints as it goes; gives the lines for the document."""
    if not shutil.which("valgrind"):
        raise RuntimeError("valgrind is not installed: scripts/setup --list")
    chosen = [it for it in subjects() if not only or it.name in only or it.source.stem in only]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="lockcheck-bench-") as temporary:
        directory = pathlib.Path(temporary)
        slow = {name: slowdowns(directory, build_directory, name, rounds) for name in HEAVY}
        for name, of_tools in slow.items():
            print(f"{name:28}" + "".join(f"{elapsed:9.1f} {cpu:8.1f}" for elapsed, cpu in of_tools.values()), flush=True)
        print(f"{'':28}" + "".join(f"{TITLES[tool]:>18}" for tool in TOOLS), flush=True)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for row in pool.map(lambda it: look_at(it, directory, build_directory, runs), chosen):
                rows.append(row)
                words = [
                    ("found" if row.found[tool] else "-") + (" FALSE ALARM" if row.alarms[tool] else "") for tool in TOOLS
                ]
                print(f"{row.subject.name:28}" + "".join(f"{word:>18}" for word in words), row.rare, flush=True)
    return table(rows, slow, runs)


def table(rows: list[Row], slow: dict[str, dict[str, tuple[float, float]]], runs: int) -> list[str]:
    detected = [row for row in rows if row.subject.detected]
    missed = [row.subject.name for row in rows if not row.found["lockcheck"] and any(row.found.values())]

    def line(what: str, text) -> str:
        return f"| {what} | " + " | ".join(text(tool) for tool in TOOLS) + " |"

    lines = [
        f"{len(detected)} programs with a race, a wrong order or a misuse that executions show which end well, and"
        f" {len(rows) - len(detected)} with other bugs of concurrency. {SCHEDULES} schedules of each under lockcheck, {runs}"
        " executions under the others.",
        "",
        "| | " + " | ".join(TITLES[tool] for tool in TOOLS) + " |",
        "| --- |" + " ---: |" * len(TOOLS),
    ]
    for kind in KINDS:
        of_kind = [row for row in detected if kind in row.subject.kinds]
        lines.append(line(f"{kind}: found of {len(of_kind)}", lambda tool: str(sum(row.found[tool] for row in of_kind))))
    others = [row for row in rows if not row.subject.detected]
    lines.append(line(f"other bugs: reports on {len(others)}", lambda tool: str(sum(row.found[tool] for row in others))))
    lines.append(line(f"false alarms on {len(rows)} correct versions", lambda t: str(sum(row.alarms[t] for row in rows))))
    lines.append(line("seconds for all of them", lambda tool: f"{sum(row.seconds[tool] for row in rows):.0f}"))
    for name, of_tools in slow.items():
        lines.append(line(f"`{name}`: times as long", lambda tool: f"{of_tools[tool][0]:.1f}"))
        lines.append(line(f"`{name}`: times the processor time", lambda tool: f"{of_tools[tool][1]:.1f}"))
        natively = "{:.2f} and {:.2f}".format(*of_tools["native"])
        lines.append(line(f"`{name}`: the same two of `run --native`", lambda t: natively if t == "lockcheck" else ""))
    lines += ["", "Found by another tool and not by lockcheck: " + (", ".join(missed) or "nothing") + ".", ""]
    lines += [f"| found by none | schedules of {MORE_SCHEDULES} under lockcheck that show it |", "| --- | --- |"]
    lines += [f"| {row.subject.name} | {row.rare} |" for row in rows if not any(row.found.values())] + [""]
    lines += ["| program | " + " | ".join(TITLES[tool] for tool in TOOLS) + " |", "| --- |" + " --- |" * len(TOOLS)]
    for row in rows:
        if row.subject.detected or any(row.found.values()) or any(row.alarms.values()):
            words = {t: ("found" if row.found[t] else "-") + (", false alarm" if row.alarms[t] else "") for t in TOOLS}
            lines.append(line(row.subject.name, lambda tool: words[tool]))
    return lines
