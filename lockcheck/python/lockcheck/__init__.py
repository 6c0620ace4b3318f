# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of the `lockcheck` command as Python objects, and their renderers.

    import lockcheck
    result = lockcheck.load("lockcheck.out")
    for finding in result.findings:
        print(finding.kind, finding.summary)
"""

from lockcheck.result import Edge, Event, Finding, Object, Result, ResultError, Thread, load

__all__ = ["Edge", "Event", "Finding", "Object", "Result", "ResultError", "Thread", "load"]
