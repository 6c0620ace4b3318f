# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/netdde.md is true: the threads and locks that it has are those of executions, and its picture has the threads."""

from __future__ import annotations

import collections
import graphlib
import re
from collections.abc import Iterator

import pytest
from conftest import ROOT, command_path, run_command

PAGE = (ROOT / "docs" / "netdde.md").read_text()
RUNS = {
    **{driver: ["--driver", driver] for driver in ("8139too", "e1000", "e100", "virtio_net")},
    "clients": ["--clients", "reader,sniffer,visitor,mortal,sleeper,pest"],
}
# In place of names that differ from card to card and from line to line.
PLACEHOLDERS = [
    (r"^irq[0-9a-f]{2}$", "irqXX"),
    (r"\bline [0-9a-f]{2}$", "line XX"),
    (r"^\.kthread\d+$", ".kthreadN"),
    (r"^(rtl8139|82540em|82559|virtio-net) lock$", "CARD lock"),
    (r" \(\S+:\d+\)", ""),  # where something without a name was made
    (r"(?<=[a-z]) #?\d+$", " N"),
]
# The scheduler's own lane.
NO_THREAD = "time"
# What is acquired and is no lock of ours: semaphores, what is done once, and what libraries that the process happens to
# load do in the end.
NO_LOCK = re.compile(r"^semaphore |_once\b|^mutex created by 0x")


def general(name: str) -> str:
    for pattern, placeholder in PLACEHOLDERS:
        name = re.sub(pattern, placeholder, name)
    return name


def events(trace: str) -> Iterator[tuple[str, str, str]]:
    """Thread, operation and object of each."""
    head, *lines = trace.splitlines()
    thread, operation, thing = (head.index(title) for title in ("THREAD", "OPERATION", "OBJECT"))
    for line in lines:
        # A long name of an object goes on where the argument would begin.
        name = "" if line[thing : thing + 1].isspace() else re.split(r" {2,}", line[thing:])[0]
        yield line[thread:operation].strip(), line[operation:thing].strip(), name


class Seen:
    """What threads did, in general names."""

    def __init__(self) -> None:
        self.threads: set[str] = set()
        self.takers: dict[str, set[str]] = collections.defaultdict(set)
        self.inner: dict[str, set[str]] = collections.defaultdict(set)
        self.downs: set[tuple[str, str]] = set()

    def add(self, trace: str) -> None:
        held: dict[str, list[str]] = collections.defaultdict(list)
        for thread, operation, thing in events(trace):
            mine = held[thread]
            if thread != NO_THREAD:
                self.threads.add(general(thread))
            if operation == "down_begins":
                self.downs |= {(thing, general(lock)) for lock in mine}
            elif operation == "unlock" and thing in mine:
                mine.remove(thing)
            elif operation in ("acquired", "trylock") and not NO_LOCK.search(thing):
                if thing in mine:
                    continue  # it was given up for a wait, in which the thread does nothing
                self.takers[general(thing)].add(general(thread))
                for outer in mine:
                    self.inner[general(outer)].add(general(thing))
                mine.append(thing)


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> Seen:
    result = Seen()
    for name, words in RUNS.items():
        trace = tmp_path_factory.mktemp(name) / "trace"
        done = run_command([
            *(command_path("lockcheck"), "run", "--ctf", trace, "--out", trace.parent / "out", "--", command_path("netdde")),
            *("--quiet", "--sync", "posix", *words, "--replay", ROOT / "traces" / "sftp-download.pcapng"),
        ])
        assert done.code == 0, done.text
        printed = run_command([command_path("lockcheck"), "trace", trace])
        assert printed.code == 0, printed.text
        result.add(printed.stdout)
    return result


def table(section: str) -> dict[str, list[str]]:
    """The section's rows, by what stands between backquotes in the first column."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_the_threads_are_those_of_executions(seen) -> None:
    assert set(table("Threads")) == seen.threads


def test_the_locks_are_those_of_executions(seen) -> None:
    rows = table("Locks")
    assert set(rows) == set(seen.takers)
    for lock, (_, takers, inner) in rows.items():
        assert names(takers) == seen.takers[lock], lock
        assert names(inner) == seen.inner[lock], lock


def test_the_locks_have_an_order() -> None:
    graphlib.TopologicalSorter({lock: names(inner) for lock, (_, _, inner) in table("Locks").items()}).prepare()


def test_one_semaphore_is_waited_for_with_a_lock_held(seen) -> None:
    assert seen.downs == {("transmit window", "client's stack")}


def test_the_picture_has_the_threads_and_dark_colours() -> None:
    picture = (ROOT / "docs" / "netdde.svg").read_text()
    drawn = set(re.findall(r'<rect class="thread"[^>]*/><text [^>]*>([^<]+)</text>', picture))
    assert drawn == {thread for thread in table("Threads") if not thread.endswith(" N")}
    assert "prefers-color-scheme: dark" in picture


def test_the_functions_that_it_names_are_there() -> None:
    """In the tree, or in the driver files that the build takes from the package."""
    places = [ROOT / "netdde-under-test", ROOT / "harness", command_path("netdde").parents[1] / "netdde-under-test" / "drivers"]
    source = "\n".join(path.read_text(errors="replace") for place in places for path in place.rglob("*.c"))
    ways = PAGE.partition("\n## A frame that is received\n")[2].partition("\n## What differs")[0]
    threads, locks = table("Threads"), table("Locks")
    words = {word for word in names(ways) if re.fullmatch(r"[a-z_0-9]+", word)} - set(threads) - set(locks)
    assert len(words) > 40
    assert not [word for word in words if not re.search(rf"\b{word}\b", source)]
