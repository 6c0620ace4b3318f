# SPDX-License-Identifier: GPL-2.0-or-later
"""Suppressions: findings that the user, or the program itself, says are known."""

from __future__ import annotations

import json
import pathlib
import subprocess

import pytest

from conftest import ROOT
from test_tool_usage import compile_c

DEADLOCK = """
{
   the two accounts
   lockcheck:deadlock
   fun:pthread_mutex_lock
   ...
}
"""


# What executions of abba end with, and not the lock order that others show.
ONLY_ITS_END = ("--detect", "none")


def write(path: pathlib.Path, *blocks: str) -> pathlib.Path:
    path.write_text("".join(blocks))
    return path


def block(name: str, *lines: str) -> str:
    return "".join(f"{line}\n" for line in ("{", name, *lines, "}"))


def used(result: dict) -> dict[str, int]:
    return {item["name"]: item["count"] for item in result["suppressions"]}


@pytest.fixture
def known(lockcheck, program, tmp_path) -> dict:
    """The result of an exploration of abba that finds its deadlock."""
    outcome = lockcheck("explore", "--quiet", *ONLY_ITS_END, "--", program("abba"), out=tmp_path / "known")
    assert outcome.code == 1, outcome.text
    return outcome.result


def test_a_suppressed_finding_is_none_and_the_hunt_goes_on(lockcheck, program, out, tmp_path) -> None:
    file = write(tmp_path / "known.supp", DEADLOCK)
    outcome = lockcheck("explore", "--schedules", 200, "--suppressions", file, *ONLY_ITS_END, "--", program("abba"))
    result = outcome.result
    assert outcome.code == 0, outcome.text
    assert (result["verdict"], result["schedules"], result["findings"]) == ("clean", 200, [])
    [item] = result["suppressions"]
    assert result["suppressed"] == item["count"] > 1
    assert (item["name"], item["source"], item["line"], item["own"]) == ("the two accounts", str(file), 2, False)
    assert f"{item['count']} suppressed" in outcome.stdout
    assert f"suppressed {item['count']} times: the two accounts ({file}:2)" in outcome.stdout
    assert (out / item["schedule"]).is_file()


def test_it_does_not_change_the_schedules(lockcheck, program, known, tmp_path) -> None:
    file = write(tmp_path / "known.supp", DEADLOCK)
    first = known["findings"][0]["first_schedule"]
    outcome = lockcheck("explore", "--schedules", first, "--suppressions", file, *ONLY_ITS_END, "--", program("abba"))
    assert outcome.code == 0, outcome.text
    [item] = outcome.result["suppressions"]
    assert item["first_schedule"] == first
    for key in ("schedules", "steps", "distinct"):
        assert outcome.result[key] == known[key]


def test_equal_seeds_give_equal_results_whatever_the_number_of_jobs(lockcheck, program, tmp_path) -> None:
    file = write(tmp_path / "known.supp", DEADLOCK)
    results = []
    for jobs in (1, 2, 4):
        outcome = lockcheck("explore", "--schedules", 300, "--jobs", jobs, "--suppressions", file, *ONLY_ITS_END, "--", program("abba"))
        assert outcome.code == 0, outcome.text
        result = outcome.result
        del result["seconds"]
        results.append(result)
    assert results[0] == results[1] == results[2]


def test_another_defect_is_found_behind_a_suppressed_one(lockcheck, program) -> None:
    """The program says of one of its two defects that it is known."""
    outcome = lockcheck("explore", "--schedules", 500, "--", program("brings_suppressions"))
    assert outcome.code == 1, outcome.text
    result = outcome.result
    assert [finding["summary"] for finding in result["findings"]] == ["the second was the last"]
    assert used(result)["the known defect"] == result["suppressed"] >= 1
    assert all(item["own"] and item["source"] == "the program's own suppressions" for item in result["suppressions"])
    # What of the program's own is not needed is nobody's trouble.
    assert used(result)["one of old"] == 0 and "unused" not in outcome.stdout

    outcome = lockcheck("explore", "--keep-going", "--schedules", 500, "--no-default-suppressions", "--",
                        program("brings_suppressions"))
    assert outcome.code == 1, outcome.text
    summaries = {finding["summary"] for finding in outcome.result["findings"]}
    assert summaries == {"the second was the last", "the first was not the first"}
    assert (outcome.result["suppressed"], outcome.result["suppressions"]) == (0, [])


def test_findings_beside_it_are_grouped_and_counted_as_ever(lockcheck, program) -> None:
    words = ("explore", "--keep-going", "--schedules", 300)
    everything = lockcheck(*words, "--no-default-suppressions", "--", program("brings_suppressions")).result
    rest = lockcheck(*words, "--", program("brings_suppressions")).result
    counts = {finding["summary"]: finding["count"] for finding in everything["findings"]}
    assert {finding["summary"]: finding["count"] for finding in rest["findings"]} == {
        "the second was the last": counts["the second was the last"]
    }
    assert rest["suppressed"] == counts["the first was not the first"]


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("pie", [False, True])
def test_the_programs_own_are_found_in_every_kind_of_program(lockcheck, tmp_path, strip: bool, pie: bool) -> None:
    """A stripped program must export the function."""
    source = """
        #include <lockcheck.h>
        #include <stdlib.h>
        const char *lockcheck_default_suppressions(void)
        { return "{\\n known\\n lockcheck:*\\n ...\\n}\\n"; }
        int main(void) { lockcheck_finding("leak", "something is left"); return 0; }
    """
    options = ["-pthread", "-pie" if pie else "-no-pie"] + (["-fPIE"] if pie else ["-fno-pie"])
    if strip:
        options += ["-Wl,--export-dynamic-symbol=lockcheck_default_suppressions"]
    path = compile_c(source, tmp_path / "program", *options)
    if strip:
        subprocess.run(["strip", path], check=True)
    outcome = lockcheck("run", "--", path)
    assert outcome.code == 0, outcome.text
    assert used(outcome.result) == {"known": 1}


def test_a_library_may_bring_them_too(lockcheck, tmp_path) -> None:
    library = compile_c(
        """const char *lockcheck_default_suppressions(void)
           { return "{\\n known\\n lockcheck:leak\\n obj:*/program\\n}\\n"; }""",
        tmp_path / "libbrings.so", "-shared", "-fPIC")
    path = compile_c(
        """#include <lockcheck.h>
           int main(void) { lockcheck_finding("leak", "something is left"); return 0; }""",
        tmp_path / "program", "-pthread", "-x", "none", "-Wl,--no-as-needed", str(library), f"-Wl,-rpath,{tmp_path}")
    outcome = lockcheck("run", "--", path)
    assert outcome.code == 0, outcome.text
    assert used(outcome.result) == {"known": 1}


def test_wrong_suppressions_of_the_program_are_told(lockcheck, tmp_path) -> None:
    path = compile_c(
        """const char *lockcheck_default_suppressions(void) { return "{\\n known\\n deadlock\\n ...\\n}\\n"; }
           int main(void) { return 0; }""",
        tmp_path / "program", "-pthread")
    for verb in ("run", "explore"):
        outcome = lockcheck(verb, "--", path)
        assert outcome.code == 2, outcome.text
        assert "the program's own suppressions:3: a tool and a kind" in outcome.stderr
    assert lockcheck("run", "--no-default-suppressions", "--", path).code == 0


def test_unused_ones_are_reported(lockcheck, program, tmp_path) -> None:
    file = write(tmp_path / "two.supp", DEADLOCK, block("of a bug that is mended", "lockcheck:hang", "fun:gone"))
    other = write(tmp_path / "other.supp", block("elsewhere", "lockcheck:deadlock", "fun:nowhere"))
    outcome = lockcheck("explore", "--suppressions", file, "--suppressions", other, *ONLY_ITS_END, "--", program("abba"))
    assert outcome.code == 0, outcome.text
    assert f"unused suppression: of a bug that is mended ({file}:8)" in outcome.stdout
    assert f"unused suppression: elsewhere ({other}:1)" in outcome.stdout
    assert outcome.stdout.count("unused suppression:") == 2
    counts = used(outcome.result)
    assert counts["of a bug that is mended"] == counts["elsewhere"] == 0 < counts["the two accounts"]
    assert lockcheck("explore", "--quiet", "--suppressions", file, *ONLY_ITS_END, "--", program("abba")).stdout == ""


def test_run_passes_over_it_too_and_prints_what_the_program_prints_once(lockcheck, program, tmp_path) -> None:
    path = compile_c(
        """#include <lockcheck.h>
           #include <stdio.h>
           int main(void) { puts("here"); fflush(stdout); lockcheck_finding("leak", "left"); return 0; }""",
        tmp_path / "program", "-pthread")
    file = write(tmp_path / "known.supp", block("known", "lockcheck:leak", "fun:main"))
    outcome = lockcheck("run", "--suppressions", file, "--", path)
    assert outcome.code == 0, outcome.text
    assert outcome.stdout.count("here") == 1
    assert "nothing found (1 schedule, 1 suppressed" in outcome.stdout
    assert lockcheck("run", "--quiet", "--", path).code == 1


def test_replay_says_by_what_it_is_suppressed(lockcheck, known, tmp_path) -> None:
    schedule = tmp_path / "known" / known["findings"][0]["schedule"]
    file = write(tmp_path / "known.supp", DEADLOCK, block("another", "lockcheck:leak", "..."))
    outcome = lockcheck("replay", "--times", 3, "--suppressions", file, schedule)
    assert outcome.code == 0, outcome.text
    assert f"suppressed 3 times: the two accounts ({file}:2)" in outcome.stdout
    assert (outcome.result["verdict"], outcome.result["findings"]) == ("clean", [])
    assert used(outcome.result) == {"the two accounts": 3, "another": 0}
    assert lockcheck("replay", "--quiet", schedule).code == 1


def test_replay_heeds_the_programs_own(lockcheck, program, out, tmp_path) -> None:
    lockcheck("explore", "--quiet", "--schedules", 300, "--keep-going", "--", program("brings_suppressions"))
    result = json.loads((out / "result.json").read_text())
    [item] = [item for item in result["suppressions"] if item["count"]]
    again = tmp_path / "again"
    outcome = lockcheck("replay", out / item["schedule"], out=again)
    assert outcome.code == 0, outcome.text
    assert "the known defect (the program's own suppressions:2)" in outcome.stdout
    assert lockcheck("replay", "--quiet", "--no-default-suppressions", out / item["schedule"], out=again).code == 1
    [finding] = result["findings"]
    assert lockcheck("replay", "--quiet", out / finding["schedule"], out=again).code == 1


def test_resume_keeps_them_and_goes_on_counting(lockcheck, program, out, tmp_path) -> None:
    """Also when the file is gone by then."""
    file = write(tmp_path / "known.supp", DEADLOCK)
    words = ("explore", "--suppressions", file, *ONLY_ITS_END, "--schedules")
    whole = lockcheck(*words, 400, "--", program("abba")).result
    part = lockcheck(*words, 150, "--", program("abba"))
    assert 0 < part.result["suppressed"] < whole["suppressed"]
    file.unlink()
    outcome = lockcheck("explore", "--resume", out, "--schedules", 250, out=None)
    assert outcome.code == 0, outcome.text
    resumed = json.loads((out / "result.json").read_text())
    for key in ("schedules", "steps", "execution_hash", "suppressed", "suppressions"):
        assert resumed[key] == whole[key]
    refused = lockcheck("explore", "--resume", out, "--suppressions", file, out=None)
    assert refused.code == 2 and "--suppressions cannot be given" in refused.stderr


def matches(lockcheck, known: dict, tmp_path: pathlib.Path, *lines: str) -> bool:
    schedule = tmp_path / "known" / known["findings"][0]["schedule"]
    file = write(tmp_path / "try.supp", block("tried", *lines))
    outcome = lockcheck("replay", "--quiet", "--suppressions", file, schedule)
    assert outcome.code in (0, 1), outcome.text
    return outcome.code == 0


# The stacks of abba's two threads: pthread_mutex_lock, then transfer or the like, which differs by thread.
def test_patterns(lockcheck, known, tmp_path) -> None:
    finding = known["findings"][0]
    stacks = [thread["stack"] for thread in finding["threads"] if thread["state"] == "blocked"
              and "mutex" in thread["stack"][0] and thread["holds"]]
    one, other = ([frame.split(" (")[0] for frame in stack] for stack in stacks)
    place = stacks[0][1].split("(")[1].rstrip(")")
    assert one[0] == "pthread_mutex_lock" and one[1] != other[1]

    def match(*lines: str) -> bool:
        return matches(lockcheck, known, tmp_path, *lines)

    assert match("lockcheck:deadlock", "fun:pthread_mutex_lock")
    assert match("lockcheck:*", "fun:pthread_*_lock")
    assert match("lockcheck:dead????", "...", f"fun:{one[1]}")
    assert match("Helgrind,lockcheck:deadlock", "...")
    assert match("lockcheck:deadlock", "obj:*/liblockcheck.so", "obj:*/abba")
    assert match("lockcheck:deadlock", "fun:pthread_mutex_lock", f"src:{place}")
    assert match("lockcheck:deadlock", "fun:pthread_mutex_lock", f"src:{place.split(':')[0]}")
    assert match("lockcheck:deadlock", "...", "...", f"fun:{one[1]}", "...")
    assert match("lockcheck:deadlock", *(f"fun:{name}" for name in one))
    assert match("lockcheck:deadlock", "...", f"fun:{one[1]}", "--", "...", f"fun:{other[1]}")
    assert match("lockcheck:deadlock", "...", f"fun:{other[1]}", "--", "...", f"fun:{one[1]}")

    assert not match("lockcheck:hang", "fun:pthread_mutex_lock")
    assert not match("lockcheck:deadloc", "...")
    assert not match("Helgrind:deadlock", "...")
    assert not match("lockcheck:deadlock", f"fun:{one[1]}"), "the first line is the innermost function"
    assert not match("lockcheck:deadlock", *(f"fun:{name}" for name in one), "fun:*")
    assert not match("lockcheck:deadlock", "...", f"fun:{one[1]}", "...", "fun:pthread_mutex_lock")
    assert not match("lockcheck:deadlock", "fun:pthread_mutex_lock", f"src:{place}9")
    assert not match("lockcheck:deadlock", "fun:pthread_mutex_lock", "obj:*/liblockcheck.so")
    assert not match("lockcheck:deadlock", "...", f"fun:{one[1]}", "--", "...", f"fun:{one[1]}"), "another thread's"
    # The main thread waits for both, which is not what the finding is about.
    assert not match("lockcheck:deadlock", "fun:pthread_join")
    assert match("lockcheck:deadlock", "fun:pthread_mutex_lock", "--", "fun:pthread_join")


def test_a_crash_that_leaves_no_stack_is_matched_by_any_stack_only(lockcheck, tmp_path) -> None:
    path = compile_c("int main(void) { return 3; }", tmp_path / "program", "-pthread")
    any_stack = write(tmp_path / "any.supp", block("any", "lockcheck:assertion", "..."))
    some = write(tmp_path / "some.supp", block("some", "lockcheck:assertion", "fun:*"))
    assert lockcheck("explore", "--schedules", 5, "--suppressions", any_stack, "--", path).code == 0
    assert lockcheck("explore", "--schedules", 5, "--suppressions", some, "--", path).code == 1


@pytest.mark.parametrize("name", ["abba", "lost_wakeup", "own_finding", "reset_during_transmit"])
def test_a_report_has_a_suppression_that_fits(name, lockcheck, program, out, tmp_path) -> None:
    assert lockcheck("explore", "--quiet", "--schedules", 2000, *ONLY_ITS_END, "--", program(name)).code == 1
    shown = lockcheck("report", out, "--format", "suppressions", out=None)
    assert shown.code == 0, shown.text
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("# ") and lines[2] == "   <insert_a_suppression_name_here>"
    [finding] = json.loads((out / "result.json").read_text())["findings"]
    assert lines[3] == f"   lockcheck:{finding['kind']}"
    file = write(tmp_path / "pasted.supp", shown.stdout)
    outcome = lockcheck("replay", "--suppressions", file, out / finding["schedule"], out=tmp_path / "again")
    assert outcome.code == 0, outcome.text
    assert f"<insert_a_suppression_name_here> ({file}:2)" in outcome.stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lockcheck:deadlock\n", ':1: a line "{" is expected'),
        ("# a comment\n\n{\n}\n", ":4: the name of the suppression"),
        ("{\n name\n deadlock\n ...\n}\n", ":3: a tool and a kind of finding"),
        ("{\n name\n lockcheck:\n ...\n}\n", ":3: a kind of finding is expected"),
        ("{\n name\n lockcheck:dead lock\n ...\n}\n", ":3: a kind of finding is expected"),
        ("{\n name\n lockcheck:deadlock\n}\n", ':4: a line of a stack is expected, or "..."'),
        ("{\n name\n lockcheck:deadlock\n fun:f\n --\n}\n", ":6: a line of a stack is expected"),
        ("{\n name\n lockcheck:deadlock\n fun:f\n --\n --\n fun:g\n}\n", ":6: a line of a stack is expected"),
        ("{\n name\n lockcheck:deadlock\n fun:\n}\n", ":4: a pattern is expected after the colon"),
        ("{\n name\n lockcheck:deadlock\n main\n}\n", ":4: fun:FUNCTION, obj:FILE, src:FILE:LINE"),
        ("{\n a\n lockcheck:hang\n ...\n}\n{\n name\n lockcheck:deadlock\n fun:f\n", ":6: this block has no end"),
        ("{\n name\n", ":1: this block has no end"),
        ("{\n name\n Memcheck:Leak\n match-leak-kinds: all\n fun:malloc\n", ":1: this block has no end"),
    ],
)
def test_an_error_in_the_file_is_told_with_its_line(text, message, lockcheck, program, tmp_path) -> None:
    file = write(tmp_path / "wrong.supp", text)
    for words in (("run",), ("explore",)):
        outcome = lockcheck(*words, "--suppressions", file, *ONLY_ITS_END, "--", program("abba"))
        assert outcome.code == 2, outcome.text
        assert f"{file}{message}" in outcome.stderr
        assert outcome.stdout == ""


def test_a_file_that_cannot_be_read_is_told(lockcheck, program, tmp_path) -> None:
    outcome = lockcheck("run", "--suppressions", tmp_path / "none", "--", program("abba"))
    assert outcome.code == 2 and f"{tmp_path}/none: No such file" in outcome.stderr
    binary = tmp_path / "binary"
    binary.write_bytes(b"{\n\xff\x00\n")
    outcome = lockcheck("run", "--suppressions", binary, "--", program("abba"))
    assert outcome.code == 2 and "not a text in UTF-8" in outcome.stderr


def test_blocks_of_other_tools_are_passed_over(lockcheck, program, tmp_path) -> None:
    file = write(tmp_path / "both.supp", "{\n   a leak\n   Memcheck:Leak\n   match-leak-kinds: reachable\n   fun:malloc\n}\n",
                 DEADLOCK)
    outcome = lockcheck("explore", "--suppressions", file, *ONLY_ITS_END, "--", program("abba"))
    assert outcome.code == 0, outcome.text
    assert list(used(outcome.result)) == ["the two accounts"]


def test_the_drivers_race_is_suppressed_and_nothing_that_resembles_it(lockcheck, program) -> None:
    file = ROOT / "netdde-under-test" / "drivers" / "findings.supp"
    kinds = {"race": [], "open": ["device-misuse"], "forgotten": ["device-misuse"], "ioctl": ["device-misuse"],
             "unmap": ["dma-fault"]}
    for what, expected in kinds.items():
        outcome = lockcheck("explore", "--schedules", 500, "--suppressions", file, "--",
                            program("reset_during_transmit"), what)
        assert outcome.code == len(expected), f"{what}: {outcome.text}"
        result = outcome.result
        assert [finding["kind"] for finding in result["findings"]] == expected
        assert (used(result)["8139too-transmit-during-reset"] >= 1) == (what == "race")


def test_an_execution_goes_on_after_a_suppressed_finding_that_the_program_survives(lockcheck, program, tmp_path) -> None:
    words = (program("survived_findings"), "nothing")
    outcome = lockcheck("run", "--", *words)
    assert outcome.code == 0, outcome.text
    assert outcome.stdout.startswith("it went on to its end\n"), outcome.stdout
    assert used(outcome.result) == {"known": 1}  # it counts executions
    outcome = lockcheck("run", "--no-default-suppressions", "--", *words, out=tmp_path / "none")
    assert outcome.code == 1 and "it went on" not in outcome.stdout, outcome.text
    assert outcome.result["findings"][0]["summary"].startswith("the known access is refused")


def test_it_does_not_go_on_for_ever(lockcheck, program) -> None:
    outcome = lockcheck("run", "--", program("survived_findings"), "ever")
    assert outcome.code == 0 and "it went on" not in outcome.stdout, outcome.text
    assert used(outcome.result) == {"known": 1}


@pytest.mark.parametrize(("argument", "kind"), [((), "dma-fault"), (("a hang",), "hang")], ids=["unknown", "hang"])
@pytest.mark.parametrize("strategy", ["random", "dfs"])
def test_what_comes_after_it_is_found_and_replays_and_shrinks(argument, kind, strategy, lockcheck, out, program, tmp_path) -> None:
    words = ("explore", "--strategy", strategy, "--schedules", 500, "--", program("survived_findings"), *argument)
    outcome = lockcheck(*words)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == kind and used(outcome.result)["known"] > 0
    assert all("it was refused before" not in note for note in finding["notes"])
    schedule = out / finding["schedule"]
    assert schedule.name.endswith("+2.schedule") and "\npassed: 2\n" in schedule.read_text()
    for command in (("replay", schedule), ("shrink", schedule, "-o", tmp_path / "short"), ("replay", tmp_path / "short")):
        again = lockcheck(*command, out=tmp_path / "again")
        assert again.code == 1, again.text


def test_seeds_decide_alone_what_is_survived(lockcheck, program) -> None:
    results = []
    for jobs in (1, 4):
        outcome = lockcheck("explore", "--keep-going", "--schedules", 200, "--jobs", jobs, "--", program("survived_findings"))
        assert outcome.code == 1, outcome.text
        results.append({key: value for key, value in outcome.result.items() if key != "seconds"})
        for finding in results[-1]["findings"]:
            del finding["seconds"]
    assert results[0] == results[1]
    assert results[0]["suppressed"] == 200 and 0 < results[0]["findings"][0]["count"] < 200
