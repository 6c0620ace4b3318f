# SPDX-License-Identifier: GPL-2.0-or-later
"""One module per format. A renderer turns a Result into the whole text of the report."""

from __future__ import annotations

from collections.abc import Callable

from lockcheck.render import json, suppressions, text
from lockcheck.render.style import Style
from lockcheck.result import Result

RENDERERS: dict[str, Callable[[Result, Style], str]] = {
    "json": json.render,
    "suppressions": suppressions.render,
    "text": text.render,
}
