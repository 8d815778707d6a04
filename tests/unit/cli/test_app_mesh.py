"""App Mesh, which has ended: said by name, left out where services run, kept by `render`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.app.selection import Selection
from emulator.app.up_request import UpOptions, up_request
from emulator.errors import CopilotLocalError
from emulator.events import Event
from tests.unit.cli.conftest import Run

MANIFEST = """name: web
type: Backend Service
image:
  location: nginx
  port: 80
  depends_on: {envoy: healthy}
cpu: 256
memory: 512
sidecars:
  envoy:
    image: example.com/envoy:1
    healthcheck: {command: ["CMD", "true"]}
"""
OVERRIDES = """taskdef_overrides:
  - path: ProxyConfiguration.Type
    value: APPMESH
  - path: proxyConfiguration.containerName
    value: envoy
  - path: ProxyConfiguration.ProxyConfigurationProperties[-].Name
    value: AppPorts
  - path: ProxyConfiguration.ProxyConfigurationProperties[0].Value
    value: 80
"""
PATCH = """- op: add
  path: /Resources/TaskDefinition/Properties/ProxyConfiguration
  value: {Type: APPMESH, ContainerName: envoy}
"""


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a service, in the working directory."""
    folder = tmp_path / "copilot" / "web"
    folder.mkdir(parents=True)
    (tmp_path / "copilot" / ".workspace").write_text("application: shop\n")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture(params=["overrides", "patch"])
def meshed(web: Path, request: pytest.FixtureRequest) -> Path:
    (web / "manifest.yml").write_text(MANIFEST + (OVERRIDES if request.param == "overrides" else ""))
    if request.param == "patch":
        (web / "overrides").mkdir()
        (web / "overrides" / "cfn.patches.yml").write_text(PATCH)
    return web


@pytest.mark.usefixtures("meshed")
def test_it_is_said_once(run: Run) -> None:
    validated = run("validate")
    assert validated.code == 1
    assert validated.out.count("CL145") == 1
    rendered = run("render", "taskdef", "web", "--placeholders")
    assert rendered.err.count("CL145") == 1
    assert json.loads(rendered.out)["proxyConfiguration"]["containerName"] == "envoy"


@pytest.mark.usefixtures("meshed")
def test_the_task_runs_without_it(web: Path) -> None:
    del web
    events: list[Event] = []
    [service] = up_request(Selection("shop", "test"), events.append).services
    [container] = service.task_definition.container_definitions
    assert (container.name, container.depends_on) == ("web", [])
    assert service.task_definition.proxy_configuration is None
    said = [event.message for event in events if "App Mesh" in event.message]
    assert any("runs without the redirect and without the container envoy" in message for message in said)


@pytest.mark.usefixtures("meshed")
def test_strict_refuses_it() -> None:
    with pytest.raises(CopilotLocalError) as caught:
        up_request(Selection("shop", "test"), lambda _: None, UpOptions(strict=True))
    assert "App Mesh ended on 30 September 2026" in "".join(
        [str(caught.value), *(str(finding) for finding in getattr(caught.value, "findings", []))]
    )


@pytest.mark.parametrize(
    "sidecar",
    [
        "image: public.ecr.aws/appmesh/aws-appmesh-envoy:v1.29.12.1-prod",
        "image: {location: 840364872350.dkr.ecr.eu-west-1.amazonaws.com/aws-appmesh-envoy:v1.15.1.0-prod}",
        "image: envoy\n    variables: {APPMESH_RESOURCE_ARN: mesh/shop/virtualNode/web}",
    ],
)
def test_a_proxy_alone_is_a_sign_too(run: Run, web: Path, sidecar: str) -> None:
    (web / "manifest.yml").write_text(MANIFEST.replace("image: example.com/envoy:1", sidecar))
    assert run("validate").out.count("CL145") == 1


def test_an_envoy_of_ones_own_is_none(run: Run, web: Path) -> None:
    (web / "manifest.yml").write_text(MANIFEST)
    assert run("validate").code == 0
