# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a program: what it does there is done, seen and explored, however short the way out is."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

from test_tool_usage import compile_c

THREAD = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void *thread(void *arg) { return arg; }
static void start(void) { pthread_t t; pthread_create(&t, NULL, thread, NULL); pthread_join(t, NULL); }
"""


def library(tmp_path: pathlib.Path, source: str) -> pathlib.Path:
    path = tmp_path / "libsays.so"
    path.with_suffix(".c").write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, path.with_suffix(".c")], check=True)
    return path


@pytest.mark.parametrize("end", ["return 0;", "exit(0);", "pthread_exit(NULL);"])
@pytest.mark.parametrize(
    "before",
    [
        'printf("said");',
        'static char room[100]; setvbuf(stdout, room, _IOFBF, sizeof room); printf("said");',
        "atexit(say);",
        'FILE *f = fopen("/dev/stdout", "w"); fprintf(f, "said");',
    ],
)
def test_what_a_program_leaves_to_its_end_is_printed(end, before, lockcheck, tmp_path) -> None:
    source = f'static void say(void) {{ write(1, "said", 4); }} int main(void) {{ (void)say; start(); {before} {end} }}'
    outcome = lockcheck("run", "--quiet", "--", compile_c(THREAD + source, tmp_path / "program"))
    assert (outcome.code, outcome.stdout) == (0, "said"), outcome.text


def test_a_destructor_of_the_program_runs(lockcheck, tmp_path) -> None:
    source = '__attribute__((destructor)) static void say(void) { write(1, "said", 4); } int main(void) { start(); }'
    outcome = lockcheck("run", "--quiet", "--", compile_c(THREAD + source, tmp_path / "program"))
    assert (outcome.code, outcome.stdout) == (0, "said"), outcome.text


@pytest.mark.parametrize("load", ["dlopen", "dlmopen", "linked"])
def test_a_destructor_of_a_library_runs(load, lockcheck, tmp_path) -> None:
    so = library(
        tmp_path,
        '#include <unistd.h>\nint used; __attribute__((destructor)) static void say(void) { write(1, "said", 4); }',
    )
    how = {
        "dlopen": f'dlopen("{so}", RTLD_NOW)',
        "dlmopen": f'dlmopen(LM_ID_NEWLM, "{so}", RTLD_NOW)',
        "linked": "&used",
    }[load]
    source = f"#define _GNU_SOURCE\n#include <dlfcn.h>\n{THREAD}extern int used;\nint main(void) {{ start(); return {how} ? 0 : 1; }}"
    flags = ["-Wl,--no-as-needed", f"-L{so.parent}", "-lsays", f"-Wl,-rpath,{so.parent}"] if load == "linked" else []
    outcome = lockcheck("run", "--quiet", "--", compile_c(source, tmp_path / "program", *flags))
    assert (outcome.code, outcome.stdout) == (0, "said"), outcome.text


@pytest.mark.parametrize("end", ["return 3;", "exit(3);", "quick_exit(3);", "_exit(3);"])
def test_the_status_of_the_end_is_seen(end, lockcheck, tmp_path) -> None:
    source = THREAD + f"int main(void) {{ start(); {end} }}"
    outcome = lockcheck("explore", "--schedules", 5, "--", compile_c(source, tmp_path / "program"))
    assert outcome.code == 1, outcome.text
    assert "status 3" in outcome.result["findings"][0]["summary"]
