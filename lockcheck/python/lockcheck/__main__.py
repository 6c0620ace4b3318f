# SPDX-License-Identifier: GPL-2.0-or-later
"""`python3 -m lockcheck report DIR --format FORMAT`: the part of the command that shows results.

Exit code: 0 shown; 2 wrong usage, or results that cannot be read.
"""

from __future__ import annotations

import argparse
import os
import sys

from lockcheck.render import RENDERERS
from lockcheck.render.style import Style
from lockcheck.result import ResultError, load


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lockcheck", description="Show the results of lockcheck.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="report")
    report = verbs.add_parser("report", help="show the results in a directory")
    report.add_argument("directory", metavar="DIR", help="the directory that run, explore or replay wrote")
    report.add_argument("--format", choices=sorted(RENDERERS), default="text", help="default: text")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    try:
        result = load(options.directory)
    except ResultError as error:
        print(f"lockcheck: {error}", file=sys.stderr)
        return 2
    # Names in a program may be anything; what the terminal cannot show must not stop the report.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        sys.stdout.write(RENDERERS[options.format](result, Style.for_stream(sys.stdout)))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"lockcheck: cannot write the report: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
