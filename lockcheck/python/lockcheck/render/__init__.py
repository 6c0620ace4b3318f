# SPDX-License-Identifier: GPL-2.0-or-later
"""One module per format. A renderer turns a Result into the whole text of the report."""

from __future__ import annotations

from collections.abc import Callable

from lockcheck.render import chrome, dot, html, json, junit, sarif, suppressions, text
from lockcheck.render.style import Style
from lockcheck.result import Result

RENDERERS: dict[str, Callable[[Result, Style], str]] = {
    "chrome": chrome.render,
    "dot": dot.render,
    "html": html.render,
    "json": json.render,
    "junit": junit.render,
    "sarif": sarif.render,
    "suppressions": suppressions.render,
    "text": text.render,
}
