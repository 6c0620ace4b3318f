# SPDX-License-Identifier: GPL-2.0-or-later
"""Traces in CTF: what babeltrace2 reads and `lockcheck trace` prints, rings, kill -9, damage, and wrong use."""

from __future__ import annotations

import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Callable

import bt2
import pytest

from conftest import Outcome, command_path
from test_tool_usage import compile_c

HEAD = 72
"""Bytes of a packet before its first event."""

FOREVER = """
    #define _GNU_SOURCE
    #include <pthread.h>

    static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
    static volatile long count;

    static void *player(void *argument)
    {
        for (;;) {
            pthread_mutex_lock(&shared_lock);
            count++;
            pthread_mutex_unlock(&shared_lock);
        }
        return argument;
    }

    int main(void)
    {
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, player, NULL);
        pthread_setname_np(threads[0], "left");
        pthread_setname_np(threads[1], "right");
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
    }
"""

LONG_SLEEPS = """
    #include <time.h>
    #include <unistd.h>

    int main(void)
    {
        struct timespec instant = {.tv_nsec = 5};
        sleep(3);
        sleep(100);
        nanosleep(&instant, NULL);
    }
"""

NEW_LOCKS = """
    #include <pthread.h>
    #include <stdlib.h>

    static pthread_mutex_t old = PTHREAD_MUTEX_INITIALIZER;

    int main(void)
    {
        pthread_mutex_lock(&old);
        for (int i = 0; i < 60000; i++) {
            pthread_mutex_t *lock = malloc(sizeof *lock);
            pthread_mutex_init(lock, NULL);
            pthread_mutex_lock(lock);
            pthread_mutex_unlock(lock);
            pthread_mutex_destroy(lock);
            free(lock);
        }
        pthread_mutex_unlock(&old);
    }
"""

SMALL_FILES = """
    #include <pthread.h>
    #include <sys/resource.h>

    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    int main(void)
    {
        struct rlimit limit = {100000, 100000};
        setrlimit(RLIMIT_FSIZE, &limit);
        for (int i = 0; i < 100000; i++) {
            pthread_mutex_lock(&lock);
            pthread_mutex_unlock(&lock);
        }
    }
"""

LINE = re.compile(r" *(\d+) +(\d+\.\d{6})  (.+)")


def babeltrace(directory: pathlib.Path) -> list[bt2._EventConst]:
    """All events but names, as babeltrace2 reads them."""
    messages = [it for it in bt2.TraceCollectionMessageIterator(str(directory)) if type(it) is bt2._EventMessageConst]
    return [it.event for it in messages if it.event.stream.cls.id == 0]


def steps_in(directory: pathlib.Path) -> list[int]:
    """The step of each event, as the command babeltrace2 prints it: the module for Python takes long for many."""
    done = subprocess.run(["babeltrace2", directory], capture_output=True, text=True, check=True)
    assert not done.stderr, done.stderr
    return [int(step) for step in re.findall(r", step = (\d+) ", done.stdout)]


def events_of(outcome: Outcome) -> list[str]:
    """The lines of `lockcheck trace`, without the head."""
    lines = outcome.stdout.splitlines()
    assert lines[0].split() == ["STEP", "TIME", "ms", "THREAD", "OPERATION", "OBJECT", "ARGUMENT"], outcome.text
    assert all(LINE.fullmatch(line) for line in lines[1:]), outcome.text
    return lines[1:]


def number_of_object(event: bt2._EventConst) -> int:
    return int(event["object"]) if "object" in event.payload_field else 0


def built(directory: pathlib.Path, source: str) -> pathlib.Path:
    return compile_c(source, directory / "program", "-pthread")


@pytest.fixture
def trace(tmp_path) -> pathlib.Path:
    """Where the trace goes; it does not exist yet."""
    return tmp_path / "trace"


@pytest.fixture
def shown(lockcheck, trace) -> Callable[..., Outcome]:
    """shown("--thread", "main"): what `lockcheck trace` prints of it."""
    return lambda *options: lockcheck("trace", *options, trace)


@pytest.fixture
def deadlock(lockcheck, program, out, trace) -> dict:
    """A found deadlock, replayed with a trace: its steps, as they are kept for reports."""
    assert lockcheck("explore", "--seed", 1, "--detect", "none", "--", program("abba")).code == 1
    schedule = next(out.glob("*.schedule"))
    plain = lockcheck("replay", schedule, out=trace.parent / "plain")
    traced = lockcheck("replay", "--ctf", trace, schedule, out=trace.parent / "traced")
    assert traced.code == plain.code == 1, traced.text
    finding = traced.result["findings"][0]
    assert finding["execution_hash"] == plain.result["findings"][0]["execution_hash"]
    return json.loads(next(traced.out.glob("*.steps.json")).read_text())


def test_babeltrace2_reads_what_happened(deadlock, trace) -> None:
    """Switches and names are those of the steps that the runtime records for reports."""
    events = babeltrace(trace)
    steps = deadlock
    ran = [row[1] for row in steps["rows"] if row[1] != 0]
    switches = [(one, other) for one, other in zip(ran, ran[1:]) if one != other]
    seen = [it for it in events if it.name == "sched_switch"]
    assert [(int(it["vtid"]), int(it["next_tid"])) for it in seen] == switches
    preempted = [row[0] for row in steps["rows"] if row[4] == 2 and row[1] != 0]
    assert [int(it["step"]) for it in seen if it["prev_state"].labels == ["preempted"]] == preempted

    for it in events:
        thread = int(it["vtid"])
        assert it["vtid"].labels == [steps["threads"].get(str(thread), "time")]
        number = number_of_object(it)
        if number and str(number) in steps["objects"]:
            assert it["object"].labels == [steps["objects"][str(number)][1]]
    locks = {it["object"].labels[0] for it in events if it.name == "acquired"}
    assert locks == {"accounts_lock", "ledger_lock"}


def test_the_command_prints_what_babeltrace2_reads(deadlock, trace, shown) -> None:
    outcome = shown()
    assert outcome.code == 0 and not outcome.stderr, outcome.text
    lines, events = events_of(outcome), babeltrace(trace)
    assert len(lines) == len(events) > 10
    for line, event in zip(lines, events):
        step, ms, rest = LINE.fullmatch(line).groups()
        assert int(step) == event["step"]
        assert rest.startswith(event["vtid"].labels[0])
        assert f"  {event.name}" in rest
        if number_of_object(event):
            assert f"  {event['object'].labels[0]}" in rest


def test_times_are_virtual_and_ascend(lockcheck, trace, tmp_path, shown) -> None:
    """Also over more than the 2^32 ns that the short form of an event can bridge."""
    program = built(tmp_path, LONG_SLEEPS)
    assert lockcheck("run", "--ctf", trace, "--", program).code == 0
    messages = [it for it in bt2.TraceCollectionMessageIterator(str(trace)) if type(it) is bt2._EventMessageConst]
    real = [it.default_clock_snapshot.ns_from_origin for it in messages if it.event.stream.cls.id == 0]
    start = 1_767_225_600 * 10**9  # 2026, where the clocks of the program begin
    assert all(one < other for one, other in zip(real, real[1:]))
    passed = [it["argument"] for it in babeltrace(trace) if it.name == "time_passes"]
    ends = [3 * 10**9, 103 * 10**9, 103 * 10**9 + 5]
    assert passed == ends
    for end, ns in zip(ends, (it for it, event in zip(real, babeltrace(trace)) if event.name == "time_passes")):
        assert 0 <= ns - start - end < 10
    ms = [float(LINE.fullmatch(line).group(2)) for line in events_of(shown())]
    assert ms == [round((ns - start) / 1e6, 6) for ns in real]


@pytest.mark.parametrize("name", ["dining_philosophers-correct", "two_stage-correct", "epoll_level"])
def test_a_trace_changes_nothing(name, lockcheck, program, trace, tmp_path) -> None:
    options = ["--strategy", "random", "--seed", 5]
    plain = lockcheck("run", *options, "--", program(name), out=tmp_path / "plain")
    traced = lockcheck("run", *options, "--ctf", trace, "--", program(name), out=tmp_path / "traced")
    assert plain.code == traced.code, traced.text
    for key in ("execution_hash", "steps"):
        assert plain.result[key] == traced.result[key]
    assert f'execution_hash = "{traced.result["execution_hash"]}"' in (trace / "metadata").read_text()


# ---- rings and complete traces ----


def long_trace(lockcheck, tmp_path, trace, *options: object) -> None:
    program = built(tmp_path, FOREVER)
    words = ["--strategy", "random", "--seed", 3, "--steps", 200_000]
    outcome = lockcheck("run", *words, "--ctf", trace, *options, "--", program)
    assert "given up after 200001 steps" in outcome.stderr, outcome.text


def test_a_ring_keeps_the_newest_events(lockcheck, tmp_path, trace, shown) -> None:
    long_trace(lockcheck, tmp_path, trace)
    whole = events_of(shown())
    size = sum(path.stat().st_size for path in trace.iterdir())
    assert len(whole) > 200_000 and size > 3_000_000

    long_trace(lockcheck, tmp_path, trace, "--last", 10_000)
    ring = events_of(shown())
    assert 10_000 <= len(ring) < 30_000
    assert ring == whole[-len(ring) :]
    assert sum(path.stat().st_size for path in trace.iterdir()) < 500_000
    assert steps_in(trace) == [int(line.split()[0]) for line in ring]

    summary = shown("--summary").stdout
    assert f"{len(whole) - len(ring)} events before these" in summary, summary


def test_the_names_of_a_ring_are_bounded_too(lockcheck, tmp_path, trace, shown) -> None:
    """60000 mutexes, each made and destroyed; the first one stays known by its name."""
    program = built(tmp_path, NEW_LOCKS)
    assert lockcheck("run", "--ctf", trace, "--", program).code == 0
    whole = sum(path.stat().st_size for path in trace.glob("names-*"))
    assert lockcheck("run", "--ctf", trace, "--last", 100, "--", program).code == 0
    ring = sum(path.stat().st_size for path in trace.glob("names-*"))
    assert whole > 2_500_000 > 1_500_000 > ring
    lines = events_of(shown())
    assert re.search(r"unlock +old$", lines[-2]), lines[-3:]
    assert re.search(r"mutex created by main \(.*<stdin>:\d+\)", lines[-4]), lines[-5:]


# ---- the end of a process by force ----


def start(trace: pathlib.Path, out: pathlib.Path, program: pathlib.Path, *options: object) -> subprocess.Popen:
    words = [command_path("lockcheck"), "run", "--out", out, "--strategy", "random", "--ctf", trace, *options]
    words += ["--steps", 10**9, "--", program]
    return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def content_of(path: pathlib.Path) -> int:
    """How many bytes the head of a packet says that it has; 0: the ring has moved it on."""
    try:
        with path.open("rb") as file:
            return struct.unpack("<Q", file.read(40)[32:])[0] // 8
    except FileNotFoundError:
        return 0


def await_events(trace: pathlib.Path, least: int) -> None:
    """Until the threads are at work, and the newest packet has at least that number."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        files = sorted(trace.glob("events-*"))
        if files and int(files[-1].name[-6:]) >= least and (least or content_of(files[-1]) > HEAD + 4000):
            return
        time.sleep(0.005)
    pytest.fail("nothing is written")


def await_text(path: pathlib.Path, text: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if text in path.read_text():
            return
        time.sleep(0.05)
    pytest.fail(f"no {text} in {path}")


@pytest.mark.parametrize("options", [[], ["--last", 2000]], ids=["complete", "ring"])
def test_the_command_is_killed(options, tmp_path, out, trace, shown) -> None:
    """The program ends with it. The trace is whole up to the last event, and names are there."""
    program = built(tmp_path, FOREVER)
    for attempt in range(3):
        shutil.rmtree(trace, ignore_errors=True)  # its files would be taken for those to wait for
        process = start(trace, out, program, *options)
        await_events(trace, attempt)
        time.sleep(0.003 * attempt)
        process.kill()
        process.communicate()
        time.sleep(0.2)  # the program is killed by the kernel, a moment later
        outcome = shown()
        assert outcome.code == 0 and not outcome.stderr, outcome.stderr
        lines = events_of(outcome)
        steps = [int(line.split()[0]) for line in lines]
        assert steps_in(trace) == steps
        assert set(steps) == set(range(steps[0], steps[-1] + 1))
        assert re.search(r"(left|right) +(acquired|unlock) +shared_lock$", "\n".join(lines[-3:]), re.MULTILINE)
        summary = shown("--summary").stdout
        assert "not known: lockcheck was killed" in summary, summary


def test_the_program_is_killed(tmp_path, out, trace, shown) -> None:
    """That is a crash to lockcheck, which finishes the trace."""
    program = built(tmp_path, FOREVER)
    process = start(trace, out, program)
    await_events(trace, 0)
    template = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    schedule = int(pathlib.Path(f"/proc/{template}/task/{template}/children").read_text().split()[0])
    os.kill(schedule, signal.SIGKILL)
    await_text(trace / "metadata", 'ending = "crash";')  # then it replays the crash, which takes long
    process.kill()
    process.communicate()
    assert re.search(r"^ending +crash$", shown("--summary").stdout, re.MULTILINE)
    lines = events_of(shown())
    assert steps_in(trace) == [int(line.split()[0]) for line in lines]
    assert re.search("  (left|right)  +(acquired|unlock)  +shared_lock$", "\n".join(lines[-3:]), re.MULTILINE)


def test_what_cannot_be_written_ends_the_trace_and_not_the_program(lockcheck, tmp_path, trace, shown) -> None:
    """As a limit that the program sets to the size of its files. A full disk does the same."""
    outcome = lockcheck("run", "--ctf", trace, "--", built(tmp_path, SMALL_FILES))
    assert outcome.code == 0 and "nothing found (1 schedule" in outcome.stdout, outcome.text
    assert f"the trace in {trace} ends before the execution: File too large" in outcome.stderr, outcome.text
    lines = events_of(shown())
    assert 100_000 < len(lines) < 200_000
    assert len(steps_in(trace)) == len(lines)


# ---- what to print ----


def test_filters(deadlock, shown) -> None:
    lines = events_of(shown())

    def words(line: str) -> list[str]:
        return LINE.fullmatch(line).group(3).split("  ")

    of_main = [line for line in lines if words(line)[0].strip() == "main" or "  to main," in line]
    assert events_of(shown("--thread", "main")) == of_main
    assert events_of(shown("--thread", "1")) == of_main
    of_lock = [line for line in lines if line.endswith("  accounts_lock")]
    assert of_lock and events_of(shown("--object", "accounts_lock")) == of_lock
    taken = [line for line in lines if "  acquired  " in line]
    assert taken and events_of(shown("--operation", "acquired")) == taken
    steps = [line for line in lines if 3 <= int(line.split()[0]) <= 6]
    assert steps and events_of(shown("--from", 3, "--to", 6)) == steps
    times = [line for line in lines if 0.000004 <= float(line.split()[1]) <= 0.000009]
    assert len(times) == 6 and events_of(shown("--begin", "0.000004", "--end", "0.000009")) == times
    assert events_of(shown("--last", 4)) == lines[-4:]
    assert events_of(shown("--operation", "acquired", "--last", 1)) == taken[-1:]


def test_summary(deadlock, trace, shown) -> None:
    outcome = shown("--summary")
    events = babeltrace(trace)
    assert outcome.code == 0, outcome.text
    assert re.search(r"^ending +deadlock$", outcome.stdout, re.MULTILINE)
    assert re.search(rf"^events +{len(events)},", outcome.stdout, re.MULTILINE), outcome.text
    for name in {it.name for it in events}:
        count = sum(it.name == name for it in events)
        assert re.search(rf"^{name} +{count}$", outcome.stdout, re.MULTILINE), outcome.text
    count = sum(number_of_object(it) and it["object"].labels == ["accounts_lock"] for it in events)
    assert re.search(rf"^accounts_lock +{count}  mutex$", outcome.stdout, re.MULTILINE), outcome.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--thread", "nobody"], "--thread nobody: there is no such thread"),
        (["--object", "nothing"], "--object nothing: there is no such object"),
        (["--operation", "lokc"], "the operations of the trace are: create, start,"),
        (["--begin", "early"], "--begin early: a number of milliseconds is expected"),
        (["--from", "9", "--to", "3"], "--from 9 --to 3: there is no step between"),
    ],
)
def test_unknown_choices(options, message, deadlock, shown) -> None:
    outcome = shown(*options)
    assert outcome.code == 2 and message in outcome.stderr, outcome.text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--last", 5, "--", "/bin/true"], "--last says how many events --ctf is to keep"),
        (["run", "--native", "--ctf", "t", "--", "/bin/true"], "--ctf means nothing to it"),
        (["replay", "--ctf", "t", "--times", 2, "s"], "--times cannot be given"),
        (["replay", "--ctf", "t", "--gdb", "s"], "--gdb cannot be given"),
        (["trace"], "trace needs the directory of a trace"),
    ],
)
def test_wrong_usage(words, message, lockcheck) -> None:
    outcome = lockcheck(*words)
    assert outcome.code == 2 and message in outcome.stderr, outcome.text


def test_directories(lockcheck, program, trace, shown) -> None:
    """What is not a trace is neither read nor overwritten."""
    outcome = shown()
    assert outcome.code == 2 and "No such file or directory; the directory of a trace is expected" in outcome.stderr
    trace.mkdir()
    outcome = shown()
    assert outcome.code == 2 and "there is no trace; one is written by" in outcome.stderr
    for name in ("letter", "events-000001"):
        (trace / name).write_text("dear")
        outcome = lockcheck("run", "--ctf", trace, "--", program("dining_philosophers-correct"))
        assert outcome.code == 2 and f"something that is not a trace of lockcheck's: {name}" in outcome.stderr
        assert (trace / name).read_text() == "dear"
        (trace / name).unlink()


# ---- damage ----


def ends_of_events(content: bytes, metadata: str) -> list[int]:
    """Where each event of a whole packet ends."""
    fields = dict(re.findall(r"; id = (\d+); stream_id = 0; fields := struct {\n([^}]*)}", metadata))
    ends = []
    at, size = HEAD, struct.unpack_from("<Q", content, 32)[0] // 8
    while at < size:
        number = struct.unpack_from("<H", content, at)[0]
        at += 24 if "int64_t" in fields[str(number)].replace("uint64_t", "") else 16
        ends.append(at)
    assert at == size
    return ends


def test_a_trace_cut_anywhere(deadlock, trace, shown) -> None:
    whole = events_of(shown())
    path = trace / "events-000000"
    content = path.read_bytes()
    ends = ends_of_events(content, (trace / "metadata").read_text())
    assert ends[-1] == len(content) and len(ends) == len(whole)
    for size in [*range(0, len(content), 11), HEAD - 1, HEAD, HEAD + 15, HEAD + 16, len(content) - 1]:
        path.write_bytes(content[:size])
        outcome = shown()
        assert outcome.code == 2, f"cut after {size} bytes\n{outcome.text}"
        assert re.search(rf"events-000000: cut after {size} ", outcome.stderr), outcome.text
        assert events_of(outcome) == whole[: sum(end <= size for end in ends)], f"cut after {size} bytes"


def draw_damage(draw: random.Random, contents: dict[str, bytes]) -> dict[str, int]:
    """Files to be cut, and after how many bytes; -1: to be removed, which a ring's oldest one may be unnoticed."""
    oldest = min(name for name in contents if name.startswith("events-"))
    sizes = {}
    for name in draw.sample(sorted(contents), draw.choice((1, 1, 2, 4))):
        used = len(contents[name]) if name == "metadata" else struct.unpack_from("<Q", contents[name], 32)[0] // 8
        sizes[name] = -1 if name != oldest and draw.random() < 0.2 else draw.randrange(used)
    return sizes


def test_several_files_cut_or_removed(lockcheck, tmp_path, trace, shown) -> None:
    """All events that are still there are shown, and nothing else, and each cut is told. Drawn with a seed."""
    program = built(tmp_path, FOREVER)
    words = ["--strategy", "random", "--seed", 3, "--steps", 5000, "--last", 1500]
    lockcheck("run", *words, "--ctf", trace, "--", program)
    contents = {path.name: path.read_bytes() for path in trace.iterdir()}
    metadata = contents["metadata"].decode()
    assert len(contents) > 9 and set(contents) >= {"metadata", "names-000000"}
    intact = shown()
    assert intact.code == 0, intact.text
    whole = iter(events_of(intact))
    lines = {}
    for name in sorted(contents):
        if name.startswith("events-"):
            lines[name] = [(end, next(whole)) for end in ends_of_events(contents[name], metadata)]
    assert next(whole, None) is None

    draw = random.Random(7)
    for _ in range(120):
        sizes = draw_damage(draw, contents)
        for name, content in contents.items():
            if sizes.get(name, 0) < 0:
                (trace / name).unlink(missing_ok=True)
            else:
                (trace / name).write_bytes(content[: sizes.get(name, len(content))])
        outcome = shown()
        assert outcome.code == 2, f"{sizes}\n{outcome.text}"
        for line in outcome.stderr.splitlines():
            assert line.startswith("lockcheck: "), f"{sizes}\n{outcome.text}"
        for name, size in sizes.items():
            told = rf"/{name}: cut " if size >= 0 else "missing|No such file"
            assert re.search(told, outcome.stderr), f"{sizes}\n{outcome.text}"
        left = [line for name in lines for end, line in lines[name] if end <= sizes.get(name, end)]
        got = events_of(outcome)
        if not sizes.keys() <= lines.keys():  # numbers may stand for names
            left, got = ([line.split()[:2] for line in some] for some in (left, got))
        assert got == left, f"{sizes}\n{outcome.text}"


def test_a_damaged_trace(deadlock, trace, shown) -> None:
    """What lies before the damage is shown as it was."""
    whole = events_of(shown())
    path = trace / "events-000000"
    content = path.read_bytes()
    draw = random.Random(11)
    told = 0
    for _ in range(60):
        at = draw.randrange(len(content))
        damaged = bytearray(content)
        damaged[at] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        outcome = shown()
        assert outcome.code in (0, 2), outcome.text
        assert all(line.startswith("lockcheck: ") for line in outcome.stderr.splitlines()), outcome.text
        assert (outcome.code == 2) == bool(outcome.stderr), outcome.text
        told += outcome.code == 2
        before = max(0, (at - HEAD) // 24)  # at least so many events
        if at >= HEAD:
            assert events_of(outcome)[:before] == whole[:before], f"bit of byte {at}\n{outcome.text}"
    assert told > 10


@pytest.mark.parametrize("name", ["metadata", "names-000000"])
def test_what_is_not_the_events_may_be_missing(name, deadlock, trace, shown) -> None:
    """Then numbers stand for names, or the words are those of this lockcheck."""
    whole = events_of(shown())
    path = trace / name
    content = path.read_bytes()
    for size in (0, len(content) // 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        outcome = shown()
        assert len(events_of(outcome)) == len(whole), outcome.text
        assert [line.split()[:2] for line in events_of(outcome)] == [line.split()[:2] for line in whole]
    path.unlink()
    outcome = shown()
    assert len(events_of(outcome)) == len(whole), outcome.text
    told = "what is in it is taken from this lockcheck" if name == "metadata" else "the file of names is missing"
    assert outcome.code == 2 and told in outcome.stderr


def test_a_missing_file(lockcheck, tmp_path, trace, shown) -> None:
    long_trace(lockcheck, tmp_path, trace, "--last", 10_000)
    whole = events_of(shown())
    files = sorted(trace.glob("events-*"))
    files[2].unlink()
    outcome = shown()
    assert outcome.code == 2, outcome.stderr
    missing = re.search(rf"(\d+) events are missing before .*/{files[3].name}", outcome.stderr)
    assert missing and len(events_of(outcome)) == len(whole) - int(missing.group(1))
    files[-1].unlink()
    assert re.search(r"the last \d+ of \d+ events are missing", shown().stderr)


def test_the_first_file_is_missing(lockcheck, tmp_path, trace, shown) -> None:
    """Which is damage only where there is no ring: there the first files are removed."""
    long_trace(lockcheck, tmp_path, trace)
    whole = events_of(shown())
    (trace / "events-000000").unlink()
    outcome = shown()
    missing = re.search(r"(\d+) events are missing before .*/events-000001$", outcome.stderr, re.MULTILINE)
    assert outcome.code == 2 and missing, outcome.stderr
    assert events_of(outcome) == whole[int(missing.group(1)) :]
    for path in trace.glob("events-*"):
        path.unlink()
    outcome = shown()
    assert outcome.code == 2 and "there are no events in it" in outcome.stderr, outcome.text
