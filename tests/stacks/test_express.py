"""Services as Express Mode services, by CloudFormation's own schemas: all that Express can say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.render.cloudformation.stack import render_stack
from emulator.render.proposals.express import as_express, refusals
from tests.stacks.linting import findings
from tests.stacks.test_stacks import MODES, cases, service_of


@pytest.mark.parametrize("mode", MODES)
def test_templates_are_clean(mode: str, tmp_path: Path) -> None:
    said = 0
    for kind, name, _ in (it.values for it in cases() if it.values[2] == mode and it.values[0] != "golden"):
        folder = tmp_path / str(name).replace("/", "-")
        folder.mkdir()
        service, options = service_of(str(kind), str(name), folder)
        if service.template_patches or refusals(service, lambda _: None):
            continue
        said += 1
        options = replace(options, express=True, in_copilot_environment=MODES[mode])
        assert [str(it) for it in findings(render_stack(as_express(service), options))] == []
    assert said >= 8
