"""Compares what `up` made in Docker with what `render taskdef` prints: the same model, field by field.

What is apart, and why:
- `FILLED_IN`: variables that ECS sets on every container, and this machine too, and made-up keys for log routers;
- a placeholder `${…}` in the rendered document: a value that only a deployment knows; here it has some value;
- images: here they are built, replaced or substituted;
- log drivers: `fluentd` stands for `awsfirelens` (the router's socket), the local file for `awslogs`;
- an image's own HEALTHCHECK is switched off, since ECS ignores it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from tests.docker.project import Project, daemon, docker, wait_until

FILLED_IN = re.compile(
    r"AWS_EXECUTION_ENV|AWS_(DEFAULT_)?REGION|ECS_CONTAINER_METADATA_URI(_V4)?|ECS_AGENT_URI|FLUENT_(HOST|PORT)"
    r"|AWS_CONTAINER_CREDENTIALS_RELATIVE_URI|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY)"
)
PLACEHOLDER = re.compile(r"\$\{[^}]+\}")
SECONDS = 1_000_000_000


def up_made_what_is_rendered(project: Project, *, application: str = "") -> None:
    """Fails where it did not, for any service of a project that is up.

    `application` is its name where what runs has another one.
    """
    for service in services(project):
        document, made = rendered(project, service, application or project.app), in_docker(project, service)
        assert set(made) == set(document)
        routers = [name for name, it in document.items() if "firelensConfiguration" in it]
        for name, definition in document.items():
            container = made[name]
            where = f"{service}/{name}"
            _same_process(definition, container, where)
            _same_environment(definition, container, where)
            _same_health_check(definition, container, where)
            _same_dependencies(definition, container, routers, where)
            _same_mounts(definition, container, where)
            assert container["HostConfig"]["NetworkMode"].startswith("container:"), where
        _ports_are_listened_on(project, service, document)


def services(project: Project) -> list[str]:
    return sorted(manifest.parent.name for manifest in (project.folder / "copilot").glob("*/manifest.yml"))


def rendered(project: Project, service: str, application: str) -> dict[str, dict[str, Any]]:
    """The container definitions of the rendered task definition, by name. Of two options `-a` the last one holds."""
    document = json.loads(project.run("render", "taskdef", "-a", application, "--placeholders", service).ok().out)
    return {container["name"]: container for container in document["containerDefinitions"]}


def in_docker(project: Project, service: str) -> dict[str, dict[str, Any]]:
    """What Docker says of the members of one task of a service, by the name of the container."""
    mine = [it for it in project.containers() if it.labels.get("copilot-local.service") == service]
    task = min(it.task for it in mine)
    names = [it.name for it in mine if it.task == task and it.labels.get("copilot-local.container")]
    with daemon() as client:
        inspected = [client.inspect_container(name) for name in names]
    return {it["Config"]["Labels"]["copilot-local.container"]: it for it in inspected}


@cache
def image_of(identity: str) -> dict[str, Any]:
    with daemon() as client:
        found: dict[str, Any] = client.inspect_image(identity)["Config"]  # type: ignore[no-untyped-call]
    return found


def variables(pairs: list[str] | None) -> dict[str, str]:
    return dict(pair.partition("=")[::2] for pair in pairs or [])


def _same_process(definition: dict[str, Any], container: dict[str, Any], where: str) -> None:
    image = image_of(container["Image"])
    entrypoint = definition.get("entryPoint", image["Entrypoint"])
    assert container["Config"]["Entrypoint"] == entrypoint, where
    # An entry point of its own takes the image's command away, on ECS and here.
    default = None if "entryPoint" in definition else image["Cmd"]
    assert (container["Config"]["Cmd"] or None) == definition.get("command", default), where
    for key, name in (("user", "User"), ("workingDirectory", "WorkingDir")):
        if key in definition:
            assert container["Config"][name] == definition[key], where
    assert container["HostConfig"]["ReadonlyRootfs"] == definition.get("readonlyRootFilesystem", False), where


def _same_environment(definition: dict[str, Any], container: dict[str, Any], where: str) -> None:
    actual = variables(container["Config"]["Env"])
    own = variables(image_of(container["Image"])["Env"])
    wanted = {pair["name"]: pair["value"] for pair in definition.get("environment", [])}
    for name, value in wanted.items():
        pattern = "".join(".*" if PLACEHOLDER.fullmatch(part) else re.escape(part) for part in _parts(value))
        assert re.fullmatch(pattern, actual.get(name, "not there"), re.DOTALL), f"{where}: {name}"
    secrets = {secret["name"] for secret in definition.get("secrets", [])}
    assert secrets <= set(actual), where
    extra = {name for name in set(actual) - set(wanted) - secrets if not FILLED_IN.fullmatch(name)}
    files = definition.get("environmentFiles")
    assert files or extra <= set(own), f"{where}: {extra - set(own)}"


def _parts(value: str) -> list[str]:
    return re.split(f"({PLACEHOLDER.pattern})", value)


def _same_health_check(definition: dict[str, Any], container: dict[str, Any], where: str) -> None:
    actual = container["Config"]["Healthcheck"]
    check = definition.get("healthCheck")
    if check is None:
        assert actual["Test"] == ["NONE"], where
        return
    assert actual["Test"] == check["command"], where
    for key, name in (("interval", "Interval"), ("timeout", "Timeout"), ("startPeriod", "StartPeriod")):
        if check.get(key):
            assert actual[name] == check[key] * SECONDS, where
    assert actual["Retries"] == check.get("retries", 3), where


def _same_dependencies(definition: dict[str, Any], container: dict[str, Any], routers: list[str], where: str) -> None:
    """ECS adds one on the log router for containers that log to it."""
    wanted = {f"{it['containerName']}:{it['condition']}" for it in definition.get("dependsOn", [])}
    if definition["logConfiguration"]["logDriver"] == "awsfirelens":
        named = {it["containerName"] for it in definition.get("dependsOn", [])}
        wanted |= {f"{router}:START" for router in routers if router not in named}
    label = container["Config"]["Labels"]["copilot-local.depends-on"]
    assert set(filter(None, label.split(","))) == wanted, where


def _same_mounts(definition: dict[str, Any], container: dict[str, Any], where: str) -> None:
    actual = {mount["Destination"]: not mount["RW"] for mount in container["Mounts"]}
    for mount in definition.get("mountPoints", []):
        assert actual[mount["containerPath"]] == mount.get("readOnly", False), where


def _ports_are_listened_on(project: Project, service: str, document: dict[str, dict[str, Any]]) -> None:
    """In the task's network, which Docker publishes no port of: the load balancer reaches it."""
    wanted = {
        mapping["containerPort"]
        for definition in document.values()
        for mapping in definition.get("portMappings", [])
        if mapping["protocol"] == "tcp"
    }
    [pause, *_] = sorted(
        it.name
        for it in project.containers()
        if it.labels.get("copilot-local.service") == service and it.role == "pause"
    )

    def listening() -> set[int]:
        tables = docker("exec", pause, "sh", "-c", "cat /proc/net/tcp /proc/net/tcp6 2> /dev/null || true")
        return {int(row[1].split(":")[1], 16) for line in tables.splitlines() if (row := line.split())[3:4] == ["0A"]}

    wait_until(lambda: wanted <= listening(), lambda: f"{service}: {wanted} listened on, there are {listening()}")
