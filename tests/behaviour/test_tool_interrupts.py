# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that do not come to their end: what they leave, and that nobody takes it for a clean result."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from conftest import command_path, run_command
from test_tool_usage import compile_c


@contextlib.contextmanager
def started(*words: object, **options) -> Iterator[subprocess.Popen]:
    """The command, which goes on while the test does something else."""
    process = subprocess.Popen(
        [str(word) for word in (command_path("lockcheck"), *words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_results(out: pathlib.Path, schedules: int = 1) -> dict:
    """result.json, once it tells of that many schedules."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            result = json.loads((out / "result.json").read_text())
            if result["schedules"] >= schedules:
                return result
        time.sleep(0.05)
    pytest.fail(f"no results in {out}")


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_search_that_found_nothing_is_not_clean(which, program, out) -> None:
    with started("explore", "--time", 100, "--out", out, "--", program("barrier")) as process:
        wait_for_results(out)
        process.send_signal(which)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == -which, stderr
    result = json.loads((out / "result.json").read_text())
    assert (result["verdict"], result["interrupted"], result["error"]["kind"]) == ("error", True, "interrupted")
    assert f"lockcheck: interrupted: nothing found in {result['schedules']} schedules so far" in stderr
    assert "nothing found" not in stdout
    assert "INTERRUPTED" in run_command([command_path("lockcheck"), "report", out]).stdout

    resumed = run_command([command_path("lockcheck"), "explore", "--resume", out, "--schedules", 50])
    assert resumed.code == 0, resumed.text
    after = json.loads((out / "result.json").read_text())
    # More than that only if it left off with so many numbers missing before the last that had ended.
    assert after["verdict"] == "clean" and after["schedules"] >= result["schedules"] + 50


def test_an_interrupted_replay_is_not_clean(lockcheck, program, out, tmp_path) -> None:
    assert lockcheck("run", "--", program("barrier")).code == 0
    words = ("replay", "--times", 1000000, "--out", tmp_path / "r", out / "0001.schedule")
    with started(*words) as process:
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGINT, stderr
    assert "interrupted after" in stderr
    result = json.loads((tmp_path / "r" / "result.json").read_text())
    assert 0 < result["schedules"] < 1000000


def test_an_interrupted_run_is_not_clean(tmp_path, out) -> None:
    program = compile_c("int main(void) { for (;;) ; }", tmp_path / "endless")
    with started("run", "--out", out, "--", program) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        stderr = process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGTERM, stderr
    assert "before the first schedule came to its end" in stderr
    assert json.loads((out / "result.json").read_text())["verdict"] == "error"


def test_a_search_under_nohup_survives_the_end_of_its_terminal(program, out) -> None:
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731 - as nohup does
    with started("explore", "--time", 4, "--out", out, "--", program("barrier"), preexec_fn=ignore) as process:
        before = wait_for_results(out)["schedules"]
        template = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        process.send_signal(signal.SIGHUP)
        os.kill(int(template), signal.SIGHUP)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "nothing found" in stdout
    result = json.loads((out / "result.json").read_text())
    assert not result["interrupted"] and result["schedules"] > before


@pytest.mark.parametrize("name", ["barrier", "abba"])
def test_a_search_that_is_killed_leaves_what_report_and_resume_can_read(name, program, out) -> None:
    words = ("explore", "--keep-going", "--time", 100, "--out", out, "--", program(name))
    with started(*words) as process:
        wait_for_results(out, 100)
        process.kill()
        process.communicate(timeout=60)
    result = json.loads((out / "result.json").read_text())
    assert result["unfinished"]
    found = name == "abba"
    assert result["verdict"] == ("finding" if found else "error")
    report = run_command([command_path("lockcheck"), "report", out])
    assert report.code == 0, report.text
    assert "The search still goes on, or was killed." in report.stdout
    assert ("DEADLOCK" if found else "UNFINISHED") in report.stdout

    resumed = run_command([command_path("lockcheck"), "explore", "--resume", out, "--schedules", 20])
    assert resumed.code == (1 if found else 0), resumed.text
    after = json.loads((out / "result.json").read_text())
    assert not after["unfinished"] and after["schedules"] >= result["schedules"] + 20
    if found:
        assert {it["kind"] for it in after["findings"]} == {"deadlock", "lock-order"}
        for finding, before in zip(after["findings"], result["findings"], strict=True):
            assert (finding["id"], finding["first_schedule"]) == (before["id"], before["first_schedule"])
            assert finding["count"] >= before["count"]


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("which", [signal.SIGKILL, signal.SIGINT])
def test_what_was_stopped_and_gone_on_with_is_what_it_would_have_been(which, jobs, program, tmp_path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    words = ("explore", "--quiet", "--keep-going", "--jobs", jobs, "--schedules", 4000)
    run_command([command_path("lockcheck"), *words, "--out", whole, "--", program("semaphore_abba")])
    with started(*words, "--out", parts, "--", program("semaphore_abba")) as process:
        wait_for_results(parts)
        time.sleep(0.3)
        process.send_signal(which)
        process.communicate(timeout=60)
    before = json.loads((parts / "result.json").read_text())
    assert before["schedules"] < 4000 and (before["unfinished"] or before["interrupted"])
    resumed = run_command([command_path("lockcheck"), "explore", "--quiet", "--jobs", jobs, "--resume", parts])
    assert resumed.code == 1, resumed.text

    def comparable(out: pathlib.Path) -> dict:
        result = json.loads((out / "result.json").read_text())
        for part in (result, *result["findings"]):
            del part["seconds"]
        return result

    assert comparable(parts) == comparable(whole)


@pytest.mark.parametrize("budget", [("--schedules", 2), ("--time", 0.001)])
def test_what_ended_before_a_lower_number_is_not_lost(budget, program, tmp_path) -> None:
    """The search is stopped while schedule 8, which shows something, has ended and 2 to 7 have not."""
    whole, part = tmp_path / "whole", tmp_path / "part"
    words = [command_path("lockcheck"), "explore", "--quiet", "--keep-going", "--jobs", 1]
    plain = ("--detect", "none", "--", program("lock_cycle"))
    run_command([*words, "--schedules", 8, "--out", whole, *plain])
    run_command([*words, "--schedules", 1, "--out", part, *plain])
    [finding] = json.loads((whole / "result.json").read_text())["findings"]
    assert finding["first_schedule"] == 8
    state = json.loads((part / "state.json").read_text())
    state["findings"] = json.loads((whole / "state.json").read_text())["findings"]
    state["tally"]["waiting"] = [[8, finding["steps"], finding["execution_hash"], False, False, [1]]]
    (part / "state.json").write_text(json.dumps(state))
    shutil.copy(whole / finding["schedule"], part)

    resumed = run_command([*words, "--resume", part, *budget])
    assert resumed.code == 1, resumed.text
    one, other = (json.loads((out / "result.json").read_text()) for out in (part, whole))
    assert one["schedules"] == 8
    for key in ("steps", "distinct", "execution_hash"):
        assert one[key] == other[key], key


def test_two_commands_do_not_write_to_one_directory(lockcheck, program, out) -> None:
    with started("explore", "--time", 100, "--out", out, "--", program("barrier")) as process:
        wait_for_results(out)
        for verb in ("explore", "run"):
            second = lockcheck(verb, "--", program("barrier"))
            assert second.code == 2, second.text
            assert f"another lockcheck is writing its results to {out}" in second.stderr
        resumed = lockcheck("explore", "--resume", out, "--schedules", 5, out=None)
        assert resumed.code == 2 and "another lockcheck" in resumed.stderr, resumed.text
        process.kill()
        process.communicate(timeout=60)
    # What a killed command leaves keeps nobody away.
    assert lockcheck("run", "--", program("barrier")).code == 0
