# SPDX-License-Identifier: GPL-2.0-or-later
"""Looking into a finding: replay --gdb, --to and --trace."""

from __future__ import annotations

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

from conftest import BUILD, ROOT, Outcome, command_path
from test_tool_usage import compile_c

CXX = "g++"

# Two threads that each have values of their own everywhere: locals, errno, __thread and thread_local objects. They
# take two locks in opposite orders. A third has ended before they are made.
OWN_VALUES = """
    #include <errno.h>
    #include <pthread.h>
    #include <string>

    __thread int mine = 7;
    static thread_local std::string title = "main's";
    static pthread_mutex_t first_lock = PTHREAD_MUTEX_INITIALIZER, second_lock = PTHREAD_MUTEX_INITIALIZER;

    static void take_both(pthread_mutex_t *one, pthread_mutex_t *other, int number)
    {
        double half = number / 2.0;
        int taken[2] = {number, -number};
        pthread_mutex_lock(one);
        pthread_mutex_lock(other);
        taken[0] += (int)half;
        pthread_mutex_unlock(other);
        pthread_mutex_unlock(one);
    }

    static void *worker(void *argument)
    {
        int number = *(int *)argument;
        mine = 100 * number;
        title = "worker " + std::to_string(number);
        errno = 40 + number;
        if (number == 1)
            take_both(&first_lock, &second_lock, number);
        else
            take_both(&second_lock, &first_lock, number);
        return nullptr;
    }

    static void *short_lived(void *)
    {
        return nullptr;
    }

    int main()
    {
        static int numbers[] = {1, 2};
        pthread_t ended, threads[2];
        title = "main's own";
        errno = 3;
        pthread_create(&ended, nullptr, short_lived, nullptr);
        pthread_join(ended, nullptr);
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], nullptr, worker, &numbers[i]);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], nullptr);
    }
"""


def found(lockcheck, program: pathlib.Path, out: pathlib.Path, *options: object) -> pathlib.Path:
    """A schedule of the first finding of the program."""
    outcome = lockcheck("explore", *options, "--", program, out=out)
    assert outcome.code == 1, outcome.text
    return out / outcome.result["findings"][0]["schedule"]


def compile_cxx(source: str, program: pathlib.Path) -> pathlib.Path:
    path = program.with_suffix(".cpp")
    path.write_text(source)
    subprocess.run([CXX, "-g", "-O0", "-pthread", "-o", program, path], check=True)
    return program


@pytest.fixture
def own_values(lockcheck, tmp_path) -> pathlib.Path:
    return found(lockcheck, compile_cxx(OWN_VALUES, tmp_path / "own_values"), tmp_path / "found")


@pytest.fixture
def abba(lockcheck, program, tmp_path) -> pathlib.Path:
    return found(lockcheck, program("abba"), tmp_path / "found")


@pytest.fixture
def gdb(lockcheck):
    """gdb(SCHEDULE, COMMAND...): run gdb's commands on the program, stopped at the finding or at `to`."""

    def call(schedule: pathlib.Path, *commands: str, to: int | None = None, env: dict[str, str] | None = None) -> Outcome:
        words = [word for command in commands for word in ("-ex", command)]
        where = ["--to", to] if to else []
        outcome = lockcheck("replay", "--gdb", *where, schedule, "--", "-nx", "-batch", *words, out=None, env=env)
        assert "Traceback" not in outcome.text and "Python Exception" not in outcome.text, outcome.text
        return outcome

    return call


def steps_of(schedule: pathlib.Path) -> int:
    return int(re.search(r"^steps: (\d+)$", schedule.read_text(), re.M)[1])


def numbers_of_workers(text: str) -> dict[int, int]:
    """The worker that each of lockcheck's threads is, from "thread apply all" with locals."""
    return {int(thread): int(worker) for thread, worker in re.findall(r"^THREAD (\d+) WORKER (\d)", text, re.M)}


# ---- gdb at the finding ----


def test_it_stops_at_the_finding_in_the_code_that_waits(abba, gdb) -> None:
    outcome = gdb(abba, "bt", "info locals")
    assert outcome.code == 1, outcome.text
    assert re.search(r"At the end, after step (\d+) of \1, in thread \d: deadlock", outcome.stdout), outcome.text
    assert re.search(r"waits for \w+_lock, which thread \d holds, and thread", outcome.stdout)
    assert re.search(r"^#\d+ .* in (transfer|audit) \(.*abba\.c:\d+$", outcome.stdout, re.M)
    # Of the runtime's frames a backtrace has the one that the program called.
    assert re.findall(r"^#\d+ .*\bpthread_mutex_lock\b", outcome.stdout, re.M)
    assert "lc_switch" not in outcome.stdout and "fiber_main" not in outcome.stdout


def test_all_threads_are_listed_with_what_they_wait_for_and_hold(own_values, gdb) -> None:
    outcome = gdb(own_values, "lockcheck threads", "info threads", "lockcheck objects", "lockcheck objects first_lock")
    lines = outcome.stdout.splitlines()
    listed = [line for line in lines if re.match(r"[ *] \d ", line)]
    assert re.search(r"^  1 +main +(blocked, waits for join on thread 3|runnable), at main \(", listed[0]), outcome.text
    assert re.search(r"^  2 +thread 2 +finished$", listed[1]), outcome.text
    for line in listed[2:4]:
        assert re.search(r"[ *] [34] +thread [34] +blocked, waits for lock on (\w+_lock), holds (?!\1)\w+_lock, at "
                         r"take_both \(", line), outcome.text
    assert sum(line.startswith("*") for line in listed) == 2  # once in each list
    # gdb's own list has the same threads, with the same numbers.
    assert re.search(r'^  2 +Thread 2 "thread 2" \(finished\)', outcome.stdout, re.M)
    assert re.search(r'^[ *] 3 +Thread 3 "thread 3" \(blocked: lock on \w+_lock\)', outcome.stdout, re.M)
    assert re.search(r"^first_lock: mutex, held by thread 3, thread 4 waits for it$", outcome.stdout, re.M), outcome.text
    assert re.search(r"^  step \d+, 0.000 ms: thread 3: acquired at ", outcome.stdout, re.M), outcome.text


def test_each_thread_has_its_own_stack_locals_and_thread_local_storage(own_values, gdb) -> None:
    ask = ["info locals", "p (int)errno", "p mine", "p title", "bt", "up", "p argument", "p number"]
    for thread, worker in ((3, 1), (4, 2)):
        outcome = gdb(own_values, f"lockcheck thread {thread}", *ask)
        text = outcome.stdout[outcome.stdout.index(f'[Thread {thread} "thread {thread}"]') :]
        assert f"half = {worker / 2:g}\n" in text and f"taken = {{{worker}, {-worker}}}" in text, outcome.text
        values = re.findall(r"^\$\d = (.*)$", text, re.M)
        assert values[:3] == [str(40 + worker), str(100 * worker), f'"worker {worker}"'], outcome.text
        assert values[3].endswith(f"<main::numbers{'+4' if worker == 2 else ''}>") and values[4] == str(worker)
        assert re.search(r"pthread_mutex_lock.*\n#\d+ .* take_both\(.*number=\d.*\n#\d+ .* worker\(", text), outcome.text


def test_the_main_thread_has_its_own_too(own_values, gdb) -> None:
    outcome = gdb(own_values, "thread 1", "p (int)errno", "p mine", "p title", "bt")
    assert re.findall(r"^\$\d = (.*)$", outcome.stdout, re.M) == ["3", "7", '"main\'s own"'], outcome.text
    assert re.search(r"pthread_(join|create).*\n#\d+ .* main\(\) \(\)", outcome.stdout), outcome.text


def test_a_thread_that_has_ended_has_no_stack_and_one_that_has_not_begun_its_first_function(own_values, gdb) -> None:
    outcome = gdb(own_values, "thread 2", "bt")
    assert re.search(r"^#0 .*lc_no_stack \(\)[^\n]*\Z", outcome.stdout.strip(), re.M), outcome.text
    # Thread 2 is there from the first step on, and has not run: whose step is next says the trace.
    outcome = gdb(own_values, "lockcheck threads", "thread 2", "bt", to=2)
    if "thread 1 (main) is about to take" in outcome.stdout:
        assert re.search(r"2 +thread 2 +runnable, at short_lived \(", outcome.stdout), outcome.text
        assert re.search(r"^#0 +short_lived", outcome.stdout.split("[Switching to thread 2")[1], re.M), outcome.text
    else:
        assert re.search(r"2 +thread 2 +runs, at about to call short_lived", outcome.stdout), outcome.text


def test_threads_that_do_not_run_cannot_be_changed(own_values, gdb) -> None:
    outcome = gdb(own_values, "thread 1", "set var $rbx = 1")
    assert "not write register" in outcome.stderr, outcome.text
    # Their memory can, and the running thread altogether.
    outcome = gdb(own_values, "thread 1", "p mine = 8", "p mine", "lockcheck thread", "frame 0", "set var $rbx = 1", "p $rbx")
    assert re.findall(r"^\$\d = (.*)$", outcome.stdout, re.M) == ["8", "8", "1"] and not outcome.stderr, outcome.text


def test_a_watchpoint_sees_all_threads(lockcheck, gdb, program, tmp_path) -> None:
    schedule = found(lockcheck, program("abba"), tmp_path / "found")
    outcome = gdb(schedule, "watch balance", "watch entries", "continue", "bt 1", to=1)
    assert re.search(r"Hardware watchpoint \d: (balance|entries)\n\nOld value = 0\nNew value = -?1", outcome.stdout), outcome.text


# ---- gdb from step to step ----


def test_it_goes_from_step_to_step_and_back(abba, gdb) -> None:
    last = steps_of(abba)
    outcome = gdb(abba, "lockcheck step", "lockcheck step 2", "lockcheck to 2", "lockcheck to end", "lockcheck to 1",
                  "lockcheck where", to=2)
    assert outcome.code == 1, outcome.text
    steps = [int(n) for n in re.findall(rf"^Before step (\d+) of {last}, which thread", outcome.stdout, re.M)]
    assert steps == [2, 3, 5, 2, 1, 1], outcome.text
    assert f"At the end, after step {last} of {last}" in outcome.stdout


def test_going_on_without_a_goal_ends_at_the_finding(abba, gdb) -> None:
    outcome = gdb(abba, "continue", "continue", to=1)
    assert outcome.code == 1 and outcome.stdout.count(": deadlock; ") == 1, outcome.text
    assert "exited with code" in outcome.stdout


def test_stopping_before_the_finding_is_no_finding(abba, gdb) -> None:
    assert gdb(abba, "bt", to=1).code == 0


def test_a_breakpoint_on_the_way_is_told(abba, gdb) -> None:
    outcome = gdb(abba, "break transfer", "lockcheck to end", "p entries", "lockcheck finish", to=1)
    assert re.search(r"^Breakpoint 1, #0 +transfer ", outcome.stdout, re.M), outcome.text


def test_an_operation_can_be_finished(abba, gdb) -> None:
    outcome = gdb(abba, "break abba.c:19", "continue", "delete", "lockcheck step", "lockcheck finish", "p balance", "next",
                  "p balance", to=1)
    assert "Value returned is" in outcome.stdout, outcome.text
    assert re.findall(r"^\$\d = (-?\d)$", outcome.stdout, re.M)[-2:] == ["0", "-1"], outcome.text


def test_wrong_steps_and_threads_are_refused(abba, gdb) -> None:
    last = steps_of(abba)
    for command, answer in {
        f"lockcheck to {last + 1}": f"A step from 1 to {last} is expected",
        "lockcheck to nowhere": f"A step from 1 to {last} is expected",
        "lockcheck thread 77": "There is no thread 77",
        "lockcheck step": "This is the end",
        "lockcheck objects nothing": "called nothing",
    }.items():
        outcome = gdb(abba, command)
        assert answer in outcome.stderr, outcome.text


def test_the_programs_output_is_shown_as_it_comes(lockcheck, gdb, tmp_path) -> None:
    source = """
        #include <assert.h>
        #include <pthread.h>
        #include <unistd.h>
        static void *say(void *) { return write(1, "before\\n", 7) ? nullptr : nullptr; }
        int main()
        {
            pthread_t t;
            pthread_create(&t, nullptr, say, nullptr);
            pthread_join(t, nullptr);
            assert(!"reached");
        }
    """
    schedule = found(lockcheck, compile_cxx(source, tmp_path / "says"), tmp_path / "found")
    outcome = gdb(schedule, "echo now\\n", "lockcheck to end", to=1)
    assert outcome.code == 1 and outcome.stdout.count("before\n") == 1, outcome.text
    assert outcome.stdout.index("now\n") < outcome.stdout.index("before\n") < outcome.stdout.index("At the end")
    assert re.search(r"#\d+ .* main \(\) at .*says.cpp:\d+", outcome.stdout), outcome.text


def test_a_crash_is_stopped_at_where_it_is(lockcheck, gdb, tmp_path) -> None:
    source = """
        #include <pthread.h>
        static int *nowhere;
        static void *fall(void *) { int here = 5; *nowhere = here; return nullptr; }
        int main()
        {
            pthread_t t;
            pthread_create(&t, nullptr, fall, nullptr);
            pthread_join(t, nullptr);
        }
    """
    schedule = found(lockcheck, compile_cxx(source, tmp_path / "falls"), tmp_path / "found")
    outcome = gdb(schedule, "info locals", "bt")
    assert outcome.code == 1 and "here = 5" in outcome.stdout, outcome.text
    assert re.search(r"\A#\d+ .* fall\(", outcome.stdout.split("here = 5\n")[1]), outcome.text


def test_a_clean_execution_is_stopped_at_its_exit(lockcheck, gdb, program, tmp_path) -> None:
    outcome = lockcheck("run", "--", program("barrier"), out=tmp_path / "ran")
    assert outcome.code == 0, outcome.text
    [schedule] = (tmp_path / "ran").glob("*.schedule")
    outcome = gdb(schedule, "lockcheck where", "lockcheck to 3", "continue", "continue")
    assert outcome.code == 0, outcome.text
    assert "The program exits, after step" in outcome.stdout and "exited normally" in outcome.stdout


def test_what_cannot_be_controlled_is_stopped_at_and_stays_an_error(lockcheck, gdb, tmp_path) -> None:
    source = """
        #include <pthread.h>
        static volatile int turns;
        static void *spin(void *unused) { for (;;) turns++; return unused; }
        int main(void)
        {
            pthread_t t;
            pthread_create(&t, 0, spin, 0);
            pthread_join(t, 0);
        }
    """
    outcome = lockcheck("run", "--", compile_c(source, tmp_path / "spins", "-g"), out=tmp_path / "ran")
    assert outcome.code == 3, outcome.text
    [schedule] = (tmp_path / "ran").glob("*.schedule")
    outcome = gdb(schedule, "bt")
    assert outcome.code == 3 and ": uncontrolled; " in outcome.stdout, outcome.text
    assert "without a scheduling point" in outcome.stdout and " spin (" in outcome.stdout


def test_a_program_that_ends_itself_is_told(lockcheck, gdb, tmp_path) -> None:
    source = """
        #include <pthread.h>
        #include <unistd.h>
        static void *nothing(void *argument) { return argument; }
        int main(void)
        {
            pthread_t t;
            pthread_create(&t, 0, nothing, 0);
            pthread_join(t, 0);
            _exit(4);
        }
    """
    schedule = found(lockcheck, compile_c(source, tmp_path / "exits"), tmp_path / "found")
    outcome = gdb(schedule, "bt")
    assert outcome.code == 3 and "ended by itself after step" in outcome.stderr and "--to STEP" in outcome.stderr
    assert "main () at" in gdb(schedule, "bt", to=steps_of(schedule)).stdout


def test_netdde_has_all_its_threads(lockcheck, gdb, netdde_path, traces, tmp_path) -> None:
    outcome = lockcheck("explore", "--", netdde_path, "--sync", "legacy", "--replay", traces / "sftp-download.pcapng",
                        out=tmp_path / "found")
    assert outcome.code == 1, outcome.text
    schedule = tmp_path / "found" / outcome.result["findings"][0]["schedule"]
    told = {thread["name"]: thread["state"] for thread in outcome.result["findings"][0]["threads"]}
    outcome = gdb(schedule, "lockcheck threads", "thread apply all bt 2")
    listed = dict(re.findall(r"^[ *] \d+ +(\S.*?)  +(runs|blocked|runnable|finished)\b", outcome.stdout, re.M))
    assert {name: "running" if state == "runs" else state for name, state in listed.items()} == told, outcome.text
    assert outcome.stdout.count("\n#") >= 2 * len(told)


# ---- gdb as such ----


def test_without_gdb_it_says_what_to_install(abba, lockcheck, tmp_path) -> None:
    outcome = lockcheck("replay", "--gdb", abba, out=None, env={"PATH": str(tmp_path)})
    assert outcome.code == 2 and "no gdb in PATH" in outcome.stderr and "apt install gdb" in outcome.stderr, outcome.text


def test_a_step_behind_the_end_is_refused(abba, lockcheck) -> None:
    last = steps_of(abba)
    for options in (["--gdb", "--to", last + 1], ["--to", last + 1], ["--trace", "--from", last + 1]):
        outcome = lockcheck("replay", *options, abba, out=None)
        assert outcome.code == 2 and f"has {last} steps" in outcome.stderr, outcome.text


def test_a_damaged_schedule_is_refused(abba, lockcheck) -> None:
    abba.write_text(abba.read_text().replace("seed: 1", "seed: 2"))
    for option in ("--gdb", "--trace"):
        outcome = lockcheck("replay", option, abba, out=None)
        assert outcome.code == 2 and "checksum" in outcome.stderr, outcome.text


def test_options_that_do_not_go_together_are_refused(abba, lockcheck, tmp_path) -> None:
    for options, answer in {
        ("--gdb", "--trace"): "one of the two",
        ("--last", 3): "--trace",
        ("--gdb", "--times", 3): "--times",
        ("--trace", "--out", tmp_path / "x"): "writes no results",
        ("--trace", "--from", 3, "--to", 2): "no step between",
        ("--to", 0): "whole number",
    }.items():
        outcome = lockcheck("replay", *options, abba, out=None)
        assert outcome.code == 2 and answer in outcome.stderr, outcome.text
    assert not (tmp_path / "x").exists()


def test_an_ordinary_user_may_do_it(abba, gdb, tmp_path) -> None:
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become another user")
    for directory in (tmp_path, *tmp_path.parents):
        if directory.stat().st_uid == 0 and directory != pathlib.Path("/"):
            directory.chmod(directory.stat().st_mode | 0o055)
    words = [command_path("lockcheck"), "replay", "--gdb", abba, "--", "-nx", "-batch", "-ex", "lockcheck threads"]
    outcome = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *map(str, words)],
                             capture_output=True, text=True, cwd="/", env={"PATH": "/usr/bin:/bin", "HOME": "/"}, timeout=60)
    if "Permission denied" in outcome.stderr:
        pytest.skip("this build is where other users cannot read it")
    assert outcome.returncode == 1 and "thread 3  blocked" in outcome.stdout, outcome.stdout + outcome.stderr


def test_the_commands_are_found_when_installed(abba, lockcheck, tmp_path) -> None:
    prefix = tmp_path / "prefix"
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
    outcome = subprocess.run([prefix / "bin" / "lockcheck", "replay", "--gdb", abba, "--", "-nx", "-batch", "-ex",
                              "lockcheck threads"], capture_output=True, text=True, timeout=60)
    assert outcome.returncode == 1 and "thread 3  blocked" in outcome.stdout, outcome.stdout + outcome.stderr


def test_an_interrupt_stops_the_program_and_not_the_session(lockcheck, tmp_path) -> None:
    source = """
        #include <pthread.h>
        static volatile int go_on, turns;
        static void *spin(void *unused) { while (go_on) turns++; return unused; }
        int main(void)
        {
            pthread_t t;
            pthread_create(&t, 0, spin, 0);
            pthread_join(t, 0);
            return 1;
        }
    """
    schedule = found(lockcheck, compile_c(source, tmp_path / "spins"), tmp_path / "found")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command_path("lockcheck"), ["lockcheck", "replay", "--gdb", "--to", "1", str(schedule), "--", "-nx"])
    text = ""

    def until(what: str) -> None:
        nonlocal text
        end = time.monotonic() + 30
        while what not in text:
            assert time.monotonic() < end, text
            if select.select([terminal], [], [], 0.2)[0]:
                text += os.read(terminal, 4096).decode(errors="replace")
        text = text[text.index(what) + len(what) :]

    try:
        until("(gdb) ")
        os.write(terminal, b"set var go_on = 1\ncontinue\n")
        until("Continuing")
        time.sleep(0.5)
        os.write(terminal, b"\x03")
        until("SIGINT")
        os.write(terminal, b"print turns > 0\n")
        until("$1 = 1")
        os.write(terminal, b"set var go_on = 0\ncontinue\n")
        until("The program exits")
        os.write(terminal, b"set confirm off\nquit\n")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(terminal)


# ---- --to without gdb ----


def test_a_moment_is_printed_with_each_threads_stack(own_values, lockcheck) -> None:
    last = steps_of(own_values)
    outcome = lockcheck("replay", "--to", last, own_values, out=None)
    assert outcome.code == 0, outcome.text
    assert f"stopped before step {last} of {last}" in outcome.stdout
    assert re.search(r"^1 main: (blocked, waits for join on thread 3|runnable)\n    #0 pthread_(join|create)\n    #1 main \(",
                     outcome.stdout, re.M), outcome.text
    assert re.search(r"^2 thread 2: finished$", outcome.stdout, re.M), outcome.text
    assert re.search(r"holds \w+_lock\n    #0 pthread_mutex_lock\n    #1 take_both.*\n    #2 worker", outcome.stdout), outcome.text
    assert lockcheck("replay", "--to", last, own_values, out=None).stdout == outcome.stdout


def test_no_results_are_written(abba, lockcheck, tmp_path) -> None:
    before = sorted(tmp_path.rglob("*"))
    for option in (["--to", 2], ["--trace"]):
        lockcheck("replay", *option, abba, out=None, cwd=tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


# ---- --trace ----


def rows(outcome: Outcome) -> list[tuple[int, str, str, str]]:
    """(step, thread, what, more) of each line."""
    lines = re.findall(r"^ *(\d+) +\d+\.\d{3}  (.*)$", outcome.stdout, re.M)
    width = re.search(r"^ +STEP +TIME ms  (THREAD +)WHAT$", outcome.stdout, re.M)[1]
    return [(int(step), line[: len(width)].strip(), line[len(width) : len(width) + 11].strip(), line[len(width) + 11 :])
            for step, line in lines]


def test_the_trace_of_a_deadlock_says_who_was_preempted_where(abba, lockcheck) -> None:
    outcome = lockcheck("replay", "--trace", abba, out=None)
    assert outcome.code == 1, outcome.text
    told = rows(outcome)
    assert (told[0][0], told[0][2], told[0][3]) == (1, "can run", "was able to from the start"), outcome.text
    # The thread that holds one lock is stopped before it takes the other.
    assert any(what == "preempted" and re.fullmatch(r"before lock of \w+_lock, at (transfer|audit) \(suite/abba\.c:\d+\)", more)
               for _, _, what, more in told), outcome.text
    assert any(what == "can run" and re.fullmatch(r"made by main at step \d+", more) for _, _, what, more in told)
    assert told[-1][2] == "end" and told[-1][3].startswith("deadlock: "), outcome.text
    last = [more for _, thread, what, more in told if what == "waits"][-1]
    assert re.fullmatch(r"in lock on \w+_lock, at (transfer|audit) \(suite/abba\.c:\d+\)", last), outcome.text
    # Steps are in order, and each run begins where the one before ended.
    runs = [(step, int(re.match(r"(\d+) step", more)[1])) for step, _, what, more in told if what == "runs"]
    for (step, count), (following, _) in zip(runs, runs[1:]):
        assert step + count == following, outcome.text
    assert sum(count for _, count in runs) == steps_of(abba)


def test_the_trace_is_the_same_each_time(abba, lockcheck) -> None:
    assert len({lockcheck("replay", "--trace", abba, out=None).stdout for _ in range(5)}) == 1


def test_the_trace_says_why_the_next_could_run(lockcheck, tmp_path) -> None:
    source = """
        #include <assert.h>
        #include <pthread.h>
        #include <semaphore.h>
        #include <time.h>
        static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
        static pthread_cond_t bell = PTHREAD_COND_INITIALIZER;
        static sem_t token;
        static int rung;
        static void *waiter(void *unused)
        {
            pthread_mutex_lock(&door);
            while (!rung)
                pthread_cond_wait(&bell, &door);
            pthread_mutex_unlock(&door);
            sem_wait(&token);
            return unused;
        }
        int main(void)
        {
            pthread_t t;
            struct timespec nap = {.tv_nsec = 12000000}, until;
            sem_init(&token, 0, 0);
            pthread_create(&t, 0, waiter, 0);
            nanosleep(&nap, 0);
            pthread_mutex_lock(&door);
            rung = 1;
            pthread_cond_signal(&bell);
            pthread_mutex_unlock(&door);
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += 2;
            pthread_mutex_lock(&door);
            pthread_cond_timedwait(&bell, &door, &until);
            sem_post(&token);
            pthread_join(t, 0);
            assert(!"the end");
        }
    """
    program = compile_c(source, tmp_path / "reasons", "-g")
    outcome = lockcheck("run", "--", program, out=tmp_path / "ran")
    assert outcome.code == 1, outcome.text
    [schedule] = (tmp_path / "ran").glob("*.schedule")
    outcome = lockcheck("replay", "--trace", schedule, out=None)
    told = rows(outcome)
    causes = [(thread, more) for _, thread, what, more in told if what == "can run"]
    for thread, cause in (("thread 2", r"made by main at step \d+"), ("main", r"its sleep ended at step \d+"),
                          ("thread 2", r"door was released by main(, to wait)? at step \d+"),
                          ("main", r"its wait timed out at step \d+"), ("thread 2", r"token was posted by main at step \d+"),
                          ("main", r"thread 2 ended at step \d+")):
        assert any(who == thread and re.fullmatch(cause, more) for who, more in causes), (thread, cause, outcome.text)
    passes = [more for _, thread, what, more in told if (thread, what) == ("time", "passes")]
    assert passes[0] == "to 12.000 ms" and passes[1] == "to 2012.000 ms", outcome.text
    waits = [more for _, thread, what, more in told if what == "waits"]
    assert any(re.fullmatch(r"in timed wait of bell, at main \(.*:\d+\)", more) for more in waits), outcome.text


def test_a_window_of_a_trace(abba, lockcheck) -> None:
    whole = rows(lockcheck("replay", "--trace", abba, out=None))
    starts = [step for step, _, what, _ in whole if what == "runs"]
    outcome = lockcheck("replay", "--trace", "--last", 1, abba, out=None)
    assert [step for step, _, what, _ in rows(outcome) if what == "runs"] == starts[-1:], outcome.text
    assert f"{len(starts) - 1} switches left out, from step 1 to {starts[-1] - 1}" in outcome.stdout
    outcome = lockcheck("replay", "--trace", "--to", starts[1] - 1, abba, out=None)
    assert [step for step, _, what, _ in rows(outcome) if what == "runs"] == starts[:1], outcome.text
    outcome = lockcheck("replay", "--trace", "--from", starts[1], "--to", starts[1], abba, out=None)
    assert [step for step, _, what, _ in rows(outcome) if what == "runs"] == starts[1:2], outcome.text


def test_the_trace_of_a_clean_execution_has_names_too(lockcheck, program, tmp_path) -> None:
    lockcheck("run", "--", program("cond_bounded_buffer"), out=tmp_path / "ran")
    [schedule] = (tmp_path / "ran").glob("*.schedule")
    outcome = lockcheck("replay", "--trace", schedule, out=None)
    assert outcome.code == 0 and "object " not in outcome.stdout, outcome.text
    assert rows(outcome)[-1][2:] == ("end", "clean"), outcome.text


def test_the_trace_of_netdde_shows_the_story_and_the_end(lockcheck, netdde_path, traces, tmp_path) -> None:
    outcome = lockcheck("explore", "--strategy", "random", "--", netdde_path, "--sync", "legacy", "--replay",
                        traces / "sftp-download.pcapng", out=tmp_path / "found")
    assert outcome.code == 1, outcome.text
    finding = outcome.result["findings"][0]
    schedule = tmp_path / "found" / finding["schedule"]
    outcome = lockcheck("replay", "--trace", schedule, out=None)
    assert outcome.code == 1 and len(outcome.stdout.splitlines()) < 400, outcome.text
    assert finding["summary"] in outcome.stdout
    told = rows(outcome)
    runs = [(step, int(re.match(r"(\d+) step", more)[1])) for step, _, what, more in told if what == "runs"]
    for note in finding["notes"]:
        for step in map(int, re.findall(r"step (\d+)", note)):
            assert any(first <= step < first + count for first, count in runs), (step, outcome.text)
    assert lockcheck("replay", "--trace", schedule, out=None).stdout == outcome.stdout


def test_debugging_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "debugging.md").read_text()
    for words in ("--gdb", "--trace", "--to", "lockcheck threads", "lockcheck thread", "lockcheck step", "lockcheck to",
                  "lockcheck objects", "lockcheck where", "lockcheck finish"):
        assert words in text, words


def test_any_step_of_a_livelock_can_be_gone_to(gdb, lockcheck, program, tmp_path) -> None:
    """At its last steps each system call is noticed, and what gdb asks for takes some."""
    schedule = found(lockcheck, program("livelock_back_off"), tmp_path / "found", "--steps", 300_000)
    last = steps_of(schedule)
    outcome = gdb(schedule, "lockcheck threads", f"lockcheck to {last - 100}", "lockcheck threads", "lockcheck step",
                  "lockcheck to 100", "lockcheck to end")  # fmt: skip
    assert outcome.code == 1 and "SIGSYS" not in outcome.text, outcome.text
    stops = re.findall(r"^(Before step \d+|At the end, after step \d+) of", outcome.stdout, re.M)
    assert stops == [f"At the end, after step {last}", f"Before step {last - 100}", f"Before step {last - 99}",
                     "Before step 100", f"At the end, after step {last}"]  # fmt: skip
    assert len(re.findall(r"thread 3 .*at take_both", outcome.stdout)) == 2, outcome.text


def test_a_system_call_of_a_program_that_is_watched_for_livelocks_is_one_step(gdb, lockcheck, tmp_path) -> None:
    """The runtime notices it, and the program gets its answer."""
    source = """
        #include <assert.h>
        #include <pthread.h>
        #include <sched.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        static void *yield(void *unused)
        {
            for (volatile int i = 0; i < 135000; i++)
                sched_yield();
            long parent = 0;
            __asm__ volatile("syscall_here: syscall" : "=a"(parent) : "0"(SYS_getppid) : "rcx", "r11", "memory");
            assert(parent == -1);
            return unused;
        }

        int main()
        {
            pthread_t thread;
            pthread_create(&thread, nullptr, yield, nullptr);
            pthread_join(thread, nullptr);
        }
    """
    schedule = found(lockcheck, compile_cxx(source, tmp_path / "asks"), tmp_path / "found")
    outcome = gdb(schedule, "break syscall_here", "continue", "print $rax", "stepi", "print (long)$rax > 1 && (long)$rax < 1000000000",
                  "delete", "lockcheck to end", to=1)  # fmt: skip
    assert outcome.code == 1 and "SIGSYS" not in outcome.text, outcome.text
    assert re.search(r"^\$1 = 110\n", outcome.stdout, re.M) and re.search(r"^\$2 = true$", outcome.stdout, re.M), outcome.text
    assert "failed the assertion" in outcome.stdout, outcome.text
