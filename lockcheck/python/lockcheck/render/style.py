# SPDX-License-Identifier: GPL-2.0-or-later
"""How text is to look: plain and of a fixed width in a file, with colours and as wide as the window on a terminal.

Colours follow https://no-color.org: NO_COLOR with any value turns them off.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import textwrap
from typing import IO

PLAIN_WIDTH = 100
LEAST_WIDTH = 40
GREATEST_WIDTH = 140
COLOURS = ("auto", "always", "never")


@dataclasses.dataclass(frozen=True)
class Style:
    width: int = PLAIN_WIDTH
    colour: bool = False

    @staticmethod
    def for_stream(stream: IO[str], colour: str = "auto") -> Style:
        """colour: one of COLOURS; "auto" is for a terminal that knows colours and a user who wants them."""
        if not stream.isatty():
            return Style(colour=colour == "always")
        columns = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns
        wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
        coloured = colour == "always" or (colour == "auto" and wanted)
        return Style(min(max(columns, LEAST_WIDTH), GREATEST_WIDTH), coloured)

    def _marked(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.colour and text else text

    def strong(self, text: str) -> str:
        return self._marked("1", text)

    def alarm(self, text: str) -> str:
        return self._marked("1;31", text)

    def good(self, text: str) -> str:
        return self._marked("1;32", text)

    def thread(self, text: str) -> str:
        return self._marked("1;33", text)

    def object(self, text: str) -> str:
        return self._marked("1;36", text)

    def faint(self, text: str) -> str:
        return self._marked("2", text)

    def wrapped(self, text: str, indent: str = "", hanging: str | None = None) -> list[str]:
        """Prose in lines of at most the width. A word that is longer stays whole: it may be a path to copy."""
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=indent,
            subsequent_indent=indent if hanging is None else hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
