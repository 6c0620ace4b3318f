# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of cards, and what the drivers make of them: whatever a fault loses, what passes is right, nothing leaks, and the
driver that is removed and probed again works. docs/findings.md tells why some do not recover without that."""

from __future__ import annotations

import pytest

STEPS = 2_000_000  # e100 asks a card that is not there 20,000 times before it gives a command up
SCHEDULES = 5

# Card, fault, and what of 600 frames each way, one of both every 50 ms, the driver then carries: whether the last ones, and
# how many in all; by its statistics, errors in receiving and sending; transmit time-outs. Frames and interrupts of both
# ways alternate: those with odd numbers are received.
MATRIX = [
    ("rtl8139", "lost-interrupt", "recovers", (600, 600), (0, 0, 0)),  # the next event pulls the pin again
    ("rtl8139", "spurious-interrupt", "recovers", (600, 600), (0, 0, 0)),
    ("rtl8139", "stuck-transmitter", "recovers", (599, 596), (0, 0, 1)),  # four descriptors, then the time-out's reset
    ("rtl8139", "corrupted-descriptor", "recovers", (599, 600), (1, 0, 0)),
    ("rtl8139", "surprise-removal", "is dead", (49, 49), (0, 0, 0)),
    ("rtl8139", "master-abort@99", "recovers", (599, 600), (0, 0, 0)),
    ("rtl8139", "master-abort", "recovers", (600, 599), (0, 1, 0)),
    ("82540em", "lost-interrupt", "recovers", (600, 600), (0, 0, 0)),
    ("82540em", "spurious-interrupt", "recovers", (600, 600), (0, 0, 0)),
    ("82540em", "stuck-transmitter", "recovers", (599, 383), (0, 0, 1)),  # a full ring, then the time-out's reset
    ("82540em", "corrupted-descriptor", "recovers", (599, 600), (0, 0, 0)),  # e1000 leaves counting to the card
    ("82540em", "surprise-removal", "is dead", (50, 49), (0, 0, 0)),
    ("82540em", "master-abort@99", "recovers", (599, 600), (0, 0, 0)),
    ("82540em", "master-abort", "recovers", (599, 463), (0, 0, 1)),  # the descriptor is never told to be done
    ("82559", "lost-interrupt", "recovers", (600, 600), (0, 0, 0)),
    ("82559", "spurious-interrupt", "recovers", (600, 600), (0, 0, 0)),
    ("82559", "stuck-transmitter", "recovers", (600, 399), (0, 0, 1)),
    ("82559", "corrupted-descriptor", "recovers", (599, 600), (1, 0, 0)),
    ("82559", "surprise-removal", "is dead", (49, 49), (0, 0, 0)),
    ("82559", "master-abort@99", "recovers", (599, 600), (0, 0, 0)),  # it is told that the receiver has stopped
    ("82559", "master-abort", "recovers", (600, 429), (0, 0, 1)),  # it is not told that the command unit has
    *(
        (card, *row)
        for card in ("virtio-net", "virtio-net-legacy")
        for row in [
            ("lost-interrupt@99", "is deaf", (49, 600), (0, 0, 0)),  # the device is not asked for another one
            ("lost-interrupt", "recovers", (600, 600), (0, 0, 0)),  # who sends looks what was sent
            ("spurious-interrupt", "recovers", (600, 600), (0, 0, 0)),
            ("stuck-transmitter", "is mute", (600, 99), (0, 1, 1)),  # the time-out is counted, and no more
            ("corrupted-descriptor", "is deaf", (99, 600), (0, 0, 0)),  # the queue is taken for broken
            ("master-abort", "is dead", (50, 49), (0, 2, 2)),  # that the device needs a reset nobody looks at
        ]
    ),
]


@pytest.mark.parametrize(("card", "fault", "outcome", "passed", "errors"), MATRIX)
def test_a_driver_does_about_a_fault_what_it_can(card, fault, outcome, passed, errors, program, lockcheck) -> None:
    run = lockcheck("run", "--steps", STEPS, "--", program("dde_linux_fault"), card, fault, outcome)
    assert run.code == 0, run.text
    first, *again = [line for line in run.text.splitlines() if line.startswith("received ")]
    told = "received %d, sent %d; errors: %d receiving, %d sending, %d time-outs"
    assert first == told % (*passed, *errors)
    assert again == ([] if fault == "surprise-removal" else [told % (600, 600, 0, 0, 0)])


@pytest.mark.parametrize(("card", "fault"), [row[:2] for row in MATRIX])
def test_no_schedule_with_a_fault_spoils_a_frame_or_leaks(card, fault, program, lockcheck) -> None:
    explored = lockcheck(
        "explore", "--schedules", SCHEDULES, "--steps", STEPS, "--time", 60, "--", program("dde_linux_fault"), card, fault
    )
    assert explored.code == 0, explored.text
    assert explored.result["schedules"] == SCHEDULES
    assert explored.result["truncated"] == 0


def test_virtio_pci_waits_for_ever_for_a_removed_device_to_be_reset(program, lockcheck) -> None:
    run = lockcheck("run", "--steps", 100_000, "--", program("dde_linux_fault"), "virtio-net", "surprise-removal", "is dead")
    assert run.code == 3, run.text
    assert "received 50, sent 49;" in run.text
    assert "vp_reset (virtio/virtio_pci_modern.c:" in run.text


def test_virtio_warns_of_a_removed_legacy_device_that_it_is_not_reset(program, lockcheck) -> None:
    run = lockcheck("run", "--", program("dde_linux_fault"), "virtio-net-legacy", "surprise-removal", "is dead")
    assert run.code == 1, run.text
    assert "WARN_ON_ONCE(dev->config->get_status(dev)) at virtio.c:" in run.text
    assert "received 50, sent 49;" in run.text
