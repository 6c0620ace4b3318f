# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs built by lockcheck-cc and lockcheck-c++: what goes wrong between two memory accesses is found, nothing else
is, and without lockcheck they run as they are."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from conftest import BUILD, ROOT, command_path, run_command

PROGRAMS = ROOT / "tests" / "programs" / "memory"
NAMES = sorted(path.stem for path in PROGRAMS.iterdir() if path.suffix in (".c", ".cpp"))
COMPILERS = ["gcc"] + (["clang"] if shutil.which("clang") else [])
KIND = {"spin_for_ever": "livelock"}  # where it is no assertion
# What nobody finds by synchronisation alone: at its points there is nothing to see.
SCHEDULES = {"stack_aba": 10000}


@pytest.fixture
def built():
    """built("ring", "gcc"): the program, built by lockcheck-cc on that compiler."""

    def find(name: str, compiler: str) -> pathlib.Path:
        path = BUILD / "tests" / "programs" / "memory" / compiler / name
        if not os.access(path, os.X_OK):
            pytest.fail(f"{path} is not there; build first, or set LOCKCHECK_BUILD")
        return path

    return find


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("points", ["memory", "auto"])
@pytest.mark.parametrize("name", NAMES)
def test_a_bug_between_two_accesses_is_found_and_replays(name, points, compiler, built, lockcheck, tmp_path) -> None:
    schedules = SCHEDULES.get(name, 2000)
    outcome = lockcheck("explore", "--points", points, "--schedules", schedules, "--time", 100, "--", built(name, compiler))
    assert outcome.code == 1, outcome.text
    finding = outcome.result["findings"][0]
    assert finding["kind"] == KIND.get(name, "assertion"), finding["summary"]

    again = lockcheck("replay", "--times", 3, outcome.out / finding["schedule"], out=tmp_path / "again")
    assert again.code == 1, again.text
    assert again.result["execution_hash"] == finding["execution_hash"]


def test_threads_that_wait_by_reading_are_a_livelock_without_memory_points_too(built, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 100, "--", built("spin_for_ever", "gcc"))
    assert outcome.code == 1, outcome.text
    finding = outcome.result["findings"][0]
    assert finding["kind"] == "livelock"
    assert any("left_ready" in note for note in finding["notes"]), finding["notes"]
    assert any("right_ready" in note for note in finding["notes"]), finding["notes"]


def test_the_report_shows_who_touched_what(built, lockcheck) -> None:
    outcome = lockcheck("explore", "--points", "auto", "--schedules", 500, "--", built("plain_counter", "gcc"))
    count = next(item for item in outcome.result["findings"][0]["objects"] if item["name"] == "count (int)")
    assert count["kind"] == "memory"
    assert {event["event"] for event in count["history"]} == {"read", "write"}
    # A place begins with the line of the program, not with what the compiler put before it.
    assert all(event["stack"][0].startswith(("increment ", "main ")) for event in count["history"])


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("points", ["sync", "memory", "auto"])
@pytest.mark.parametrize("name", NAMES)
def test_no_schedule_of_the_correct_version_shows_a_finding(name, points, compiler, built, lockcheck) -> None:
    program = built(f"{name}-correct", compiler)
    outcome = lockcheck("explore", "--points", points, "--schedules", 300, "--time", 100, "--seed", 5, "--", program)
    assert outcome.code == 0, outcome.text
    assert outcome.result["schedules"] == 300
    assert outcome.result["truncated"] == 0


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("name", NAMES)
def test_the_correct_version_ends_well_without_lockcheck(name, compiler, built) -> None:
    outcome = run_command([built(f"{name}-correct", compiler)], timeout=30)
    assert outcome.code == 0, outcome.text


def test_a_copy_by_the_c_library_is_an_access(built, lockcheck) -> None:
    """With an argument the program copies by memcpy()."""
    outcome = lockcheck("explore", "--points", "memory", "--schedules", 2000, "--", built("torn_copy", "gcc"), "call")
    assert outcome.code == 1, outcome.text


def test_only_shared_memory_has_points_in_auto(built, lockcheck, tmp_path) -> None:
    """The two halves of a message on the heap are shared; what main() does alone is not."""
    steps = {}
    for points in ("sync", "auto", "memory"):
        program = built("peterson_atomic-correct", "gcc")
        outcome = lockcheck("run", "--points", points, "--", program, out=tmp_path / points)
        assert outcome.code == 0, outcome.text
        steps[points] = outcome.result["steps"]
    assert steps["sync"] < steps["auto"] < steps["memory"]


def test_memory_that_is_only_read_has_no_points_in_auto(built, lockcheck, tmp_path) -> None:
    steps = {}
    for points in ("sync", "auto", "memory"):
        outcome = lockcheck("run", "--points", points, "--", built("table-correct", "gcc"), out=tmp_path / points)
        assert outcome.code == 0, outcome.text
        steps[points] = outcome.result["steps"]
    assert steps["sync"] == steps["auto"] < steps["memory"]


@pytest.mark.parametrize("name", ["heap_message", "local_of_main", "peterson_atomic"])
def test_points_do_not_depend_on_who_runs_a_schedule(name, built, lockcheck, tmp_path) -> None:
    """Each job profiles in a process of its own, and all see the same points."""
    seen = []
    for jobs in (1, 2):
        arguments = ("--points", "auto", "--jobs", jobs, "--keep-going", "--schedules", 300, "--seed", 9)
        outcome = lockcheck("explore", *arguments, "--", built(name, "gcc"), out=tmp_path / str(jobs))
        assert outcome.code == 1, outcome.text
        finding = outcome.result["findings"][0]
        seen.append((outcome.result["steps"], finding["count"], finding["execution_hash"]))
    assert seen[0] == seen[1]


def test_points_in_memory_without_hooks_are_warned_of(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--points", "memory", "--schedules", 5, "--", program("barrier"))
    assert outcome.code == 0, outcome.text
    assert "lockcheck-cc" in outcome.stderr


# ---- the wrappers ----


def test_the_program_finds_every_hook_with_and_without_lockcheck() -> None:
    def hooks(library: str) -> set[str]:
        said = run_command(["nm", "-D", "--defined-only", BUILD / "lib" / "lockcheck" / library]).stdout
        names = {line.split()[-1] for line in said.splitlines()}
        return {name for name in names if name.startswith(("__tsan_", "__wrap_"))}

    assert hooks("liblockcheck.so") == hooks("liblockcheck-memory.so")
    assert len(hooks("liblockcheck.so")) > 100


def compile_with(compiler: str, *args: object, cwd: pathlib.Path, command: str = "lockcheck-cc"):
    environment = {**os.environ, "LOCKCHECK_CC": compiler}
    environment.pop("LOCKCHECK_CXX", None)
    return run_command([command_path(command), *args], cwd=cwd, env=environment)


COUNTER = """
#include <pthread.h>
#include <assert.h>
extern int counter;
void *increment(void *unused);
int main(void)
{
    pthread_t a, b;
    pthread_create(&a, 0, increment, 0);
    pthread_create(&b, 0, increment, 0);
    pthread_join(a, 0);
    pthread_join(b, 0);
    assert(counter == 2);
    return 0;
}
"""
INCREMENT = "int counter; void *increment(void *unused) { (void)unused; counter++; return 0; }\n"


@pytest.fixture
def sources(tmp_path: pathlib.Path) -> pathlib.Path:
    directory = tmp_path / "a place with blanks"
    directory.mkdir()
    (directory / "counter.c").write_text(COUNTER)
    (directory / "increment.c").write_text(INCREMENT)
    return directory


def finds_it(lockcheck, program: pathlib.Path) -> None:
    # It runs without lockcheck too; there the bug may strike, or not.
    assert run_command([program]).code in (0, -signal.SIGABRT)
    outcome = lockcheck("explore", "--points", "memory", "--schedules", 500, "--", program)
    assert outcome.code == 1, outcome.text
    assert outcome.result["findings"][0]["kind"] == "assertion"


@pytest.mark.parametrize("compiler", COMPILERS)
def test_compiling_and_linking_apart(compiler, sources, lockcheck) -> None:
    for name in ("counter", "increment"):
        outcome = compile_with(compiler, "-Wall", "-Wextra", "-Werror", "-c", f"{name}.c", "-o", f"{name}.o", cwd=sources)
        assert outcome.code == 0 and outcome.stderr == "", outcome.text
    outcome = compile_with(compiler, "counter.o", "increment.o", "-pthread", "-o", "counter", cwd=sources)
    assert outcome.code == 0 and outcome.stderr == "", outcome.text
    finds_it(lockcheck, sources / "counter")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_shared_library(compiler, sources, lockcheck) -> None:
    outcome = compile_with(compiler, "-fPIC", "-shared", "increment.c", "-o", "libincrement.so", cwd=sources)
    assert outcome.code == 0, outcome.text
    # The program itself is built in the ordinary way.
    subprocess.run(
        [compiler, "counter.c", "-L.", "-lincrement", "-Wl,-rpath,$ORIGIN", "-pthread", "-o", "counter"],
        cwd=sources,
        check=True,
    )
    finds_it(lockcheck, sources / "counter")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_a_response_file(compiler, sources, lockcheck) -> None:
    (sources / "compile").write_text("-c increment.c -Werror -o increment.o\n")
    (sources / "link").write_text("counter.c increment.o -Werror -pthread -o counter\n")
    for name in ("compile", "link"):
        outcome = compile_with(compiler, f"@{name}", cwd=sources)
        assert outcome.code == 0 and outcome.stderr == "", outcome.text
    finds_it(lockcheck, sources / "counter")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_objects_of_the_compiler_itself_link_too(compiler, sources, lockcheck) -> None:
    """-fsanitize=thread by hand, with calls at each function's begin and end."""
    subprocess.run([compiler, "-fsanitize=thread", "-c", "increment.c"], cwd=sources, check=True)
    outcome = compile_with(compiler, "counter.c", "increment.o", "-pthread", "-o", "counter", cwd=sources)
    assert outcome.code == 0, outcome.text
    finds_it(lockcheck, sources / "counter")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_relocatable_output_and_questions(compiler, sources) -> None:
    assert compile_with(compiler, "-c", "counter.c", "increment.c", cwd=sources).code == 0
    outcome = compile_with(compiler, "-r", "counter.o", "increment.o", "-o", "both.o", cwd=sources)
    assert outcome.code == 0, outcome.text
    outcome = compile_with(compiler, "-print-search-dirs", cwd=sources)
    assert outcome.code == 0 and "libraries:" in outcome.stdout, outcome.text
    assert compile_with(compiler, "-E", "increment.c", cwd=sources).stdout.count("counter++") == 1
    assert compile_with(compiler, "-v", cwd=sources).code == 0


@pytest.mark.parametrize("compiler", COMPILERS)
def test_cxx_takes_the_compiler_that_goes_with_it(compiler, sources) -> None:
    (sources / "hello.cpp").write_text("#include <iostream>\nint main() { std::cout << __VERSION__ << std::endl; }\n")
    outcome = compile_with(compiler, "hello.cpp", "-o", "hello", cwd=sources, command="lockcheck-c++")
    assert outcome.code == 0, outcome.text
    said = run_command([sources / "hello"]).stdout
    assert ("Clang" in said) == (compiler == "clang")


def test_a_failed_compilation_has_the_exit_code_of_the_compiler(sources) -> None:
    (sources / "wrong.c").write_text("int main(void) { return nothing; }\n")
    outcome = compile_with("gcc", "wrong.c", cwd=sources)
    assert outcome.code == 1 and "nothing" in outcome.stderr, outcome.text


@pytest.mark.parametrize("option", ["-static", "-static-pie"])
def test_a_static_program_is_refused(option, sources) -> None:
    outcome = compile_with("gcc", option, "counter.c", "increment.c", cwd=sources)
    assert outcome.code == 2, outcome.text
    assert option in outcome.stderr


def test_a_compiler_that_is_not_there_is_named(sources) -> None:
    outcome = compile_with("no-such-compiler", "counter.c", cwd=sources)
    assert outcome.code == 2, outcome.text
    assert "no-such-compiler" in outcome.stderr


@pytest.mark.parametrize("command", ["lockcheck-cc", "lockcheck-c++"])
def test_help_and_version(command, sources) -> None:
    outcome = compile_with("gcc", "--help", cwd=sources, command=command)
    assert outcome.code == 0 and f"usage: {command}" in outcome.stdout, outcome.text
    assert "LOCKCHECK_CC" in outcome.stdout
    outcome = compile_with("gcc", "--version", cwd=sources, command=command)
    assert outcome.code == 0, outcome.text
    # The compiler's comes first: build systems read it.
    assert "Free Software Foundation" in outcome.stdout and "lockcheck" in outcome.stdout.splitlines()[-1]
