# SPDX-License-Identifier: GPL-2.0-or-later
"""`lockcheck merge`: the results of shards and of seeds, joined to one."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import re
import shutil
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from conftest import Outcome, command_path, run_command
from test_tool_interrupts import started, wait_for_results
from test_tool_usage import FULL_DISK, compile_c

SUMS = ("schedules", "steps", "truncated", "cut", "executions", "suppressed")


def search(directory: pathlib.Path, program: pathlib.Path, *options: object) -> dict[str, Any]:
    """The result of an exploration with --keep-going in that directory."""
    words = ["explore", "--quiet", "--keep-going", *options, "--out", directory, "--", program]
    outcome = run_command([command_path("lockcheck"), *words])
    assert outcome.code in (0, 1), outcome.text
    return result_in(directory)


def result_in(directory: pathlib.Path) -> dict[str, Any]:
    return json.loads((directory / "result.json").read_text())


@pytest.fixture
def merge(tmp_path: pathlib.Path) -> Callable[..., Outcome]:
    """merge(DIR, ...): merge them to "merged"; with --quiet unless that is not wanted."""

    def call(*words: object, quiet: bool = True, **options: Any) -> Outcome:
        out = tmp_path / "merged"
        own = ["--quiet"] if quiet else []
        return run_command([command_path("lockcheck"), "merge", *words, "-o", out, *own], out=out, **options)

    return call


def shards(directory: pathlib.Path, program: pathlib.Path, count: int, *options: object) -> list[pathlib.Path]:
    """The directories of all shards of a search."""
    parts = [directory / f"shard{i}" for i in range(1, count + 1)]
    for i, part in enumerate(parts, 1):
        search(part, program, *options, "--shard", f"{i}/{count}")
    return parts


def files_in(directory: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "state.json"}


def without(result: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key not in keys}


def same_but_for_time(whole: dict[str, Any], merged: dict[str, Any]) -> None:
    own = ("seconds", "command", "merged", "seeds", "findings")
    assert without(merged, *own) == without(whole, *own)
    described = [without(finding, "seconds", "seed", "strategy") for finding in merged["findings"]]
    assert described == [without(finding, "seconds") for finding in whole["findings"]]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("abba", []),
        ("semaphore_abba", ["--strategy", "pct"]),
        ("lock_cycle", ["--detect", "all"]),
        ("brings_suppressions", []),
        ("abba", ["--steps", 12]),
        ("barrier", ["--strategy", "surw"]),
    ],
)
def test_all_shards_together_are_the_whole_search(name, options, program, merge, tmp_path) -> None:
    whole = search(tmp_path / "whole", program(name), "--schedules", 203, *options)
    parts = shards(tmp_path, program(name), 4, "--schedules", 203, *options)
    assert sum(result_in(part)["schedules"] for part in parts) == 203, "shards repeat each other"
    outcome = merge(*reversed(parts))
    assert outcome.code == (1 if whole["findings"] else 0), outcome.text
    same_but_for_time(whole, outcome.result)
    expected, merged = files_in(tmp_path / "whole"), files_in(tmp_path / "merged")
    del expected["result.json"], merged["result.json"]
    assert merged == expected


def test_the_order_of_the_directories_does_not_matter(program, merge, tmp_path) -> None:
    parts = shards(tmp_path, program("semaphore_abba"), 3, "--schedules", 90)
    seen = []
    for order in itertools.permutations(parts):
        merge(*order)
        seen.append(files_in(tmp_path / "merged"))
    assert all(files == seen[0] for files in seen)


def test_seeds_are_joined_and_their_files_kept_apart(program, merge, tmp_path) -> None:
    parts = [tmp_path / f"seed{seed}" for seed in (1, 2, 3)]
    results = [search(part, program("semaphore_abba"), "--schedules", 150, "--seed", i + 1) for i, part in enumerate(parts)]
    outcome = merge(*parts, quiet=False)
    merged = outcome.result
    assert outcome.code == 1, outcome.text
    for key in SUMS:
        assert merged[key] == sum(result[key] for result in results), key
    assert merged["seconds"] == pytest.approx(sum(result["seconds"] for result in results), abs=0.05)
    assert max(result["distinct"] for result in results) <= merged["distinct"] <= sum(r["distinct"] for r in results)
    assert merged["seeds"] == [1, 2, 3] and merged["shard"] == [1, 1]

    found: dict[str, list[tuple[int, int]]] = {}
    counts: dict[str, int] = {}
    for result in results:
        for finding in result["findings"]:
            counts[finding["id"]] = counts.get(finding["id"], 0) + finding["count"]
            found.setdefault(finding["id"], []).append((finding["first_schedule"], result["seed"]))
    assert {finding["id"]: finding["count"] for finding in merged["findings"]} == counts
    for finding in merged["findings"]:
        assert (finding["first_schedule"], finding["seed"]) == min(found[finding["id"]])
    names = [finding[key] for finding in merged["findings"] for key in ("schedule", "output", "steps_file")]
    assert len(set(names)) == len(names)
    assert set(names) | {"result.json", ".lockcheck"} == set(files_in(tmp_path / "merged"))
    for finding in merged["findings"]:
        replay = run_command(
            [command_path("lockcheck"), "replay", "--quiet", "--out", tmp_path / "r", tmp_path / "merged" / finding["schedule"]]
        )
        assert replay.code == 1 and result_in(tmp_path / "r")["findings"][0]["id"] == finding["id"], replay.text

    assert "seeds 1, 2, 3" in outcome.stdout
    report = run_command([command_path("lockcheck"), "report", tmp_path / "merged"]).stdout
    assert f"schedule {merged['findings'][0]['first_schedule']} of seed {merged['findings'][0]['seed']}" in report
    for form in ("html", "sarif", "junit", "dot", "chrome", "suppressions"):
        assert run_command([command_path("lockcheck"), "report", tmp_path / "merged", "--format", form]).code == 0


def test_one_name_for_several_findings_gets_a_number(program, merge, tmp_path) -> None:
    """Both seeds show their findings in schedules of one number."""
    parts = [tmp_path / "a", tmp_path / "b"]
    for seed, part in enumerate(parts, 1):
        search(part, program("semaphore_abba"), "--schedules", 150, "--seed", seed)
    for index, part in enumerate(parts):  # each has one finding of its own left, found in schedule 7
        result, state = result_in(part), json.loads((part / "state.json").read_text())
        finding = result["findings"][index]
        first = next(i for i, item in enumerate(state["findings"]) if item["id"] == finding["id"])
        stem = finding["schedule"].split(".")[0]
        for key in ("schedule", "output", "steps_file"):
            (part / finding[key]).rename(part / finding[key].replace(stem, "0007"))
            finding[key] = finding[key].replace(stem, "0007")
        state["findings"] = [state["findings"][first] | {"schedule": "0007.schedule"}]
        state["tally"]["found"] = [state["tally"]["found"][first]]
        result["findings"] = [finding]
        text = (part / "0007.schedule").read_text().split("end crc32=")[0]
        (part / "0007.schedule").write_text(renumbered(text, 7))
        (part / "result.json").write_text(json.dumps(result))
        (part / "state.json").write_text(json.dumps(state))
    outcome = merge(*parts)
    assert outcome.code == 1, outcome.text
    findings = outcome.result["findings"]
    assert [finding["schedule"] for finding in findings] == ["0007.schedule", "0007-1.schedule"]
    assert [finding["output"] for finding in findings] == ["0007.output", "0007-1.output"]
    # The directory is one of ours, and is replaced as any other.
    assert merge(*parts).code == 1


def renumbered(text: str, number: int) -> str:
    """A schedule file without its last line, with another number."""
    text = re.sub(r"^schedule: \d+$", f"schedule: {number}", text, flags=re.M)
    return f"{text}end crc32={zlib.crc32(text.encode()):08x}\n"


def test_shrunk_schedules_come_along(program, merge, tmp_path) -> None:
    for seed in (1, 2):
        search(tmp_path / str(seed), program("abba"), "--detect", "none", "--schedules", 40, "--shrink", "--seed", seed)
    [finding] = merge(tmp_path / "1", tmp_path / "2").result["findings"]
    origin = tmp_path / str(finding["seed"]) / finding["short_schedule"]
    assert (tmp_path / "merged" / finding["short_schedule"]).read_bytes() == origin.read_bytes()


def test_suppressions_are_counted_by_rule(program, merge, tmp_path) -> None:
    parts = [tmp_path / "a", tmp_path / "b"]
    results = [search(part, program("brings_suppressions"), "--schedules", 60, "--seed", i) for i, part in enumerate(parts)]
    merged = merge(*parts).result
    for rule, one, other in zip(merged["suppressions"], *(result["suppressions"] for result in results), strict=True):
        assert rule["count"] == one["count"] + other["count"]
        firsts = [item["first_schedule"] for item in (one, other) if item["count"]]
        assert rule["first_schedule"] == min(firsts, default=None)
        assert rule["schedule"] is None or (tmp_path / "merged" / rule["schedule"]).is_file()


def test_searches_that_were_given_up_are_no_clean_ones_but_among_others(program, merge, tmp_path) -> None:
    parts = [tmp_path / str(i) for i in range(3)]
    for i, part in enumerate(parts):
        steps = ["--steps", 10] if i < 2 else []
        outcome = run_command([command_path("lockcheck"), "explore", "--schedules", 5, "--seed", i, *steps, "--out", part, "--",
                               program("barrier")])  # fmt: skip
        assert outcome.code == (3 if steps else 0), outcome.text
    outcome = merge(*parts[:2])
    assert outcome.code == 3 and "limit: 10 of 10 schedules" in outcome.stderr, outcome.text
    assert (outcome.result["verdict"], outcome.result["truncated"]) == ("error", 10)
    outcome = merge(*parts)
    assert (outcome.code, outcome.result["verdict"], outcome.result["truncated"]) == (0, "clean", 10), outcome.text


def test_one_complete_search_makes_the_whole_complete(program, merge, tmp_path) -> None:
    options = ["--strategy", "dfs"]
    bounded = search(tmp_path / "bounded", program("abba-correct"), *options, "--preemptions", 0)
    assert not bounded["complete"] and bounded["left_out"]
    search(tmp_path / "random", program("abba-correct"), "--strategy", "random", "--schedules", 20)
    outcome = merge(tmp_path / "bounded", tmp_path / "random")
    assert outcome.code == 0, outcome.text
    assert (outcome.result["complete"], outcome.result["left_out"]) == (False, bounded["left_out"])
    search(tmp_path / "all", program("abba-correct"), *options)
    outcome = merge(tmp_path / "bounded", tmp_path / "random", tmp_path / "all")
    assert (outcome.result["complete"], outcome.result["left_out"]) == (True, None)
    assert outcome.result["verdict"] == "clean"


@pytest.mark.parametrize("name", ["barrier", "abba"])
def test_a_killed_search_counts_with_what_it_left(name, program, merge, tmp_path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with started("explore", "--keep-going", "--time", 100, "--out", killed, "--", program(name)) as process:
        wait_for_results(killed, 100)
        busy = merge(killed)
        assert busy.code == 2 and "another lockcheck is writing its results to" in busy.stderr, busy.text
        process.kill()
        process.communicate(timeout=60)
    left = result_in(killed)
    other = search(whole, program(name), "--schedules", 50, "--seed", 9)
    outcome = merge(killed, whole)
    merged = outcome.result
    assert "the search was killed" in outcome.stderr
    assert merged["unfinished"] and merged["schedules"] == left["schedules"] + 50
    if name == "abba":
        assert (outcome.code, merged["verdict"]) == (1, "finding"), outcome.text
        assert merged["findings"][0]["count"] == left["findings"][0]["count"] + other["findings"][0]["count"]
    else:
        assert (outcome.code, merged["verdict"], merged["error"]["kind"]) == (3, "error", "unfinished"), outcome.text
        assert f"lockcheck explore --resume {killed}" in outcome.stderr


def test_an_interrupted_search_counts_as_its_result_says(program, merge, tmp_path) -> None:
    part = tmp_path / "part"
    with started("explore", "--jobs", 2, "--time", 100, "--out", part, "--", program("barrier")) as process:
        wait_for_results(part, 100)
        process.terminate()
        process.communicate(timeout=60)
    outcome = merge(part)
    assert (outcome.code, outcome.result["error"]["kind"]) == (3, "interrupted"), outcome.text
    for key in ("schedules", "steps", "distinct", "execution_hash", "interrupted"):
        assert outcome.result[key] == result_in(part)[key], key
    assert "Not finished" in run_command([command_path("lockcheck"), "report", tmp_path / "merged"]).stdout


def test_a_program_that_was_not_controlled_is_the_worst(program, merge, tmp_path) -> None:
    search(tmp_path / "good", program("abba"), "--detect", "none", "--schedules", 30)
    bad = tmp_path / "bad"  # as if its finding had not replayed
    search(bad, program("abba"), "--detect", "none", "--schedules", 30, "--seed", 2)
    result = result_in(bad)
    [finding] = result.pop("findings")
    result.update(verdict="error", findings=[], error=finding | {"kind": "not-reproducible"})
    (bad / "result.json").write_text(json.dumps(result))
    outcome = merge(bad, tmp_path / "good")
    assert outcome.code == 3 and "not-reproducible" in outcome.stderr, outcome.text
    merged = outcome.result
    assert merged["verdict"] == "error" and len(merged["findings"]) == 1
    assert (tmp_path / "merged" / merged["error"]["schedule"]).is_file()
    assert merged["error"]["schedule"] != merged["findings"][0]["schedule"]


def test_the_program_need_not_be_there(program, merge, tmp_path) -> None:
    copy = tmp_path / "program"
    shutil.copy(program("abba"), copy)
    parts = shards(tmp_path, copy, 2, "--schedules", 40)
    copy.unlink()
    assert merge(*parts).code == 1


# ---- what is refused ----


@pytest.fixture
def one(program, tmp_path) -> pathlib.Path:
    """Shard 1 of 2 of a small search."""
    search(tmp_path / "one", program("abba"), "--detect", "none", "--schedules", 30, "--shard", "1/2")
    return tmp_path / "one"


def refused(outcome: Outcome, *words: object) -> None:
    assert outcome.code == 2, outcome.text
    for word in words:
        assert str(word) in outcome.stderr, outcome.text
    assert outcome.stderr.count("\n") == 1 and not outcome.stdout, outcome.text
    assert not (outcome.out / "result.json").exists()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("abba-correct", ["--seed", 2], ["another build or program"]),
        ("abba", ["--seed", 2, "--detect", "all"], ["--detect"]),
        ("abba", ["--seed", 2, "--points", "auto"], ["--points"]),
        ("abba", ["--shard", "1/2"], ["both explored schedule 1 of seed 1"]),
        ("abba", [], ["both explored schedule 1 of seed 1"]),
        ("abba", ["--shard", "3/3"], ["both explored schedule 3 of seed 1"]),
        ("abba", ["--shard", "3/4"], ["both explored schedule 3 of seed 1"]),
    ],
)
def test_what_cannot_be_joined_is_refused(name, options, words, one, program, merge, tmp_path) -> None:
    search(tmp_path / "other", program(name), "--detect", "none", "--schedules", 30, *options)
    refused(merge(one, tmp_path / "other"), *words, tmp_path / "other", one)


@pytest.mark.parametrize(
    "options", [["--shard", "2/2"], ["--shard", "2/4"], ["--shard", "30/30"], ["--seed", 2], ["--strategy", "random"]]
)
def test_what_has_no_schedule_in_common_is_joined(options, one, program, merge, tmp_path) -> None:
    search(tmp_path / "other", program("abba"), "--detect", "none", "--schedules", 30, *options)
    outcome = merge(one, tmp_path / "other")
    assert outcome.code == 1, outcome.text
    assert outcome.result["shard"] == ([1, 1] if options == ["--shard", "2/2"] else None)


def test_other_arguments_are_another_search(one, program, merge, tmp_path) -> None:
    words = ["explore", "--quiet", "--seed", 2, "--schedules", 5, "--out", tmp_path / "b", "--", program("abba"), "x"]
    run_command([command_path("lockcheck"), *words])
    refused(merge(one, tmp_path / "b"), "other arguments")


def test_two_exhaustive_searches_are_the_same_search(program, merge, tmp_path) -> None:
    for seed in (1, 2):
        search(tmp_path / str(seed), program("abba-correct"), "--strategy", "dfs", "--seed", seed)
    refused(merge(tmp_path / "1", tmp_path / "2"), "nothing may count twice")


def test_a_directory_given_twice_is_refused_under_any_name(one, merge, tmp_path) -> None:
    (tmp_path / "link").symlink_to(one)
    refused(merge(one, one), "is given twice")
    refused(merge(one, tmp_path / "link"), "is given twice")
    copy = shutil.copytree(one, tmp_path / "copy")
    refused(merge(one, copy), "both explored schedule 1")


def test_what_holds_no_results_is_named(one, lockcheck, program, merge, tmp_path) -> None:
    refused(merge(one, tmp_path / "none"), tmp_path / "none", "No such file")
    (tmp_path / "empty").mkdir()
    refused(merge(one, tmp_path / "empty"), tmp_path / "empty", "result.json")
    refused(merge(one / "result.json"), "not a directory")
    lockcheck("run", "--quiet", "--", program("abba"), out=tmp_path / "run")
    refused(merge(one, tmp_path / "run"), tmp_path / "run", "not the results of an exploration")
    nothing = run_command([command_path("lockcheck"), "merge"])
    assert nothing.code == 2 and "merge needs directories of results" in nothing.stderr


def test_merged_results_are_not_merged_again(one, merge, lockcheck, tmp_path) -> None:
    assert merge(one).code == 1
    (tmp_path / "merged").rename(tmp_path / "before")
    refused(merge(tmp_path / "before"), "merged results, whose parts are to be merged instead")
    resumed = lockcheck("explore", "--resume", tmp_path / "before", out=None)
    assert resumed.code == 2 and "the directory of results of an exploration is expected" in resumed.stderr


@pytest.mark.parametrize("name", ["result.json", "state.json", "0005.schedule", "0005.output", "0005.steps.json"])
def test_a_damaged_or_missing_file_is_named(name, one, merge) -> None:
    [finding] = result_in(one)["findings"]
    name = name.replace("0005", finding["schedule"].split(".")[0])
    content = (one / name).read_bytes()
    (one / name).unlink()
    refused(merge(one), one / name)
    if name.endswith((".schedule", "t.json", "state.json")):
        (one / name).write_bytes(content[: len(content) // 2])
        refused(merge(one), one / name)
    (one / name).write_bytes(content)
    assert merge(one).code == 1


def test_a_search_killed_between_two_files_is_put_right_by_going_on(one, program, merge, tmp_path) -> None:
    result = result_in(one)
    result.update(findings=[], unfinished=True)
    (one / "result.json").write_text(json.dumps(result))
    outcome = merge(one)
    assert outcome.code == 2 and f"lockcheck explore --resume {one} puts them right" in outcome.stderr, outcome.text
    assert run_command([command_path("lockcheck"), "explore", "--quiet", "--resume", one, "--schedules", 5]).code == 1
    assert merge(one).code == 1


def test_results_do_not_replace_what_they_are_made_of(one, merge, tmp_path) -> None:
    before = files_in(one)
    (tmp_path / "link").symlink_to(one)
    for out in (one, tmp_path / "link", f"{one}/."):
        outcome = run_command([command_path("lockcheck"), "merge", one, "--out", out])
        assert outcome.code == 2 and "would replace those of" in outcome.stderr, outcome.text
    assert files_in(one) == before


def test_a_directory_with_something_else_is_left_alone(one, merge, tmp_path) -> None:
    (tmp_path / "merged").mkdir()
    (tmp_path / "merged" / "thesis.tex").write_text("mine")
    refused(merge(one), "thesis.tex")
    assert os.listdir(tmp_path / "merged") == ["thesis.tex"]


def test_a_full_disk_loses_nothing(one, merge, tmp_path) -> None:
    shim = compile_c(FULL_DISK, tmp_path / "full.so", "-shared", "-fPIC")
    assert merge(one).code == 1
    before = files_in(tmp_path / "merged")
    (tmp_path / "elsewhere").mkdir()
    env = {**os.environ, "LD_PRELOAD": str(shim), "LIMITED": str(tmp_path / "merged"), "LIMIT": "200"}
    outcome = merge(one, env=env | {"TMPDIR": str(tmp_path / "elsewhere")})
    assert outcome.code == 2 and "No space left on device" in outcome.stderr, outcome.text
    assert files_in(tmp_path / "merged") == before
    [saved] = (tmp_path / "elsewhere").iterdir()
    assert str(saved) in outcome.stderr and result_in(saved)["findings"]


def test_where_it_goes_when_nothing_is_said(one, tmp_path) -> None:
    assert run_command([command_path("lockcheck"), "merge", one], cwd=tmp_path).code == 1
    assert result_in(tmp_path / "lockcheck.merged")["command"] == "merge"
