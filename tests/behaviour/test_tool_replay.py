# SPDX-License-Identifier: GPL-2.0-or-later
"""replay gives the same execution, anywhere, or says why it cannot."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest

from test_tool_usage import compile_c

TRAFFIC = """
    #include <pthread.h>
    static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
    static void *thread(void *argument)
    {
        pthread_mutex_t *first = argument ? &a : &b, *second = argument ? &b : &a;
        pthread_mutex_lock(first);
        pthread_mutex_lock(second);
        pthread_mutex_unlock(second);
        pthread_mutex_unlock(first);
        return 0;
    }
    int main(void)
    {
        pthread_t t[2];
        for (int i = 0; i < 2; i++)
            pthread_create(&t[i], 0, thread, i ? &a : 0);
        for (int i = 0; i < 2; i++)
            pthread_join(t[i], 0);
        return EXTRA;
    }
"""


@pytest.fixture
def recorded(tmp_path, lockcheck) -> tuple[pathlib.Path, pathlib.Path]:
    """A program with a deadlock, and a schedule of it."""
    program = compile_c(TRAFFIC, tmp_path / "bin" / "traffic", "-DEXTRA=0")
    outcome = lockcheck("explore", "--", "./traffic", "argument", cwd=program.parent, out=tmp_path / "found")
    assert outcome.code == 1, outcome.text
    return program, tmp_path / "found" / outcome.result["findings"][0]["schedule"]


def test_the_same_execution_from_another_directory_and_environment(recorded, lockcheck, tmp_path) -> None:
    _, schedule = recorded
    before = lockcheck("report", tmp_path / "found", "--format", "json", out=None)
    env = {"PATH": "/usr/bin", "LANG": "C", "FILL": "x" * 5000}
    outcome = lockcheck("replay", "--times", 20, schedule, cwd=pathlib.Path("/"), env=env)
    assert outcome.code == 1, outcome.text
    assert outcome.result["schedules"] == 20
    [finding] = outcome.result["findings"]
    assert f'"execution_hash": "{finding["execution_hash"]}"' in before.stdout
    assert (outcome.result["verdict"], finding["kind"]) == ("finding", "deadlock")


def test_replaying_into_the_results_keeps_the_other_schedules(recorded, lockcheck) -> None:
    _, schedule = recorded
    other = schedule.with_name("0999.schedule")
    shutil.copy(schedule, other)
    before = schedule.read_bytes()
    outcome = lockcheck("replay", schedule, out=schedule.parent)
    assert outcome.code == 1, outcome.text
    assert schedule.read_bytes() == before == other.read_bytes()


def test_another_build_is_refused_unless_forced(recorded, lockcheck) -> None:
    program, schedule = recorded
    compile_c(TRAFFIC, program, "-DEXTRA=0*sizeof(int)", "-O2")
    outcome = lockcheck("replay", schedule)
    assert outcome.code == 2, outcome.text
    assert "another build" in outcome.stderr and "--force" in outcome.stderr
    outcome = lockcheck("replay", "--force", schedule)
    assert outcome.code == 1 and "another build" in outcome.stderr, outcome.text


def test_the_program_is_gone(recorded, lockcheck) -> None:
    program, schedule = recorded
    program.unlink()
    outcome = lockcheck("replay", schedule)
    assert outcome.code == 2 and f"{program}: No such file" in outcome.stderr, outcome.text


def test_no_such_schedule(lockcheck, tmp_path, out) -> None:
    outcome = lockcheck("replay", tmp_path / "0001.schedule")
    assert outcome.code == 2 and "No such file" in outcome.stderr, outcome.text
    assert lockcheck("replay", tmp_path).code == 2
    assert not out.exists()


def test_damage_is_noticed_and_its_line_named(recorded, lockcheck, out) -> None:
    _, schedule = recorded
    text = schedule.read_text()
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        middle = len(line) // 2
        broken = line[:middle] + ("X" if line[middle] != "X" else "Y") + line[middle + 1 :]
        schedule.write_text("".join(lines[: number - 1]) + broken + "".join(lines[number:]))
        outcome = lockcheck("replay", schedule)
        assert outcome.code == 2 and f"{schedule}: line " in outcome.stderr, outcome.text
    schedule.write_text(text.replace("steps: ", "steps: x"))
    assert ": a decimal number" in lockcheck("replay", schedule).stderr
    schedule.write_text(text[: len(text) // 2])
    assert "cut short" in lockcheck("replay", schedule).stderr
    schedule.write_text(text.replace("seed: 1", "seed: 2"))
    assert "checksum" in lockcheck("replay", schedule).stderr
    assert not out.exists()


def test_another_version_is_refused(recorded, lockcheck) -> None:
    _, schedule = recorded
    schedule.write_text(schedule.read_text().replace("lockcheck-schedule 1", "lockcheck-schedule 7"))
    outcome = lockcheck("replay", schedule)
    assert outcome.code == 2 and "version 7; this lockcheck reads version 1" in outcome.stderr, outcome.text


def test_another_execution_is_told(lockcheck, tmp_path) -> None:
    source = TRAFFIC.replace("int main(void)\n    {", 'int main(void)\n    {\n        if (access("switch", 0)) return 0;')
    program = compile_c("#include <unistd.h>\n" + source, tmp_path / "reads_a_file", "-DEXTRA=0")
    switch = tmp_path / "switch"
    switch.touch()
    outcome = lockcheck("explore", "--", program, cwd=tmp_path)
    assert outcome.code == 1, outcome.text
    schedule = tmp_path / "lockcheck.out" / outcome.result["findings"][0]["schedule"]
    switch.unlink()
    outcome = lockcheck("replay", schedule, out=tmp_path / "again")
    assert outcome.code == 3, outcome.text
    assert "not the recorded one" in outcome.stderr and outcome.stderr.count("execution hash") == 2
    assert outcome.result["verdict"] == "error"
    # In another directory than the recorded one it would not even have found the file.
    switch.touch()
    assert lockcheck("replay", schedule, out=tmp_path / "again", cwd=pathlib.Path("/")).code == 1
    assert os.path.exists(switch)
