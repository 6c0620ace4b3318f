# SPDX-License-Identifier: GPL-2.0-or-later
"""`lockcheck compare`: what lockcheck and checkers of other projects find in one program, side by side.

    run        one execution under lockcheck's scheduler, with all its detectors
    explore    many, until one ends with a finding; without detectors
    detect     many with all detectors, going on after findings
    helgrind, drd      natively under Valgrind
    tsan       natively, the build with ThreadSanitizer

The program also runs plainly, for the time that it takes by itself. Each tool's results go to a directory of its
name, and the comparison to compare.json; `lockcheck compare DIR...` makes one table of several of these.

Two findings of different tools count as one when they are of one kind and have a line of source code in common, of the
lines where each of their stacks enters the program's own code. That is a help for the eye and no proof.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from lockcheck.render import graph
from lockcheck.result import Finding, Result, ResultError, load

TOOLS = ("run", "explore", "detect", "helgrind", "drd", "tsan")
FILE = "compare.json"
VERSION = 1
TIMEOUT = 60.0
# A run that is shorter is repeated, and the shortest of its times counts.
SHORT = 1.0
REPEATS = 3
# What a tool may take above the time for the program: reading debug information, replaying, writing.
GRACE = 60.0

CLEAN, FINDING, USAGE, FAILED = range(4)


@dataclasses.dataclass
class Row:
    """What one tool has come to."""

    tool: str
    verdict: str
    """clean, finding or error; "not run" when the tool is not there or cannot run the program."""
    seconds: float
    runs: int
    slowdown: float | None
    """Of one run, against the plain program."""
    message: str
    findings: list[Finding]


class Refused(Exception):
    """Wrong usage, or input that cannot be used."""


# ---- places ----


def places(finding: Finding) -> list[str]:
    """The lines that the finding is about, the most telling first."""
    concerned = [t for t in finding.threads if graph.mentions(finding.summary, t.name) and t.stack]
    running = [t for t in finding.threads if t.state == "running"]
    stacks = [t.stack for t in (running + concerned or finding.threads)] + [item.stack for item in finding.stacks]
    found = [next((line for line in stack if re.search(r" \(.+:\d+\)$", line)), "") for stack in stacks]
    return list(dict.fromkeys(line for line in found if line))


def matrix(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Findings of all tools, each once, with what each tool says of it."""
    entries: list[dict[str, Any]] = []
    for row in rows:
        for finding in row.findings:
            lines = places(finding)
            known = next((e for e in entries if e["kind"] == finding.kind and set(e["places"]) & set(lines)), None)
            if known is None and not lines:
                known = next((e for e in entries if e["kind"] == finding.kind and not e["places"]), None)
            if known is None:
                known = {"kind": finding.kind, "places": [], "tools": {}}
                entries.append(known)
            known["places"] += [line for line in lines if line not in known["places"]]
            known["tools"].setdefault(row.tool, []).append({"id": finding.id, "summary": finding.summary})
    return entries


# ---- running ----


def plain(program: Sequence[str], timeout: float, output: pathlib.Path) -> dict[str, Any]:
    """The program by itself: the shortest of its times in seconds, and how it ended; null when it did not."""
    best: float | None = None
    status: int | None = None
    for _ in range(REPEATS):
        began = time.monotonic()
        try:
            with open(output, "wb") as file:
                status = subprocess.run(
                    program, stdin=subprocess.DEVNULL, stdout=file, stderr=file, timeout=timeout, check=False
                ).returncode
        except subprocess.TimeoutExpired:
            return {"seconds": best, "status": None}
        except OSError as error:
            raise Refused(f"{program[0]}: {error.strerror}") from error
        seconds = time.monotonic() - began
        best = seconds if best is None else min(best, seconds)
        if seconds >= SHORT:
            break
    return {"seconds": best, "status": status}


def words_of(tool: str, options: argparse.Namespace) -> list[str]:
    """The command line of a tool, without the program."""
    budget = [word for name in ("schedules", "time") if getattr(options, name) is not None
              for word in (f"--{name}", f"{getattr(options, name)}")]
    seed = ["--seed", str(options.seed)]
    if options.memory_program:
        budget += ["--points", "auto"]
    return {
        "run": ["run", "--detect", "all", *seed],
        "explore": ["explore", "--detect", "none", *seed, *budget],
        "detect": ["explore", "--detect", "all", "--keep-going", *seed, *budget],
        "helgrind": ["run", "--valgrind", "helgrind", "--timeout", f"{options.timeout:g}"],
        "drd": ["run", "--valgrind", "drd", "--timeout", f"{options.timeout:g}"],
        "tsan": ["run", "--tsan", "--timeout", f"{options.timeout:g}"],
    }[tool]


def program_of(tool: str, options: argparse.Namespace) -> list[str]:
    first, *others = options.operands
    if tool == "tsan":
        return [options.tsan_program, *others]
    if tool in ("run", "explore", "detect"):
        return [options.memory_program or first, *others]
    return [first, *others]


def run_tool(tool: str, options: argparse.Namespace, plain_seconds: float | None) -> Row:
    directory = options.out / tool
    command = [options.command, *words_of(tool, options), "--quiet", "--out", str(directory), "--"]
    limit = max(options.timeout, options.time or TIMEOUT) + GRACE
    with open(options.out / f"{tool}.output", "w+b") as file:
        process = subprocess.Popen(
            [*command, *program_of(tool, options)], stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
        try:
            code = process.wait(limit)
        except (subprocess.TimeoutExpired, KeyboardInterrupt) as reason:
            process.send_signal(signal.SIGINT)
            code = process.wait()
            if isinstance(reason, KeyboardInterrupt):
                raise
        file.seek(0)
        said = [line for line in file.read().decode(errors="replace").splitlines() if line.startswith("lockcheck: ")]
    message = said[-1].removeprefix("lockcheck: ") if said else f"exit code {code}"
    result: Result | None = None
    if code not in (USAGE, 127):
        try:
            result = load(directory)
        except ResultError as error:
            message = str(error)
    if result is None:
        return Row(tool, "not run", 0.0, 0, None, message, [])
    if result.error is not None:
        message = result.error.summary
    elif result.verdict != "error":
        message = ""
    runs = max(result.schedules, 1)
    slowdown = result.seconds / runs / plain_seconds if plain_seconds else None
    return Row(tool, result.verdict, result.seconds, result.schedules, slowdown, message, result.findings)


def open_directory(path: pathlib.Path) -> None:
    try:
        path.mkdir(exist_ok=True)
        others = [entry.name for entry in path.iterdir()]
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; --out names the directory for results") from error
    if others and FILE not in others:
        raise Refused(f"{path} holds something that is not of lockcheck compare; name another directory with --out")
    write(path, {"version": VERSION, "tools": [], "findings": [], "program": [], "unfinished": True})


def write(directory: pathlib.Path, content: dict[str, Any]) -> None:
    new = directory / f"{FILE}.new"
    new.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(new, directory / FILE)


def chosen(options: argparse.Namespace) -> list[str]:
    if options.tools is None:
        return [tool for tool in TOOLS if tool != "detect" and (tool != "tsan" or options.tsan_program)]
    names = options.tools.split(",")
    for name in names:
        if name not in TOOLS:
            raise Refused(f"--tools: there is no {name or 'empty name'}; there are: {', '.join(TOOLS)}")
    if "tsan" in names and not options.tsan_program:
        raise Refused("--tools tsan needs --tsan-program FILE, the program built with -fsanitize=thread")
    return list(dict.fromkeys(names))


def compare(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    tools = chosen(options)
    open_directory(options.out)
    alone = plain(options.operands, options.timeout, options.out / "plain.output")
    rows = []
    for tool in tools:
        if not options.quiet and sys.stderr.isatty():
            print(f"lockcheck: {tool} ...", file=sys.stderr)
        rows.append(run_tool(tool, options, alone["seconds"]))
    content = {
        "version": VERSION,
        "program": options.operands,
        "plain": alone,
        "tools": [
            {
                "tool": row.tool,
                "verdict": row.verdict,
                "findings": len(row.findings),
                "seconds": row.seconds,
                "runs": row.runs,
                "slowdown": row.slowdown,
                "message": row.message,
                "directory": row.tool,
            }
            for row in rows
        ],
        "findings": matrix(rows),
    }
    write(options.out, content)
    return content, code_of([content])


def code_of(comparisons: Sequence[dict[str, Any]]) -> int:
    tools = [tool for content in comparisons for tool in content["tools"]]
    if any(tool["verdict"] == "finding" for tool in tools):
        return FINDING
    return FAILED if any(tool["verdict"] not in ("clean", "finding") for tool in tools) else CLEAN


def read(directory: str) -> dict[str, Any]:
    path = pathlib.Path(directory) / FILE
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; a directory of an earlier lockcheck compare is expected") from error
    except (ValueError, RecursionError) as error:
        raise Refused(f"{path}: damaged, not JSON: {error}") from error
    if not isinstance(content, dict) or content.get("version") != VERSION or content.get("unfinished"):
        raise Refused(f"{path}: not a whole comparison of this version")
    return content


# ---- showing ----


def table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    return [
        "  " + "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]


def seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def times(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}x" if value < 100 else f"{value:.0f}x"


def verdict_of(tool: dict[str, Any]) -> str:
    number = tool["findings"]
    return f"{number} finding{'' if number == 1 else 's'}" if tool["verdict"] == "finding" else tool["verdict"]


def text_of_one(content: dict[str, Any]) -> list[str]:
    alone = content["plain"]
    ended = "did not end" if alone["status"] is None else f"exit code {alone['status']}"
    if alone["status"] is not None and alone["status"] < 0:
        ended = f"signal {-alone['status']}"
    rows = [["tool", "verdict", "runs", "time", "a run", "slowdown"]]
    rows.append(["plain", ended, "1", seconds(alone["seconds"]), seconds(alone["seconds"]), ""])
    for tool in content["tools"]:
        each = tool["seconds"] / tool["runs"] if tool["runs"] else None
        ran = seconds(tool["seconds"]) if tool["runs"] else ""
        rows.append([tool["tool"], verdict_of(tool), str(tool["runs"] or ""), ran, seconds(each), times(tool["slowdown"])])
    lines = [" ".join(content["program"]), "", *table(rows, (2, 3, 4, 5))]
    lines += [f"  {tool['tool']}: {tool['message']}" for tool in content["tools"] if tool["message"]]
    if content["findings"]:
        names = [tool["tool"] for tool in content["tools"]]
        rows = [["kind", "place", *names]]
        for entry in content["findings"]:
            found = ["found" if name in entry["tools"] else "-" for name in names]
            rows.append([entry["kind"], entry["places"][0] if entry["places"] else "", *found])
        lines += ["", *table(rows)]
    return lines


def text_of_many(comparisons: Sequence[dict[str, Any]]) -> list[str]:
    names = [name for name in TOOLS if any(tool["tool"] == name for c in comparisons for tool in c["tools"])]
    rows = [["program", *names]]
    for content in comparisons:
        by_name = {tool["tool"]: tool for tool in content["tools"]}
        cells = [
            f"{verdict_of(by_name[name])} {times(by_name[name]['slowdown'])}".rstrip() if name in by_name else ""
            for name in names
        ]
        first, *others = content["program"]
        rows.append([" ".join([os.path.basename(first), *others]), *cells])
    return table(rows)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lockcheck compare", allow_abbrev=False)
    parser.add_argument("--command", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--format", default="text")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schedules", type=int)
    parser.add_argument("--time", type=float)
    parser.add_argument("--timeout", type=float, default=TIMEOUT)
    parser.add_argument("--tools")
    parser.add_argument("--tsan-program")
    parser.add_argument("--memory-program")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("operands", nargs="+")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    try:
        if options.format not in ("text", "json"):
            raise Refused(f"--format {options.format}: text or json is expected")
        if os.path.isdir(options.operands[0]):
            comparisons = [read(directory) for directory in options.operands]
            code = code_of(comparisons)
            shown: Any = comparisons
            lines = text_of_many(comparisons)
        else:
            shown, code = compare(options)
            lines = text_of_one(shown)
    except Refused as error:
        print(f"lockcheck: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    if options.quiet:
        return code
    try:
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        print(json.dumps(shown, indent=2) if options.format == "json" else "\n".join(lines), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


if __name__ == "__main__":
    sys.exit(main())
