# SPDX-License-Identifier: GPL-2.0-or-later
"""Cards that are reset at any moment of their traffic: they are silent at once, have lost no count of a frame, and work again.
The moment is chosen by a number and by the schedule."""

from __future__ import annotations

import pytest

SCHEDULES = 300  # an access that a model makes after its reset shows in the first 50
RESETS = [
    *((card, way) for card in ("rtl8139", "82540em", "82559", "virtio-net", "virtio-net-legacy") for way in ("register", "bus")),
    ("virtio-net", "function"),  # the other cards have no such capability
    ("virtio-net-legacy", "function"),
]


@pytest.mark.parametrize("moments", [1, 2])
@pytest.mark.parametrize(("card", "way"), RESETS)
def test_a_card_that_is_reset_at_any_moment_is_silent_and_works_again(card, way, moments, lockcheck, program) -> None:
    command = (program("dde_linux_reset"), card, way, moments)
    explored = lockcheck("explore", "--schedules", SCHEDULES, "--seed", moments, "--", *command)
    assert explored.code == 0, explored.text
    assert explored.result["schedules"] == SCHEDULES
    assert explored.result["truncated"] == 0


def test_what_is_no_reset_of_a_card_is_refused(lockcheck, program) -> None:
    assert lockcheck("run", "--", program("dde_linux_reset"), "rtl8139", "hammer", 1).code == 2
