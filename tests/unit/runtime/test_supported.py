from __future__ import annotations

from pathlib import Path

from emulator.compiler import compile_service
from emulator.events import Event, EventKind
from emulator.manifest import load
from emulator.runtime.supported import refuse_unsupported

MANIFEST = """\
name: api
type: Worker Service
image: {location: api}
count: {range: 2-5, cpu_percentage: 70}
publish: {topics: [{name: out}]}
subscribe: {topics: [{name: in, service: other}]}
"""


def test_what_does_nothing_here_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(MANIFEST)
    loaded = load(path, environment=None, variables={}, app="demo")
    service = compile_service(loaded.manifest, app="demo", environment="test", position=loaded.position)
    events: list[Event] = []
    refuse_unsupported([service], events.append)
    assert {event.kind for event in events} == {EventKind.WARNING}
    said = [event.message for event in events]
    assert [message.split(" (")[0] for message in said] == [
        "the number of tasks stays 2: nothing scales it here",
        "there is no topic out here",
        "no message comes from topic in of other here",
    ]
    assert [message.split("manifest.yml:")[1][0] for message in said] == ["4", "5", "6"]
