"""Pictures of services: what is in them, and that what draws them can read them."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from emulator.app.load import load_services
from emulator.app.selection import Selection
from emulator.ecs.service import Service
from emulator.events import discard
from emulator.graph.draw import draw
from emulator.graph.mermaid import as_mermaid
from emulator.graph.parts import Graph, Kind, Line
from emulator.graph.svg import as_svg

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = sorted({path.parent.name for path in EXAMPLES.glob("*/copilot")} - {"fresh-clone"})
"""All but one, whose variables are not given."""
SVG = "{http://www.w3.org/2000/svg}"

MANIFEST = """\
name: web
type: Load Balanced Web Service
image: {location: 'web:1', port: 3000, depends_on: {init: success}}
http:
  path: /
  target_container: proxy
  additional_rules:
    - path: /admin
      target_container: web
publish:
  topics:
    - {name: placed}
sidecars:
  proxy: {image: 'nginx:1', port: 8080}
  init: {image: 'busybox:1', essential: false}
logging:
  destination: {Name: cloudwatch, log_group_name: /shop/web, region: us-east-1}
"""
WORKER = """\
name: worker
type: Worker Service
image: {location: 'worker:1'}
subscribe:
  topics:
    - {service: web, name: placed, filter_policy: {size: [big]}}
  queue: {dead_letter: {tries: 3}}
"""


def services_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Service]:
    monkeypatch.chdir(folder)
    return [loaded.service for loaded in load_services(Selection(), discard)]


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Graph:
    for name, text in (("web", MANIFEST), ("worker", WORKER)):
        (tmp_path / "copilot" / name).mkdir(parents=True)
        (tmp_path / "copilot" / name / "manifest.yml").write_text(text)
    return draw(services_of(tmp_path, monkeypatch), "shop/test")


def arrows(graph: Graph, line: Line) -> set[tuple[str, str, str]]:
    return {(arrow.source, arrow.target, arrow.label) for arrow in graph.arrows if arrow.line is line}


def test_each_container_stands_in_the_box_of_its_service(graph: Graph) -> None:
    assert graph.groups == {"web": "web (Load Balanced Web Service)", "worker": "worker (Worker Service)"}
    inside = {box.id: box.lines for box in graph.boxes.values() if box.group == "web"}
    assert inside["web/web"] == ("web", "web:1", "3000/tcp")
    assert inside["web/init"] == ("init", "busybox:1", "not essential")
    assert set(inside) == {"web/web", "web/proxy", "web/init", "web/firelens_log_router"}
    assert graph.boxes["web/firelens_log_router"].kind is Kind.ROUTER


def test_requests_go_to_the_container_that_a_rule_targets(graph: Graph) -> None:
    assert arrows(graph, Line.REQUEST) == {
        ("client", "load balancer", ""),
        ("load balancer", "web/proxy", "HTTP path-pattern /* to 8080"),
        ("load balancer", "web/web", "HTTP path-pattern /admin or /admin/* to 3000"),
    }


def test_containers_point_to_what_they_start_after(graph: Graph) -> None:
    assert ("web/web", "web/init", "after SUCCESS") in arrows(graph, Line.ORDER)


def test_lines_go_through_the_router_to_the_destination(graph: Graph) -> None:
    found = arrows(graph, Line.LOGS)
    assert ("web/web", "web/firelens_log_router", "stdout, stderr") in found
    assert ("web/firelens_log_router", "cloudwatch /shop/web", "web-firelens-*") in found
    assert ("worker/worker", "awslogs /copilot/", "stdout, stderr") not in found
    assert any(source == "worker/worker" and target.startswith("awslogs ") for source, target, _ in found)


def test_a_message_goes_from_the_publisher_through_topic_and_queue_to_the_worker(graph: Graph) -> None:
    assert arrows(graph, Line.MESSAGES) == {
        ("web/web", "topic web/placed", "publishes"),
        ("topic web/placed", "queue worker/EventsQueue", "filtered"),
        ("queue worker/EventsQueue", "worker/worker", "receives"),
    }
    assert graph.boxes["queue worker/EventsQueue"].lines[-1] == "dead letters after 3"


def test_mermaid_names_every_box_once_and_quotes_every_text(graph: Graph) -> None:
    text = as_mermaid(graph)
    assert text.startswith('---\ntitle: "shop/test"\n---\nflowchart LR\n')
    assert sorted(set(re.findall(r"^ +(n\d+)[\[{(>]", text, re.MULTILINE))) == sorted(
        f"n{number}" for number in range(len(graph.boxes))
    )
    assert "path-pattern /#42; to 8080" in text, "an asterisk would be Markdown"
    assert all(line.count('"') % 2 == 0 for line in text.splitlines())


def test_texts_of_the_manifest_are_no_part_of_a_picture_language() -> None:
    graph = Graph('a"]; <script>&')
    graph.groups["g"] = '<g> & "g"'
    graph.add("one", Kind.CONTAINER, '"] --> x; <img src=x onerror=alert(1)>', group="g")
    mermaid, svg = as_mermaid(graph), as_svg(graph)
    assert not set("<>&;") & set(re.sub(r"#\d+;|-->|<br>", "", mermaid))
    root = xml.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text",
    }  # fmt: skip
    assert '"] --> x; <img src=x onerror=alert(1)>' in [text.text for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("example", NAMES)
def test_of_every_example_no_box_covers_another(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = draw(services_of(EXAMPLES / example, monkeypatch), example)
    root = xml.fromstring(as_svg(graph))
    boxes = [
        tuple(float(element.attrib[side]) for side in ("x", "y", "width", "height"))
        for element in root.iter(f"{SVG}rect")
        if element.attrib["class"].startswith("box")
    ]
    assert len(boxes) == len(graph.boxes)
    for (x, y, width, height), (x2, y2, width2, height2) in itertools.combinations(boxes, 2):
        assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
    right, bottom = (float(root.attrib[side]) for side in ("width", "height"))
    assert all(x + width <= right and y + height <= bottom for x, y, width, height in boxes)
    lines = as_mermaid(graph).splitlines()
    assert sum(re.match(r"  n\d+ [-=.]+>?", line) is not None for line in lines) == len(graph.arrows)


def test_a_circle_of_containers_is_drawn_too() -> None:
    graph = Graph("circle", {"g": "g"})
    for name in ("a", "b"):
        graph.add(name, Kind.CONTAINER, name, group="g")
    graph.connect("a", "b", Line.ORDER)
    graph.connect("b", "a", Line.ORDER)
    assert xml.fromstring(as_svg(graph)).tag == f"{SVG}svg"


def test_a_picture_of_nothing_is_one() -> None:
    assert xml.fromstring(as_svg(Graph("nothing"))).attrib["role"] == "img"
