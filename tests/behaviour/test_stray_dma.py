# SPDX-License-Identifier: GPL-2.0-or-later
"""DMA that a driver has its card do where it may not: found in each model of a card, whatever the card has there, with the
mapping that should have been used and the driver's stacks of it, in each form of report."""

from __future__ import annotations

import html
import re

import pytest

CARDS = ["rtl8139", "82540em", "82559", "virtio-net", "virtio-net-legacy"]
# What a card does with the memory. An RTL8139 has no descriptors, an 82540EM and a legacy virtio write theirs where they have
# fetched them.
USES = [
    *((card, use) for card in CARDS for use in ("sends", "receives")),
    *((card, "fetches") for card in CARDS[1:]),
    ("82559", "reports"),
    ("virtio-net", "reports"),
]
DRIVEN = "00:03.0"  # where the card is that the driver has do it
OTHER = "00:04.0"

# The mistake; what the summary says of it; whose mapping is meant and how that is called; the function that made it, and
# whether the driver has ended it.
MISTAKES = [
    ("never-mapped", "that is a physical address", DRIVEN, "the mapping of that memory", "never_mapped", False),
    ("past-the-end", "a mapping ends", DRIVEN, "the nearest mapping", "past_the_end", False),
    ("unmapped", f"at {DRIVEN} had memory there", DRIVEN, "the mapping that has ended there", "unmapped", True),
    ("another-card", f"at {OTHER} has memory there", OTHER, "the mapping there", "another_cards", False),
]


@pytest.fixture
def stray(lockcheck, program):
    """stray(CARD, USE, MISTAKE): one execution."""
    return lambda *args: lockcheck("run", "--", program("dde_linux_stray_dma"), *args)


def functions(stack: list[str]) -> list[str]:
    return [frame.split(" (")[0] for frame in stack]


@pytest.mark.parametrize(("card", "use"), USES)
def test_a_right_address_passes_the_frame(card, use, stray) -> None:
    outcome = stray(card, use, "nothing")
    assert outcome.code == 0, outcome.text
    assert f"{card} {use}: a frame" in outcome.stdout


@pytest.mark.parametrize(("card", "use"), USES)
@pytest.mark.parametrize(("mistake", "tells", "place", "relation", "maker", "ended"), MISTAKES)
def test_a_stray_access_is_found_with_the_mapping_it_missed(
    mistake, tells, place, relation, maker, ended, card, use, stray, lockcheck, out
) -> None:
    outcome = stray(card, use, mistake)
    assert outcome.code == 1, outcome.text
    [finding] = outcome.result["findings"]
    assert finding["kind"] == "dma-fault"
    assert re.search(rf" at {DRIVEN} (reads|writes) \d+ bytes at bus address 0x", finding["summary"]), finding["summary"]
    assert "where nothing is mapped" in finding["summary"] and tells in finding["summary"], finding["summary"]

    [note] = [note for note in finding["notes"] if note.startswith(f"{relation}: ")]
    mapping = note.removeprefix(f"{relation}: ")
    assert re.fullmatch(rf"mapping of 16384 bytes at 0x[0-9a-f]+ by .* at {place}", mapping), mapping
    steps = {item["title"].removeprefix(f"{mapping}, ").split(" by ")[0]: item["stack"] for item in finding["stacks"]}
    assert set(steps) == ({"handed over", "taken back"} if ended else {"handed over"}), finding["stacks"]
    assert {"dma_map_single", "map_buffer", maker} <= set(functions(steps["handed over"]))
    if ended:
        assert {"dma_unmap_single", "unmap_buffer", maker} <= set(functions(steps["taken back"]))

    page = lockcheck("report", out, "--format", "html").stdout
    for report in (outcome.stdout, html.unescape(re.sub("<[^>]*>", "", page))):
        told = " ".join(report.partition("Before that")[2].split())
        for item in finding["stacks"]:
            place = told.index(item["title"])
            for function in functions(item["stack"]):
                place = told.index(function, place)
