"""What does not work through the proxies of Service Connect: said by `validate` and `up`, where it is certain."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.app.selection import Selection
from emulator.app.up_request import up_request
from emulator.events import Event
from tests.unit.cli.conftest import Run

HTTP = """taskdef_overrides:
  - path: ContainerDefinitions[0].PortMappings[0].AppProtocol
    value: http
"""
API = """name: api
type: Backend Service
image: {{location: nginx, port: 8080}}
cpu: 256
memory: 512
network: {{connect: true}}
{more}"""
WEB = """name: web
type: Backend Service
image: {build: web/Dockerfile, port: 80}
cpu: 256
memory: 512
network: {connect: true}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("api", API.format(more=HTTP)), ("web", WEB)):
        (tmp_path / "copilot" / name).mkdir(parents=True)
        (tmp_path / "copilot" / name / "manifest.yml").write_text(text)
    (tmp_path / "web" / "conf.d").mkdir(parents=True)
    (tmp_path / "web" / "Dockerfile").write_text("FROM nginx\n")
    (tmp_path / "copilot" / ".workspace").write_text("application: shop\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(run: Run, root: Path, configuration: str) -> list[str]:
    (root / "web" / "conf.d" / "default.conf").write_text(configuration)
    return [line for line in run("validate").out.splitlines() if "CL146" in line]


def test_a_pass_to_a_name_has_its_line_and_is_no_error(run: Run, root: Path) -> None:
    [line] = said(run, root, "server {\n  location / {\n    proxy_pass http://api:8080/;\n  }\n}\n")
    assert line.startswith("warning[CL146]: web/conf.d/default.conf:3")
    assert "web asks api with HTTP/1.0, which Service Connect answers with 426" in line
    assert run("validate").code == 0


def test_one_by_an_upstream_too(run: Run, root: Path) -> None:
    assert said(
        run, root, "upstream backend { server api:8080; }\nserver { location / { proxy_pass http://backend; } }"
    )


@pytest.mark.parametrize(
    "configuration",
    [
        "server { proxy_http_version 1.1; location / { proxy_pass http://api:8080; } }",
        "proxy_http_version 1.1;\nserver { location / { proxy_pass http://api:8080; } }",
        "server { location / { proxy_pass http://localhost:8080; } }",
        "server { location / { proxy_pass http://$upstream; } }",
        "server { location / { proxy_pass https://api:8080; } }",
        "server { location / { # proxy_pass http://api:8080;\n } }",
        "server { location / {",
    ],
)
def test_what_is_not_certain_or_is_none_is_not_said(run: Run, root: Path, configuration: str) -> None:
    assert said(run, root, configuration) == []


def test_a_version_that_the_main_file_sets_holds_for_all(run: Run, root: Path) -> None:
    (root / "web" / "nginx.conf").write_text("http { proxy_http_version 1.1; include conf.d/*.conf; }")
    assert said(run, root, "server { location / { proxy_pass http://api:8080; } }") == []


def test_a_name_that_is_tcp_takes_any_version(run: Run, root: Path) -> None:
    (root / "copilot" / "api" / "manifest.yml").write_text(API.format(more=""))
    assert said(run, root, "server { location / { proxy_pass http://api:8080; } }") == []


def test_up_says_it_too(root: Path) -> None:
    (root / "web" / "conf.d" / "default.conf").write_text("server { location / { proxy_pass http://api:8080; } }")
    events: list[Event] = []
    up_request(Selection("shop", "test"), events.append)
    assert [event.message for event in events if "CL146" in event.message]


def test_a_load_balancer_that_gives_up_first(run: Run, root: Path) -> None:
    manifest = root / "copilot" / "api" / "manifest.yml"
    manifest.write_text(
        manifest.read_text().replace("Backend Service", "Load Balanced Web Service") + "http: {path: /}\n"
    )
    (manifest.parent / "overrides").mkdir()
    (manifest.parent / "overrides" / "cfn.patches.yml").write_text(
        "- op: add\n"
        "  path: /Resources/Service/Properties/ServiceConnectConfiguration/Services/0/Timeout\n"
        "  value: {PerRequestTimeoutSeconds: 90}\n"
    )
    out = run("validate").out
    assert out.count("CL147") == 1
    assert "the load balancer gives up after 60 s of silence" in out
