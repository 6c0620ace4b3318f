# SPDX-License-Identifier: GPL-2.0-or-later
"""The pytest plugin: tests that explore programs, run in a pytest of their own."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import subprocess
from collections.abc import Callable

import pytest

from conftest import BUILD, ROOT, command_path, run_command

import lockcheck as package
from lockcheck import command

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, program) -> Callable[..., pytest.RunResult]:
    """run(tests, option...): what pytest says of these tests, in which {NAME} is the path of that test program."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "lockcheck" / "python"))
    monkeypatch.setenv("LOCKCHECK", str(command_path("lockcheck")))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def call(tests: str, *options: str) -> pytest.RunResult:
        for name in ("abba-correct", "abba"):
            path = BUILD / "tests" / "programs" / name
            tests = tests.replace(f"{{{name}}}", str(path))
        pytester.makepyfile(f"import pytest\n{tests}")
        return pytester.runpytest_subprocess("-p", "lockcheck.pytest_plugin", "-p", "no:cacheprovider", *options)

    return call


def test_a_fixture_explores_a_program_and_asserts(run) -> None:
    result = run(
        """
def test_correct(lockcheck):
    result = lockcheck.explore(["{abba-correct}"], schedules=30)
    result.assert_clean()
    assert result.schedules == 30

def test_known(lockcheck):
    finding = lockcheck.explore(["{abba}"], schedules=200).assert_finds("deadlock")
    assert {"accounts_lock", "ledger_lock"} <= {item.name for item in finding.objects}
"""
    )
    result.assert_outcomes(passed=2)


def test_a_test_that_fails_shows_the_report_and_where_the_results_are(run) -> None:
    result = run(
        """
def test_it(lockcheck):
    lockcheck.explore(["{abba}"], schedules=200).assert_clean()
"""
    )
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "Who waits for whom" in text and "AssertionError: deadlock: " in text
    (place,) = re.findall(r"^-+ lockcheck: (.+?) -+$", text, re.MULTILINE)
    assert package.load(place).findings[0].kind == "deadlock"


def test_a_finding_that_does_not_come_fails_the_test(run) -> None:
    result = run(
        """
def test_it(lockcheck):
    lockcheck.explore(["{abba-correct}"], schedules=20).assert_finds("deadlock")
"""
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected to find deadlock, found nothing in 20 schedules*"])


def test_a_marker_hunts(run) -> None:
    result = run(
        """
@pytest.mark.lockcheck(program=["{abba-correct}"], schedules=20)
def test_correct():
    pass

@pytest.mark.lockcheck(program=["{abba}"], schedules=200)
def test_wrong():
    pass

@pytest.mark.lockcheck(program=["{abba}"], schedules=200, finds="deadlock")
def test_known(lockcheck):
    assert lockcheck.results[0].findings[0].kind == "deadlock"
"""
    )
    result.assert_outcomes(passed=2, failed=1)
    assert "Who waits for whom" in result.stdout.str()


def recorded(tmp_path: pathlib.Path) -> pathlib.Path:
    """A schedule in which abba deadlocks, recorded where the program does not stay."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(BUILD / "tests" / "programs" / "abba", elsewhere / "abba")
    out = tmp_path / "recorded"
    args = [command_path("lockcheck"), "explore", "--quiet", "--out", out, "--", elsewhere / "abba"]
    assert run_command(args).code == 1
    shutil.rmtree(elsewhere)
    return out / json.loads((out / "result.json").read_text())["findings"][0]["schedule"]


def test_a_marker_replays_a_schedule_wherever_the_program_is(run, pytester, tmp_path) -> None:
    shutil.copy(recorded(tmp_path), pytester.path / "abba.schedule")
    result = run(
        """
@pytest.mark.lockcheck(schedule="abba.schedule", program=["{abba}"])
def test_it():
    pass

@pytest.mark.lockcheck(schedule="abba.schedule", program=["{abba}"], finds="deadlock")
def test_known(lockcheck):
    (replayed,) = lockcheck.results
    assert replayed.command == "replay" and replayed.schedules == 1
"""
    )
    result.assert_outcomes(passed=1, failed=1)


def test_a_regression_passes_when_the_program_is_mended(run, pytester, tmp_path) -> None:
    shutil.copy(recorded(tmp_path), pytester.path / "abba.schedule")
    result = run(
        """
@pytest.mark.lockcheck(schedule="abba.schedule", program=["{abba-correct}"], schedules=40)
def test_it(lockcheck):
    assert [result.command for result in lockcheck.results] == ["replay", "explore"]
    assert lockcheck.results[-1].schedules == 40
"""
    )
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*not an execution of * any more; explored it instead*"])


def test_options_take_the_place_of_what_tests_ask_for(run, tmp_path) -> None:
    kept = tmp_path / "kept"
    result = run(
        """
def test_it(lockcheck):
    result = lockcheck.explore(["{abba-correct}"], schedules=5, seed=1)
    assert (result.schedules, result.seed) == (12, 34)
""",
        "--lockcheck-schedules=12",
        "--lockcheck-seed=34",
        f"--lockcheck-out={kept}",
    )
    result.assert_outcomes(passed=1)
    (out,) = kept.iterdir()
    assert package.load(out).seed == 34 and "test_it" in out.name


def test_each_exploration_of_a_test_keeps_its_results(run, tmp_path) -> None:
    result = run(
        """
def test_it(lockcheck):
    first = lockcheck.explore(["{abba-correct}"], schedules=2)
    second = lockcheck.explore(["{abba}"], schedules=100)
    assert first.directory != second.directory and first.directory.is_dir()
    again = lockcheck.replay(second.directory / second.findings[0].schedule)
    assert again.execution_hash == second.findings[0].execution_hash
"""
    )
    result.assert_outcomes(passed=1)


def test_what_cannot_be_controlled_is_an_error_with_what_the_command_said(run) -> None:
    result = run(
        """
def test_missing(lockcheck):
    lockcheck.explore(["/nonexistent/program"])

@pytest.mark.lockcheck(program=["{abba}"], strategy="guessing")
def test_no_strategy():
    pass

@pytest.mark.lockcheck(schedule="none.schedule")
def test_no_schedule():
    pass
"""
    )
    result.assert_outcomes(errors=3)
    result.stdout.fnmatch_lines(["*/nonexistent/program*", "*unknown strategy guessing*", "*none.schedule*"])
    assert "Traceback" not in result.stdout.str()


def test_a_blocked_program_is_an_error(run, program) -> None:
    result = run(
        f"""
def test_it(lockcheck):
    lockcheck.explore(["{program('read_inotify')}"], schedules=3)
"""
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*uncontrolled: *"])


@pytest.mark.parametrize(
    ("marker", "says"),
    [("programm=['x']", "does not know programm"), ("'x'", "arguments without a name"), ("", "needs a program")],
)
def test_a_marker_that_is_wrong_is_an_error_that_says_so(run, marker, says) -> None:
    result = run(
        f"""
@pytest.mark.lockcheck({marker})
def test_it():
    pass
"""
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{says}*"])


def test_without_the_command_a_test_says_what_to_do(run, monkeypatch) -> None:
    tests = 'def test_it(lockcheck):\n    lockcheck.explore(["{abba}"])\n'
    monkeypatch.setenv("LOCKCHECK", "/nonexistent/lockcheck")
    result = run(tests)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*LOCKCHECK*"])


def test_the_functions_do_without_pytest(lockcheck, program, out, monkeypatch) -> None:
    monkeypatch.setenv("LOCKCHECK", str(command_path("lockcheck")))
    result = package.explore([program("abba")], out=out, schedules=200, strategy="random")
    finding = result.assert_finds("deadlock")
    assert package.replay(out / finding.schedule, out=out.parent / "again").execution_hash == finding.execution_hash
    with pytest.raises(command.CommandError, match="not lockcheck's"):
        package.explore([program("abba")], out=ROOT)


def test_an_installed_plugin_is_found_by_itself(pytester, tmp_path, monkeypatch) -> None:
    prefix = tmp_path / "prefix"
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
    monkeypatch.setenv("PYTHONPATH", str(prefix / "share" / "lockcheck" / "python"))
    monkeypatch.delenv("LOCKCHECK", raising=False)
    abba = BUILD / "tests" / "programs" / "abba"
    pytester.makepyfile(f'def test_it(lockcheck):\n    lockcheck.explore(["{abba}"]).assert_finds("deadlock")\n')
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    page = run_command([prefix / "bin" / "lockcheck", "report", pytester.path, "--format", "html"])
    assert page.code == 2, "no results there"
