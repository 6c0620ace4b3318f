# SPDX-License-Identifier: GPL-2.0-or-later
"""A plugin for pytest: tests that explore the schedules of a program, or replay one.

    pytest -p lockcheck.pytest_plugin

    def test_the_queue(lockcheck):                      # a fixture
        lockcheck.explore(["./queue-test"], schedules=500).assert_clean()

    @pytest.mark.lockcheck(program=["./queue-test"])    # a hunt
    def test_the_queue_holds(): ...

    @pytest.mark.lockcheck(schedule="lost-item.schedule", program=["./queue-test"])    # a regression
    def test_no_item_is_lost(): ...

A test that fails shows the report of what it explored. Results stay in the test's own directory, or below the one
that --lockcheck-out names.
"""

from __future__ import annotations

import pathlib
import re
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Any

import pytest

from lockcheck import command
from lockcheck.command import CommandError, Path
from lockcheck.render import text
from lockcheck.render.style import Style
from lockcheck.result import Result

MARK = "lockcheck"
# What a marker takes besides program and schedule: the arguments of explore(), and the kind that is to be found.
ARGUMENTS = {"program", "schedule", "schedules", "seconds", "seed", "strategy", "options", "finds"}
# Errors of a replay that mean that the program no longer comes to where the schedule was recorded.
GONE = {"diverged", "not-reproducible"}

_runs = pytest.StashKey["Lockcheck"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lockcheck", "exploring schedules")
    group.addoption(
        "--lockcheck-schedules", type=int, metavar="N", help="explore up to N schedules in each test, whatever it asks for"
    )
    group.addoption("--lockcheck-seed", type=int, metavar="N", help="seed of the exploration, whatever a test asks for")
    group.addoption("--lockcheck-out", metavar="DIR", help="keep results below DIR (default: each test's tmp_path)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "lockcheck(program=None, schedule=None, finds=None, schedules=None, seconds=None, seed=None, strategy=None, "
        "options=()): explore the schedules of a program, or replay a schedule, before the test's own lines; it fails "
        "when that shows a finding, or, with finds, when it shows none of that kind",
    )


class Lockcheck:
    """What the fixture `lockcheck` gives: exploring and replaying, with results in a directory of the test's own."""

    def __init__(self, item: pytest.Item, out: pathlib.Path) -> None:
        self._item = item
        self._out = out
        self._here = item.path.parent
        self.results: list[Result] = []
        """Of each exploration and replay so far."""

    def explore(
        self,
        program: Sequence[Path],
        *,
        schedules: int | None = None,
        seconds: float | None = None,
        seed: int | None = None,
        strategy: str | None = None,
        options: Sequence[str] = (),
        cwd: Path | None = None,
    ) -> Result:
        """As lockcheck.explore(). --lockcheck-schedules and --lockcheck-seed take the place of what is given here."""
        given = self._item.config.option
        if given.lockcheck_schedules is not None:
            schedules, seconds = given.lockcheck_schedules, None
        if given.lockcheck_seed is not None:
            seed = given.lockcheck_seed
        return self._keep(
            lambda out: command.explore(
                program,
                out=out,
                schedules=schedules,
                seconds=seconds,
                seed=seed,
                strategy=strategy,
                options=options,
                cwd=cwd,
            )
        )

    def replay(self, schedule: Path, *, program: Sequence[Path] | None = None, force: bool = False) -> Result:
        """Replay a schedule file; a relative path is from the directory of the test.

        program: where the program and its arguments are now, if not where they were when it was recorded.
        """
        file = self._here / schedule
        if program is not None:
            moved = self._out.parent / f"{self._out.name}-{file.name}"
            moved.parent.mkdir(parents=True, exist_ok=True)
            moved.write_text(command.rebased(file, program, pathlib.Path.cwd()))
            file = moved
        return self._keep(lambda out: command.replay(file, out=out, force=force))

    def _keep(self, run: Callable[[pathlib.Path], Result]) -> Result:
        number = len(self.results) + 1
        out = self._out if number == 1 else self._out.with_name(f"{self._out.name}-{number}")
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            result = run(out)
        except CommandError as error:
            if error.result is not None:
                self.results.append(error.result)
            raise
        self.results.append(result)
        return result

    def obey(self, arguments: dict[str, Any]) -> None:
        """Do what a marker asks for. Raises AssertionError when the outcome is another."""
        schedule, finds = arguments.pop("schedule", None), arguments.pop("finds", None)
        result = self._regression(schedule, arguments) if schedule else self.explore(**arguments)
        if finds is None:
            result.assert_clean()
        else:
            result.assert_finds(finds)

    def _regression(self, schedule: Path, arguments: dict[str, Any]) -> Result:
        """Replay; a program that has changed so that it does not come there again is explored instead."""
        program = arguments.get("program")
        try:
            return self.replay(schedule, program=program, force=True)
        except CommandError as error:
            kind = error.result.error.kind if error.result and error.result.error else ""
            if kind not in GONE or program is None:
                raise
            warnings.warn(f"{schedule} is not an execution of {program[0]} any more; explored it instead", stacklevel=2)
            return self.explore(**arguments)


def _of(request: pytest.FixtureRequest) -> Lockcheck:
    """That of a test; made at the first call."""
    item = request.node
    if _runs not in item.stash:
        kept = item.config.option.lockcheck_out
        name = re.sub(r"[^\w.-]+", "-", item.nodeid.rpartition("/")[2]).strip("-")
        out = pathlib.Path(kept).absolute() / name if kept else request.getfixturevalue("tmp_path") / "lockcheck.out"
        item.stash[_runs] = Lockcheck(item, out)
    return item.stash[_runs]


@pytest.fixture
def lockcheck(request: pytest.FixtureRequest) -> Lockcheck:
    """Explore the schedules of a program: lockcheck.explore([...]).assert_clean()."""
    return _of(request)


@pytest.fixture(autouse=True)
def _lockcheck_marker(request: pytest.FixtureRequest) -> None:
    """Checks the marker of a test before anything runs."""
    marker = request.node.get_closest_marker(MARK)
    if marker is None:
        return
    unknown = set(marker.kwargs) - ARGUMENTS
    if unknown or marker.args:
        wrong = ", ".join(sorted(unknown)) or "arguments without a name"
        pytest.fail(f"the marker lockcheck does not know {wrong}; it takes {', '.join(sorted(ARGUMENTS))}", pytrace=False)
    if not marker.kwargs.get("program") and not marker.kwargs.get("schedule"):
        pytest.fail("the marker lockcheck needs a program or a schedule", pytrace=False)
    _of(request)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """What the marker asks for comes before the test's own lines."""
    marker = pyfuncitem.get_closest_marker(MARK)
    if marker is not None:
        try:
            pyfuncitem.stash[_runs].obey(dict(marker.kwargs))
        except AssertionError as error:
            pytest.fail(str(error), pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A test that failed shows what was found, and where everything is."""
    outcome = yield
    report = outcome.get_result()
    if call.excinfo is not None and call.excinfo.errisinstance(CommandError):
        # The test has shown nothing, neither that there is a finding nor that there is none.
        report.longrepr = str(call.excinfo.value)
        report.lockcheck_error = True
    if report.failed and call.when == "call" and _runs in item.stash:
        for result in item.stash[_runs].results:
            shown = text.render(result, Style())
            report.sections.append((f"lockcheck: {result.directory}", shown))


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    return ("error", "E", "ERROR") if getattr(report, "lockcheck_error", False) and report.failed else None
