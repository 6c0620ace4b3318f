# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs with real threads, watched: `run --native`, SIGQUIT, `attach` and `stress`."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from conftest import TIME_LIMIT, Outcome, command_path, run_command

# Seconds that something takes which is awaited: long, because the machine may be busy.
PATIENCE = 30.0


@pytest.fixture
def native(lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path]) -> Callable[..., Outcome]:
    """native("self"): run native_waits in that way."""

    def call(way: str, *options: object) -> Outcome:
        return lockcheck("run", "--native", *options, "--", program("native_waits"), way)

    return call


@pytest.fixture
def started(out: pathlib.Path) -> Callable[..., contextlib.AbstractContextManager[subprocess.Popen[str]]]:
    """with started("run", "--native", ...) as process: the command, running; it is ended at the end."""

    @contextlib.contextmanager
    def start(*words: object) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [str(word) for word in (command_path("lockcheck"), words[0], "--out", out, *words[1:])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    return start


def eventually(condition: Callable[[], object]) -> object:
    """What the condition gives once it is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    pytest.fail(f"not true after {PATIENCE:g} s")


def child_of(process: subprocess.Popen[str]) -> int:
    """The program that the command has started, once it is that program."""

    def find() -> int:
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        with contextlib.suppress(OSError):
            if children and os.readlink(f"/proc/{children[0]}/exe").endswith("native_waits"):
                return int(children[0])
        return 0

    return eventually(find)  # type: ignore[return-value]


def sleeps_in(pid: int, calls: set[int]) -> bool:
    """Are all threads of the process in one of these system calls?"""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    with contextlib.suppress(OSError):
        return all(
            (words := (task / "syscall").read_text().split())[0].isdigit() and int(words[0]) in calls for task in tasks
        )
    return False


FUTEX, SLEEPS = 202, {35, 230}


@pytest.mark.parametrize(
    ("way", "summary"),
    [
        ("mutexes", "thread 2 waits for second, which thread 3 holds, and thread 3 waits for first, which thread 2 holds"),
        ("spin", "thread 2 waits for spin, which thread 3 holds, and thread 3 waits for first"),
        ("readers", "thread 2 waits for first, which thread 3 holds, and thread 3 waits for table"),
        ("second-read", "thread 2 waits to read fair, for which thread 3 waits to write it before"),
        ("signalled", "thread 2 waits for first, which thread 3 holds, and thread 3 waits for second"),
        ("once", "thread 2 waits for first, which thread 3 holds, and thread 3 waits for once, which thread 2 holds"),
        ("join", "main waits for the end of thread 2, and thread 2 waits for the end of main"),
        ("self", "main waits for first, which it holds itself"),
        ("upgrade", "main waits for table, which it holds itself"),
        ("main-ends", "thread 2 waits for second, which thread 3 holds"),
        ("fork", "main waits for first, which it holds itself"),
        ("exec", "main waits for first, which it holds itself"),
    ],
)
def test_a_deadlock_is_reported_when_it_closes(native: Callable[..., Outcome], way: str, summary: str) -> None:
    outcome = native(way)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "deadlock"
    assert summary in finding["summary"]
    assert outcome.result["mode"] == "native"


def test_a_program_without_symbols_is_shown(
    lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path], tmp_path: pathlib.Path
) -> None:
    stripped = tmp_path / "native_waits"
    subprocess.run(["strip", "--strip-all", "-o", stripped, program("native_waits")], check=True)
    outcome = lockcheck("run", "--native", "--", stripped, "mutexes")
    assert outcome.code == 1 and not outcome.stderr, outcome.text
    [finding] = outcome.result["findings"]
    waiting = [thread for thread in finding["threads"] if thread["holds"]]
    assert len(waiting) == 2
    for thread in waiting:
        assert thread["stack"][0] == "pthread_mutex_lock"
        assert re.fullmatch(r"0x[0-9a-f]+ \(native_waits\)", thread["stack"][1])


def test_the_report_shows_the_graph_and_all_stacks(native: Callable[..., Outcome]) -> None:
    outcome = native("mutexes")
    [finding] = outcome.result["findings"]
    threads = {thread["name"]: thread for thread in finding["threads"]}
    assert set(threads) == {"main", "thread 2", "thread 3"}
    assert threads["thread 2"]["holds"] == ["first"]
    assert threads["thread 2"]["waits_for"] == "lock on second"
    assert threads["thread 2"]["stack"][0] == "pthread_mutex_lock"
    assert threads["thread 2"]["stack"][1].startswith("mutexes_left (native/native_waits.c:")
    assert any(frame.startswith("main (") for frame in threads["main"]["stack"])
    assert {"from": "second", "from_type": "object", "to": "thread 3", "to_type": "thread", "label": "held by"} in finding[
        "graph"
    ]
    [held] = [thing for thing in finding["objects"] if thing["name"] == "first"]
    assert held["history"][0]["stack"][0].startswith("mutexes_left (")
    assert "(a cycle)" in outcome.stdout
    assert "step" not in outcome.stdout and "virtual" not in outcome.stdout


@pytest.mark.parametrize("way", ["timed", "try", "recursive", "alarm", "cancel", ""])
def test_what_ends_by_itself_is_no_deadlock(native: Callable[..., Outcome], way: str) -> None:
    outcome = native(way)
    assert outcome.code == 0, outcome.text
    assert outcome.result["verdict"] == "clean"


def test_a_lost_signal_is_a_hang_without_any_time_limit(native: Callable[..., Outcome]) -> None:
    outcome = native("lost-signal")
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "hang"
    assert finding["summary"] == "nothing can run: thread 2 waits for changed, and another thread is blocked"


def test_client_requests_name_what_is_shown(native: Callable[..., Outcome]) -> None:
    [finding] = native("named").result["findings"]
    assert finding["summary"] == "nothing can run: the sleeper waits for the bell (outstanding: letters: 2)"
    assert finding["outstanding"] == {"letters": 2}


def test_a_wait_for_the_world_is_a_hang_only_after_its_time(native: Callable[..., Outcome]) -> None:
    outcome = native("read", "--timeout", 1.5)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "hang"
    assert finding["summary"].startswith("the program has not ended after 1.5 s")
    assert any(thread["waits_for"] == "read" for thread in finding["threads"])


@pytest.mark.parametrize(
    ("way", "kind", "summary"),
    [
        ("status", "assertion", "the program ended itself with status 7"),
        ("crash", "crash", "main died of signal 11 (Segmentation fault) at address 0x8"),
        ("assert", "assertion", 'main failed the assertion "way == NULL" in alone()'),
        ("finding", "dma-fault", "the card reads where nothing is"),
    ],
)
def test_a_bad_end_is_a_finding(native: Callable[..., Outcome], way: str, kind: str, summary: str) -> None:
    outcome = native(way)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == kind
    assert finding["summary"].startswith(summary)
    if way != "status":
        assert any(frame.startswith("alone (") for frame in finding["threads"][0]["stack"]), finding


def test_nothing_that_the_program_started_is_left(native: Callable[..., Outcome], program: Callable[[str], pathlib.Path]) -> None:
    native("fork")
    path = str(program("native_waits"))
    alive = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "exe") == path and b"fork" in (process / "cmdline").read_bytes():
                alive.append(process.name)
    assert not alive


def test_sigquit_prints_the_graph_and_the_program_goes_on(
    started: Callable[..., contextlib.AbstractContextManager[subprocess.Popen[str]]],
    program: Callable[[str], pathlib.Path],
) -> None:
    with started("run", "--native", "--", program("native_waits"), "sleep") as process:
        pid = child_of(process)
        eventually(lambda: sleeps_in(pid, SLEEPS))
        begin = time.monotonic()
        os.kill(pid, signal.SIGQUIT)
        stdout, stderr = process.communicate(timeout=TIME_LIMIT)
    assert process.returncode == 0, stderr
    assert "WAIT GRAPH" in stderr and re.search(r"alone \(native/native_waits.c:\d+\)", stderr)
    # Its sleep went on too.
    assert "slept" in stdout and time.monotonic() - begin > 1


def test_attach_shows_a_hang_that_is_happening_now(
    started: Callable[..., contextlib.AbstractContextManager[subprocess.Popen[str]]],
    program: Callable[[str], pathlib.Path],
) -> None:
    with started("run", "--native", "--keep-running", "--", program("native_waits"), "mutexes") as process:
        pid = child_of(process)
        eventually(lambda: sleeps_in(pid, {FUTEX}))
        text = run_command([command_path("lockcheck"), "attach", pid])
        as_json = run_command([command_path("lockcheck"), "attach", pid, "--format", "json"])
        assert sleeps_in(pid, {FUTEX})  # it is as it was
        os.kill(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=TIME_LIMIT)
    assert text.code == 1, text.text
    assert f"Process {pid}" in text.stdout and "(a cycle)" in text.stdout
    result = json.loads(as_json.stdout)
    assert (result["mode"], result["pid"], result["findings"][0]["kind"]) == ("native", pid, "deadlock")
    assert process.returncode == 1 and f"gdb -p {pid}" in stderr, stdout + stderr
    assert not pathlib.Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("pid", "message"),
    [
        (2**22 + 1, "there is no process"),
        (os.getpid(), "does not run under"),
        ("x", "PID x: a whole number"),
    ],
)
def test_attach_says_why_it_cannot(pid: object, message: str) -> None:
    outcome = run_command([command_path("lockcheck"), "attach", pid])
    assert outcome.code == 2, outcome.text
    assert message in outcome.stderr


def test_a_library_alone_is_enough_to_attach(program: Callable[[str], pathlib.Path]) -> None:
    library = command_path("lockcheck").parent.parent / "lib" / "lockcheck" / "liblockcheck-native.so"
    process = subprocess.Popen([program("native_waits"), "sleep"], env={**os.environ, "LD_PRELOAD": str(library)})
    try:
        eventually(lambda: sleeps_in(process.pid, SLEEPS))
        outcome = run_command([command_path("lockcheck"), "attach", process.pid])
    finally:
        process.kill()
        process.wait()
    assert outcome.code == 0, outcome.text
    assert "main: blocked in sleep" in outcome.stdout


@pytest.mark.parametrize(("bug", "kind"), [("abba", "deadlock"), ("std_abba", "deadlock")])
def test_stress_finds_what_delays_bring_out(
    lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path], out: pathlib.Path, bug: str, kind: str
) -> None:
    outcome = lockcheck("stress", "--out", out, "--time", 60, "--", program(bug))
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == kind
    assert (out / finding["output"]).exists()
    assert finding["first_schedule"] == outcome.result["schedules"]


def test_stress_of_a_correct_program_finds_nothing(
    lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path], out: pathlib.Path
) -> None:
    outcome = lockcheck("stress", "--out", out, "--runs", 20, "--", program("abba-correct"))
    assert outcome.code == 0, outcome.text
    assert (outcome.result["command"], outcome.result["schedules"]) == ("stress", 20)


def test_stress_keeps_the_output_of_the_run_that_failed(
    lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path], out: pathlib.Path
) -> None:
    outcome = lockcheck("stress", "--out", out, "--runs", 5, "--", program("native_waits"), "assert")
    assert outcome.code == 1, outcome.text
    assert "Assertion" not in outcome.stderr
    assert "Assertion `way == NULL' failed" in (out / outcome.result["findings"][0]["output"]).read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_stress_with_its_results(
    started: Callable[..., contextlib.AbstractContextManager[subprocess.Popen[str]]],
    program: Callable[[str], pathlib.Path],
    out: pathlib.Path,
    number: signal.Signals,
) -> None:
    with started("stress", "--", program("abba-correct")) as process:
        time.sleep(1)
        os.kill(process.pid, number)
        stdout, stderr = process.communicate(timeout=TIME_LIMIT)
    # By the signal itself, as a shell expects it; a run that was cut off says nothing of the program.
    assert process.returncode == -number, stdout + stderr
    assert re.search(r"interrupted: nothing found in \d+ runs so far", stderr)
    assert json.loads((out / "result.json").read_text())["interrupted"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--native", "--", "/nowhere/at-all"], "/nowhere/at-all: No such file"),
        (["run", "--native", "--seed", "3", "--", "/bin/true"], "--native runs the program without schedules"),
        (["run", "--timeout", "3", "--", "/bin/true"], "--timeout needs --native"),
        (["run", "--keep-running", "--", "/bin/true"], "--keep-running needs --native"),
        (["stress", "--timeout", "0", "--", "/bin/true"], "--timeout 0: a number of seconds"),
        (["stress"], "stress needs a program"),
        (["attach"], "attach needs the number of a process"),
    ],
)
def test_wrong_usage(words: list[str], message: str, tmp_path: pathlib.Path) -> None:
    outcome = run_command([command_path("lockcheck"), *words], cwd=tmp_path)
    assert outcome.code == 2, outcome.text
    assert message in outcome.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["barrier", "c11_threads", "cancel", "cond_bounded_buffer", "mutex_robust", "std_jthread", "std_shared_mutex", "thread_attributes"]
)
def test_correct_programs_notice_nothing(
    lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path], name: str
) -> None:
    outcome = lockcheck("run", "--native", "--", program(name))
    assert outcome.code == 0, outcome.text


def test_the_driver_stack_runs_natively(
    lockcheck: Callable[..., Outcome], netdde_path: pathlib.Path, traces: pathlib.Path
) -> None:
    outcome = lockcheck(
        "run", "--native", "--", netdde_path, "--sync", "posix", "--replay", traces / "sftp-download.pcapng"
    )
    assert outcome.code == 0, outcome.text
    assert "card to client" in outcome.stdout


# ---- suppressions ----


def suppressions(outcome: Outcome, file: pathlib.Path) -> pathlib.Path:
    """A file with the block of the only finding, and one that matches nothing."""
    [finding] = outcome.result["findings"]
    file.write_text(finding["suppression"] + "{\n  of no use\n  lockcheck:livelock\n  ...\n}\n")
    return file


@pytest.mark.parametrize("way", ["self", "crash", "status"])
def test_a_suppressed_finding_is_none(native: Callable[..., Outcome], tmp_path: pathlib.Path, way: str) -> None:
    found = native(way)
    assert found.code == 1, found.text
    outcome = native(way, "--suppressions", suppressions(found, tmp_path / "known.supp"))
    assert outcome.code == 0, outcome.text
    assert (outcome.result["verdict"], outcome.result["findings"], outcome.result["suppressed"]) == ("clean", [], 1)
    assert "suppressed 1 time: " in outcome.stdout and "unused suppression: of no use" in outcome.stdout
    assert "nothing found (1 run, " in outcome.stdout


def test_the_suppression_of_another_finding_changes_nothing(
    native: Callable[..., Outcome], tmp_path: pathlib.Path
) -> None:
    file = suppressions(native("self"), tmp_path / "known.supp")
    outcome = native("crash", "--suppressions", file)
    assert outcome.code == 1 and outcome.result["suppressed"] == 0, outcome.text


def test_stress_goes_on_after_a_suppressed_finding(
    native: Callable[..., Outcome], lockcheck: Callable[..., Outcome], program: Callable[[str], pathlib.Path],
    out: pathlib.Path, tmp_path: pathlib.Path,
) -> None:
    file = suppressions(native("self"), tmp_path / "known.supp")
    words = ("stress", "--runs", 3, "--out", out, "--suppressions", file, "--", program("native_waits"))
    outcome = lockcheck(*words, "self")
    assert outcome.code == 0, outcome.text
    assert (outcome.result["schedules"], outcome.result["suppressed"]) == (3, 3)
    other = lockcheck(*words, "crash")
    assert other.code == 1 and other.result["schedules"] == 1


def test_a_damaged_file_of_suppressions_is_refused_before_anything_runs(
    native: Callable[..., Outcome], tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "known.supp"
    file.write_text("{\n  a\n  lockcheck:deadlock\n  nonsense\n}\n")
    outcome = native("self", "--suppressions", file)
    assert outcome.code == 2 and "known.supp:4" in outcome.stderr, outcome.text
