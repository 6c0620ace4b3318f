# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kinds of findings mean, and what to look for."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Kind:
    meaning: str
    advice: str = ""
    """What mends it, or where to look."""

    @property
    def help(self) -> str:
        sentence = self.meaning[:1].upper() + self.meaning[1:] + "."
        return f"{sentence} {self.advice}".strip()


KINDS = {
    "deadlock": Kind(
        "threads wait for each other in a circle",
        "Take the locks in one order everywhere, or release one before taking the next.",
    ),
    "hang": Kind(
        "threads wait for something that will never come",
        "Nothing can run and work is outstanding: look for the wake-up that was not sent, or was sent too early.",
    ),
    "wait-graph": Kind("what all threads do at this moment"),
    "lost-wakeup": Kind(
        "somebody was to be woken, and nobody was",
        "Change the condition and signal under the mutex that the waiter holds, and wait in a loop.",
    ),
    "phantom-wakeup": Kind(
        "a wait returned without the signal that it waited for",
        "An older wake-up was left behind: take it back when a wait gives up, or check the condition in a loop.",
    ),
    "livelock": Kind(
        "threads run and get nowhere",
        "Back off for different times, or wait instead of trying again.",
    ),
    "data-race": Kind(
        "two threads access the same memory, at least one writes, and nothing orders them",
        "Guard both accesses by one lock, or make them atomic.",
    ),
    "lock-order": Kind(
        "locks are taken in orders that can deadlock",
        "Take them in one order everywhere.",
    ),
    "lock-misuse": Kind(
        "a lock is used against its rules",
        "Only the owner unlocks, and nobody destroys what is held or waited for.",
    ),
    "irq-unsafe": Kind(
        "a lock is used both inside and outside interrupts, unsafely",
        "Disable the interrupt while the lock is held outside of it.",
    ),
    "sleep-in-atomic": Kind(
        "a thread sleeps where it must not",
        "Release the spin lock first, or do what sleeps outside of the interrupt.",
    ),
    "device-misuse": Kind(
        "a driver does what its device does not allow",
        "The data sheet of the device says what has to come first.",
    ),
    "dma-fault": Kind(
        "a device, or its driver, used memory against the rules of DMA",
        "Map memory before the device uses it, sync it whenever the owner changes, stop the device before the unmap.",
    ),
    "interrupt-storm": Kind(
        "a device interrupts again and again, and no driver takes its interrupt",
        "Mask the device's interrupts, and have them stay masked, before its handler leaves the line.",
    ),
    "leak": Kind(
        "something was taken and never given back",
        "Release it on every way out.",
    ),
    "signal-unsafe": Kind(
        "a signal handler does what it must not",
        "Call only functions that signal-safety(7) lists, and leave errno as it was.",
    ),
    "lock-held-long": Kind("a lock is held for long"),
    "crash": Kind("the program died"),
    "assertion": Kind("the program's own assertion failed"),
    "uncontrolled": Kind("the program did what lockcheck does not control"),
    "interrupted": Kind("a signal ended the command before its work was done"),
    "unfinished": Kind("the command has not come to its end"),
    "checker-failed": Kind("the checker did not come to the end of its report"),
    "not-reproducible": Kind("the same schedule gave another execution"),
}


def meaning(kind: str) -> str:
    """A phrase, or "" for a kind of the program's own."""
    return KINDS[kind].meaning if kind in KINDS else ""
