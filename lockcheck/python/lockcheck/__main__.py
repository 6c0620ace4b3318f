# SPDX-License-Identifier: GPL-2.0-or-later
"""`python3 -m lockcheck report DIR --format FORMAT`: the part of the command that shows results.

Exit code: 0 shown; 2 wrong usage, results that cannot be read, or a file that cannot be written.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import IO

from lockcheck.render import RENDERERS
from lockcheck.render.style import COLOURS, Style
from lockcheck.result import Result, ResultError, load


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lockcheck", description="Show the results of lockcheck.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="report")
    report = verbs.add_parser("report", help="show the results in a directory")
    report.add_argument("directory", metavar="DIR", help="the directory that run, explore or replay wrote")
    report.add_argument("--format", choices=sorted(RENDERERS), default="text", help="default: text")
    report.add_argument("--output", "-o", metavar="FILE", default="-", help="default: standard output")
    report.add_argument("--color", choices=COLOURS, default="auto", help="of text; default: on a terminal")
    return parser.parse_args(argv)


def write(result: Result, form: str, color: str, output: IO[str]) -> None:
    # Names in a program may be anything; what the encoding cannot show must not stop the report.
    output.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    output.write(RENDERERS[form](result, Style.for_stream(output, color)))
    output.flush()


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    try:
        result = load(options.directory)
    except ResultError as error:
        print(f"lockcheck: {error}", file=sys.stderr)
        return 2
    try:
        if options.output == "-":
            write(result, options.format, options.color, sys.stdout)
        else:
            with open(options.output, "w", encoding="utf-8") as file:
                write(result, options.format, options.color, file)
    except BrokenPipeError:
        # The reader has seen enough. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        where = "the report" if options.output == "-" else options.output
        print(f"lockcheck: cannot write {where}: {error.strerror}", file=sys.stderr)
        if options.output == "-":
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
