# SPDX-License-Identifier: GPL-2.0-or-later
"""What behaviour tests share: where the commands are, and how they are run.

LOCKCHECK_BUILD names the build directory; without it, build/ of the source tree. A test never waits for ever:
every command runs under a time limit, and one that exceeds it fails the test with what it had printed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LOCKCHECK_BUILD", ROOT / "build")).resolve()

# Seconds that a command may take before its test fails.
TIME_LIMIT = 120.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a command ended and what it said."""

    args: list[str]
    code: int
    stdout: str
    stderr: str
    out: pathlib.Path | None = None

    @property
    def text(self) -> str:
        """The whole of it, for the message of a failed assertion."""
        return (
            f"$ {' '.join(self.args)}\nexit code {self.code}\n"
            f"--- stdout\n{self.stdout}--- stderr\n{self.stderr}"
        )

    @property
    def result(self) -> dict[str, Any]:
        """result.json of the output directory."""
        assert self.out is not None
        path = self.out / "result.json"
        assert path.is_file(), f"no {path}\n{self.text}"
        return json.loads(path.read_text())


def run_command(
    args: Sequence[object],
    *,
    timeout: float = TIME_LIMIT,
    cwd: pathlib.Path | None = None,
    env: dict[str, str] | None = None,
    out: pathlib.Path | None = None,
) -> Outcome:
    """Run a command in its own process group and give back what it did; the group ends with the time limit."""
    words = [str(arg) for arg in args]
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        pytest.fail(f"still running after {timeout:g} s: {' '.join(words)}\n{stdout}{stderr}")
    return Outcome(words, process.returncode, stdout, stderr, out)


def command_path(name: str) -> pathlib.Path:
    """The built command of that name. A command that is not built fails the test: it is what is tested."""
    path = BUILD / "bin" / name
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not there; build first, or set LOCKCHECK_BUILD")
    return path


@pytest.fixture
def out(tmp_path: pathlib.Path) -> pathlib.Path:
    """An output directory that does not exist yet."""
    return tmp_path / "lockcheck.out"


@pytest.fixture
def lockcheck(out: pathlib.Path) -> Callable[..., Outcome]:
    """lockcheck("explore", "--seed", 7, "--", PROGRAM): run the command.

    run, explore and replay get `--out` with the test's own directory unless the test gives one itself.
    """

    def call(verb: str, *args: object, out: pathlib.Path | None = out, **options: Any) -> Outcome:
        words: list[object] = [command_path("lockcheck"), verb]
        own = args[: args.index("--")] if "--" in args else args
        if verb in ("run", "explore", "replay") and out is not None and "--out" not in own:
            words += ["--out", out]
        return run_command([*words, *args], out=out, **options)

    return call


@pytest.fixture
def netdde() -> Callable[..., Outcome]:
    """netdde("--replay", FILE): run the hosted driver stack natively."""

    def call(*args: object, **options: Any) -> Outcome:
        return run_command([command_path("netdde"), *args], **options)

    return call


@pytest.fixture
def netdde_path() -> pathlib.Path:
    """The netdde program, to be run under lockcheck."""
    return command_path("netdde")


@pytest.fixture
def traces() -> pathlib.Path:
    """The folder of committed captures."""
    return ROOT / "traces"


@pytest.fixture
def program() -> Callable[[str], pathlib.Path]:
    """program("abba"): the program of tests/programs with that name, built."""

    def find(name: str) -> pathlib.Path:
        path = BUILD / "tests" / "programs" / name
        if not os.access(path, os.X_OK):
            pytest.fail(f"{path} is not there; build first, or set LOCKCHECK_BUILD")
        return path

    return find


@pytest.fixture
def results(tmp_path: pathlib.Path) -> Callable[..., pathlib.Path]:
    """results(RESULT): a directory with this result.json; text is written as it is."""

    def write(content: dict[str, Any] | str, name: str = "results") -> pathlib.Path:
        directory = tmp_path / name
        directory.mkdir()
        text = content if isinstance(content, str) else json.dumps(content)
        (directory / "result.json").write_text(text)
        return directory

    return write
