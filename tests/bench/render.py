"""Figures of the render room: manifests rendered a second."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from emulator.ecs.service import Service
from tests.bench.harness import Figure
from tests.bench.manifests import big_manifest

COUNT = 200
WANTED = 100


def figures() -> Iterator[Figure]:
    from emulator.compiler import compile_service
    from emulator.manifest import load
    from emulator.render.cloudformation.stack import StackOptions, render_stack
    from emulator.render.compose import render_compose
    from emulator.render.task_definition import render_task_definition, to_json

    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(COUNT):
            path = Path(folder) / "copilot" / f"svc{number}" / "manifest.yml"
            path.parent.mkdir(parents=True)
            path.write_text(big_manifest(f"svc{number}", 60), encoding="utf-8")
            paths.append(path)

        def compiled(path: Path) -> Service:
            loaded = load(path, environment="env0", variables={}, app="bench")
            return compile_service(
                loaded.manifest, app="bench", environment="env0", position=loaded.position, path=str(path)
            )

        targets: dict[str, Callable[[Service], object]] = {
            "cloudformation": lambda service: render_stack(service, StackOptions()),
            "taskdef": lambda service: to_json(render_task_definition(service, placeholders=True)),
            "compose": render_compose,
        }
        for name, render in targets.items():
            render(compiled(paths[0]))
            began = time.process_time()
            for path in paths:
                render(compiled(path))
            rate = len(paths) / (time.process_time() - began)
            note = (
                "manifests of 60 lines, read, checked, compiled and rendered in one process, a second of its CPU time"
            )
            yield Figure(f"`render {name}`, manifests a second", rate, WANTED, "/s", "the wanted rate", 1.0, True, note)
