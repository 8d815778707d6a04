"""Suggests the intended key for an unknown one."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, get_args

from emulator.manifest.schema import shapes
from emulator.manifest.schema.base import Block
from emulator.manifest.schema.containers import Image, Sidecar
from emulator.manifest.yaml.nodes import Mapping, Node, Scalar
from emulator.spelling import closest

if TYPE_CHECKING:
    from emulator.manifest.findings.codes import Code

_SECRET_STARTS: Final = ("arn:aws:ssm:", "arn:aws:secretsmanager:", "/copilot/")
_BUILD_KEYS: Final = ("context", "dockerfile", "args", "target", "cache_from")
_HEALTH_KEYS: Final = (
    "success_codes", "healthy_threshold", "unhealthy_threshold", "interval", "timeout", "grace_period",
)  # fmt: skip
_WITH_DEPENDENCIES: Final = ("depends_on", "port", "healthcheck", "labels", "essential", "mount_points")

# Where keys belong that people put elsewhere: block's class name, key, place. `.` continues the block's own path, `^`
# the path above it; anything else is a path from the top.
_MISPLACED: Final[dict[tuple[str, str], str]] = {
    **{(block, key): f".build.{key}" for block in ("Image", "ImageWithPort", "ImageSource") for key in _BUILD_KEYS},
    **{("ImageSource", key): f"^.{key}" for key in _WITH_DEPENDENCIES},
    ("ImageSource", "credentials"): "^.credentialsParameter",
    **{(block, key): f".healthcheck.{key}" for block in ("Http", "InternalHttp", "RoutingRule", "Nlb", "NlbListener")
       for key in _HEALTH_KEYS},
    **{(block, "port"): "image.port" for block in ("Http", "InternalHttp")},
    ("RoutingRule", "port"): ".target_port",
    ("Http", "additional_listeners"): ".additional_rules",
    ("InternalHttp", "additional_listeners"): ".additional_rules",
    ("Nlb", "additional_rules"): ".additional_listeners",
    ("HttpHealthCheck", "retries"): ".unhealthy_threshold",
    ("HttpHealthCheck", "start_period"): ".grace_period",
    ("ContainerHealthCheck", "grace_period"): ".start_period",
    ("Sidecar", "build"): ".image.build",
    ("Sidecar", "location"): ".image",
    ("Sidecar", "credentials"): ".credentialsParameter",
    ("Sidecar", "volumes"): ".mount_points",
    ("Sidecar", "environment"): ".variables",
    ("Sidecar", "ports"): ".port",
    ("Logging", "enable_metadata"): ".enableMetadata",
    ("NetworkConfig", "placement"): ".vpc.placement",
    ("NetworkConfig", "security_groups"): ".vpc.security_groups",
    ("Count", "min"): ".range.min",
    ("Count", "max"): ".range.max",
    ("Count", "spot_from"): ".range.spot_from",
}  # fmt: skip
# The same for the top of a manifest, and of an environment's override.
_MISPLACED_AT_THE_TOP: Final = {
    **{key: f"image.build.{key}" for key in _BUILD_KEYS},
    "port": "image.port",
    "ports": "image.port",
    "build": "image.build",
    "location": "image.location",
    "depends_on": "image.depends_on",
    "healthcheck": "image.healthcheck",
    "labels": "image.labels",
    "environment": "variables",
    "env": "variables",
    "environment_variables": "variables",
    "vpc": "network.vpc",
    "placement": "network.vpc.placement",
    "security_groups": "network.vpc.security_groups",
    "volumes": "storage.volumes",
    "ephemeral": "storage.ephemeral",
    "readonly_fs": "storage.readonly_fs",
    "path": "http.path",
    "alias": "http.alias",
    "target_container": "http.target_container",
    "targetContainer": "http.target_container",
    "schedule": "on.schedule",
    "topics": "publish.topics",
    "queue": "subscribe.queue",
    "tracing": "observability.tracing",
    "rollback_alarms": "deployment.rollback_alarms",
    "rolling": "deployment.rolling",
    "range": "count.range",
    "autoscaling": "count",
}
# Keys of other tools and other workload types that have no equivalent, each with the reason.
_NOWHERE: Final = {
    "tags": "tags are for Request-Driven Web Services; give --resource-tags to `copilot app init`",
    "execution_role": "Copilot makes the roles; an addon adds policies to the task role",
    "task_role": "Copilot makes the roles; an addon adds policies to the task role",
    "https": "HTTPS follows from the environment's certificates or the application's domain",
}
_NOWHERE_IN: Final = {
    ("EnvironmentVpc", "placement"): "placement is a workload's: network.vpc.placement of its own manifest",
    ("EnvironmentVpc", "security_groups"): "security_groups are a workload's; an environment has security_group, with "
    "rules for all of them",
    ("EnvironmentManifest", "exec"): "exec is a workload's own",
    ("HttpHealthCheck", "protocol"): "the protocol follows from the port: HTTPS for 443, HTTP for others",
    ("HttpHealthCheck", "command"): "a command is for the container's own check: image.healthcheck.command",
}


def unknown_key(
    block: type[Block],
    name: str,
    path: str,
    value: Node,
    workload: type[Block],
    known: AnyMapping[str, str] = MappingProxyType({}),
) -> tuple[str, str, Code]:
    """Message, hint and code for a key that `block` does not have; CL102 where it has a place elsewhere. `known` has
    the names of variables and secrets of the base manifest, each with the key that they stand below."""
    keys = shapes.keys_of(block)
    if block is workload and "image" in keys:
        return _unknown_at_the_top(workload, name, path, value, known)
    if block is Sidecar and (home := _variable_home(name, value, known)):
        message = f"{name} looks like a {home.removesuffix('s')}; Copilot ignores it here"
        return message, f"it belongs to {path}.{home}.{name}", "CL102"
    message = f"{_named(path)} has no key {name}; Copilot ignores it"
    if block is Image and name == "port":
        message = f"the main container of a {_kind(workload)} has no port; Copilot ignores it"
        return message, "remove it, or make the service one that listens", "CL109"
    if (reason := _NOWHERE_IN.get((block.__name__, name))) is not None:
        return message, reason, "CL101"
    if (place := _MISPLACED.get((block.__name__, name))) is not None:
        return f"{name} does not belong here; Copilot ignores it", f"it belongs to {_join(path, place)}", "CL102"
    if meant := closest(name, keys):
        return message, f"did you mean {meant}?", "CL101"
    homes = _homes(workload).get(name, ())
    if len(homes) in (1, 2):
        return f"{name} does not belong here; Copilot ignores it", f"it belongs to {' or '.join(homes)}", "CL102"
    return message, "known keys: " + ", ".join(keys), "CL101"


def _variable_home(name: str, value: Node, known: AnyMapping[str, str]) -> str:
    """`secrets` or `variables`, where the name of one stands by itself; empty where it is none."""
    if isinstance(value, Mapping) and "secretsmanager" in value.entries:
        return "secrets"
    if name in known and not (isinstance(value, Mapping) and "from_cfn" not in value.entries):
        return known[name]
    if isinstance(value, Scalar) and value.text.startswith(_SECRET_STARTS):
        return "secrets"
    single = isinstance(value, Scalar) or (isinstance(value, Mapping) and "from_cfn" in value.entries)
    return "variables" if name.isupper() and single else ""


def _unknown_at_the_top(
    workload: type[Block], name: str, path: str, value: Node, known: AnyMapping[str, str]
) -> tuple[str, str, Code]:
    kind = _kind(workload)
    message = f"a {kind} has no key {name}; Copilot ignores it"
    prefix = f"{path}." if path else ""
    keys = shapes.keys_of(workload)
    place = _MISPLACED_AT_THE_TOP.get(name, "")
    if name == "environment" and not path and isinstance(value, Mapping) and _holds_maps(value):
        return message, "did you mean environments?", "CL101"
    if place and place.partition(".")[0] in keys:
        return f"{name} does not belong here; Copilot ignores it", f"it belongs to {prefix}{place}", "CL102"
    if name in _NOWHERE:
        return message, _NOWHERE[name], "CL101"
    home = _variable_home(name, value, known)
    if home and (path or home == "secrets"):
        hint = f"it belongs to {prefix}{home}.{name}"
        return f"{name} looks like a {home.removesuffix('s')}; Copilot ignores it here", hint, "CL102"
    if meant := closest(name, [*keys, *(() if path else ("environments",))]):
        return message, f"did you mean {meant}?", "CL101"
    if name in _ELSEWHERE:
        return message, f"it is for a {_ELSEWHERE[name]}", "CL102"
    homes = _homes(workload).get(name, ())
    if len(homes) in (1, 2):
        hint = "it belongs to " + " or ".join(prefix + home for home in homes)
        return f"{name} does not belong here; Copilot ignores it", hint, "CL102"
    return message, "known keys: " + ", ".join(keys), "CL101"


# Keys that only some workload types have.
_ELSEWHERE: Final = {
    "http": "Load Balanced Web Service or a Backend Service",
    "nlb": "Load Balanced Web Service",
    "subscribe": "Worker Service",
    "on": "Scheduled Job",
    "retries": "Scheduled Job",
    "timeout": "Scheduled Job",
    "deployment": "service",
    "observability": "service",
}


def _holds_maps(value: Mapping) -> bool:
    return bool(value.entries) and all(isinstance(entry.value, Mapping) for entry in value.entries.values())


def _kind(workload: type[Block]) -> str:
    literals = get_args(workload.model_fields["type"].annotation)
    return str(literals[0]) if literals else workload.__name__


def _named(path: str) -> str:
    return path.rpartition(".")[2] if path else "the manifest"


def _join(path: str, place: str) -> str:
    if place.startswith("^"):
        return path.rpartition(".")[0] + place[1:]
    if place.startswith("."):
        return path + place
    prefix = ".".join(path.split(".")[:2]) + "." if path.startswith("environments.") else ""
    return prefix + place


@cache
def _homes(workload: type[Block]) -> dict[str, tuple[str, ...]]:
    """Every key of the manifest with the places that have it; keys below lists and names are left out."""
    homes: dict[str, list[str]] = {}

    def walk(block: type[Block], path: str) -> None:
        for name, field in shapes.keys_of(block).items():
            here = f"{path}.{name}" if path else name
            homes.setdefault(name, []).append(here)
            if isinstance(field.shape, shapes.Model):
                walk(field.shape.block, here)

    walk(workload, "")
    return {name: tuple(places) for name, places in homes.items()}
