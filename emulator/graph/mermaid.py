"""A picture as Mermaid's flowchart. Source: Mermaid's documentation of flowcharts and of entity codes."""

from __future__ import annotations

import re

from emulator.graph.parts import Box, Graph, Kind, Line

_SHAPES = {
    Kind.CLIENT: ("([", "])"),
    Kind.BALANCER: ("{{", "}}"),
    Kind.TOPIC: (">", "]"),
    Kind.QUEUE: ("[[", "]]"),
    Kind.DESTINATION: ("[(", ")]"),
    Kind.RESOURCE: ("[(", ")]"),
}
_ARROWS = {Line.REQUEST: "==>", Line.LOGS: "-.->", Line.ORDER: "-->", Line.MESSAGES: "-->", Line.USE: "---"}


def as_mermaid(graph: Graph) -> str:
    """The picture's text, which GitHub, GitLab and most wikis draw inside a block called `mermaid`."""
    ids = {id: f"n{number}" for number, id in enumerate(graph.boxes)}
    lines = ["---", f"title: {_quoted(graph.title)}", "---", "flowchart LR"]
    lines += [f"  {ids[box.id]}{_box(box)}" for box in graph.boxes.values() if not box.group]
    for number, (group, title) in enumerate(graph.groups.items()):
        lines.append(f"  subgraph g{number}[{_quoted(title)}]")
        lines += [f"    {ids[box.id]}{_box(box)}" for box in graph.boxes.values() if box.group == group]
        lines.append("  end")
    for arrow in graph.arrows:
        label = f"|{_quoted(arrow.label)}|" if arrow.label else ""
        lines.append(f"  {ids[arrow.source]} {_ARROWS[arrow.line]}{label} {ids[arrow.target]}")
    return "\n".join(lines) + "\n"


def _box(box: Box) -> str:
    before, after = _SHAPES.get(box.kind, ("[", "]"))
    return f"{before}{_quoted(*box.lines)}{after}"


def _quoted(*lines: str) -> str:
    """A text in quotes, a line break between its lines. What is a sign of Mermaid, Markdown or HTML is an entity."""
    return (
        '"' + "<br>".join(re.sub(r"""[^\w ./:,()-]""", lambda sign: f"#{ord(sign[0])};", line) for line in lines) + '"'
    )
