# SPDX-License-Identifier: GPL-2.0-or-later
"""A suppression for each finding, to be named and pasted into a file for --suppressions."""

from __future__ import annotations

from lockcheck.render.style import Style
from lockcheck.result import Result


def render(result: Result, style: Style) -> str:
    return "".join(
        f"# {' '.join(finding.summary.split())}\n{finding.suppression}"
        for finding in result.findings
        if finding.suppression
    )
