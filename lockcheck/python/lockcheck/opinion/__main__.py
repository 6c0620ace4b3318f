# SPDX-License-Identifier: GPL-2.0-or-later
"""`python3 -m lockcheck.opinion TOOL DIR`: what the report of a tool in that directory says, as JSON."""

from __future__ import annotations

import json
import pathlib
import sys

from lockcheck.opinion import TOOLS, read

if __name__ == "__main__":
    _, tool, directory = sys.argv
    assert tool in TOOLS, tool
    json.dump(read(tool, pathlib.Path(directory)), sys.stdout)
