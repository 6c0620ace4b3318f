# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit's XML as build servers read it: one test suite, in which each finding is a test case that failed.

The form is what both the schema of Jenkins' xunit plugin and that of Ant's JUnit task take. Without findings there is
one test case, which passed. The text of a failure is the report.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
import xml.etree.ElementTree as ElementTree
from xml.etree.ElementTree import Element, SubElement

from lockcheck.render import text
from lockcheck.render.style import Style
from lockcheck.result import Finding, Result

# Characters that XML 1.0 has no way to write.
UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(result: Result, style: Style) -> str:
    cases = [(finding, "failure") for finding in result.findings]
    if result.error or result.verdict == "error":
        cases.append((result.error, "error"))
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite", _fit(_attributes(result, cases)))
    properties = SubElement(suite, "properties")
    for name in ("strategy", "seed", "schedules", "steps", "execution_hash"):
        SubElement(properties, "property", _fit({"name": name, "value": str(getattr(result, name)) or "none"}))
    program = os.path.basename(result.program[0]) if result.program else "program"
    seconds = result.seconds / max(len(cases), 1)
    for finding, outcome in cases or [(None, "")]:
        title = f"{finding.kind}: {finding.id}" if finding and finding.id else finding.kind if finding else "explored"
        case = SubElement(suite, "testcase", _fit({"name": title, "classname": program, "time": f"{seconds:.3f}"}))
        if outcome:
            message = finding.summary if finding else "not checked"
            kind = finding.kind if finding else "error"
            failure = SubElement(case, outcome, _fit({"message": message, "type": kind}))
            failure.text = UNFIT.sub("\ufffd", _report(result, finding)) if finding else None
    SubElement(suite, "system-out").text = UNFIT.sub("\ufffd", " ".join(result.program))
    SubElement(suite, "system-err")
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _attributes(result: Result, cases: list[tuple[Finding | None, str]]) -> dict[str, str]:
    try:
        written = os.path.getmtime(result.directory / "result.json")
    except OSError:
        written = 0.0
    return {
        "name": "lockcheck",
        "package": "lockcheck",
        "id": "0",
        "hostname": platform.node() or "localhost",
        "timestamp": datetime.datetime.fromtimestamp(int(written)).isoformat(),
        "tests": str(max(len(cases), 1)),
        "failures": str(sum(outcome == "failure" for _, outcome in cases)),
        "errors": str(sum(outcome == "error" for _, outcome in cases)),
        "time": f"{result.seconds:.3f}",
    }


def _fit(attributes: dict[str, str]) -> dict[str, str]:
    return {name: UNFIT.sub("\ufffd", value) for name, value in attributes.items()}


def _report(result: Result, finding: Finding) -> str:
    return "\n".join(text.finding_lines(result, finding, Style())) + "\n"
