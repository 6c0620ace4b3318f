# SPDX-License-Identifier: GPL-2.0-or-later
"""`lockcheck report`: what it shows of a finding, and what it says of results that cannot be read.

The renderers run as the command runs them, by `python3 -m lockcheck`, on results written here.
"""

from __future__ import annotations

import copy
import json
import os
import pathlib
import pty
import sys
from typing import Any

import pytest

from conftest import ROOT, Outcome, run_command

import lockcheck as package
from lockcheck.render import graph
from lockcheck.result import Edge

FINDING: dict[str, Any] = {
    "id": "deadlock-1",
    "kind": "deadlock",
    "summary": "reader waits for routes, which writer holds, and writer waits for devices, which reader holds",
    "count": 3,
    "first_schedule": 17,
    "seconds": 0.5,
    "steps": 41,
    "virtual_ns": 12345678,
    "schedule": "0017.schedule",
    "output": None,
    "execution_hash": "00000000deadbeef",
    "notes": ["reader took devices at step 30", "writer took routes at step 35"],
    "threads": [
        {"name": "idle", "state": "blocked", "waits_for": "semaphore wait on work", "holds": [], "stack": ["idle_loop (idle.c:9)"]},
        {"name": "gone", "state": "finished", "waits_for": None, "holds": [], "stack": []},
        {
            "name": "reader",
            "state": "blocked",
            "waits_for": "lock on routes",
            "waits_for_object": "routes",
            "holds": ["devices"],
            "stack": ["pthread_mutex_lock", "lookup (route.c:88)", "reader_main (main.c:10)"],
        },
        {
            "name": "writer",
            "state": "blocked",
            "waits_for": "lock on devices",
            "waits_for_object": "devices",
            "holds": ["routes"],
            "stack": ["add_route (route.c:120)"],
        },
    ],
    "objects": [
        {
            "name": "routes",
            "kind": "mutex",
            "holder": "writer",
            "created": ["pthread_mutex_init", "setup (route.c:5)"],
            "history": [
                {"step": n, "time_ns": n * 1000000, "thread": "writer", "event": "lock", "detail": "", "stack": ["add_route (route.c:118)"]}
                for n in range(1, 36)
            ],
        },
        {"name": "devices", "kind": "mutex", "holder": "reader", "created": [], "history": []},
        {"name": "bystander", "kind": "semaphore", "holder": None, "created": [], "history": []},
    ],
    "graph": [
        {"from": "idle", "from_type": "thread", "to": "work", "to_type": "object", "label": "waits for"},
        {"from": "reader", "from_type": "thread", "to": "routes", "to_type": "object", "label": "waits for"},
        {"from": "routes", "from_type": "object", "to": "writer", "to_type": "thread", "label": "held by"},
        {"from": "writer", "from_type": "thread", "to": "devices", "to_type": "object", "label": "waits for"},
        {"from": "devices", "from_type": "object", "to": "reader", "to_type": "thread", "label": "held by"},
    ],
    "outstanding": {"frames": 3},
}

RESULT: dict[str, Any] = {
    "version": 1,
    "verdict": "finding",
    "command": "explore",
    "program": ["./router", "--fast mode"],
    "strategy": "random",
    "seed": 7,
    "schedules": 20,
    "steps": 900,
    "truncated": 0,
    "seconds": 1.25,
    "execution_hash": "00000000deadbeef",
    "interrupted": False,
    "findings": [FINDING],
    "a key of a later version": [1, 2],
}


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "lockcheck" / "python"), **more}


def report(*args: object) -> Outcome:
    return run_command([sys.executable, "-m", "lockcheck", "report", *args], env=environment())


def report_on_terminal(directory: pathlib.Path, **more: str) -> str:
    """What the report looks like when its output is a terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = [sys.executable, "-m", "lockcheck", "report", str(directory)]
        os.execve(sys.executable, command, environment(**{"TERM": "xterm", **more}))
    shown = b""
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        shown += data
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
    return shown.decode()


def section(text: str, title: str) -> str:
    """The part of the report under that title."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(title))
    end = next((i for i, line in enumerate(lines) if i > start and line and line[0] != " "), len(lines))
    return "\n".join(lines[start:end])


def test_the_text_says_what_went_wrong_and_tells_the_story(results) -> None:
    text = report(results(RESULT)).stdout
    assert "DEADLOCK" in text
    assert "which reader holds." in text
    story = section(text, "What happened")
    assert story.index("1. reader took devices") < story.index("2. writer took routes")
    assert "schedule 17" in text and "step 41" in text and "12.346 ms" in text
    assert "3 frames" in section(text, "Work outstanding")


def test_the_text_shows_the_cycle_before_other_waits(results) -> None:
    shown = " ".join(section(report(results(RESULT)).stdout, "Who waits for whom").split())
    cycle = "reader --waits for--> routes --held by--> writer --waits for--> devices --held by--> reader (a cycle)"
    assert cycle in shown
    assert shown.index(cycle) < shown.index("idle --waits for--> work")


def test_the_text_shows_each_thread_and_first_those_concerned(results) -> None:
    threads = section(report(results(RESULT)).stdout, "Threads")
    assert threads.index("reader: blocked in lock on routes") < threads.index("idle: blocked")
    assert "holds    devices" in threads
    assert threads.index("lookup (route.c:88)") < threads.index("reader_main (main.c:10)")
    assert "Finished: gone" in threads


def test_the_text_shows_each_object_with_its_latest_history(results) -> None:
    objects = section(report(results(RESULT)).stdout, "Objects")
    assert "routes: mutex, held by writer, first seen in setup (route.c:5)" in objects
    assert "35.000 ms" in objects and "add_route (route.c:118)" in objects
    assert "19 earlier events" in objects
    assert " 1.000 ms" not in objects
    assert "Others: bystander" in objects


def test_the_place_of_an_event_is_outside_the_layers_that_all_go_through(results) -> None:
    layered = copy.deepcopy(RESULT)
    for number, item in enumerate(layered["findings"][0]["objects"]):
        through = ["request (include/lockcheck.h:55)", "__wrap_up (wrap.c:1)", "lock (library.c:7)"]
        event = {"step": 1, "time_ns": 0, "thread": "reader", "event": "locked", "detail": ""}
        item["kind"] = "mutex"
        item["created"] = []
        item["history"] = [{**event, "stack": [*through, f"user_{number} (user.c:{number})", "main (main.c:1)"]}]
    text = report(results(layered)).stdout
    assert "user_0 (user.c:0)" in text and "user_1 (user.c:1)" in text
    assert "library.c" not in text and "lockcheck.h" not in text and "__wrap" not in text


def test_objects_without_a_part_in_the_finding_are_short(results) -> None:
    busy = copy.deepcopy(RESULT)
    for n in range(5):
        thread = {"name": f"t{n}", "state": "runnable", "holds": [f"lock{n}"], "stack": []}
        events = [
            {"step": n * 100 + i, "time_ns": 0, "thread": f"t{n}", "event": "lock", "detail": "", "stack": []} for i in (1, 2)
        ]
        item = {"name": f"lock{n}", "kind": "mutex", "holder": f"t{n}", "created": [], "history": events}
        busy["findings"][0]["threads"].append(thread)
        busy["findings"][0]["objects"].append(item)
    shown = section(report(results(busy)).stdout, "Other objects")
    assert "lock3: mutex, held by t3" in shown and "step 302" in shown and "step 301" not in shown


def test_the_text_says_how_to_see_it_again(results) -> None:
    directory = results(RESULT, "with a space")
    assert f"lockcheck replay '{directory}/0017.schedule'" in report(directory).stdout


def test_clean_results_are_one_verdict(results) -> None:
    outcome = report(results({**RESULT, "verdict": "clean", "findings": []}))
    assert outcome.code == 0
    assert outcome.stdout.startswith("Nothing found: 20 schedules, 900 steps, 1.2 s")
    assert "'--fast mode'" in outcome.stdout


def test_an_uncontrolled_execution_is_shown_with_its_stack(results) -> None:
    error = {**FINDING, "kind": "uncontrolled", "summary": "reader makes no step", "graph": []}
    outcome = report(results({**RESULT, "verdict": "error", "findings": [], "error": error}))
    assert outcome.code == 0
    assert outcome.stdout.startswith("Not checked")
    assert "UNCONTROLLED" in outcome.stdout and "lookup (route.c:88)" in outcome.stdout


def test_an_error_without_evidence_is_shown_too(results) -> None:
    error = {"kind": "internal", "summary": "no memory"}
    outcome = report(results({**RESULT, "verdict": "error", "findings": [], "error": error}))
    assert outcome.code == 0 and "no memory." in outcome.stdout


def test_truncated_and_interrupted_searches_say_so(results) -> None:
    outcome = report(results({**RESULT, "verdict": "clean", "findings": [], "truncated": 4, "interrupted": True}))
    assert "4 schedules reached the limit" in outcome.stdout
    assert "interrupted" in outcome.stdout


def test_json_is_the_result_with_keys_of_later_versions(results) -> None:
    outcome = report(results(RESULT), "--format", "json")
    assert outcome.code == 0
    assert json.loads(outcome.stdout) == RESULT


def test_a_file_gets_plain_text(results) -> None:
    assert "\033" not in report(results(RESULT)).stdout


def test_a_terminal_gets_colours_unless_told_otherwise(results) -> None:
    directory = results(RESULT)
    assert "\033[" in report_on_terminal(directory)
    assert "\033[" not in report_on_terminal(directory, NO_COLOR="1")
    assert "\033[" not in report_on_terminal(directory, TERM="dumb")


@pytest.mark.parametrize("columns", [50, 90])
def test_prose_keeps_to_the_width_of_the_terminal(results, columns) -> None:
    shown = report_on_terminal(results(RESULT), NO_COLOR="1", COLUMNS=str(columns))
    summary = [line for line in shown.splitlines() if line.startswith("  reader waits") or line.startswith("  writer waits")]
    assert summary
    assert all(len(line) <= columns for line in shown.splitlines() if "waits for routes, which" in line)
    graph_lines = section(shown.replace("\r", ""), "Who waits for whom").splitlines()
    assert all(len(line) <= columns for line in graph_lines)


@pytest.mark.parametrize(
    "damage, says",
    [
        ("", "not JSON"),
        ('{"version": 1, "verdict"', "not JSON"),
        ("\0\1\2", "not JSON"),
        ("[" * 100000, "not JSON"),
        ("[]", "expected an object"),
        ("{}", "version: missing"),
        ('{"version": 2}', "version: is 2"),
        ('{"version": true}', "version: expected a whole number"),
        ('{"version": 1, "verdict": "perhaps", "findings": []}', "verdict: is 'perhaps'"),
        ('{"version": 1, "verdict": "clean"}', "findings: missing"),
        ('{"version": 1, "verdict": "clean", "findings": {}}', "findings: expected a list"),
        ('{"version": 1, "verdict": "finding", "findings": [{"kind": "hang"}]}', "findings[0].summary: missing"),
    ],
)
def test_damaged_results_are_an_error_that_names_the_place(results, damage, says) -> None:
    directory = results(damage)
    outcome = report(directory)
    assert outcome.code == 2, outcome.text
    assert outcome.stdout == ""
    assert str(directory / "result.json") in outcome.stderr and says in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_wrong_type_deep_inside_is_named(results) -> None:
    damaged = copy.deepcopy(RESULT)
    damaged["findings"][0]["threads"][2]["stack"][1] = 5
    outcome = report(results(damaged))
    assert outcome.code == 2
    assert "findings[0].threads[2].stack[1]: expected text, found a number" in outcome.stderr


def test_no_results_are_an_error(tmp_path) -> None:
    for place in (tmp_path, tmp_path / "missing"):
        outcome = report(place)
        assert outcome.code == 2
        assert f"{place}/result.json: No such file or directory" in outcome.stderr
    (tmp_path / "file").write_text("")
    assert "is a file" in report(tmp_path / "file").stderr


def test_an_unknown_format_is_an_error_that_names_the_known(results) -> None:
    outcome = report(results(RESULT), "--format", "xml")
    assert outcome.code == 2
    assert "xml" in outcome.stderr and "json" in outcome.stderr and "text" in outcome.stderr


def test_names_that_are_no_text_do_not_stop_the_report(results) -> None:
    odd = copy.deepcopy(RESULT)
    odd["findings"][0]["summary"] = "thread \ud800 \u65e5\u672c\u8a9e waits"
    directory = results(odd)
    for encoding in ("utf-8", "ascii"):
        outcome = run_command(
            [sys.executable, "-m", "lockcheck", "report", directory], env=environment(PYTHONIOENCODING=encoding)
        )
        assert outcome.code == 0, outcome.text
        assert "waits." in outcome.stdout


def test_a_reader_that_stops_reading_is_no_error(results) -> None:
    many = {**RESULT, "findings": [FINDING] * 300}
    command = f"{sys.executable} -m lockcheck report {results(many)} | head -n 1"
    outcome = run_command(["/bin/bash", "-o", "pipefail", "-c", command], env=environment())
    assert outcome.code == 0, outcome.text
    assert outcome.stderr == ""


def test_the_command_passes_on_to_the_same_report(results, lockcheck) -> None:
    directory = results(RESULT)
    assert lockcheck("report", directory).stdout == report(directory).stdout
    assert lockcheck("report", directory, "--format", "json").stdout == report(directory, "--format", "json").stdout
    assert lockcheck("report", directory / "missing").code == 2
    assert lockcheck("report", directory, "--format", "xml").code == 2


def test_results_load_as_objects(results) -> None:
    result = package.load(results(RESULT))
    finding = result.findings[0]
    assert result.seed == 7 and finding.kind == "deadlock"
    assert finding.threads[2].holds == ["devices"]
    assert finding.objects[0].history[-1].step == 35
    assert finding.graph[0] == Edge(("thread", "idle"), ("object", "work"), "waits for")
    with pytest.raises(package.ResultError):
        package.load("/nonexistent")


def edge(source: str, target: str, label: str = "waits for") -> Edge:
    def node(name: str) -> tuple[str, str]:
        return ("object" if name.islower() else "thread", name)

    return Edge(node(source), node(target), label)


def shape(edges: list[Edge]) -> list[tuple[str, bool, bool]]:
    return [
        (" ".join([chain.start[1], *(node[1] for _, node in chain.hops)]), chain.cycle, chain.continued)
        for chain in graph.chains(edges)
    ]


def test_a_graph_without_edges_has_no_chains() -> None:
    assert shape([]) == []


def test_a_chain_that_runs_into_an_earlier_one_stops_there() -> None:
    edges = [edge("A", "m"), edge("B", "m"), edge("m", "C", "held by"), edge("C", "n")]
    assert shape(edges) == [("A m C n", False, False), ("B m", False, True)]


def test_a_way_into_a_cycle_comes_after_the_cycle() -> None:
    edges = [edge("X", "m"), edge("A", "n"), edge("B", "m"), edge("m", "A", "held by"), edge("n", "B", "held by")]
    assert shape(edges) == [("A n B m A", True, False), ("X m", False, True)]


def test_a_lock_with_two_readers_shows_both() -> None:
    edges = [edge("W", "r"), edge("r", "A", "held by"), edge("r", "B", "held by"), edge("B", "m")]
    assert shape(edges) == [("W r A", False, False), ("r B m", False, False)]


def test_a_thread_that_waits_for_itself_is_a_cycle() -> None:
    assert shape([edge("A", "m"), edge("m", "A", "held by")]) == [("A m A", True, False)]


def test_a_join_leads_to_the_thread_itself() -> None:
    ends = Edge(("object", "T"), ("thread", "T"), "ends with")
    edges = [Edge(("thread", "M"), ("object", "T"), "waits for"), ends, edge("T", "m")]
    assert shape(edges) == [("M T m", False, False)]
