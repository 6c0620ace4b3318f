# SPDX-License-Identifier: GPL-2.0-or-later
"""Running the `lockcheck` command from Python.

    result = lockcheck.explore(["./server", "--selftest"], out="lockcheck.out", schedules=500)
    result.assert_clean()

The command is the one that LOCKCHECK names; else that of the installation which this package is of; else the first in
PATH.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import zlib
from collections.abc import Sequence

from lockcheck.result import Result, ResultError, load

Path = str | os.PathLike[str]

CLEAN, FINDING, USAGE, UNCONTROLLED = range(4)


class CommandError(Exception):
    """The command could not do what was asked. The message is what it said."""

    def __init__(self, message: str, code: int | None = None, result: Result | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.result = result
        """What it left, with an error in it, if it left anything."""


def path() -> str:
    """The command. Raises CommandError when there is none."""
    named = os.environ.get("LOCKCHECK")
    installed = pathlib.Path(__file__).resolve().parents[4] / "bin" / "lockcheck"
    found = named or (str(installed) if os.access(installed, os.X_OK) else shutil.which("lockcheck"))
    if not found or not os.access(found, os.X_OK):
        where = f"{named} (named by LOCKCHECK) cannot be run" if named else "it is not in PATH; LOCKCHECK names it"
        raise CommandError(f"the command lockcheck is missing: {where}")
    return found


def explore(
    program: Sequence[Path],
    *,
    out: Path,
    schedules: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    strategy: str | None = None,
    options: Sequence[str] = (),
    cwd: Path | None = None,
) -> Result:
    """Explore schedules of a program until one shows a finding or the budget is used up.

    options: further options of `lockcheck explore`, as they stand on a command line. Raises CommandError when the
    program could not be controlled, or the command could not be used so.
    """
    given = {"--schedules": schedules, "--time": seconds, "--seed": seed, "--strategy": strategy}
    words = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    return _run("explore", [*words, *options], ["--", *map(os.fspath, program)], out, cwd)


def replay(schedule: Path, *, out: Path, force: bool = False, cwd: Path | None = None) -> Result:
    """The execution of a schedule file again. force: also with another build of the program.

    Raises CommandError as explore() does, and when it is not the execution that was recorded.
    """
    return _run("replay", ["--force"] if force else [], [os.fspath(schedule)], out, cwd)


def _run(verb: str, options: Sequence[str], operands: Sequence[str], out: Path, cwd: Path | None) -> Result:
    command = [path(), verb, "--quiet", "--out", os.path.abspath(out), *options, *operands]
    process = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", cwd=cwd, check=False
    )
    said = process.stderr.strip()
    result = None
    if process.returncode in (CLEAN, FINDING, UNCONTROLLED):
        try:
            result = load(out)
        except ResultError as error:
            said = said or str(error)
    if process.returncode not in (CLEAN, FINDING) or result is None:
        ended = f"ended by signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
        raise CommandError(said or f"lockcheck {verb}: {ended}", process.returncode, result)
    return result


def rebased(schedule: Path, program: Sequence[Path], cwd: Path) -> str:
    """The text of a schedule file, for the program at another place: another checkout, another machine."""
    try:
        *lines, _ = pathlib.Path(schedule).read_text().splitlines()
    except (OSError, ValueError) as error:
        raise CommandError(f"{schedule}: {getattr(error, 'strerror', None) or 'no schedule'}", USAGE) from error
    argv = list(map(os.fspath, program))
    changed = {
        "program": os.path.join(os.path.abspath(cwd), argv[0]) if os.sep in argv[0] else shutil.which(argv[0]) or argv[0],
        "argv": argv,
        "cwd": os.path.abspath(cwd),
    }
    for number, line in enumerate(lines):
        name, colon, _ = line.partition(": ")
        if colon and name in changed:
            lines[number] = f"{name}: {json.dumps(changed.pop(name), ensure_ascii=False)}"
    text = "\n".join([*lines, ""])
    return f"{text}end crc32={zlib.crc32(text.encode()):08x}\n"
