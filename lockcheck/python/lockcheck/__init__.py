# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of the `lockcheck` command as Python objects, and their renderers.

    import lockcheck
    result = lockcheck.load("lockcheck.out")
    for finding in result.findings:
        print(finding.kind, finding.summary)
"""

from lockcheck.command import CommandError, explore, replay
from lockcheck.result import Edge, Event, Finding, Input, Object, Result, ResultError, Thread, load

__version__ = "0.1.0"

__all__ = [
    "CommandError",
    "Edge",
    "Event",
    "Finding",
    "Input",
    "Object",
    "Result",
    "ResultError",
    "Thread",
    "explore",
    "load",
    "replay",
]
