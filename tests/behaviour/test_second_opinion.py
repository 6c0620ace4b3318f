# SPDX-License-Identifier: GPL-2.0-or-later
"""Second opinions: `run --valgrind`, `run --tsan`, and `compare`."""

from __future__ import annotations

import json
import os
import pathlib
import re
import sys
from collections.abc import Callable

import pytest

from conftest import ROOT, Outcome, command_path, run_command

CHECKERS = ("helgrind", "drd", "tsan-gcc", "tsan-clang")

sys.path.insert(0, str(ROOT / "lockcheck" / "python"))
from lockcheck.opinion import read as read_report  # noqa: E402


@pytest.fixture
def opinion(lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path]) -> Callable[..., Outcome]:
    """opinion("helgrind", "race"): what that checker says of opinion_defects."""

    def call(checker: str, way: str, *options: object, **more: object) -> Outcome:
        if checker.startswith("tsan"):
            return lockcheck("run", "--tsan", *options, "--", program(f"opinion_defects-{checker}"), way, **more)
        return lockcheck("run", "--valgrind", checker, *options, "--", program("opinion_defects"), way, **more)

    return call


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_race_is_shown_in_our_form(opinion: Callable[..., Outcome], checker: str) -> None:
    outcome = opinion(checker, "race")
    assert outcome.code == 1, outcome.text
    assert "came to its end" in outcome.stdout
    [finding] = outcome.result["findings"]
    source = checker.split("-")[0]
    assert (finding["kind"], finding["source"]) == ("data-race", source)
    assert outcome.result["source"] == source
    match = re.match(r"(thread [23]) (reads|writes) 4 bytes of counter, ", finding["summary"])
    assert match, finding["summary"]
    [running] = [thread for thread in finding["threads"] if thread["state"] == "running"]
    assert running["name"] == match[1]
    [line] = running["stack"]
    assert line.startswith("write_counter (opinion/opinion_defects.c:")
    if checker != "drd":
        [earlier] = finding["stacks"]
        assert {earlier["thread"], match[1]} == {"thread 2", "thread 3"}
        assert earlier["stack"][0].startswith("write_counter (opinion/opinion_defects.c:")
    assert f"found by {source}" in outcome.stdout


@pytest.mark.parametrize(
    ("checker", "way", "kind", "summary"),
    [
        ("helgrind", "order", "lock-order", "main takes first while it holds second, and elsewhere second is taken under first"),
        ("tsan-gcc", "order", "lock-order", "locks are taken in a circle: first, then second, then first"),
        ("tsan-clang", "order", "lock-order", "locks are taken in a circle: first, then second, then first"),
        ("helgrind", "unlock", "lock-misuse", "thread 2 unlocked lock at first currently held by main"),
        ("drd", "unlock", "lock-misuse", "first, which main holds"),
        ("tsan-gcc", "unlock", "lock-misuse", "unlock of an unlocked mutex (or by a wrong thread): first"),
        ("tsan-clang", "unlock", "lock-misuse", "unlock of an unlocked mutex (or by a wrong thread): first"),
        ("helgrind", "destroy", "lock-misuse", "pthread_mutex_destroy of a locked mutex"),
        ("drd", "destroy", "lock-misuse", "Destroying locked mutex: first, which main holds"),
        ("tsan-gcc", "destroy", "lock-misuse", "destroy of a locked mutex: first"),
        ("helgrind", "heap-race", "data-race", "bytes of a block of 16 bytes, which thread "),
        ("tsan-clang", "heap-race", "data-race", "bytes of a block of 16 bytes, which thread "),
        ("tsan-gcc", "fork", "data-race", "bytes of counter, which thread "),
        ("helgrind", "finding", "dma-fault", "the card wrote where it must not"),
        ("tsan-gcc", "finding", "dma-fault", "the card wrote where it must not"),
        ("drd", "status", "assertion", "the program ended itself with status 7"),
        ("tsan-gcc", "status", "assertion", "the program ended itself with status 7"),
        ("helgrind", "abort", "crash", "main was ended by SIGABRT"),
        ("tsan-gcc", "abort", "crash", "the program was ended by signal 6"),
    ],
)
def test_what_each_finds(opinion: Callable[..., Outcome], checker: str, way: str, kind: str, summary: str) -> None:
    outcome = opinion(checker, way)
    assert outcome.code == 1, outcome.text
    assert any(f["kind"] == kind and summary in f["summary"] for f in outcome.result["findings"]), outcome.text


def test_the_order_of_locks_is_shown_with_all_its_stacks(opinion: Callable[..., Outcome]) -> None:
    finding = opinion("helgrind", "order").result["findings"][0]
    assert [item["title"] for item in finding["stacks"]] == ["elsewhere first is taken", "and then second under it"]
    assert all(item["stack"][0].startswith("take_both (") for item in finding["stacks"])
    assert {item["name"] for item in finding["objects"]} == {"first", "second"}


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("way", ["clean", "semaphore", "message", "interrupt", "hand-over"])
def test_nothing_is_found_where_the_program_tells_what_orders_it(
    opinion: Callable[..., Outcome], checker: str, way: str
) -> None:
    outcome = opinion(checker, way)
    assert outcome.code == 0, outcome.text
    assert outcome.result["verdict"] == "clean" and outcome.result["findings"] == []


@pytest.mark.parametrize("checker", CHECKERS)
def test_untold_it_is_a_race(opinion: Callable[..., Outcome], checker: str) -> None:
    assert opinion(checker, "semaphore-untold").code == 1


@pytest.mark.parametrize("checker", ["helgrind", "drd"])
@pytest.mark.parametrize(("way", "findings"), [("atomic", 0), ("fence", 0), ("relaxed", 1)])
def test_valgrind_knows_the_order_of_atomics_in_what_lockcheck_cc_built(
    lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path], checker: str, way: str, findings: int
) -> None:
    words = ("run", "--valgrind", checker)
    outcome = lockcheck(*words, "--", program("memory/opinion_defects"), way)
    found = outcome.result["findings"]
    assert [finding["kind"] for finding in found] == ["data-race"] * findings, outcome.text
    assert all("bytes of counter" in finding["summary"] for finding in found)
    # Built by another compiler, or without being told, it does not.
    told_nothing = lockcheck(*words, "--no-annotations", "--", program("memory/opinion_defects"), way)
    elsewhere = lockcheck(*words, "--", program("opinion_defects"), way)
    for outcome in (told_nothing, elsewhere):
        assert any("bytes of counter" in finding["summary"] for finding in outcome.result["findings"]), outcome.text


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("way", ["semaphore", "message", "interrupt", "hand-over"])
def test_without_annotations_there_are_false_alarms(opinion: Callable[..., Outcome], checker: str, way: str) -> None:
    outcome = opinion(checker, way, "--no-annotations")
    assert outcome.code == 1 and "bytes of counter" in outcome.result["findings"][0]["summary"], outcome.text


@pytest.mark.parametrize("checker", ["helgrind", "drd", "tsan-gcc", "tsan-clang"])
def test_names_are_the_programs(opinion: Callable[..., Outcome], checker: str) -> None:
    outcome = opinion(checker, "named")
    summary = outcome.result["findings"][0]["summary"]
    assert re.match(r"(ada|grace) (reads|writes) 4 bytes of the account of Alice", summary), outcome.text


def test_a_program_that_hangs_is_ended(opinion: Callable[..., Outcome]) -> None:
    for checker in ("helgrind", "tsan-gcc"):
        outcome = opinion(checker, "hang", "--timeout", "3")
        assert outcome.code == 1, outcome.text
        [finding] = outcome.result["findings"]
        assert finding["kind"] == "hang" and "has not ended after 3 s" in finding["summary"]


def test_a_report_that_is_cut_off_is_shown_as_far_as_it_goes(opinion: Callable[..., Outcome]) -> None:
    outcome = opinion("helgrind", "killed")
    assert outcome.code == 1, outcome.text
    assert [finding["kind"] for finding in outcome.result["findings"]] == ["data-race"]
    assert "Helgrind ended by signal 9 (Killed) before its report was whole" in outcome.stderr


def test_a_program_that_leaves_valgrind_is_not_clean(opinion: Callable[..., Outcome]) -> None:
    outcome = opinion("helgrind", "exec")
    assert outcome.code == 3 and outcome.result["verdict"] == "error"
    assert "exec() leaves Valgrind" in outcome.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--valgrind", "memcheck"], "--valgrind memcheck: helgrind or drd is expected"),
        (["--valgrind", "drd", "--tsan"], "one of the two is expected"),
        (["--valgrind", "drd", "--native"], "--native and --valgrind: one of the two is expected"),
        (["--tsan", "--points", "auto"], "--tsan runs the program without schedules; --points means nothing to it"),
        (["--valgrind", "drd", "--keep-running"], "--keep-running needs --native"),
        (["--tsan"], "is not built with ThreadSanitizer"),
        (["--no-annotations"], "--no-annotations needs --valgrind or --tsan"),
    ],
)
def test_wrong_usage(
    lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path], words: list[str], message: str
) -> None:
    outcome = lockcheck("run", *words, "--", program("opinion_defects"))
    assert outcome.code == 2 and message in outcome.stderr, outcome.text


def test_a_missing_valgrind_is_named(opinion: Callable[..., Outcome], tmp_path: pathlib.Path) -> None:
    outcome = opinion("helgrind", "clean", env={**os.environ, "PATH": str(tmp_path)})
    assert outcome.code == 2
    assert "there is no valgrind in PATH; install it" in outcome.stderr


def test_a_valgrind_that_fails_is_no_clean_run(opinion: Callable[..., Outcome], tmp_path: pathlib.Path) -> None:
    """One that ends before the program has begun, and one that dies in the middle."""
    fake = tmp_path / "valgrind"
    fake.write_text("#!/bin/sh\necho 'valgrind: fatal' >&2\nexit 1\n")
    fake.chmod(0o755)
    outcome = opinion("helgrind", "clean", env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert outcome.code == 3, outcome.text
    assert "Helgrind did not get the program to run, and ended with status 1" in outcome.stderr


def test_a_thread_sanitizer_that_cannot_start_is_no_clean_run(
    lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path], out: pathlib.Path
) -> None:
    words = [command_path("lockcheck"), "run", "--tsan", "--out", out, "--", program("opinion_defects-tsan-gcc"), "race"]
    outcome = run_command(["prlimit", "--as=4000000000", *words], out=out)
    assert outcome.code == 3, outcome.text
    assert "ThreadSanitizer did not get the program to run" in outcome.stderr
    assert "setarch -R" in outcome.stderr


@pytest.mark.parametrize("checker", ["helgrind", "tsan-gcc"])
def test_suppressions_apply(opinion: Callable[..., Outcome], checker: str, tmp_path: pathlib.Path) -> None:
    block = opinion(checker, "race").result["findings"][0]["suppression"]
    file = tmp_path / "known.supp"
    file.write_text(block + "{\n  of no use\n  lockcheck:deadlock\n  ...\n}\n")
    outcome = opinion(checker, "race", "--suppressions", file)
    assert outcome.code == 0, outcome.text
    assert outcome.result["suppressed"] == 1
    assert "unused suppression: of no use" in outcome.stdout


def test_options_of_the_user_for_thread_sanitizer_count(opinion: Callable[..., Outcome]) -> None:
    outcome = opinion("tsan-gcc", "order", env={**os.environ, "TSAN_OPTIONS": "detect_deadlocks=0"})
    assert outcome.code == 0, outcome.text


# ---- reports as they may come ----


def xml(tmp_path: pathlib.Path, opinion: Callable[..., Outcome], way: str) -> str:
    """The XML of a real run."""
    kept = tmp_path / "report.xml"
    run_command(
        ["valgrind", "-q", "--tool=helgrind", "--xml=yes", f"--xml-file={kept}",
         command_path("lockcheck").parents[1] / "tests" / "programs" / "opinion_defects", way]
    )
    return kept.read_text()


def test_xml_cut_anywhere_is_read(tmp_path: pathlib.Path, opinion: Callable[..., Outcome]) -> None:
    whole = xml(tmp_path, opinion, "unlock")
    (tmp_path / "report.xml").write_text(whole)
    assert read_report("helgrind", tmp_path)["whole"]
    most = len(read_report("helgrind", tmp_path)["findings"])
    assert most >= 1
    counts = []
    for length in range(0, len(whole) - 30, 97):
        (tmp_path / "report.xml").write_text(whole[:length])
        report = read_report("helgrind", tmp_path)
        counts.append(len(report["findings"]))
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] == most


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\x00\xff", b"<valgrindoutput>", b"no xml at all", b"<valgrindoutput><error/></valgrindoutput>",
     b"<valgrindoutput><error><kind>Race</kind><what>\x01 unheard of </what><stack><frame/></stack></error>",
     b"<valgrindoutput><error><kind>New</kind><xwhat><hthreadid>x</hthreadid></xwhat></error></valgrindoutput>"],
)
def test_damaged_xml_is_read_as_far_as_it_goes(tmp_path: pathlib.Path, damaged: bytes) -> None:
    (tmp_path / "report.xml").write_bytes(damaged)
    for checker in ("helgrind", "drd"):
        report = read_report(checker, tmp_path)
        json.dumps(report)
        assert len(report["findings"]) == damaged.count(b"</error>") + damaged.count(b"<error/>")


TSAN = """==================
WARNING: ThreadSanitizer: data race (pid=1)
  Atomic write of size 8 at 0x55aa0010 by thread T2 'it''s me' (mutexes: write M12, read M3):
    #0\tstd::atomic<int>::store(int, std::memory_order)\t/usr/include/c++/12/atomic\t10\t/opt/my program\t0x10
    #1\tvoid f<int (*)(char, long)>()\t/src/a b.cpp\t7\t/opt/my program\t0x20

  Previous read of size 4 at 0x55aa0010 by main thread:
    [failed to restore the stack]

  As if synchronized via sleep:
    #0\tnanosleep\t<null>\t0\t/opt/my program\t0x30
    #1\tmain\t/src/main.cpp\t9\t/opt/my program\t0x40

  Mutex M12 (0x55aa0100) created at:
    #0\tpthread_mutex_init\t<null>\t0\t/opt/my program\t0x30
    #1\tmain\t/src/main.cpp\t3\t/opt/my program\t0x40

  Mutex M3 is already destroyed.

SUMMARY: ThreadSanitizer: data race /src/a b.cpp:7 in f
==================
"""


def test_a_report_of_thread_sanitizer_with_everything(tmp_path: pathlib.Path) -> None:
    (tmp_path / "report.1").write_text(TSAN)
    report = read_report("tsan", tmp_path)
    [finding] = report["findings"]
    assert report["whole"]
    assert finding["summary"] == (
        "it''s me writes 8 bytes of {@0x55aa0010}, which main read before, and nothing orders the two"
    )
    assert finding["threads"][0]["stack"] == [
        "std::atomic<int>::store(int, std::memory_order) (12/atomic:10)",
        "void f<int (*)(char, long)>() (src/a b.cpp:7)",
    ]
    assert [item["title"] for item in finding["stacks"]] == ["main read it", "As if synchronized via sleep"]
    assert finding["notes"] == ["Mutex M3 is already destroyed."]
    assert finding["objects"][0]["created"] == ["pthread_mutex_init", "main (src/main.cpp:3)"]


def test_a_report_of_thread_sanitizer_cut_anywhere(tmp_path: pathlib.Path) -> None:
    for length in range(len(TSAN) + 1):
        (tmp_path / "report.1").write_text(TSAN[:length])
        report = read_report("tsan", tmp_path)
        json.dumps(report)
        assert len(report["findings"]) == (length >= TSAN.index("data race") - 1 and TSAN[:length].count("ThreadSanitizer: ") > 0)
    (tmp_path / "report.1").write_text(TSAN[: TSAN.index("SUMMARY")])
    assert not read_report("tsan", tmp_path)["whole"]


# ---- compare ----


@pytest.fixture
def compared(program: Callable[[str], pathlib.Path], tmp_path: pathlib.Path) -> Callable[..., Outcome]:
    def call(way: str, *options: object, out: str = "compared") -> Outcome:
        return run_command(
            [command_path("lockcheck"), "compare", "--out", tmp_path / out, "--schedules", 50, *options,
             "--tsan-program", program("opinion_defects-tsan-gcc"), "--", program("opinion_defects"), way],
        )

    return call


def test_tools_stand_side_by_side(compared: Callable[..., Outcome], tmp_path: pathlib.Path) -> None:
    outcome = compared("unlock")
    assert outcome.code == 1, outcome.text
    content = json.loads((tmp_path / "compared" / "compare.json").read_text())
    tools = {tool["tool"]: tool for tool in content["tools"]}
    assert list(tools) == ["run", "explore", "helgrind", "drd", "tsan"]
    assert {name: tool["verdict"] for name, tool in tools.items()} == {
        "run": "finding", "explore": "clean", "helgrind": "finding", "drd": "finding", "tsan": "finding",
    }
    assert tools["explore"]["runs"] == 50
    assert tools["helgrind"]["slowdown"] > 5 and content["plain"]["status"] == 0
    row = content["findings"][0]
    assert row["kind"] == "lock-misuse" and row["places"][0].startswith("unlock_first (")
    assert set(row["tools"]) == {"run", "helgrind", "drd", "tsan"}, "one defect, one row"
    assert (tmp_path / "compared" / "helgrind" / "result.json").is_file()
    line = next(line for line in outcome.stdout.splitlines() if line.split()[:2] == ["lock-misuse", "unlock_first"])
    assert line.split()[-5:] == ["found", "-", "found", "found", "found"]


def test_the_build_by_lockcheck_cc_is_explored_at_its_accesses(
    program: Callable[[str], pathlib.Path], tmp_path: pathlib.Path
) -> None:
    """Without them nothing goes wrong in this program."""
    built = [command_path("lockcheck"), "compare", "--tools", "explore", "--quiet"]
    plain = program("double_checked_locking")
    assert run_command([*built, "--out", tmp_path / "plain", "--", plain]).code == 0
    memory = program("memory/suite/double_checked_locking")
    assert run_command([*built, "--out", tmp_path / "memory", "--memory-program", memory, "--", plain]).code == 1


def test_several_comparisons_make_one_table(compared: Callable[..., Outcome], tmp_path: pathlib.Path) -> None:
    assert compared("clean", "--tools", "helgrind,tsan", out="a").code == 0
    assert compared("race", "--tools", "helgrind,tsan", out="b").code == 1
    outcome = run_command([command_path("lockcheck"), "compare", tmp_path / "a", tmp_path / "b"])
    assert outcome.code == 1
    head, *rows = [line.split() for line in outcome.stdout.splitlines()]
    assert head == ["program", "helgrind", "tsan"]
    assert [row[:3] for row in rows] == [["opinion_defects", "clean", "clean"], ["opinion_defects", "race", "1"]]
    shown = run_command([command_path("lockcheck"), "compare", "--format", "json", tmp_path / "a"])
    assert shown.code == 0 and json.loads(shown.stdout)[0]["tools"][0]["tool"] == "helgrind"


def test_a_tool_that_cannot_run_the_program_is_named(compared: Callable[..., Outcome], tmp_path: pathlib.Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    old = os.environ["PATH"]
    os.environ["PATH"] = str(empty)
    try:
        outcome = compared("clean", "--tools", "helgrind")
    finally:
        os.environ["PATH"] = old
    assert outcome.code == 3, outcome.text
    assert "not run" in outcome.stdout and "there is no valgrind in PATH" in outcome.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--tools", "memcheck"], "there is no memcheck; there are: run, explore"),
        (["--tools", "tsan"], "--tools tsan needs --tsan-program FILE"),
        (["--format", "html"], "text or json is expected"),
    ],
)
def test_wrong_usage_of_compare(
    program: Callable[[str], pathlib.Path], tmp_path: pathlib.Path, words: list[str], message: str
) -> None:
    outcome = run_command(
        [command_path("lockcheck"), "compare", "-o", tmp_path / "c", *words, "--", program("opinion_defects")]
    )
    assert outcome.code == 2 and message in outcome.stderr, outcome.text


def test_compare_leaves_the_directories_of_others_alone(
    program: Callable[[str], pathlib.Path], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "precious").write_text("mine")
    outcome = run_command([command_path("lockcheck"), "compare", "-o", tmp_path, "--", program("opinion_defects")])
    assert outcome.code == 2 and "name another directory" in outcome.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["precious"]
