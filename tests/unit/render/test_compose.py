from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.errors import InputError, Unsupported
from emulator.firelens.destinations import Destinations
from emulator.render.compose import ComposeOptions, render_compose
from tests.unit.render.features import WEB, Feature


def services(manifest: str, folder: Path, **options: Any) -> dict[str, Any]:
    document = yaml.safe_load(render_compose(Feature(manifest).service(folder), ComposeOptions(**options)))
    found: dict[str, Any] = document["services"]
    return found


def test_secrets_are_variables_and_never_text(tmp_path: Path) -> None:
    text = render_compose(Feature(WEB + "secrets: {TOKEN: /web/token}\n").service(tmp_path))
    assert "TOKEN: ${TOKEN:?secret of web}" in text
    assert "/web/token" not in text


def test_a_dollar_is_not_a_variable(tmp_path: Path) -> None:
    found = services(WEB + "command: [sh, -c, 'echo $HOME']\nvariables: {PRICE: $5}\n", tmp_path)["web"]
    assert found["command"] == ["sh", "-c", "echo $$HOME"]
    assert found["environment"]["PRICE"] == "$$5"


def test_what_only_a_deployment_knows_is_a_variable_or_a_given_value(tmp_path: Path) -> None:
    manifest = WEB + "variables: {TABLE: {from_cfn: shop-table}}\n"
    assert services(manifest, tmp_path)["web"]["environment"]["TABLE"] == (
        "${shop_table:?the CloudFormation export shop-table}"
    )
    assert services(manifest, tmp_path, values={"shop-table": "t"})["web"]["environment"]["TABLE"] == "t"


def test_the_task_in_composes_words(tmp_path: Path) -> None:
    found = services(
        WEB
        + """\
storage: {readonly_fs: true, volumes: {data: {path: /data}}}
sidecars:
  side:
    image: nginx:1.27
    port: 81
    depends_on: {web: start}
    healthcheck: {command: [CMD, 'true'], interval: 7s}
    mount_points: [{source_volume: data, path: /here, read_only: false}]
""",
        tmp_path,
    )
    assert set(found) == {"pause", "web", "side"}
    assert found["pause"]["ports"] == ["127.0.0.1:${PORT:-8080}:8080", "127.0.0.1:${PORT_81:-0}:81"]
    assert {found[name]["network_mode"] for name in ("web", "side")} == {"service:pause"}
    assert found["web"]["read_only"] is True
    assert (found["web"]["cpus"], found["web"]["mem_limit"]) == (0.25, "512m")
    assert found["web"]["volumes"] == [{"type": "volume", "source": "data", "target": "/data", "read_only": True}]
    assert found["side"]["volumes"] == [{"type": "volume", "source": "data", "target": "/here"}]
    assert found["side"]["depends_on"]["web"] == {"condition": "service_started"}
    assert found["side"]["healthcheck"] == {
        "test": ["CMD", "true"], "interval": "7s", "timeout": "5s", "retries": 2, "start_period": "0s",
    }  # fmt: skip


def test_containers_that_log_wait_for_the_routers_socket(tmp_path: Path) -> None:
    document: Any = yaml.safe_load(
        render_compose(Feature(WEB + "logging: {destination: {Name: cloudwatch}}\n").service(tmp_path))
    )
    web = document["services"]["web"]
    assert web["depends_on"]["firelens_log_router"] == {"condition": "service_healthy"}
    assert web["logging"]["options"]["fluentd-address"] == (
        "unix://${DOCKER_ROOT_DIR:-/var/lib/docker}/volumes/demo-test-web-firelens/_data/fluent.sock"
    )
    assert document["volumes"]["demo-test-web-firelens"] == {"name": "demo-test-web-firelens"}
    assert "Path /copilot-local/logs" in document["configs"]["log-router"]["content"]


ROUTED = WEB + "logging: {{destination: {{Name: cloudwatch}}, configFilePath: {path}}}\n"
OWN = """\
[FILTER]
    Name grep
    Match *
    Exclude log health
[OUTPUT]
    Name datadog
    Match web-*
    apikey ${KEY}
@INCLUDE /more.conf
"""


def routed(folder: Path, path: str, **options: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The router's service, and its configuration: path in the container to text."""
    service = Feature(ROUTED.format(path=path)).service(folder)
    document: Any = yaml.safe_load(render_compose(service, ComposeOptions(**options)))
    router = document["services"]["firelens_log_router"]
    texts = {it["target"]: document["configs"][it["source"]]["content"] for it in router["configs"]}
    return router, texts


@pytest.mark.parametrize("name", ["parse-json.conf", "minimize-log-loss.conf", "output-metrics-healthcheck.conf"])
def test_a_stock_file_of_the_routers_image_is_known(tmp_path: Path, name: str) -> None:
    _, texts = routed(tmp_path, f"/fluent-bit/configs/{name}")
    main = texts["/fluent-bit/etc/fluent-bit.conf"]
    assert f"@INCLUDE /copilot-local/config/fluent-bit/configs/{name}" in main
    assert ("Name parser" in texts[f"/copilot-local/config/fluent-bit/configs/{name}"]) is (name == "parse-json.conf")
    assert "Grace 30" in main


def test_outputs_of_the_routers_own_files_are_captured_or_sent(tmp_path: Path) -> None:
    files = {"/extra.conf": OWN, "/more.conf": "[OUTPUT]\n    Name stdout\n    Match *\n"}
    _, texts = routed(tmp_path, "/extra.conf", router_files=files.get)
    own, more = (texts[f"/copilot-local/config{path}"] for path in files)
    assert "datadog" not in own
    assert "Name file" in own
    assert "Exclude log health" in own
    assert "Name file" in more
    sent = Destinations({"output-1": "live"})
    _, texts = routed(tmp_path, "/extra.conf", router_files=files.get, destinations=sent)
    assert "apikey $${KEY}" in texts["/copilot-local/config/extra.conf"]
    assert "Name file" in texts["/copilot-local/config/more.conf"]
    assert "Name cloudwatch" not in texts["/fluent-bit/etc/fluent-bit.conf"]


def test_a_routers_own_file_that_is_not_known_is_refused_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"/extra\.conf") as error:
        routed(tmp_path, "/extra.conf")
    assert "--router-file /extra.conf=FILE" in error.value.hint
    assert error.value.position is not None
    assert error.value.position.line == 8
    with pytest.raises(InputError, match=r"no file /more\.conf"):
        routed(tmp_path, "/extra.conf", router_files={"/extra.conf": OWN}.get)


def test_waiting_for_completion_with_any_code_is_refused(tmp_path: Path) -> None:
    manifest = WEB.replace("  port: 8080\n", "  port: 8080\n  depends_on: {setup: complete}\n")
    with pytest.raises(Unsupported, match="success only"):
        render_compose(
            Feature(manifest + "sidecars: {setup: {image: nginx:1.27, essential: false}}\n").service(tmp_path)
        )


OVERRIDDEN = (
    WEB
    + """\
sidecars:
  side: {image: nginx:1.27, mount_points: [{source_volume: data, path: /here}]}
storage: {volumes: {data: {path: /data}}}
taskdef_overrides:
  - {path: PidMode, value: task}
  - {path: "ContainerDefinitions[1].VolumesFrom", value: [{SourceContainer: web, ReadOnly: true}, {SourceContainer: x}]}
  - {path: "ContainerDefinitions[1].VolumesFrom[1].SourceContainer", value: web}
  - path: ContainerDefinitions[0].SystemControls
    value:
      - {Namespace: net.core.somaxconn, Value: '1024'}
      - {Namespace: net.ipv4.conf.eth1.arp_filter, Value: '1'}
      - {Namespace: kernel.msgmax, Value: '65536'}
"""
)


def test_what_overrides_say_of_the_kernel_of_processes_and_of_volumes_is_there_too(tmp_path: Path) -> None:
    found = services(OVERRIDDEN, tmp_path)
    assert found["pause"]["sysctls"] == {"net.core.somaxconn": "1024"}
    assert (found["web"]["sysctls"], "sysctls" in found["side"]) == ({"kernel.msgmax": "65536"}, False)
    assert {found[name]["pid"] for name in ("web", "side")} == {"service:pause"}
    assert found["side"]["volumes_from"] == ["web:ro", "web:rw"]


def test_a_container_and_a_volume_may_have_names_of_the_files_own(tmp_path: Path) -> None:
    manifest = (
        WEB
        + """\
sidecars: {pause: {image: nginx:1.27, depends_on: {web: start}}}
storage: {volumes: {routed-logs: {path: /logs}}}
logging: {destination: {Name: stdout}}
"""
    )
    document = yaml.safe_load(render_compose(Feature(manifest).service(tmp_path)))
    found = document["services"]
    assert set(found) == {"task-pause", "web", "firelens_log_router", "pause"}
    assert {found[name].get("network_mode") for name in ("web", "pause")} == {"service:task-pause"}
    assert set(found["pause"]["depends_on"]) == {"task-pause", "web"}
    assert found["pause"]["image"] == "nginx:1.27"
    assert {"routed-logs", "task-routed-logs"} <= set(document["volumes"])
    sources = {it["source"]: it["target"] for it in found["firelens_log_router"]["volumes"]}
    assert sources["task-routed-logs"] == "/copilot-local/logs"


@pytest.mark.parametrize(
    ("build", "context", "dockerfile"),
    [
        ("./Dockerfile", ".", "Dockerfile"),
        ("app/Dockerfile.prod", "app", "Dockerfile.prod"),
        ("{context: app}", "app", "Dockerfile"),
        ("{context: ., dockerfile: app/Dockerfile}", ".", "app/Dockerfile"),
        ("{context: app, dockerfile: app/docker/Dockerfile}", "app", "docker/Dockerfile"),
        ("{context: ./app, dockerfile: docker/Dockerfile}", "app", "../docker/Dockerfile"),
        ("{context: app/web/, dockerfile: app/Dockerfile}", "app/web", "../Dockerfile"),
        ("{context: app, dockerfile: apps/Dockerfile}", "app", "../apps/Dockerfile"),
    ],
)
@pytest.mark.parametrize("root", [".", "../.."])
def test_a_dockerfile_is_named_from_its_context_on(
    build: str, context: str, dockerfile: str, root: str, tmp_path: Path
) -> None:
    manifest = WEB.replace("build: ./Dockerfile", f"build: {build}")
    found = services(manifest, tmp_path, root=root)["web"]["build"]
    where = context if root == "." else root if context == "." else f"{root}/{context}"
    assert (found["context"], found["dockerfile"]) == (where, dockerfile)
