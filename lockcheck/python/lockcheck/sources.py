# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of stacks, and the source code around them as it is now."""

from __future__ import annotations

import dataclasses
import functools
import os
import re

AROUND = 3
# A file that is larger is no source code that anybody wrote.
LARGEST = 8 << 20


@dataclasses.dataclass(frozen=True)
class Frame:
    function: str
    file: str | None
    """As the stack names it: the last two parts of its path."""
    line: int
    path: str | None
    """The whole path, where it is known."""


def frame(text: str, sources: dict[str, str]) -> Frame:
    """A line of a stack: "function (file:line)", or as much of it as the debug information tells."""
    match = re.fullmatch(r"(.*) \((.+):(\d{1,9})\)", text, re.DOTALL)
    if not match:
        return Frame(text, None, 0, None)
    return Frame(match[1], match[2], int(match[3]), sources.get(match[2]))


@functools.lru_cache(maxsize=256)
def _lines(path: str) -> list[str] | None:
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
            return None
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().split("\n")
    except OSError:
        return None


def excerpt(place: Frame) -> list[tuple[int, str]]:
    """Numbered lines around the place. Empty when the file is not there, or has no such line."""
    lines = _lines(place.path) if place.path else None
    if not lines or not 1 <= place.line <= len(lines):
        return []
    first = max(place.line - AROUND, 1)
    return [(n, lines[n - 1]) for n in range(first, min(place.line + AROUND, len(lines)) + 1)]


def changed_since(path: str, time: float) -> bool:
    """The file is newer than that."""
    try:
        return os.path.getmtime(path) > time
    except OSError:
        return False
