# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory for DMA that goes to and fro between a card and its driver without the sync calls, or by wrong ones: found, though on a
coherent machine the frames pass all the same."""

from __future__ import annotations

import re

import pytest

# The mistake; what the summary says; the functions that the running thread's stack shows; by what the memory was mapped.
MISTAKES = [
    ("sends-unsynced", r"bytes 20 to 20 the device has accessed after they had been changed", ["dma_unmap_single", "send_two"], "send_two"),
    ("sends-partly-unsynced", r"bytes 20 to 20 the device has accessed", ["dma_unmap_single", "send_two"], "send_two"),
    ("reads-unsynced", r"is read without a sync for the processor \(bytes: 1\)", ["read_octet", "receive"], "main"),
    ("reads-next-unsynced", r"is read without a sync for the processor \(bytes: 1\)", ["read_octet", "receive"], "main"),
    ("changes-unsynced", r"is changed without a sync for the processor \(bytes: 1\)", ["clear_octet", "receive"], "main"),
    ("syncs-another-way", r"syncs 9744 bytes .* for reading, but has mapped them for writing", ["dma_sync_single_for_cpu"], "main"),
    ("syncs-past-the-end", r"syncs 9745 bytes .*, which do not lie in a mapping", ["dma_sync_single_for_cpu"], "main"),
    ("syncs-unmapped", r"syncs 9744 bytes .*, which do not lie in a mapping.* had memory there", ["dma_sync_single_for_cpu"], "main"),
]


def functions(stack: list[str]) -> list[str]:
    return [frame.split(" (")[0] for frame in stack]


def test_a_driver_that_syncs_is_left_in_peace(program, lockcheck) -> None:
    outcome = lockcheck("explore", "--schedules", 200, "--detect", "all", "--", program("dde_linux_unsynced"), "nothing")
    assert outcome.code == 0, outcome.text


@pytest.mark.parametrize(("mistake", "tells", "places", "mapper"), MISTAKES)
def test_a_missing_or_wrong_sync_is_found(mistake, tells, places, mapper, program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program("dde_linux_unsynced"), mistake)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "dma-fault"
    assert re.search(tells, finding["summary"]), finding["summary"]
    [running] = [functions(thread["stack"]) for thread in finding["threads"] if thread["state"] == "running"]
    assert [name for name in running if name in places] == places, running
    mapped = next(functions(item["stack"]) for item in finding["stacks"] if ", handed over by " in item["title"])
    assert mapped[mapped.index("map_buffer") + 1] == mapper, mapped


def test_an_access_that_is_not_synced_is_the_first_frame_of_the_stack(program, lockcheck) -> None:
    outcome = lockcheck("run", "--", program("dde_linux_unsynced"), "reads-unsynced")
    [running] = [thread["stack"] for thread in outcome.result["findings"][0]["threads"] if thread["state"] == "running"]
    assert running[0].startswith("read_octet ("), running


@pytest.mark.parametrize("mistake", ["sends-unsynced", "reads-unsynced"])
def test_the_finding_replays(mistake, program, lockcheck, out) -> None:
    assert lockcheck("explore", "--schedules", 5, "--", program("dde_linux_unsynced"), mistake).code == 1
    outcome = lockcheck("replay", out / "0001.schedule")
    assert outcome.code == 1 and "DMA FAULT" in outcome.stdout, outcome.text
