# SPDX-License-Identifier: GPL-2.0-or-later
"""The wait-for graph in Graphviz's language: `lockcheck report DIR --format dot | dot -Tsvg -o graph.svg`.

Threads are boxes, objects are ellipses; what is part of a cycle is red. What is held while nobody waits for it is
left out. With several findings each is a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lockcheck.render import graph
from lockcheck.render.style import Style
from lockcheck.result import Edge, Finding, Result

CYCLE = "#c62828"
FEW = 12


def render(result: Result, style: Style) -> str:
    findings = result.findings + ([result.error] if result.error else [])
    lines = ["digraph lockcheck {", *ATTRIBUTES]
    for number, finding in enumerate(findings, 1):
        title = f"{finding.kind}: {finding.summary}"
        if len(findings) > 1:
            lines += [f"  subgraph cluster_{number} {{", f"    label={quoted(title, 80)};"]
        else:
            lines.append(f"  label={quoted(title, 80)}; labelloc=t;")
        lines += statements(graph.edges(finding.graph), f"f{number}")
        if len(findings) > 1:
            lines.append("  }")
    return "\n".join([*lines, "}", ""])


ATTRIBUTES = [
    "  rankdir=LR;",
    '  graph [fontname="sans-serif", fontsize=11];',
    '  node [fontname="sans-serif", fontsize=11, height=0.35];',
    '  edge [fontname="sans-serif", fontsize=10];',
]


def picture(finding: Finding, prefix: str) -> str:
    """The part of the graph that the finding is about, for the HTML report, which styles it by classes."""
    edges = relevant(finding)
    # Chains lie in lines, below each other; a cycle stands, and takes less room so.
    turned = ["  rankdir=TB;"] if graph.cyclic(edges) else []
    lines = ["digraph {", "  bgcolor=transparent;", *ATTRIBUTES, *turned]
    return "\n".join([*lines, *statements(edges, prefix), "}", ""])


def relevant(finding: Finding) -> list[Edge]:
    """All edges where they are few; else those that hang together with a cycle, or with what the summary names."""
    edges = graph.edges(finding.graph)
    if len(edges) <= FEW:
        return edges
    nodes = {node for edge in edges for node in (edge.source, edge.target)}
    close = graph.cyclic(edges) or {node for node in nodes if graph.mentions(finding.summary, node[1])}
    while True:
        more = {n for e in edges if e.source in close or e.target in close for n in (e.source, e.target)} - close
        if not more:
            break
        close |= more
    return [edge for edge in edges if edge.source in close] or edges


def statements(edges: Sequence[Edge], prefix: str) -> list[str]:
    """Nodes and edges. Identifiers begin with the prefix; those in SVG are theirs too."""
    names = node_names(edges, prefix)
    cyclic = graph.cyclic(edges)
    lines = []
    for node, name in names.items():
        shape = 'box, style="rounded"' if node[0] == "thread" else "ellipse"
        red = f', color="{CYCLE}", penwidth=2' if node in cyclic else ""
        classes = f"{node[0]} cycle" if node in cyclic else node[0]
        lines.append(f'    {name} [label={quoted(node[1], 32)}, shape={shape}, id="{name}", class="{classes}"{red}];')
    for edge in edges:
        red = edge.source in cyclic and edge.target in cyclic
        marks = f', color="{CYCLE}", penwidth=2, class="cycle"' if red else ""
        lines.append(f"    {names[edge.source]} -> {names[edge.target]} [label={quoted(edge.label)}{marks}];")
    return lines


def node_names(edges: Iterable[Edge], prefix: str) -> dict[graph.Node, str]:
    nodes = dict.fromkeys(node for edge in edges for node in (edge.source, edge.target))
    return {node: f"{prefix}n{number}" for number, node in enumerate(nodes)}


def quoted(text: str, width: int = 0) -> str:
    """A string in Graphviz's language; a long one in lines of about that width."""
    words, lines = text.split(), [""]
    for word in words if width else []:
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    lines = lines if width else [" ".join(words)]
    # Graphviz replaces \N and the like, and HTML entities: backslashes and ampersands stand for themselves.
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines)
    return '"' + "\\n".join(escaped) + '"'
