# SPDX-License-Identifier: GPL-2.0-or-later
"""How soon each strategy finds the stale wake-up of netdde's semaphores, and how short its schedules become.

The whole capture gives a schedule so many chances that any of them will do; with its first frames only, the
strategies differ.
"""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import re
import statistics
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence

STRATEGIES = ("random", "pct", "pos", "surw", "portfolio")
FRAMES = (14, 20, 32, 0)  # 0: all
SCHEDULES = 20_000
SECONDS = 60

# pcapng (draft-ietf-opsawg-pcapng), section 4: blocks with frames.
FRAME_BLOCKS = (3, 6)


def first_frames(capture: pathlib.Path, frames: int, to: pathlib.Path) -> pathlib.Path:
    """Write the capture's beginning, a little-endian pcapng file, up to that many frames."""
    data = capture.read_bytes()
    at = seen = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        seen += kind in FRAME_BLOCKS
        if seen > frames:
            break
        at += length
    to.write_bytes(data[:at])
    return to


def hunt(build: pathlib.Path, capture: pathlib.Path, strategy: str, seed: int, out: pathlib.Path) -> dict:
    command = [
        build / "bin" / "lockcheck", "explore", "--detect", "none", "--strategy", strategy, "--seed", seed, "--jobs", 1,
        "--schedules", SCHEDULES, "--time", SECONDS, "--out", out, "--",
        build / "bin" / "netdde", "--sync", "legacy", "--replay", capture,
    ]  # fmt: skip
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"exit code {done.returncode} from: {' '.join(map(str, command))}\n{done.stderr}")
    return json.loads((out / "result.json").read_text())


def shrunk(build: pathlib.Path, out: pathlib.Path, result: dict) -> tuple[int, int]:
    """Preemptions before and after."""
    [finding] = result["findings"]
    command = [build / "bin" / "lockcheck", "shrink", out / finding["schedule"], "--out", out / "shrunk.schedule"]
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    told = re.search(r"(\d+) preemptions? and \d+ steps? became (\d+) and", done.stdout + done.stderr)
    if done.returncode not in (0, 1) or not told:
        raise RuntimeError(f"exit code {done.returncode} from: {' '.join(map(str, command))}\n{done.stderr}")
    return int(told[1]), int(told[2])


def median_text(firsts: Sequence[int | None]) -> str:
    """The median of schedules to the first finding; hunts that found nothing come last."""
    last = sorted(first if first is not None else SCHEDULES + 1 for first in firsts)
    found = sum(first is not None for first in firsts)
    middle = last[(len(last) - 1) // 2]
    share = "" if found == len(last) else f" ({found}/{len(last)})"
    return ("-" if middle > SCHEDULES else f"{middle:,}") + share


def bench(build: pathlib.Path, capture: pathlib.Path, seeds: int) -> Iterator[str]:
    """Yield the lines of the two tables."""
    yield (
        f"Median schedules until the stale wake-up is found in {capture.name}, {seeds} seeds, at most {SCHEDULES:,} "
        f"schedules or {SECONDS} s each"
    )
    yield ""
    yield "| frames of the capture | " + " | ".join(STRATEGIES) + " | random by the best |"
    yield "| --- |" + " ---: |" * (len(STRATEGIES) + 1)
    jobs = os.cpu_count() or 1
    shortest: dict[str, list[tuple[int, int]]] = {}
    with tempfile.TemporaryDirectory(prefix="lockcheck-bench-") as name, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        directory = pathlib.Path(name)
        for frames in FRAMES:
            played = first_frames(capture, frames, directory / f"{frames}.pcapng") if frames else capture
            firsts: dict[str, list[int | None]] = {}
            for strategy in STRATEGIES:
                outs = [directory / f"{frames}-{strategy}-{seed}" for seed in range(1, seeds + 1)]
                results = list(
                    pool.map(lambda it: hunt(build, played, strategy, it[0], it[1]), enumerate(outs, 1))  # noqa: B023
                )
                firsts[strategy] = [it["findings"][0]["first_schedule"] if it["findings"] else None for it in results]
                if frames == 0:
                    found = [pair for pair in zip(outs, results) if pair[1]["findings"]]
                    shortest[strategy] = list(pool.map(lambda pair: shrunk(build, *pair), found))
            medians = {
                strategy: statistics.median_low([it if it is not None else SCHEDULES + 1 for it in values])
                for strategy, values in firsts.items()
            }
            best = min(medians.values())
            yield (
                f"| {frames or 'all'} | "
                + " | ".join(median_text(firsts[strategy]) for strategy in STRATEGIES)
                + f" | {medians['random'] / best:.1f} |"
            )
    yield ""
    yield "Preemptions of the schedules found in the whole capture, before lockcheck shrink and after it"
    yield ""
    yield "| strategy | schedules | before, median | after, median | after, most |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for strategy, pairs in shortest.items():
        if pairs:
            before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            yield (
                f"| {strategy} | {len(pairs)} | {statistics.median_low(before):,} | {statistics.median_low(after)} "
                f"| {max(after)} |"
            )
