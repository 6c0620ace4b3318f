# SPDX-License-Identifier: GPL-2.0-or-later
"""Wrong usage and unusable programs: exit code 2, a message that names the fault, and nothing written."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import struct
import subprocess

import pytest

from conftest import ROOT, command_path, run_command


def compile_c(source: str, path: pathlib.Path, *options: str, compiler: str = "gcc") -> pathlib.Path:
    """Compile a program of a few lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-g", "-I", str(ROOT / "lockcheck/include"), "-x", "c", "-", "-o", str(path), *options]
    subprocess.run(command, input=source, text=True, check=True)
    return path


def test_help_shows_examples_on_standard_output() -> None:
    outcome = run_command([command_path("lockcheck"), "--help"])
    assert outcome.code == 0
    assert "lockcheck explore --schedules 5000" in outcome.stdout
    assert outcome.stderr == ""
    assert run_command([command_path("lockcheck"), "replay", "--help"]).stdout == outcome.stdout


def test_version() -> None:
    outcome = run_command([command_path("lockcheck"), "--version"])
    assert (outcome.code, outcome.stdout.split()[0]) == (0, "lockcheck")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a command is missing"),
        (["frobnicate"], "unknown command frobnicate; there are: run, explore, replay, shrink"),
        (["explore"], "explore needs a program"),
        (["explore", "--"], "explore needs a program"),
        (["replay"], "replay needs a schedule file"),
        (["report"], "report needs a directory"),
        (["replay", "a", "b"], "b is one too many"),
        (["explore", "--frob", "--", "/bin/true"], "--frob: no such option"),
        (["run", "--keep-going", "--", "/bin/true"], "--keep-going: no such option"),
        (["explore", "--seed"], "--seed needs a value"),
        (["explore", "--strategy", "best", "--", "/bin/true"], "unknown strategy best; there are: portfolio, random, pct"),
        (["explore", "--seed", "-1", "--", "/bin/true"], "--seed -1: a whole number from 0"),
        (["explore", "--seed", "1x", "--", "/bin/true"], "--seed 1x"),
        (["explore", "--schedules", "0", "--", "/bin/true"], "--schedules 0"),
        (["explore", "--schedules", "99999999999999999999", "--", "/bin/true"], "--schedules 9999"),
        (["explore", "--jobs", "65", "--", "/bin/true"], "--jobs 65: a whole number from 1 to 64"),
        (["explore", "--time", "0", "--", "/bin/true"], "--time 0"),
        (["explore", "--time", "inf", "--", "/bin/true"], "--time inf"),
        (["run", "--steps", "", "--", "/bin/true"], "--steps"),
        (["run", "--out", "", "--", "/bin/true"], "--out"),
        (["replay", "--times", "0", "x"], "--times 0"),
    ],
)
def test_wrong_words_are_named(words, message, tmp_path) -> None:
    outcome = run_command([command_path("lockcheck"), *words], cwd=tmp_path)
    assert outcome.code == 2, outcome.text
    assert message in outcome.stderr, outcome.text
    assert outcome.stderr.startswith("lockcheck: ")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_program(lockcheck, tmp_path, out) -> None:
    outcome = lockcheck("run", "--", tmp_path / "nothing")
    assert outcome.code == 2 and "No such file" in outcome.stderr, outcome.text
    outcome = lockcheck("run", "--", "no-program-has-this-name")
    assert outcome.code == 2 and "no such program in PATH" in outcome.stderr, outcome.text
    assert not out.exists()


def test_a_directory_and_a_text_are_not_programs(lockcheck, tmp_path) -> None:
    assert "is a directory" in lockcheck("run", "--", tmp_path).stderr
    text = tmp_path / "text"
    text.write_text("hello")
    assert "is not an executable file" in lockcheck("run", "--", text).stderr
    text.chmod(0o755)
    outcome = lockcheck("run", "--", text)
    assert outcome.code == 2 and "is not an ELF program" in outcome.stderr, outcome.text


def test_a_script_needs_its_interpreter(lockcheck, tmp_path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    outcome = lockcheck("run", "--", script)
    assert outcome.code == 2 and "name its interpreter" in outcome.stderr, outcome.text


def test_a_static_program_cannot_be_entered(lockcheck, tmp_path) -> None:
    program = compile_c("int main(void) { return 0; }", tmp_path / "static", "-static")
    outcome = lockcheck("run", "--", program)
    assert outcome.code == 2 and "statically linked" in outcome.stderr, outcome.text


def test_a_set_uid_program_cannot_be_entered(lockcheck, program, tmp_path) -> None:
    copy = tmp_path / "copy"
    shutil.copy(program("abba"), copy)
    copy.chmod(0o4755)
    outcome = lockcheck("run", "--", copy)
    assert outcome.code == 2 and "privileges" in outcome.stderr, outcome.text


def test_a_set_gid_program_and_one_with_capabilities_cannot_be_entered(lockcheck, program, tmp_path) -> None:
    copy = tmp_path / "copy"
    shutil.copy(program("abba"), copy)
    copy.chmod(0o2755)
    outcome = lockcheck("run", "--", copy)
    assert outcome.code == 2 and "privileges" in outcome.stderr, outcome.text
    copy.chmod(0o755)
    cap_net_raw = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # struct vfs_cap_data
    try:
        os.setxattr(copy, "security.capability", cap_net_raw)
    except OSError as error:
        pytest.skip(f"capabilities of files: {error}")
    outcome = lockcheck("run", "--", copy)
    assert outcome.code == 2 and "capabilities" in outcome.stderr, outcome.text


THREADED = """
    #include <pthread.h>
    static void *nothing(void *a) { return a; }
    int main(void) { pthread_t t; return pthread_create(&t, 0, nothing, 0) || pthread_join(t, 0); }
"""


@pytest.mark.parametrize(
    ("compiler", "options", "name"),
    [
        ("gcc", ["-fsanitize=address"], "AddressSanitizer"),
        ("gcc", ["-fsanitize=address", "-static-libasan"], "AddressSanitizer"),
        ("gcc", ["-fsanitize=thread"], "ThreadSanitizer"),
        ("gcc", ["-fsanitize=thread", "-static-libtsan"], "ThreadSanitizer"),
        ("gcc", ["-fsanitize=leak"], "LeakSanitizer"),
        ("clang", ["-fsanitize=address"], "AddressSanitizer"),
        ("clang", ["-fsanitize=address", "-shared-libasan"], "AddressSanitizer"),
        ("clang", ["-fsanitize=thread"], "ThreadSanitizer"),
        ("clang", ["-fsanitize=memory"], "MemorySanitizer"),
        ("clang", ["-fsanitize=leak"], "LeakSanitizer"),
    ],
)
def test_a_program_with_another_sanitizer_is_refused(compiler, options, name, lockcheck, tmp_path, out) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    program = compile_c(THREADED, tmp_path / "sanitized", "-pthread", *options, compiler=compiler)
    outcome = lockcheck("explore", "--", program)
    assert outcome.code == 2, outcome.text
    assert f"{program} is built with {name}" in outcome.stderr and "build it with" in outcome.stderr
    assert not out.exists()


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_sanitizer_of_undefined_behaviour_is_no_obstacle(compiler, lockcheck, tmp_path) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"no {compiler}")
    program = compile_c(THREADED, tmp_path / "sanitized", "-pthread", "-fsanitize=undefined", compiler=compiler)
    assert lockcheck("explore", "--schedules", 50, "--", program).code == 0


def test_an_argument_that_no_schedule_could_record(lockcheck, program) -> None:
    outcome = lockcheck("run", "--", program("barrier"), os.fsdecode(b"\xff"))
    assert outcome.code == 2 and "argument 1" in outcome.stderr, outcome.text


def test_a_program_is_found_in_the_path_and_in_its_own_directory(lockcheck, program, tmp_path) -> None:
    path = program("barrier")
    outcome = lockcheck("run", "--", "barrier", env={**os.environ, "PATH": f"/nowhere:{path.parent}"})
    assert outcome.code == 0, outcome.text
    assert outcome.result["program_path"] == str(path)
    assert outcome.result["program"] == ["barrier"]
    outcome = lockcheck("run", "--", "./barrier", cwd=path.parent)
    assert outcome.result["program_path"] == str(path)


EARLY_END = """
    #include <lockcheck.h>
    #include <signal.h>
    #include <stdio.h>
    #include <stdlib.h>
    int main(int argc, char **argv)
    {
        if (argc < 2) {
            fputs("early: an argument is needed\\n", stderr);
            return 4;
        }
        if (*argv[1] == 's')
            signal(SIGKILL, SIG_DFL), raise(SIGKILL);
        if (*argv[1] == 'c')
            lockcheck_checkpoint();
        return 0;
    }
"""


@pytest.fixture(scope="module")
def early(tmp_path_factory) -> pathlib.Path:
    return compile_c(EARLY_END, tmp_path_factory.mktemp("early") / "early")


@pytest.mark.parametrize("verb", ["run", "explore"])
def test_a_program_that_refuses_its_arguments(verb, early, lockcheck, out) -> None:
    outcome = lockcheck(verb, "--", early)
    assert outcome.code == 2, outcome.text
    assert "early: an argument is needed" in outcome.stderr
    assert f"{early} ended with status 4 before its checkpoint" in outcome.stderr
    assert not (out / "result.json").exists()


def test_a_program_that_is_killed_before_its_checkpoint(early, lockcheck) -> None:
    outcome = lockcheck("explore", "--", early, "s")
    assert outcome.code == 3 and "signal 9" in outcome.stderr, outcome.text
    assert outcome.result["error"]["kind"] == "early-end"


def test_a_program_that_never_gets_to_its_checkpoint(early, lockcheck) -> None:
    outcome = lockcheck("explore", "--", early, "n")
    assert outcome.code == 3 and "lockcheck_checkpoint()" in outcome.stderr, outcome.text
    assert lockcheck("explore", "--schedules", 3, "--", early, "c").code == 0


def test_a_program_that_hangs_before_its_checkpoint(lockcheck, tmp_path) -> None:
    source = "#include <lockcheck.h>\nint main(int c, char **v) { while (c) ; lockcheck_checkpoint(); return !v; }"
    outcome = lockcheck("explore", "--", compile_c(source, tmp_path / "hangs"))
    assert outcome.code == 3 and "uncontrolled" in outcome.stderr, outcome.text
    assert "main (" in outcome.stderr


def test_results_go_only_where_results_are(lockcheck, program, tmp_path, out) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("precious")
    for verb in ("run", "explore"):
        outcome = lockcheck(verb, "--out", foreign, "--", program("barrier"))
        assert outcome.code == 2 and "thesis.tex" in outcome.stderr, outcome.text
        assert [path.name for path in foreign.iterdir()] == ["thesis.tex"]

    (foreign / "thesis.tex").rename(foreign / "result.json")
    outcome = lockcheck("run", "--out", foreign, "--", program("barrier"))
    assert outcome.code == 2 and (foreign / "result.json").read_text() == "precious", outcome.text

    outcome = lockcheck("run", "--out", foreign / "result.json", "--", program("barrier"))
    assert outcome.code == 2 and "Not a directory" in outcome.stderr, outcome.text
    outcome = lockcheck("run", "--out", tmp_path / "no" / "such", "--", program("barrier"))
    assert outcome.code == 2 and "No such file" in outcome.stderr, outcome.text


def test_a_foreign_file_among_results_stays(lockcheck, program, out) -> None:
    assert lockcheck("run", "--", program("barrier")).code == 0
    before = (out / "result.json").read_bytes()
    (out / "notes.txt").write_text("precious")
    outcome = lockcheck("explore", "--", program("abba"))
    assert outcome.code == 2 and "notes.txt" in outcome.stderr, outcome.text
    assert (out / "result.json").read_bytes() == before


def test_report_needs_results_and_a_known_format(lockcheck, program, tmp_path, out) -> None:
    outcome = run_command([command_path("lockcheck"), "report", tmp_path])
    assert outcome.code == 2 and "result.json" in outcome.stderr, outcome.text
    lockcheck("explore", "--quiet", "--", program("abba"))
    outcome = run_command([command_path("lockcheck"), "report", out, "--format", "stone"])
    assert outcome.code == 2 and "stone" in outcome.stderr, outcome.text


# Every write to a file below LIMITED/ fails as on a full disk once it has LIMIT bytes.
FULL_DISK = r"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    ssize_t write(int fd, const void *data, size_t length)
    {
        char name[64], path[4096] = "";
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        const char *limited = getenv("LIMITED");
        if (limited && readlink(name, path, sizeof path - 1) > 0 && strncmp(path, limited, strlen(limited)) == 0 &&
            length > (size_t)atol(getenv("LIMIT"))) {
            errno = ENOSPC;
            return -1;
        }
        return ((ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, data, length);
    }
"""


def test_a_full_disk_loses_nothing(lockcheck, program, tmp_path, out) -> None:
    shim = compile_c(FULL_DISK, tmp_path / "full.so", "-shared", "-fPIC")
    assert lockcheck("explore", "--quiet", "--seed", 5, "--", program("abba")).code == 1
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    env = {**os.environ, "LD_PRELOAD": str(shim), "LIMITED": str(out), "LIMIT": "200", "TMPDIR": str(elsewhere)}
    outcome = lockcheck("explore", "--", program("lost_signal"), env=env)
    assert outcome.code == 2, outcome.text
    assert f"cannot write the results to {out}: No space left on device" in outcome.stderr
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert after == before
    [saved] = elsewhere.iterdir()
    assert str(saved) in outcome.stderr and (saved / "result.json").is_file()
    assert "LOST WAKEUP" in outcome.stdout, outcome.text

    env["LIMITED"] = str(tmp_path)
    outcome = lockcheck("explore", "--", program("lost_signal"), env=env)
    assert outcome.code == 2 and "No space left" in outcome.stderr, outcome.text
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert "not written anywhere" in outcome.stdout and "everything is in" not in outcome.stdout


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["strategies"], ["explore", "--help"]])
def test_output_that_cannot_be_written_is_an_error(words) -> None:
    with open("/dev/full", "w") as full:
        process = subprocess.run([command_path("lockcheck"), *words], stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 2
    assert process.stderr.startswith("lockcheck: standard output: ")


def test_it_is_one_too_when_the_program_ends_of_it(program, out) -> None:
    """Its own output goes elsewhere when it is replayed, so the end does not come again."""
    words = [command_path("lockcheck"), "run", "--out", out, "--", program("needs_its_output")]
    with open("/dev/full", "w") as full:
        process = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 2, process.stderr
    assert process.stderr.splitlines()[-1].startswith("lockcheck: standard output: "), process.stderr
    assert run_command(words, out=out).code == 0


def test_a_command_without_standard_descriptors_writes_nothing_into_its_files(program, out) -> None:
    words = f"exec {command_path('lockcheck')} explore --schedules 20 --out {out} -- {program('abba')} <&- >&- 2>&-"
    assert run_command(["sh", "-c", words]).code == 1
    result = json.loads((out / "result.json").read_text())
    assert (out / result["findings"][0]["schedule"]).read_text().startswith("lockcheck-schedule 1\n")


def test_inputs_without_an_end_are_refused(lockcheck, program, out, tmp_path) -> None:
    pipe, huge = tmp_path / "pipe", tmp_path / "huge"
    os.mkfifo(pipe)
    with open(huge, "w") as file:
        file.truncate(2 << 30)
    for path in ("/dev/zero", pipe, tmp_path):
        for outcome in (lockcheck("replay", path), run_command([command_path("lockcheck"), "shrink", path])):
            assert outcome.code == 2, outcome.text
            assert f"{path}: not a regular file; a schedule file is expected" in outcome.stderr
    outcome = lockcheck("replay", huge)
    assert outcome.code == 2 and "larger than 1 GiB" in outcome.stderr, outcome.text

    assert lockcheck("explore", "--schedules", 5, "--", program("barrier")).code == 0
    for name in ("result.json", "state.json"):
        (out / name).unlink()
        os.mkfifo(out / name)
    for words in (["report", out], ["explore", "--resume", out]):
        outcome = run_command([command_path("lockcheck"), *words])
        assert outcome.code == 2 and "not a regular file" in outcome.stderr, outcome.text


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("-v 1000000", "each job takes 3 GiB of address space"),
        ("-v 6000000", "16 GiB of address space for the runtime; ulimit -v"),
        ("-f 1000", "ulimit -f must allow that"),
        ("-n 8", "Too many open files; ulimit -n must be at least 502"),
        ("-n 300", "Too many open files; ulimit -n must be at least 502"),
    ],
)
def test_a_limit_that_is_too_low_is_named(limit, message, program, out) -> None:
    words = f"ulimit {limit} && exec {command_path('lockcheck')} explore --out {out} -- {program('barrier')}"
    outcome = run_command(["bash", "-c", f"trap '' XFSZ; {words}"])
    assert outcome.code == 3, outcome.text
    assert message in outcome.stderr


def test_the_usual_low_limit_of_open_files_can_be_raised_by_itself(lockcheck, program, out, tmp_path) -> None:
    source = """
        #include <sys/resource.h>
        int main(void) { struct rlimit r; return getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur != 256; }
    """
    own = compile_c(source, tmp_path / "own_limit")
    words = f"ulimit -Sn 256 && exec {command_path('lockcheck')} explore --schedules 20 --out {out} -- {own}"
    outcome = run_command(["bash", "-c", words])
    assert outcome.code == 0, outcome.text
