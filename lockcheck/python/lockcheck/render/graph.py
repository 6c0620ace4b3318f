# SPDX-License-Identifier: GPL-2.0-or-later
"""The wait-for graph as chains of text.

A chain starts where nobody waits, or anywhere in a cycle, and follows "waits for" and "held by" until it comes to
an end, back to itself (a cycle, which is the deadlock), or to what an earlier chain has shown already. Cycles come
first. Each edge is shown once. What is held while nobody waits for it is left out: it stands with its thread.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable

from lockcheck.result import Edge

Node = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Chain:
    start: Node
    hops: list[tuple[str, Node]]
    """(label of the edge, the node that it leads to)"""
    cycle: bool
    """The last node is an earlier node of this chain."""
    continued: bool
    """The last node is one that an earlier chain has gone on from."""


def _merged(edges: Iterable[Edge]) -> list[Edge]:
    """Without the edges from a thread as an object (what a join waits for) to the same thread as a thread."""
    threads = {e.source[1] for e in edges if e.source[0] == "object" and e.target == ("thread", e.source[1])}

    def node(end: Node) -> Node:
        return ("thread", end[1]) if end[1] in threads else end

    merged = [Edge(node(e.source), node(e.target), e.label) for e in edges]
    # A real edge never leads from a thread to itself: it goes through the object that the thread holds.
    unique = dict.fromkeys((e.source, e.target, e.label) for e in merged if e.source != e.target)
    return [Edge(*parts) for parts in unique]


def _in_cycles(out: dict[Node, list[Edge]]) -> list[Node]:
    """The nodes from which a way leads back to themselves."""
    found = []
    for start in list(out):
        seen: set[Node] = set()
        todo = [e.target for e in out.get(start, ())]
        while todo:
            node = todo.pop()
            if node == start:
                found.append(start)
                break
            if node not in seen:
                seen.add(node)
                todo += [e.target for e in out.get(node, ())]
    return found


def edges(all_edges: Iterable[Edge]) -> list[Edge]:
    """Each edge once, without what is held while nobody waits for it."""
    merged = _merged(list(all_edges))
    wanted = {e.target for e in merged}
    return [e for e in merged if e.source[0] == "thread" or e.source in wanted]


def cyclic(some_edges: Iterable[Edge]) -> set[Node]:
    """The nodes of cycles."""
    out: dict[Node, list[Edge]] = defaultdict(list)
    for edge in some_edges:
        out[edge.source].append(edge)
    return set(_in_cycles(out))


def mentions(text: str, name: str) -> bool:
    """Whether the text names it: "thread 1" is not in "thread 12"."""
    start = text.find(name)
    while start >= 0:
        after = text[start + len(name) : start + len(name) + 1]
        before = text[start - 1 : start] if start else ""
        if not (after.isalnum() or after == "_") and not (before.isalnum() or before == "_"):
            return True
        start = text.find(name, start + 1)
    return False


def chains(all_edges: Iterable[Edge]) -> list[Chain]:
    some_edges = edges(all_edges)
    out: dict[Node, list[Edge]] = defaultdict(list)
    for edge in some_edges:
        out[edge.source].append(edge)
    targets = {e.target for e in some_edges}

    in_cycles = _in_cycles(out)
    of_cycles = set(in_cycles)
    # Threads are what a reader looks for first.
    in_cycles.sort(key=lambda node: node[0] != "thread")
    roots = [node for node in list(out) if node not in targets]

    shown: set[Node] = set()
    result = []
    for start in [*in_cycles, *roots, *list(out)]:
        while out.get(start):
            result.append(_walk(start, out, shown, of_cycles if start in of_cycles else None))
    return result


def _walk(start: Node, out: dict[Node, list[Edge]], shown: set[Node], within: set[Node] | None) -> Chain:
    """Follow unused edges from a node, using them up. Within a cycle, prefer the edges that stay in it."""
    hops: list[tuple[str, Node]] = []
    path = {start}
    node = start
    while out.get(node):
        shown.add(node)
        choices = out[node]
        edge = next((e for e in choices if within and e.target in within), choices[0])
        choices.remove(edge)
        hops.append((edge.label, edge.target))
        node = edge.target
        if node in path:
            return Chain(start, hops, cycle=True, continued=False)
        if node in shown:
            return Chain(start, hops, cycle=False, continued=True)
        path.add(node)
    return Chain(start, hops, cycle=False, continued=node in shown)
