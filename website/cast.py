"""The recording on the first page: an animated SVG of a session, thirty seconds long, and the same without motion."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from website.session import Printed

WIDTH, ROW, MARGIN, COLUMNS = 960, 19, 18, 110
SECONDS = 30
ROWS = 24
STYLE = """\
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre;
  fill: #d8dee9; }
.typed { fill: #a3be8c; }
"""


def cast(scenes: Sequence[Printed]) -> str:
    """The SVG: a scene a command. Who asked for less motion sees the first scene, still."""
    height = ROWS * ROW + 2 * MARGIN
    share = 100 / len(scenes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>A session with copilot-local</title>",
        f"<style>\n{STYLE}{_motion(len(scenes), share)}</style>",
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#2e3440"/>',
    ]
    for number, scene in enumerate(scenes):
        parts.append(f'<g class="scene" id="scene{number}">')
        parts.append(_line(0, f"$ {scene.command}", "typed"))
        lines = scene.text.splitlines()
        shown = lines if len(lines) < ROWS else [*lines[: ROWS - 2], "…"]
        parts += [_line(row, text, "printed") for row, text in enumerate(shown, start=1)]
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _motion(count: int, share: float) -> str:
    """Each scene has its part of the time; within it the command comes first, then what it printed."""
    rules = [".scene { visibility: hidden; } #scene0 { visibility: visible; }"]
    rules.append("@media (prefers-reduced-motion: no-preference) {")
    for number in range(count):
        start, end = number * share, (number + 1) * share
        before = f"0%, {start - 0.01:.2f}% {{ visibility: hidden; }} " if number else ""
        after = f" {end + 0.01:.2f}%, 100% {{ visibility: hidden; }}" if number < count - 1 else ""
        shown = f"{start:.2f}%, {end:.2f}% {{ visibility: visible; }}"
        rules.append(f"@keyframes scene{number} {{ {before}{shown}{after} }}")
        rules.append(f"#scene{number} {{ animation: scene{number} {SECONDS}s step-end infinite; }}")
        printed = start + share / 4
        hidden, visible = f"0%, {printed:.2f}% {{ opacity: 0; }}", f"{printed + 0.01:.2f}%, 100% {{ opacity: 1; }}"
        rules.append(f"@keyframes printed{number} {{ {hidden} {visible} }}")
        rules.append(f"#scene{number} .printed {{ animation: printed{number} {SECONDS}s step-end infinite; }}")
    return "\n".join([*rules, "}"]) + "\n"


def _line(row: int, text: str, kind: str) -> str:
    cut = text if len(text) <= COLUMNS else f"{text[: COLUMNS - 1]}…"
    return f'<text class="{kind}" x="{MARGIN}" y="{MARGIN + ROW * row + 13}">{escape(cut)}</text>'
