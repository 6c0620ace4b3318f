# SPDX-License-Identifier: GPL-2.0-or-later
"""What run and explore do with a program: verdicts, budgets, determinism, results."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import time

import pytest

from conftest import command_path, run_command
from test_tool_usage import compile_c


def same(result: dict) -> dict:
    """What must be equal in two explorations with one seed: everything but the time that they took."""
    result = json.loads(json.dumps(result))
    del result["seconds"]
    for finding in result["findings"]:
        del finding["seconds"]
    return result


@pytest.mark.parametrize("name", ["abba", "lost_wakeup", "timeout_at_the_signal"])
def test_equal_seeds_give_equal_results_whatever_the_number_of_jobs(name, lockcheck, program) -> None:
    results = []
    for jobs in (1, 2, 4, 4):
        outcome = lockcheck("explore", "--seed", 11, "--jobs", jobs, "--", program(name))
        assert outcome.code == 1, outcome.text
        results.append(same(outcome.result))
    assert results[0] == results[1] == results[2] == results[3]
    [finding] = results[0]["findings"]
    assert finding["first_schedule"] == results[0]["schedules"]


def test_equal_seeds_take_equal_schedules_where_nothing_is_found(lockcheck, program) -> None:
    def hash_of(seed: int, jobs: int) -> str:
        outcome = lockcheck("explore", "--seed", seed, "--jobs", jobs, "--schedules", 100, "--", program("barrier"))
        assert outcome.code == 0, outcome.text
        return outcome.result["execution_hash"]

    assert hash_of(1, 1) == hash_of(1, 3) != hash_of(2, 1)


def test_a_finding_has_what_the_design_promises(lockcheck, program, out) -> None:
    outcome = lockcheck("explore", "--detect", "none", "--", program("abba"))
    result = outcome.result
    assert (result["version"], result["verdict"]) == (1, "finding")
    assert result["program"] == [str(program("abba"))]
    assert (result["strategy"], result["seed"]) == ("portfolio", 1)
    [finding] = result["findings"]
    assert finding["kind"] == "deadlock" and finding["id"].startswith("deadlock-")
    assert (out / finding["schedule"]).read_text().startswith("lockcheck-schedule 1\n")
    assert (out / finding["output"]).is_file()
    assert len(finding["execution_hash"]) == 16
    assert finding["execution_hash"] == result["execution_hash"]
    waiting = {thread["name"]: thread for thread in finding["threads"] if thread["holds"]}
    assert len(waiting) == 2
    for thread in waiting.values():
        assert thread["state"] == "blocked"
        assert any("abba.c:" in frame for frame in thread["stack"])
        assert thread["waits_for_object"] in ("accounts_lock", "ledger_lock")
    objects = {thing["name"]: thing for thing in finding["objects"]}
    assert objects["accounts_lock"]["kind"] == "mutex"
    assert objects["accounts_lock"]["holder"] in waiting
    assert any(event["event"] == "acquired" for event in objects["accounts_lock"]["history"])
    assert {"from", "from_type", "to", "to_type", "label"} <= finding["graph"][0].keys()
    # The same on the terminal, once and for developers.
    assert outcome.stdout.count("DEADLOCK") == 1 and "accounts_lock" in outcome.stdout


def test_stacks_show_the_program_not_how_it_is_observed(lockcheck, program) -> None:
    outcome = lockcheck("explore", "--seed", 3, "--", program("phantom_wakeup"))
    [finding] = outcome.result["findings"]
    events = [event for thing in finding["objects"] for event in thing["history"]]
    stacks = [thread["stack"] for thread in finding["threads"]] + [event["stack"] for event in events]
    frames = [frame for stack in stacks for frame in stack]
    assert any(frame.startswith("main (suite/phantom_wakeup.c:") for frame in frames)
    assert any(event["event"] == "up begins" and "hand_made_semaphore.h" in event["stack"][0] for event in events)
    for frame in frames:
        assert not frame.startswith(("lockcheck_", "lc_", "0x", "__libc_start", "start_thread")), frame


def test_run_takes_one_schedule_and_keeps_it(lockcheck, program, out) -> None:
    outcome = lockcheck("run", "--", program("barrier"))
    assert outcome.code == 0
    assert (outcome.result["strategy"], outcome.result["schedules"]) == ("cooperative", 1)
    assert outcome.result["schedule"] == "0001.schedule"
    again = lockcheck("replay", out / "0001.schedule", out=out.with_name("again"))
    assert again.code == 0, again.text
    assert again.result["execution_hash"] == outcome.result["execution_hash"]


def test_run_shows_the_output_of_the_program_and_explore_does_not(lockcheck, tmp_path, out) -> None:
    source = '#include <stdio.h>\nint main(int c, char **v) { puts("to out"); fputs("to err\\n", stderr); return c - 1; }'
    program = compile_c(source, tmp_path / "talks")
    outcome = lockcheck("run", "--quiet", "--", program)
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "to out\n", "to err\n")
    outcome = lockcheck("explore", "--schedules", 20, "--", program)
    assert outcome.code == 0 and "to out" not in outcome.stdout and outcome.stderr == "", outcome.text
    outcome = lockcheck("explore", "--", program, "fail")
    assert outcome.code == 1 and outcome.stdout.count("to out") == 0, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "assertion" and "status 1" in finding["summary"]
    assert sorted((out / finding["output"]).read_text().splitlines()) == ["to err", "to out"]


def test_standard_input_is_empty(lockcheck, tmp_path) -> None:
    program = compile_c("#include <stdio.h>\nint main(void) { return getchar() != EOF; }", tmp_path / "reads")
    with open("/dev/zero", "rb") as zero:
        words = [str(command_path("lockcheck")), "run", "--out", str(tmp_path / "o"), "--", str(program)]
        assert subprocess.run(words, stdin=zero, timeout=60, check=False).returncode == 0


def test_a_crash_is_a_finding(lockcheck, tmp_path) -> None:
    program = compile_c("int main(int c, char **v) { *(volatile int *)0 = c; return !v; }", tmp_path / "crashes")
    outcome = lockcheck("explore", "--", program)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "crash" and "11" in finding["summary"]
    source = "#include <signal.h>\nint main(void) { raise(SIGKILL); return 0; }"
    outcome = lockcheck("explore", "--", compile_c(source, tmp_path / "killed"))
    assert outcome.code == 1, outcome.text
    assert "signal 9" in outcome.result["findings"][0]["summary"]


def test_a_finding_before_the_checkpoint_is_schedule_0(lockcheck, tmp_path, out) -> None:
    source = """
        #include <lockcheck.h>
        #include <pthread.h>
        int main(void)
        {
            static pthread_mutex_t early = PTHREAD_MUTEX_INITIALIZER;
            pthread_mutex_lock(&early);
            pthread_mutex_lock(&early);
            lockcheck_checkpoint();
        }
    """
    outcome = lockcheck("explore", "--", compile_c(source, tmp_path / "early"))
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert (finding["kind"], finding["first_schedule"]) == ("deadlock", 0)
    assert finding["objects"][0]["name"].startswith("early")
    assert lockcheck("replay", out / finding["schedule"], out=tmp_path / "again").code == 1


def test_what_does_not_replay_is_no_finding(lockcheck, program) -> None:
    outcome = lockcheck("explore", "--", program("clock_in_behaviour"))
    assert outcome.code == 3, outcome.text
    result = outcome.result
    assert (result["verdict"], result["findings"]) == ("error", [])
    assert result["error"]["kind"] == "not-reproducible"
    assert result["error"]["summary"].count("execution hash") == 2
    assert "did not replay" in outcome.stderr


@pytest.mark.parametrize(
    ("verb", "name", "function"),
    [("explore", "endless_loop", "spinner"), ("explore", "read_inotify", "reader"), ("run", "read_inotify", "reader")],
)
def test_what_is_not_controlled_is_shown_where_it_is(verb, name, function, lockcheck, program) -> None:
    outcome = lockcheck(verb, "--", program(name), timeout=30)
    assert outcome.code == 3, outcome.text
    assert outcome.result["error"]["kind"] == "uncontrolled"
    assert f"{function} (" in outcome.stderr, outcome.text
    stacks = [frame for thread in outcome.result["error"]["threads"] for frame in thread["stack"]]
    assert any(frame.startswith(f"{function} (") for frame in stacks)


def test_a_program_deaf_to_questions_is_ended_all_the_same(lockcheck, tmp_path) -> None:
    source = """
        #include <signal.h>
        int main(void)
        {
            sigset_t all;
            sigfillset(&all);
            __asm__ volatile("syscall" : : "a"(14), "D"(0), "S"(&all), "d"(0) : "rcx", "r11", "memory");
            register long eight __asm__("r10") = 8;
            long result;
            __asm__ volatile("syscall" : "=a"(result) : "a"(14), "D"(0), "S"(&all), "d"(0), "r"(eight)
                             : "rcx", "r11", "memory");
            for (;;)
                ;
        }
    """
    outcome = lockcheck("run", "--", compile_c(source, tmp_path / "deaf"), timeout=30)
    assert outcome.code == 3 and "did not answer" in outcome.stderr, outcome.text


def test_keep_going_groups_equal_findings(lockcheck, program, out) -> None:
    outcome = lockcheck("explore", "--keep-going", "--detect", "none", "--schedules", 200, "--", program("rwlock_abba"))
    assert outcome.code == 1, outcome.text
    result = outcome.result
    assert result["schedules"] == 200
    identities = [finding["id"] for finding in result["findings"]]
    assert 0 < len(identities) == len(set(identities)) < 10
    assert 1 < sum(finding["count"] for finding in result["findings"]) <= 200
    for finding in result["findings"]:
        assert (out / finding["schedule"]).is_file()
        assert finding["first_schedule"] == int(finding["schedule"].split(".")[0])


def test_schedules_at_the_step_limit_are_counted(lockcheck, program) -> None:
    outcome = lockcheck("explore", "--steps", 10, "--schedules", 20, "--", program("barrier"))
    assert outcome.code == 3 and "nothing found" not in outcome.text, outcome.text
    assert (outcome.result["verdict"], outcome.result["error"]["kind"], outcome.result["truncated"]) == ("error", "limit", 20)
    assert "limit: 20 of 20 schedules were given up" in outcome.stderr
    outcome = lockcheck("run", "--steps", 10, "--", program("barrier"))
    assert outcome.code == 3 and "limit" in outcome.stderr, outcome.text


def test_the_budget_of_time_ends_an_exploration(lockcheck, program) -> None:
    started = time.monotonic()
    outcome = lockcheck("explore", "--time", 0.5, "--", program("barrier"))
    assert outcome.code == 0 and time.monotonic() - started < 5, outcome.text
    assert outcome.result["schedules"] > 0


def test_older_results_are_replaced(lockcheck, program, out) -> None:
    assert lockcheck("explore", "--seed", 2, "--", program("timeout_at_the_signal")).code == 1
    old = {path.name for path in out.iterdir()}
    assert lockcheck("run", "--", program("barrier")).code == 0
    assert {path.name for path in out.iterdir()} == {".lockcheck", "result.json", "0001.schedule"}
    assert any(name.endswith(".output") for name in old)


def test_quiet_says_nothing(lockcheck, program) -> None:
    outcome = lockcheck("explore", "--quiet", "--", program("abba"))
    assert (outcome.code, outcome.stdout, outcome.stderr) == (1, "", "")


def test_all_that_one_execution_shows_has_files_of_its_own(lockcheck, program, out) -> None:
    """The same execution shows several findings: its reports, and what it ends with."""
    outcome = lockcheck("explore", "--keep-going", "--detect", "all", "--schedules", 300, "--", program("lock_cycle"))
    findings = outcome.result["findings"]
    assert {finding["kind"] for finding in findings} == {"lock-order", "deadlock"}, outcome.text
    for key in ("schedule", "output", "steps_file"):
        names = [finding[key] for finding in findings]
        assert len(set(names)) == len(names) and all((out / name).is_file() for name in names)
    [report] = [finding for finding in findings if finding["kind"] == "lock-order"]
    assert report["steps_file"] == report["schedule"].replace(".schedule", ".steps.json")


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_finding_is_shrunk_at_once(jobs, lockcheck, program, out, tmp_path) -> None:
    words = ("--keep-going", "--shrink", "--schedules", 300, "--jobs", jobs, "--", program("semaphore_abba"))
    outcome = lockcheck("explore", *words)
    findings = outcome.result["findings"]
    assert outcome.code == 1 and len(findings) == 2, outcome.text
    for finding in findings:
        short = out / finding["short_schedule"]
        assert short.name == finding["schedule"].replace(".schedule", ".short.schedule")
        assert finding["shrunk"]["preemptions"] <= finding["shrunk"]["preemptions_before"]
        assert f"lockcheck replay {short}" in outcome.stdout and finding["shrunk"]["story"] in outcome.stdout
        replay = lockcheck("replay", "--quiet", short, out=tmp_path / "r")
        assert replay.code == 1, replay.text
        [again] = replay.result["findings"]
        assert (again["kind"], again["steps"]) == (finding["kind"], finding["shrunk"]["steps"])
        # The verb comes to the same.
        alone = lockcheck("shrink", out / finding["schedule"], "-o", tmp_path / "alone", out=None)
        assert (tmp_path / "alone").read_bytes() == short.read_bytes(), alone.text
    assert any(finding["shrunk"]["preemptions"] < finding["shrunk"]["preemptions_before"] for finding in findings)
    html = lockcheck("report", out, "--format", "html", out=None)
    assert findings[0]["short_schedule"] in html.stdout


def test_what_does_not_end_an_execution_is_not_shrunk(lockcheck, program, out) -> None:
    outcome = lockcheck("explore", "--shrink", "--detect", "all", "--schedules", 300, "--", program("lock_cycle"))
    ending, finding = outcome.result["findings"]
    assert (outcome.code, ending["kind"], finding["kind"]) == (1, "deadlock", "lock-order"), outcome.text
    assert "short_schedule" in ending
    assert f"{finding['schedule']} is not shrunk" in outcome.stderr and "short_schedule" not in finding
    alone = lockcheck("shrink", out / finding["schedule"], out=None)
    assert alone.code == 2 and "goes on after this finding" in alone.stderr, alone.text


def test_memory_does_not_grow_with_what_is_found(program, out) -> None:
    """Of the command: evidence is kept of the first of equal findings, and executions are counted in bounded room."""
    peaks = []
    for schedules in (1000, 20000):
        words = ["explore", "--quiet", "--keep-going", "--schedules", schedules, "--out", out, "--", program("semaphore_abba")]
        process = subprocess.Popen([str(word) for word in (command_path("lockcheck"), *words)])
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 1
        peaks.append(usage.ru_maxrss)
    result = json.loads((out / "result.json").read_text())
    assert sum(finding["count"] for finding in result["findings"]) > 2000
    assert peaks[1] - peaks[0] < 6000, peaks  # KiB


def on_a_terminal(columns: int, out: pathlib.Path, *words: object) -> str:
    """What an exploration that finds something writes to a terminal of that width as standard error."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
    command = [str(word) for word in (command_path("lockcheck"), "explore", "--out", out, *words)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=slave, stdin=subprocess.DEVNULL) as process:
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):
            while block := os.read(master, 4096):
                shown += block
        assert process.wait(60) == 1
    os.close(master)
    return shown.decode()


def test_progress_stays_in_one_line_of_the_terminal(program, out) -> None:
    shown = on_a_terminal(40, out, "--keep-going", "--shrink", "--time", 1.5, "--", program("semaphore_abba"))
    lines = shown.replace("\x1b[K", "").split("\r")
    assert any(" schedules, " in line for line in lines)
    assert all(len(line) < 40 for line in lines), lines


def test_progress_shows_how_far_it_is(program, out) -> None:
    shown = on_a_terminal(200, out, "--keep-going", "--time", 2, "--", program("semaphore_abba"))
    line = r"(\d+) schedules, (\d+)/s, (\d+) distinct, (\d+) with a finding \((\d) kinds?\), (\d+) s left"
    seen = [tuple(map(int, match)) for match in re.findall(line, shown)]
    assert len(seen) > 2, shown
    schedules, rate, distinct, findings, kinds, left = seen[-1]
    assert schedules > seen[0][0] and left <= seen[0][5] <= 2
    assert rate > 0 and 0 < distinct <= schedules and 0 < findings < schedules and kinds == 2


def test_progress_is_only_for_terminals(lockcheck, program, tmp_path) -> None:
    outcome = lockcheck("explore", "--time", 0.6, "--", program("barrier"))
    assert "\r" not in outcome.stderr and outcome.stderr == ""
    master, slave = pty.openpty()
    words = [command_path("lockcheck"), "explore", "--time", "0.8", "--out", tmp_path / "o", "--", program("barrier")]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=slave, stdin=subprocess.DEVNULL) as process:
        os.close(slave)
        shown = b""
        try:
            while block := os.read(master, 4096):
                shown += block
        except OSError:
            pass
        assert process.wait(60) == 0
    os.close(master)
    assert b"schedules/s" in shown or b"/s, " in shown
    assert b"\n" not in shown and shown.endswith(b"\r\x1b[K")


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_was_found(which, program, tmp_path) -> None:
    out = tmp_path / "o"
    words = [command_path("lockcheck"), "explore", "--keep-going", "--time", "60", "--out", out, "--", program("abba")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(1)
        process.send_signal(which)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1, stderr
    result = json.loads((out / "result.json").read_text())
    assert result["interrupted"] and result["findings"][0]["kind"] == "deadlock"
    assert "interrupted" in stdout


def test_nothing_is_left_running_when_the_command_is_killed(program, tmp_path) -> None:
    def running() -> list[str]:
        lines = run_command(["ps", "-eo", "stat,args"]).stdout.splitlines()
        return [line for line in lines if f"endless_loop {tmp_path}" in line and not line.startswith("Z")]

    words = [command_path("lockcheck"), "explore", "--out", tmp_path / "o", "--", program("endless_loop"), tmp_path]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        while len(running()) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(running()) > 1
        process.kill()
    deadline = time.monotonic() + 20
    while running() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running() == []
