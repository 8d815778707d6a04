"""A picture as SVG: clients and load balancers on the left, a band for each service, what it talks to on the right."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from emulator.graph.parts import Arrow, Box, Graph, Kind, Line

LINE_HEIGHT = 16
CHARACTER = 7.2
"""Width of a character of the font, in pixels, and a little more."""
PADDING = 10
GAP_X = 60
"""Between columns, beside the longest label that stands there."""
BEND = 60
"""How far an arrow between boxes of one column goes out."""
SMALL = 6.7
"""Width of a character of a label."""
GAP_Y = 22
TITLE = 26
_LEFT = (Kind.CLIENT, Kind.BALANCER)
_STYLE = """\
svg{background:#fff;color:#1b1f24;font:12px ui-monospace,Menlo,Consolas,monospace}
text{fill:currentColor}.title{font-weight:bold}.small{fill:#57606a;font-size:11px}
.band{fill:#f6f8fa;stroke:#8c959f}.box{fill:#fff;stroke:#57606a}
.box.load-balancer,.box.client{fill:#ddf4ff;stroke:#0969da}.box.log-router{fill:#fff1e5;stroke:#bc4c00}
.box.destination{fill:#fff8c5;stroke:#9a6700}.box.topic,.box.queue{fill:#fbefff;stroke:#8250df}
.box.resource{fill:#dafbe1;stroke:#1a7f37}
path{fill:none;stroke:#57606a;stroke-width:1.3}.request{stroke:#0969da}.logs{stroke:#bc4c00;stroke-dasharray:4 3}
.order{stroke-dasharray:1 3}.messages{stroke:#8250df}.use{stroke:#1a7f37}
@media (prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}.small{fill:#9198a1}
.band{fill:#151b23;stroke:#656c76}.box{fill:#0d1117;stroke:#9198a1}
.box.load-balancer,.box.client{fill:#121d2f}.box.log-router{fill:#221a19}.box.destination{fill:#272115}
.box.topic,.box.queue{fill:#201a2e}.box.resource{fill:#12261e}path{stroke:#9198a1}}
"""


@dataclass(slots=True)
class _Place:
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def as_svg(graph: Graph) -> str:
    """The picture's text, with a title and a description for readers that do not see it."""
    places, bands = _placed(graph)
    everything = [*places.values(), *bands.values()]
    width = max((one.x + one.width for one in everything), default=0) + PADDING * 2
    if any(_overlap(places[arrow.source], places[arrow.target]) for arrow in graph.arrows):
        width += BEND + max((len(arrow.label) * SMALL for arrow in graph.arrows), default=0)
    height = max((one.y + one.height for one in everything), default=0) + PADDING * 2
    description = "; ".join(_words(graph, arrow) for arrow in graph.arrows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(graph.title)}</title>',
        f'<desc id="desc">{escape(description)}</desc>',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="end" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
        ' orient="auto-start-reverse"><path d="M0 0L10 5L0 10" style="stroke-dasharray:none"/></marker></defs>',
    ]
    for group, place in bands.items():
        parts += [_rectangle(place, "band", 8), _text(graph.groups[group], place.x + PADDING, place.y + 17, "title")]
    parts += [_arrow(arrow, places[arrow.source], places[arrow.target]) for arrow in graph.arrows]
    for id, box in graph.boxes.items():
        parts += _box(box, places[id])
    parts += [_label(arrow, places[arrow.source], places[arrow.target]) for arrow in graph.arrows if arrow.label]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _placed(graph: Graph) -> tuple[dict[str, _Place], dict[str, _Place]]:
    """Where boxes and bands are. Boxes in no band stand in columns on the left and on the right of all bands."""
    places: dict[str, _Place] = {}
    free = [box for box in graph.boxes.values() if not box.group]
    left = [column for kind in _LEFT if (column := [box for box in free if box.kind is kind])]
    x = float(PADDING)
    for column in left:
        x += _stack(column, x, places) + _gap(graph, column)
    bands, right = _bands(graph, x, places)
    others = [box for box in free if box.kind not in _LEFT]
    inside = [box for box in graph.boxes.values() if box.group]
    _stack(others, right + _gap(graph, inside, others), places)
    for column in reversed(left):  # beside what they ask
        _align(graph, column, places)
    return places, bands


def _bands(graph: Graph, x: float, places: dict[str, _Place]) -> tuple[dict[str, _Place], float]:
    """Places a band for each group below the last one; returns them, and where the widest ends."""
    bands: dict[str, _Place] = {}
    y, right = float(PADDING), x
    for group, title in graph.groups.items():
        columns = _columns([box for box in graph.boxes.values() if box.group == group], graph.arrows)
        inner_x, end, bottom = x + PADDING, x + PADDING, y + TITLE
        for column in columns:
            end = inner_x + _stack(column, inner_x, places, y + TITLE + PADDING)
            bottom = max([bottom, *(places[box.id].y + places[box.id].height for box in column)])
            inner_x = end + _gap(graph, column, [box for other in columns for box in other])
        width = max(end + PADDING - x, len(title) * CHARACTER + PADDING * 2)
        bands[group] = _Place(x, y, width, bottom - y + PADDING)
        right = max(right, x + width)
        y += bands[group].height + GAP_Y
    return bands, right


def _gap(graph: Graph, sources: list[Box], targets: list[Box] | None = None) -> float:
    """Room for the longest label of arrows that leave these boxes, or come back to them."""
    here = {box.id for box in sources}
    there = {box.id for box in targets} if targets is not None else graph.boxes.keys()
    labels = [
        arrow.label
        for arrow in graph.arrows
        if (arrow.source in here and arrow.target in there) or (arrow.target in here and arrow.source in there)
    ]
    return GAP_X + max((len(label) * SMALL for label in labels), default=0.0)


def _columns(members: list[Box], arrows: list[Arrow]) -> list[list[Box]]:
    """Boxes of a band: each to the right of those that have an arrow to it; a circle is cut where it closes."""
    names = {box.id for box in members}
    before: dict[str, list[str]] = defaultdict(list)
    for arrow in arrows:
        if {arrow.source, arrow.target} <= names and arrow.source != arrow.target:
            before[arrow.target].append(arrow.source)
    depth: dict[str, int] = {}

    def of(id: str, seen: frozenset[str]) -> int:
        if id not in depth:
            depth[id] = 1 + max((of(one, seen | {id}) for one in before[id] if one not in seen), default=-1)
        return depth[id]

    found: dict[int, list[Box]] = defaultdict(list)
    for box in members:
        found[of(box.id, frozenset({box.id}))].append(box)
    return [found[number] for number in sorted(found)]


def _stack(boxes: list[Box], x: float, places: dict[str, _Place], y: float = PADDING) -> float:
    """Places boxes below each other, all as wide as the widest; returns that width."""
    width = max((max(len(line) for line in box.lines) * CHARACTER + PADDING * 2 for box in boxes), default=0.0)
    for box in boxes:
        places[box.id] = _Place(x, y, width, len(box.lines) * LINE_HEIGHT + PADDING * 1.6)
        y += places[box.id].height + GAP_Y
    return width


def _align(graph: Graph, column: list[Box], places: dict[str, _Place]) -> None:
    """Moves a column down to the height of what its boxes have arrows to."""
    here = {box.id for box in column}
    asked = [places[arrow.target].middle for arrow in graph.arrows if arrow.source in here]
    middle = (places[column[0].id].y + places[column[-1].id].y + places[column[-1].id].height) / 2
    shift = max(0.0, sum(asked) / len(asked) - middle) if asked else 0.0
    for box in column:
        places[box.id].y += shift


def _overlap(one: _Place, other: _Place) -> bool:
    """Whether two boxes stand in one column."""
    return one.x < other.x + other.width and other.x < one.x + one.width


def _rectangle(place: _Place, kind: str, radius: int) -> str:
    size = f'width="{place.width:.0f}" height="{place.height:.0f}"'
    return f'<rect class="{kind}" x="{place.x:.0f}" y="{place.y:.0f}" {size} rx="{radius}"/>'


def _text(text: str, x: float, y: float, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _box(box: Box, place: _Place) -> list[str]:
    parts = [_rectangle(place, f"box {box.kind.replace(' ', '-')}", 4)]
    for number, line in enumerate(box.lines):
        y = place.y + PADDING * 0.8 + LINE_HEIGHT * number + 12
        parts.append(_text(line, place.x + PADDING, y, "small" if number else "title"))
    return parts


def _ends(source: _Place, target: _Place) -> tuple[float, float, float, float]:
    """The sides that face each other; in one column, the right side of both."""
    if source.x + source.width <= target.x:
        return source.x + source.width, source.middle, target.x, target.middle
    if target.x + target.width <= source.x:
        return source.x, source.middle, target.x + target.width, target.middle
    return source.x + source.width, source.middle, target.x + target.width, target.middle


def _arrow(arrow: Arrow, source: _Place, target: _Place) -> str:
    x1, y1, x2, y2 = _ends(source, target)
    same = _overlap(source, target)
    bend = float(BEND) if same else (x2 - x1) / 2
    curve = (
        f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 + (bend if same else -bend):.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
    )
    end = "" if arrow.line is Line.USE else ' marker-end="url(#end)"'
    return f"<path class={quoteattr(arrow.line.value)} d={quoteattr(curve)}{end}/>"


def _label(arrow: Arrow, source: _Place, target: _Place) -> str:
    x1, y1, x2, y2 = _ends(source, target)
    if _overlap(source, target):
        return _text(arrow.label, max(x1, x2) + 48, (y1 + y2) / 2 + 4, "small")
    return _text(arrow.label, (x1 + x2) / 2, (y1 + y2) / 2 - 5, "small", "middle")


def _words(graph: Graph, arrow: Arrow) -> str:
    label = f": {arrow.label}" if arrow.label else ""
    return f"{graph.boxes[arrow.source].lines[0]} to {graph.boxes[arrow.target].lines[0]}{label}"
