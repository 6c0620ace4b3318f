# SPDX-License-Identifier: GPL-2.0-or-later
"""Detectors: what is wrong although the execution ends well, and silence where nothing is.

Each program of tests/programs/detectors has one thing wrong, which its comment names, and a correct version that differs
in nothing else.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess

import pytest
import suite

from conftest import BUILD, ROOT
from test_tool_usage import compile_c

PROGRAMS = ROOT / "tests" / "programs"
BUILT = BUILD / "tests" / "programs"

# What an execution of a correct program is looked at with.
SILENT = ("--detect", "all", "--quiet", "--schedules", 30, "--time", 60)


def finding_of(source: pathlib.Path) -> str:
    found = re.search(r"^(?: \*|//) Finding: (\S+)$", source.read_text(), re.MULTILINE)
    assert found, f"{source}: its comment needs a line Finding"
    return found.group(1)


SOURCES = sorted((PROGRAMS / "detectors").glob("*.c*"))
FINDINGS = {source.stem: finding_of(source) for source in SOURCES}


def asked_for(name: str) -> tuple[str, str]:
    """Leaks are for who asks: "all" does not look for them."""
    return ("--detect", "leak" if FINDINGS[name] == "leak" else "all")


def kinds(outcome) -> list[str]:
    return [finding["kind"] for finding in outcome.result["findings"]]


def detector(name: str, correct: bool = False) -> pathlib.Path:
    return BUILT / "detectors" / (name + ("-correct" if correct else ""))


# ---- each detector by its programs ----


@pytest.mark.parametrize("name", FINDINGS)
def test_it_is_found_on_the_first_execution(name, lockcheck, tmp_path) -> None:
    outcome = lockcheck("run", *asked_for(name), "--", detector(name))
    assert outcome.code == 1, outcome.text
    assert set(kinds(outcome)) == {FINDINGS[name]}, outcome.text
    if FINDINGS[name] not in ("deadlock", "lost-wakeup"):  # the very same execution ends well
        plain = lockcheck("run", "--detect", "none", "--", detector(name), out=tmp_path / "plain")
        assert plain.code == 0, plain.text


@pytest.mark.parametrize("name", FINDINGS)
def test_the_correct_version_is_silent(name, lockcheck) -> None:
    outcome = lockcheck("explore", *SILENT, *asked_for(name), "--", detector(name, correct=True))
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("kind", ["lock-order", "lock-misuse", "data-race", "irq-unsafe", "sleep-in-atomic", "leak"])
def test_each_has_programs(kind) -> None:
    assert list(FINDINGS.values()).count(kind) >= 3


# ---- the bug suite, and all correct programs ----

DETECTED = [bug for bug in suite.bugs() if bug.detected]


def in_memory_suite(bug: suite.Bug, correct: bool = False) -> list[object]:
    words = bug.command(BUILD, correct)
    return [BUILT / "memory" / "suite" / pathlib.Path(words[0]).name, *words[1:]]


@pytest.mark.parametrize("bug", DETECTED, ids=lambda bug: bug.name.replace(" ", "-"))
def test_a_bug_of_the_suite_is_found_where_it_does_no_harm(bug, lockcheck, tmp_path) -> None:
    """The detector shows it within a few schedules that, without the detector, all end well."""

    def found(words: list[object], name: str) -> bool:
        outcome = lockcheck("explore", *words, "--detect", bug.detected, "--schedules", 60, "--",
                            *in_memory_suite(bug), out=tmp_path / f"{name}-found")  # fmt: skip
        shown = [f["first_schedule"] for f in outcome.result["findings"] if f["kind"] == bug.detected]
        if not shown:
            return False
        plain = lockcheck("explore", *words, "--detect", "none", "--schedules", min(shown), "--",
                          *in_memory_suite(bug), out=tmp_path / f"{name}-plain")  # fmt: skip
        return plain.code == 0

    common = ["--quiet", "--jobs", 1]
    assert found([*common, "--strategy", "cooperative"], "cooperative") or any(
        found([*common, "--seed", seed], str(seed)) for seed in range(1, 11)
    )


@pytest.mark.parametrize("bug", suite.bugs(), ids=lambda bug: bug.name.replace(" ", "-"))
def test_no_detector_speaks_on_a_correct_version(bug, lockcheck) -> None:
    outcome = lockcheck("explore", *SILENT, "--", *in_memory_suite(bug, correct=True))
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("where", [".", "memory/correct"])
@pytest.mark.parametrize("name", sorted(path.stem for path in (PROGRAMS / "correct").glob("*.c*")))
def test_no_detector_speaks_on_a_correct_program(where, name, lockcheck) -> None:
    outcome = lockcheck("explore", *SILENT, "--", BUILT / where / name)
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize("compiler", [path for path in ("gcc", "clang") if (BUILT / "memory" / path).is_dir()])
@pytest.mark.parametrize("name", sorted(path.stem for path in (PROGRAMS / "memory").glob("*.c*")))
def test_no_detector_speaks_on_correct_memory_accesses(compiler, name, lockcheck) -> None:
    outcome = lockcheck("explore", *SILENT, "--", BUILT / "memory" / compiler / f"{name}-correct")
    assert outcome.code == 0, outcome.text


# ---- executions with reports are executions like all others ----


@pytest.mark.parametrize("name", ["order_of_three", "misuse_unlock_of_others", "race_two_locks", "race_after_free"])
def test_it_replays(name, lockcheck, out, tmp_path) -> None:
    found = lockcheck("explore", "--detect", "all", "--quiet", "--schedules", 20, "--", detector(name))
    assert FINDINGS[name] in kinds(found), found.text
    for number, finding in enumerate(found.result["findings"]):
        again = lockcheck("replay", "--times", 3, out / finding["schedule"], out=tmp_path / str(number))
        assert again.code == 1, again.text
        [replayed] = again.result["findings"]
        for what in ("kind", "summary", "execution_hash", "stacks"):
            assert replayed[what] == finding[what]


def test_detectors_do_not_change_executions(lockcheck, program, tmp_path) -> None:
    hashes = []
    for number, detect in enumerate(["none", "lock-order", "all"]):
        out = tmp_path / str(number)
        outcome = lockcheck("run", "--detect", detect, "--", detector("race_barrier", correct=True), out=out)
        assert outcome.code == 0, outcome.text
        hashes.append(outcome.result["execution_hash"])
    assert len(set(hashes)) == 1


@pytest.mark.parametrize("name", ["lock_cycle", "wrong_lock", "missed_unlock"])
def test_jobs_make_no_difference_to_what_is_counted(name, lockcheck, tmp_path) -> None:
    counts = []
    for jobs in (1, 2):
        outcome = lockcheck(
            "explore", "--detect", "all", "--keep-going", "--quiet", "--schedules", 100, "--jobs", jobs, "--seed", 4,
            "--", BUILT / "memory" / "suite" / name, out=tmp_path / str(jobs),
        )  # fmt: skip
        assert outcome.code == 1, outcome.text
        findings = outcome.result["findings"]
        counts.append({(f["id"], f["kind"], f["summary"], f["count"], f["first_schedule"]) for f in findings})
    assert counts[0] == counts[1]


def test_each_report_of_an_execution_has_its_own_schedule_that_ends_with_it(lockcheck, out, tmp_path) -> None:
    outcome = lockcheck(
        "explore", "--detect", "all", "--keep-going", "--quiet", "--schedules", 20, "--", BUILT / "memory/suite/wrong_lock"
    )
    findings = outcome.result["findings"]
    assert len(findings) > 1, outcome.text
    for number, finding in enumerate(findings):
        again = lockcheck("replay", out / finding["schedule"], out=tmp_path / str(number))
        assert again.code == 1, again.text
        [replayed] = again.result["findings"]
        assert replayed["summary"] == finding["summary"]
        assert replayed["stacks"] == finding["stacks"]


@pytest.mark.parametrize("verb", ["run", "explore"])
@pytest.mark.parametrize("name", ["misuse_unlock_twice", "race_counter", "leak_mutex"])
def test_all_but_leak_is_looked_for_by_default(name, verb, lockcheck) -> None:
    few = ("--schedules", 20) if verb == "explore" else ()
    outcome = lockcheck(verb, "--quiet", *few, "--", detector(name))
    assert set(kinds(outcome)) == {FINDINGS[name]} - {"leak"}, outcome.text


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_a_hunt_goes_on_to_what_ends_an_execution_and_shows_that_first(jobs, lockcheck, program) -> None:
    """And of what the executions before went on after, what comes after that schedule does not count."""
    outcome = lockcheck("explore", "--quiet", "--jobs", jobs, "--", program("abba"))
    assert outcome.code == 1, outcome.text
    strikes, could = outcome.result["findings"]
    assert (strikes["kind"], could["kind"]) == ("deadlock", "lock-order")
    assert (strikes["first_schedule"], could["first_schedule"]) == (2, 1)
    assert (outcome.result["schedules"], strikes["count"], could["count"]) == (2, 1, 1)


def test_only_what_is_asked_for_is_looked_for(lockcheck, tmp_path) -> None:
    for number, (detect, code) in enumerate([("lock-order", 0), ("lock-order,lock-misuse", 0), ("data-race", 1)]):
        outcome = lockcheck("run", "--detect", detect, "--", detector("race_counter"), out=tmp_path / str(number))
        assert outcome.code == code, outcome.text


@pytest.mark.parametrize("list", ["", "lock-order,", "data-races", "all,none"])
def test_a_list_that_is_none_is_refused(list, lockcheck) -> None:
    outcome = lockcheck("run", "--detect", list, "--", detector("race_counter"))
    assert outcome.code == 2, outcome.text
    assert "data-race" in outcome.stderr


# ---- the known defects of the driver stack ----


def known_defects() -> list[list[str]]:
    """The rows of the table in docs/detectors.md: what each is found as, in which program, and the unit tests."""
    text = (ROOT / "docs" / "detectors.md").read_text()
    table = text.split("<!-- known defects: begin -->")[1].split("<!-- known defects: end -->")[0]
    return [[cell.strip() for cell in line.split("|")[2:5]] for line in table.strip().splitlines()[2:]]


def test_what_known_defects_are_found_as_is_what_their_programs_show() -> None:
    shown = {f"detectors/{name}": {kind} for name, kind in FINDINGS.items()}
    shown |= {bug.name: {*bug.kinds} for bug in suite.bugs()} | {f"memory/suite/{bug.name}": {bug.detected} for bug in DETECTED}
    rows = [row for row in known_defects() if row[1]]
    assert len(rows) > 10
    for kind, program, _ in rows:
        assert kind.strip("`") in shown[program.strip("`")], program


def test_the_unit_tests_of_known_defects_are_there() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "tests" / "unit").glob("*.c"))
    for *_, tests in known_defects():
        names = re.findall(r"`(\w+)`", tests)
        assert names
        for name in names:
            assert re.search(rf"^static void {name}\(", sources, re.MULTILINE), name


# ---- what is told ----


def test_a_race_is_told_with_both_stacks(lockcheck) -> None:
    outcome = lockcheck("run", "--detect", "data-race", "--", detector("race_two_locks"))
    finding = outcome.result["findings"][0]
    assert "counts" in finding["summary"]
    [before] = finding["stacks"]
    assert before["stack"][0].startswith("increment (detectors/race_two_locks.c:")
    [now] = [thread for thread in finding["threads"] if thread["state"] == "running"]
    assert now["stack"][0].startswith("increment (detectors/race_two_locks.c:")
    assert now["name"] != before["thread"]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("race_two_locks", "counts[3] (long int)"),
        ("race_thread_local", "count[1] (int)"),
        ("race_sixteen_bytes", "pairs[0].second (long int)"),
        ("race_adjacent_bits", "fields.one (unsigned int)"),
        ("race_unaligned", "memory.number+7 (uint64_t)"),
        ("race_copied_range", "buffer[99] (char)"),
        ("race_after_free", "the 64 bytes allocated by main (detectors/race_after_free.c:20) at offset 8"),
    ],
)
def test_a_race_is_told_with_the_variable_or_the_block(name, what, lockcheck) -> None:
    outcome = lockcheck("run", "--detect", "data-race", "--", detector(name))
    assert all(f" of {what}, which " in finding["summary"] for finding in outcome.result["findings"])


NAMELESS = r"0x[0-9a-f]+ \(race_two_locks\)"


@pytest.mark.parametrize(
    ("strip", "what", "place"),
    [("--strip-debug", r"counts\+24", "other"), ("--strip-all", rf"memory at {NAMELESS}", NAMELESS)],
)
def test_a_race_is_told_without_debug_information_or_symbols(strip, what, place, lockcheck, tmp_path) -> None:
    stripped = tmp_path / "race_two_locks"
    subprocess.run(["strip", strip, "-o", stripped, detector("race_two_locks")], check=True)
    outcome = lockcheck("run", "--detect", "data-race", "--", stripped)
    assert outcome.code == 1 and not outcome.stderr, outcome.text
    finding = outcome.result["findings"][0]
    assert re.search(rf" reads 8 bytes of {what}, which ", finding["summary"])
    [now] = [thread for thread in finding["threads"] if thread["state"] == "running"]
    [before] = finding["stacks"]
    assert re.fullmatch(place, now["stack"][0]), outcome.text
    assert len(before["stack"]) > 1 and before["thread"] != now["name"]


def test_memory_that_a_signals_handler_writes_to_is_not_named_after_how_the_signal_came(lockcheck, tmp_path) -> None:
    source = """
        #include <pthread.h>
        #include <signal.h>
        static volatile sig_atomic_t got;
        static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        static void handler(int sig) { got = sig; }
        static void *wait(void *unused) { pthread_mutex_lock(&mutex); pthread_mutex_unlock(&mutex); return unused; }
        int main(void)
        {
            pthread_t thread;
            signal(SIGUSR1, handler);
            pthread_create(&thread, 0, wait, 0);
            pthread_kill(thread, SIGUSR1);
            raise(SIGUSR1);
            pthread_join(thread, 0);
            return 0;
        }
    """
    program = compile_c(source, tmp_path / "program", "-pthread", compiler=str(BUILD / "bin" / "lockcheck-cc"))
    subprocess.run(["strip", program], check=True)
    outcome = lockcheck("explore", "--detect", "data-race", "--", program)
    assert outcome.code == 1, outcome.text
    for finding in outcome.result["findings"]:
        assert re.search(r" 4 bytes of memory at 0x[0-9a-f]+ \(program\), which ", finding["summary"])
        assert not any(" created by " in item["name"] for item in finding["objects"]), outcome.text


def test_a_lost_signal_is_told_with_its_stack(lockcheck) -> None:
    outcome = lockcheck("run", "--", detector("lost_wakeup_signal"))
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "lost-wakeup"
    [signal] = finding["stacks"]
    assert any(frame.startswith("give (") for frame in signal["stack"])


def test_a_lock_order_is_told_with_both_stacks_of_each_edge(lockcheck) -> None:
    outcome = lockcheck("run", "--detect", "lock-order", "--", detector("order_of_three"))
    [finding] = outcome.result["findings"]
    assert len(finding["stacks"]) == 6
    assert all(any("take_two" in frame for frame in stack["stack"]) for stack in finding["stacks"])


SUPPRESSION = """{
   this one is known
   lockcheck:data-race
   fun:increment
}
"""


def test_suppressions_hold_for_reports(lockcheck, tmp_path) -> None:
    file = tmp_path / "known.supp"
    file.write_text(SUPPRESSION)
    outcome = lockcheck(
        "explore", "--detect", "all", "--schedules", 20, "--suppressions", file, "--", detector("race_two_locks")
    )
    assert outcome.code == 0, outcome.text
    result = outcome.result
    assert result["schedules"] == 20
    assert result["suppressed"] == result["suppressions"][0]["count"] > 0


def test_a_suppressed_report_does_not_hide_another_one(lockcheck, tmp_path) -> None:
    """The threads of wrong_lock race in two ways in one execution."""
    found = lockcheck(
        "explore", "--detect", "all", "--keep-going", "--quiet", "--schedules", 1, "--", BUILT / "memory/suite/wrong_lock"
    )
    first, *others = found.result["findings"]
    assert others, found.text
    file = tmp_path / "first.supp"
    file.write_text(SUPPRESSION.replace("data-race\n   fun:increment", f"data-race\n   fun:{top(first)}"))
    outcome = lockcheck(
        "explore", "--detect", "all", "--schedules", 1, "--suppressions", file, "--", BUILT / "memory/suite/wrong_lock",
        out=tmp_path / "suppressed",
    )  # fmt: skip
    left = outcome.result["findings"]
    assert {top(finding) for finding in left} == {top(finding) for finding in others} - {top(first)}


def top(finding: dict) -> str:
    [running] = [thread for thread in finding["threads"] if thread["state"] == "running"]
    return running["stack"][0].split(" ")[0]


RACE_BEFORE_CHECKPOINT = """
#include <lockcheck.h>
#include <pthread.h>
static int value;
static void *early(void *unused) { value++; return unused; }
static void *late(void *unused) { value++; return unused; }
static void both(void *(*writes)(void *))
{
    pthread_t one, other;
    pthread_create(&one, 0, writes, 0);
    pthread_create(&other, 0, writes, 0);
    pthread_join(one, 0);
    pthread_join(other, 0);
}
int main(int count, char **arguments)
{
    (void)arguments;
    both(early);
    lockcheck_checkpoint();
    if (count > 1)
        both(late);
    return 0;
}
"""
EARLY_IS_KNOWN = """
{
   early
   lockcheck:data-race
   fun:early
}
"""


@pytest.fixture
def races_early(tmp_path) -> pathlib.Path:
    from test_memory import compile_with

    (tmp_path / "early.c").write_text(RACE_BEFORE_CHECKPOINT)
    built = compile_with(
        "gcc", "-g", "-O1", "-pthread", "-I", ROOT / "lockcheck" / "include", "early.c", "-o", "early", cwd=tmp_path
    )
    assert built.code == 0, built.text
    return tmp_path / "early"


@pytest.mark.parametrize("verb", ["run", "explore"])
def test_what_is_wrong_before_the_checkpoint_is_found_too(verb, races_early, lockcheck, tmp_path) -> None:
    outcome = lockcheck(verb, "--detect", "all", "--", races_early)
    assert outcome.code == 1, outcome.text
    assert outcome.result["schedules"] == (1 if verb == "run" else 1000)
    for number, finding in enumerate(outcome.result["findings"]):
        assert (finding["kind"], finding["first_schedule"], finding["count"]) == ("data-race", 0, 1)
        assert finding["stacks"][0]["stack"][0].startswith("early (")
        again = lockcheck("replay", outcome.out / finding["schedule"], out=tmp_path / str(number))
        assert again.code == 1 and again.result["findings"][0]["summary"] == finding["summary"], again.text


@pytest.mark.parametrize("verb", ["run", "explore"])
def test_what_is_known_of_the_time_before_the_checkpoint_is_counted_and_gone_past(
    verb, races_early, lockcheck, tmp_path
) -> None:
    known = tmp_path / "known.supp"
    known.write_text(EARLY_IS_KNOWN)
    clean = lockcheck(verb, "--detect", "all", "--suppressions", known, "--", races_early)
    assert clean.code == 0, clean.text
    assert [it["count"] for it in clean.result["suppressions"]] == [1]
    outcome = lockcheck(verb, "--detect", "all", "--suppressions", known, "--", races_early, "more")
    assert outcome.code == 1, outcome.text
    assert {(it["kind"], it["first_schedule"]) for it in outcome.result["findings"]} == {("data-race", 1)}
    assert all(it["stacks"][0]["stack"][0].startswith("late (") for it in outcome.result["findings"])
    assert [it["count"] for it in outcome.result["suppressions"]] == [1]


def test_a_hunt_that_keeps_going_shows_what_comes_before_the_checkpoint_and_behind_it(races_early, lockcheck, tmp_path) -> None:
    told = []
    for jobs in (1, 3):
        outcome = lockcheck("explore", "--detect", "all", "--keep-going", "--schedules", 40, "--jobs", jobs, "--",
                            races_early, "more", out=tmp_path / f"jobs-{jobs}")
        assert outcome.code == 1, outcome.text
        told.append([(it["stacks"][0]["stack"][0].split(" ")[0], it["first_schedule"], it["count"], it["summary"])
                     for it in outcome.result["findings"]])
    assert told[0] == told[1]
    assert {(schedule, count) for place, schedule, count, _ in told[0] if place == "early"} == {(0, 1)}
    assert sum(count for place, schedule, count, _ in told[0] if place == "late" and schedule > 0) >= 40


def test_code_that_was_compiled_otherwise_shows_no_race(lockcheck, program) -> None:
    outcome = lockcheck("explore", *SILENT, "--", program("abba-correct"))
    assert outcome.code == 0, outcome.text
