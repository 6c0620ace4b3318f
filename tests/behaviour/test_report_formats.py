# SPDX-License-Identifier: GPL-2.0-or-later
"""`lockcheck report` in the formats that other tools read, and what is shown of results that are damaged.

The results are those of a small program, explored here, and of test_report.py, changed at will.
"""

from __future__ import annotations

import copy
import json
import os
import pathlib
import random
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest
from lxml import etree

from conftest import ROOT, run_command
from test_report import FINDING, RESULT, report

import lockcheck as package
from lockcheck import sources, steps, story
from lockcheck.render import RENDERERS, graph
from lockcheck.render.style import Style

SCHEMAS = pathlib.Path(__file__).parent / "schemas"
CHROME_SCHEMA = json.loads((SCHEMAS / "chrome-trace.json").read_text())
FORMATS = sorted(RENDERERS)

# One thread runs after the other, and the second is preempted where it holds devices.
STEPS: dict[str, Any] = {
    "version": 1,
    "steps": 41,
    "columns": ["step", "thread", "operation", "object", "switched", "time_ns"],
    "operations": ["nothing", "lock", "unlock", "wait", "signal", "time passes"],
    "threads": {"1": "reader", "2": "writer"},
    "objects": {"7": ["mutex", "devices"], "8": ["mutex", "routes"], "9": ["cond", "changed"]},
    "rows": [
        [12, 2, 3, 9, 0, 1000000],
        [30, 1, 1, 7, 1, 2000000],
        [31, 1, 4, 9, 0, 2000000],
        [32, 2, 1, 8, 2, 2000000],
        [40, 0, 5, 0, 1, 3000000],
        [41, 2, 1, 7, 1, 12345678],
    ],
}


@pytest.fixture
def written(results) -> Callable[..., pathlib.Path]:
    """written(finding, steps): results with that finding, and with those steps beside it."""

    def write(finding: dict[str, Any] = FINDING, recorded: Any = STEPS, name: str = "results") -> pathlib.Path:
        directory = results({**RESULT, "findings": [{**finding, "steps_file": "0017.steps.json"}]}, name)
        if recorded is not None:
            text = recorded if isinstance(recorded, str) else json.dumps(recorded)
            (directory / "0017.steps.json").write_text(text)
        return directory

    return write


@pytest.fixture
def explored(lockcheck, program, out) -> pathlib.Path:
    """The results of two threads that take two locks in two orders."""
    assert lockcheck("explore", "--quiet", "--detect", "none", "--", program("abba")).code == 1
    return out


def rendered(directory: pathlib.Path, form: str) -> str:
    outcome = report(directory, "--format", form)
    assert outcome.code == 0, outcome.text
    return outcome.stdout


# ---- dot ----


def test_graphviz_reads_the_graph_and_finds_its_cycle(written) -> None:
    canonical = subprocess.run(
        ["dot", "-Tplain"], input=rendered(written(), "dot"), capture_output=True, text=True, check=True
    ).stdout
    nodes = {line.split()[1]: line for line in canonical.splitlines() if line.startswith("node")}
    names = {node: re.search(r' "?([a-z]+)"? solid| "?([a-z]+)"? rounded', line) for node, line in nodes.items()}
    named = {node: next(filter(None, found.groups())) for node, found in names.items() if found}
    edges = {(named[line.split()[1]], named[line.split()[2]]) for line in canonical.splitlines() if line.startswith("edge")}
    cycle = {("reader", "routes"), ("routes", "writer"), ("writer", "devices"), ("devices", "reader")}
    assert edges == cycle | {("idle", "work")}
    red = {named[node] for node, line in nodes.items() if "#c62828" in line}
    assert red == {"reader", "routes", "writer", "devices"}


def test_names_with_marks_of_the_language_are_names_in_the_graph(written) -> None:
    finding = copy.deepcopy(FINDING)
    name = 'a "b\\N" &amp; {c} <d>'
    finding["graph"] = [{"from": "reader", "from_type": "thread", "to": name, "to_type": "object", "label": "waits for"}]
    svg = subprocess.run(
        ["dot", "-Tsvg"], input=rendered(written(finding), "dot"), capture_output=True, text=True, check=True
    ).stdout
    texts = [element.text for element in etree.fromstring(svg.encode()).iter("{*}text")]
    assert name in texts


def test_each_of_several_findings_is_a_cluster(results) -> None:
    directory = results({**RESULT, "findings": [FINDING, {**FINDING, "kind": "hang"}]})
    assert len(re.findall(r"subgraph cluster_", rendered(directory, "dot"))) == 2


# ---- SARIF ----


def check_sarif(text: str) -> dict[str, Any]:
    log = json.loads(text)
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(log, schema)
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        bases = set(re.findall(r'"uriBaseId": "(\w+)"', text))
        assert bases <= set(run.get("originalUriBaseIds", {}))
    return log


def test_sarif_is_valid_and_its_places_lead_to_the_sources(explored) -> None:
    log = check_sarif(rendered(explored, "sarif"))
    (run,) = log["runs"]
    (result,) = run["results"]
    assert result["ruleId"] == "deadlock"
    base = run["originalUriBaseIds"]["SRCROOT"]["uri"].removeprefix("file://")
    places = [location["physicalLocation"] for location in result["relatedLocations"]]
    lines = set()
    for place in places:
        path = pathlib.Path(base, place["artifactLocation"]["uri"])
        lines.add(path.read_text().splitlines()[place["region"]["startLine"] - 1].strip())
        assert place["artifactLocation"]["uriBaseId"] == "SRCROOT"
    assert {"pthread_mutex_lock(&ledger_lock);", "pthread_mutex_lock(&accounts_lock);"} <= lines
    flows = result["codeFlows"][0]["threadFlows"]
    calls = [step["location"]["logicalLocations"][0]["name"] for step in flows[0]["locations"]]
    assert calls[-1] == "pthread_mutex_lock", "the innermost call comes last"


def test_sarif_tells_of_an_execution_that_could_not_be_controlled(results) -> None:
    error = {"kind": "uncontrolled", "summary": "it blocks in read()", "threads": [FINDING["threads"][2]]}
    log = check_sarif(rendered(results({**RESULT, "verdict": "error", "findings": [], "error": error}), "sarif"))
    invocation = log["runs"][0]["invocations"][0]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == "it blocks in read()"


# ---- JUnit ----


def check_junit(text: str) -> etree._Element:
    document = etree.fromstring(text.encode())
    etree.XMLSchema(etree.parse(str(SCHEMAS / "junit.xsd"))).assertValid(document)
    (suite,) = document
    assert int(suite.get("tests")) == len(suite.findall("testcase"))
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
    return suite


def test_junit_has_a_failed_test_with_the_report_for_each_finding(explored) -> None:
    suite = check_junit(rendered(explored, "junit"))
    (failure,) = suite.findall("testcase/failure")
    assert failure.get("type") == "deadlock"
    assert "Who waits for whom" in failure.text
    assert suite.find("testcase").get("classname") == "abba"


def test_junit_has_a_passed_test_when_nothing_was_found(results) -> None:
    suite = check_junit(rendered(results({**RESULT, "verdict": "clean", "findings": []}), "junit"))
    (case,) = suite.findall("testcase")
    assert len(case) == 0


def test_junit_has_an_error_when_nothing_could_be_checked(results) -> None:
    raw = {**RESULT, "verdict": "error", "findings": [], "error": {"kind": "uncontrolled", "summary": "it reads"}}
    (error,) = check_junit(rendered(results(raw), "junit")).findall("testcase/error")
    assert error.get("message") == "it reads"


def test_junit_takes_characters_that_xml_does_not_have(written) -> None:
    check_junit(rendered(written({**FINDING, "summary": "a\0b\x1b[1m\uffff\ud800"}), "junit"))


# ---- Chrome ----


def check_chrome(text: str) -> list[dict[str, Any]]:
    """The schema, and the rules of Chrome's trace event format that readers rely on and a schema cannot say."""
    trace = json.loads(text)
    jsonschema.validate(trace, CHROME_SCHEMA)
    events = trace["traceEvents"]
    tracks = {(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name"}
    slices: dict[tuple[int, int], list[tuple[int, int]]] = {}
    arrows: dict[int, list[dict[str, Any]]] = {}
    for event in events:
        assert event["ph"] in "MXsfi" and type(event["pid"]) is int and type(event["tid"]) is int
        assert event["ph"] == "M" or (type(event["ts"]) is int and (event["pid"], event["tid"]) in tracks)
        if event["ph"] == "X":
            slices.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
        elif event["ph"] in "sf":
            arrows.setdefault(event["id"], []).append(event)
    for track in slices.values():
        assert all(before[1] <= after[0] for before, after in zip(track, track[1:])), "slices overlap"
    for arrow in arrows.values():
        start, end = arrow
        assert (start["ph"], end["ph"]) == ("s", "f") and start["ts"] < end["ts"] and start["tid"] != end["tid"]
        for event in arrow:
            assert any(a <= event["ts"] < b for a, b in slices[event["pid"], event["tid"]]), "an arrow without a slice"
    return events


def test_chrome_shows_each_step_on_the_track_of_its_thread(written) -> None:
    events = check_chrome(rendered(written(), "chrome"))
    tracks = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert set(tracks.values()) == {"reader", "writer", "time"}
    shown = [(event["ts"], tracks[event["tid"]], event["name"]) for event in events if event["ph"] == "X"]
    assert (30, "reader", "lock devices") in shown and len(shown) == len(STEPS["rows"])
    arrows = [(event["ph"], event["ts"]) for event in events if event["ph"] in "sf"]
    assert arrows == [("s", 31), ("f", 32)], "the signal lets the waiting writer go on"


@pytest.mark.parametrize(
    ("phase", "change"),
    [
        ("X", {"dur": -1}),
        ("X", {"dur": None}),
        ("X", {"ts": "5"}),
        ("X", {"pid": None}),
        ("X", {"name": ""}),
        ("M", {"args": {}}),
        ("s", {"id": None}),
        ("f", {"cat": None}),
        ("f", {"bp": "x"}),
        ("s", {"ph": "S"}),
    ],
)
def test_the_schema_of_chrome_refuses_wrong_events(phase, change, written) -> None:
    trace = json.loads(rendered(written(), "chrome"))
    event = next(event for event in trace["traceEvents"] if event["ph"] == phase)
    for key, value in change.items():
        assert key in event
        event[key] = value
        if value is None:
            del event[key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(trace, CHROME_SCHEMA)


def test_chrome_shows_a_whole_execution(explored) -> None:
    events = check_chrome(rendered(explored, "chrome"))
    result = package.load(explored)
    assert sum(event["ph"] == "X" for event in events) == result.findings[0].steps


# ---- steps ----


def test_the_last_steps_are_recorded_and_bounded(lockcheck, netdde_path, traces, out) -> None:
    outcome = lockcheck(
        "explore", "--quiet", "--strategy", "random", "--", netdde_path, "--sync", "legacy", "--replay", traces / "sftp-download.pcapng"
    )
    assert outcome.code == 1, outcome.text
    result = package.load(out)
    (finding,) = result.findings
    recorded = steps.load(out, finding)
    assert recorded[-1].number == finding.steps
    named = {moment.step for moment in story.moments(finding, recorded)}
    assert named <= {step.number for step in recorded}, "the steps that the story names are there"
    assert len(recorded) <= 20_000 + 1001 * len(named)
    assert {step.thread for step in recorded} <= {thread.name for thread in finding.threads} | {steps.TIME}
    again = out.parent / "again"
    assert lockcheck("replay", "--quiet", out / finding.schedule, out=again).code == 1
    assert steps.load(again, package.load(again).findings[0]) == recorded


def test_what_the_story_does_not_name_are_preemptions_of_those_who_hold_locks(explored) -> None:
    result = package.load(explored)
    recorded = steps.load(explored, result.findings[0])
    *held, end = story.moments(result.findings[0], recorded)
    assert held and end.step == result.findings[0].steps
    before = {step.number: step for step in recorded}
    for moment in held:
        assert before[moment.step].switched == steps.PREEMPTED
        assert before[moment.step - 1].thread in moment.text


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        (None, "No such file"),
        ("", "damaged"),
        ("[]", "not an object"),
        ({**STEPS, "version": 2}, "another version"),
        ({**STEPS, "columns": ["step"]}, "another version"),
        ({**STEPS, "rows": [[1, 2, 3]]}, "rows[0]"),
        ({**STEPS, "rows": [[1, 1, 1, 7, 0, "soon"]]}, "rows[0]"),
        ({**STEPS, "rows": [[5, 1, 1, 7, 0, 0], [4, 1, 1, 7, 0, 0]]}, "rows[1]"),
        ({**STEPS, "rows": []}, "before its first step"),
        ({**STEPS, "threads": 4}, "threads"),
    ],
)
def test_without_steps_the_report_says_so_and_shows_the_rest(written, recorded, says) -> None:
    directory = written(recorded=recorded)
    page = rendered(directory, "html")
    assert "cannot be shown" in page and says in page
    assert "add_route" in page and "Who waits for whom" in page
    assert json.loads(rendered(directory, "chrome"))["otherData"]["missing 1"]


def test_steps_cut_anywhere_are_steps_that_cannot_be_shown(written) -> None:
    text = json.dumps(STEPS)
    directory = written()
    finding = package.load(directory).findings[0]
    for length in range(len(text)):
        (directory / "0017.steps.json").write_text(text[:length])
        with pytest.raises(steps.StepsError):
            steps.load(directory, finding)


def test_a_steps_file_is_looked_for_in_the_directory_only(written, tmp_path) -> None:
    directory = written()
    (tmp_path / "elsewhere.json").write_text(json.dumps(STEPS))
    raw = json.loads((directory / "result.json").read_text())
    raw["findings"][0]["steps_file"] = "../elsewhere.json"
    (directory / "result.json").write_text(json.dumps(raw))
    with pytest.raises(steps.StepsError):
        steps.load(directory, package.load(directory).findings[0])


# ---- the HTML page, as far as it needs no browser ----


def test_the_page_loads_nothing(written) -> None:
    page = rendered(written(), "html")
    references = re.findall(r"\b(?:src|href)=[\"']?([^\"'> ]*)", page)
    assert references and all(reference.startswith("#") for reference in references)
    assert "default-src 'none'" in page and "@import" not in page and "url(" not in page


def test_the_source_around_each_call_is_in_the_page(explored) -> None:
    page = rendered(explored, "html")
    here = re.findall(r'<span class=here><i>\d+</i>(.*)', page)
    assert any("pthread_mutex_lock(&amp;ledger_lock);" in line for line in here)


def test_a_source_that_is_gone_is_passed_over(explored) -> None:
    path = explored / "result.json"
    path.write_text(path.read_text().replace(str(ROOT), "/gone"))
    page = rendered(explored, "html")
    assert "is not there" in page and "abba.c" in page and "<pre>" not in page


def test_a_source_that_is_newer_than_the_execution_is_marked(written, tmp_path) -> None:
    source = tmp_path / "route.c"
    source.write_text("line\n" * 200)
    directory = written({**FINDING, "sources": {"route.c": str(source)}})
    os.utime(directory / "result.json", (1, 1))
    assert "changed since" in rendered(directory, "html")


def test_without_graphviz_the_graph_is_text(written) -> None:
    command = [sys.executable, "-m", "lockcheck", "report", written(), "--format", "html"]
    outcome = run_command(command, env={"PATH": "/nonexistent", "PYTHONPATH": str(ROOT / "lockcheck/python")})
    assert outcome.code == 0, outcome.text
    assert "Graphviz" in outcome.stdout and "<svg" not in outcome.stdout
    assert "<i>waits for</i>" in outcome.stdout


def test_several_findings_have_a_table_of_contents(results) -> None:
    page = rendered(results({**RESULT, "findings": [FINDING, {**FINDING, "kind": "hang"}]}), "html")
    assert 'href="#f1"' in page and 'href="#f2"' in page and 'id="f2"' in page


def test_a_run_with_real_threads_has_no_steps_to_show(lockcheck, program, out) -> None:
    assert lockcheck("stress", "--quiet", "--out", out, "--", program("abba")).code == 1
    page = rendered(out, "html")
    assert "with real threads" in page and "Who waits for whom" in page
    assert "virtual time" not in page and "Step by step" not in page
    check_sarif(rendered(out, "sarif"))
    check_junit(rendered(out, "junit"))


# ---- damaged results, in every format ----


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "raw",
    [
        {**RESULT, "findings": []},
        {"version": 1, "verdict": "finding", "findings": [{"kind": "hang", "summary": ""}]},
        {"version": 1, "verdict": "clean", "findings": []},
        {"version": 1, "verdict": "error", "findings": []},
        {**RESULT, "findings": [{**FINDING, "kind": "own kind\n<b>", "threads": [{"name": "", "state": ""}]}]},
    ],
)
def test_whatever_is_there_is_shown(results, form, raw) -> None:
    outcome = report(results(raw), "--format", form)
    assert outcome.code == 0 and not outcome.stderr, outcome.text


def test_results_cut_anywhere_are_an_error_that_names_the_file(results) -> None:
    text = json.dumps({**RESULT, "findings": [{**FINDING, "objects": FINDING["objects"][1:]}]})
    directory = results(text)
    for length in range(len(text)):
        (directory / "result.json").write_text(text[:length])
        with pytest.raises(package.ResultError, match="result.json"):
            package.load(directory)


ODD = [None, True, -1, 2**70, 1e300, "", "\ud800", "step 99999999999999999999", [], {}, [[]], "\0", "</script><b>", 1.5]


def damaged(value: Any, draw: random.Random) -> Any:
    """The same with one thing in it missing, odd, or twice."""
    if isinstance(value, dict) and value and draw.random() < 0.9:
        key = draw.choice(list(value))
        if draw.random() < 0.1:
            return {name: part for name, part in value.items() if name != key}
        return {**value, key: damaged(value[key], draw)}
    if isinstance(value, list) and value and draw.random() < 0.9:
        place = draw.randrange(len(value))
        if draw.random() < 0.1:
            return value[:place] + value[place + 1 :] + value[:1]
        return [damaged(part, draw) if number == place else part for number, part in enumerate(value)]
    return draw.choice(ODD)


def test_damaged_results_are_refused_or_shown_in_every_format(written) -> None:
    draw = random.Random(4)
    shown = 0
    directory = written()
    whole = json.loads((directory / "result.json").read_text())
    for _ in range(400):
        raw, recorded = whole, STEPS
        for _ in range(draw.randint(1, 3)):
            if draw.random() < 0.7:
                raw = damaged(raw, draw)
            else:
                recorded = damaged(recorded, draw)
        (directory / "result.json").write_text(json.dumps(raw))
        (directory / "0017.steps.json").write_text(json.dumps(recorded))
        try:
            result = package.load(directory)
        except package.ResultError:
            continue
        shown += 1
        for form in FORMATS:
            if form == "html" and shown % 8:
                continue  # each takes a run of Graphviz
            text = RENDERERS[form](result, Style())
            if form == "sarif" and result.findings:
                json.loads(text)
            elif form == "junit":
                etree.fromstring(text.encode())
    assert shown > 100, "most damage leaves something to show"


@pytest.mark.parametrize("strip", ["--strip-debug", "--strip-all"])
def test_a_program_without_debug_information_or_symbols_is_shown(strip, lockcheck, program, out, tmp_path) -> None:
    stripped = tmp_path / "abba"
    subprocess.run(["strip", strip, "-o", stripped, program("abba")], check=True)
    outcome = lockcheck("explore", "--quiet", "--", stripped)
    assert outcome.code == 1, outcome.text
    for form in FORMATS:
        text = rendered(out, form)
        assert "deadlock" in text.lower(), form
        assert "pthread_mutex_lock" in text or form in ("dot", "chrome", "suppressions"), form
    check_sarif(rendered(out, "sarif"))


# ---- where it goes ----


def test_output_names_the_file(written, tmp_path) -> None:
    target = tmp_path / "report.html"
    outcome = report(written(), "--format", "html", "-o", target)
    assert outcome.code == 0 and outcome.stdout == "", outcome.text
    assert target.read_text().startswith("<!DOCTYPE html>")


def test_the_command_takes_format_output_and_color(lockcheck, written, tmp_path) -> None:
    target = tmp_path / "coloured"
    outcome = lockcheck("report", written(), "--color", "always", "--output", target)
    assert outcome.code == 0 and outcome.stdout == "", outcome.text
    assert "\033[" in target.read_text()
    assert lockcheck("report", written(name="more"), "--color", "sometimes").code == 2


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(written) -> None:
    outcome = report(written(), "-o", "/nonexistent/report")
    assert outcome.code == 2 and "/nonexistent/report" in outcome.stderr, outcome.text


def test_the_package_has_the_version_of_the_command(lockcheck) -> None:
    assert lockcheck("--version").stdout.split() == ["lockcheck", package.__version__]


# ---- parts ----


def test_a_line_of_a_stack_is_a_function_and_a_place() -> None:
    known = {"sync/wait.c": "/src/sync/wait.c"}
    assert sources.frame("operator()(int) const (sync/wait.c:12)", known) == sources.Frame(
        "operator()(int) const", "sync/wait.c", 12, "/src/sync/wait.c"
    )
    assert sources.frame("0x1234 (libfoo.so)", known).file is None
    assert sources.frame("pthread_mutex_lock", known).function == "pthread_mutex_lock"


def test_names_are_found_as_whole_words() -> None:
    assert graph.mentions("it is thread 1, which", "thread 1")
    assert not graph.mentions("it is thread 12, which", "thread 1")
