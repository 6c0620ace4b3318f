# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as they are, indented."""

from __future__ import annotations

from json import dumps

from lockcheck.render.style import Style
from lockcheck.result import Result


def render(result: Result, style: Style) -> str:
    return dumps(result.raw, indent=2, ensure_ascii=False) + "\n"
