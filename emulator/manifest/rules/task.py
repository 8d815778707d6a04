"""Rules that need the whole workload: containers together, their dependencies, their ports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Final

from emulator.manifest.rules import log_router
from emulator.manifest.rules.at import At
from emulator.manifest.schema.containers import DependencyCondition, Secret, Variable
from emulator.manifest.schema.logs import Logging, SidecarLogging
from emulator.manifest.schema.workload import ListeningService, Workload
from emulator.manifest.yaml.nodes import Mapping
from emulator.model import Keys
from emulator.secret_names import variable_problem

ROUTER: Final = "firelens_log_router"
COLLECTOR: Final = "aws-otel-collector"
_WORKLOAD_NAME: Final = r"[A-Za-z0-9-]{1,128}"
_CONTAINER_NAME: Final = r"[A-Za-z0-9_-]{1,255}"
_VARIABLE_NAME: Final = r"[^=\s\0]+"
_MOST_CONTAINERS: Final = 10
_MOST_BYTES: Final = 65536
_RESERVED: Final = frozenset(
    (
        "COPILOT_APPLICATION_NAME",
        "COPILOT_ENVIRONMENT_NAME",
        "COPILOT_LB_DNS",
        "COPILOT_MOUNT_POINTS",
        "COPILOT_QUEUE_URI",
        "COPILOT_SERVICE_DISCOVERY_ENDPOINT",
        "COPILOT_SERVICE_NAME",
        "COPILOT_SNS_TOPIC_ARNS",
        "COPILOT_TOPIC_QUEUE_URIS",
    )
)
# Options that FireLens keeps for itself; everything else of a destination goes to Fluent Bit's output.
_OWN_OPTIONS: Final = frozenset(("include-pattern", "exclude-pattern", "log-driver-buffer-limit"))


def names(workload: Workload, at: At) -> None:
    """The workload's name, and those of containers: what AWS takes, and what Copilot uses itself."""
    if not re.fullmatch(_WORKLOAD_NAME, workload.name):
        message = f"{workload.name!r} is no name of a workload"
        hint = "a stack's name, of which it is a part, has letters, digits and hyphens"
        at.add("CL136", message, "name", hint=hint, copilot_accepts=True)
    reserved = {ROUTER} if workload.logging.firelens else set()
    if getattr(getattr(workload, "observability", None), "tracing", None):
        reserved.add(COLLECTOR)
    safe: dict[str, str] = {}
    for name in workload.sidecars:
        keys = ("sidecars", name)
        if not re.fullmatch(_CONTAINER_NAME, name):
            message = f"{name!r} is not a container's name"
            at.add("CL155", message, *keys, hint="letters, digits, - and _, 255 at most", copilot_accepts=True)
        if name == workload.name:
            at.add("CL155", "the main container has this name already", *keys, copilot_accepts=True)
        if name in reserved:
            at.add("CL155", "Copilot adds a container of this name itself", *keys, copilot_accepts=True)
        logical = re.sub(r"[^A-Za-z0-9]", "", name)
        if logical in safe:
            message = f"differs from {safe[logical]} only in signs that CloudFormation names cannot have"
            at.add("CL155", message, *keys, hint="rename one of them", copilot_accepts=True)
        safe.setdefault(logical, name)
    total = 1 + len(workload.sidecars) + len(reserved)
    if total > _MOST_CONTAINERS:
        at.add("CL154", f"{total} containers; a task has {_MOST_CONTAINERS} at most", "sidecars", copilot_accepts=True)


def variables(workload: Workload, at: At) -> None:
    """Variables against secrets, against what Copilot sets, and against the size of a task definition."""
    size = 0
    for keys, values, secrets in _containers(workload):
        for name, variable in values.items():
            place = (*keys, "variables", name)
            size += len(name.encode()) + len((variable.value or "").encode())
            if name in _RESERVED:
                message = f"Copilot sets {name} itself; the container would get it twice"
                at.add("CL153", message, *place, hint="rename it", copilot_accepts=True)
            if not re.fullmatch(_VARIABLE_NAME, name):
                at.add("CL136", f"{name!r} cannot be a variable's name", *place, copilot_accepts=True)
        for name, secret in secrets.items():
            place = (*keys, "secrets", name)
            if problem := variable_problem(name):
                at.add("CL136", problem, *place, hint="rename it", copilot_accepts=True)
            if name in _RESERVED:
                message = f"Copilot sets {name} as a variable; ECS wants the names of secrets to be unique"
                at.add("CL153", message, *place, hint="rename it", copilot_accepts=True)
            elif name in values:
                message = f"{name} is among the variables too; ECS wants the names of secrets to be unique"
                at.add("CL152", message, *place, hint="keep one of the two", copilot_accepts=True)
            if not (secret.value_from or secret.secretsmanager or secret.from_cfn):
                hint = "a parameter's name or ARN, {secretsmanager: name} or {from_cfn: export}"
                at.add("CL107", "names no secret", *place, hint=hint, copilot_accepts=True)
    if size > _MOST_BYTES:
        message = f"{size:,} bytes of variables; a task definition has {_MOST_BYTES:,} at most"
        at.add("CL154", message, "variables", hint="move them to an env_file", copilot_accepts=True)


def _containers(workload: Workload) -> Iterator[tuple[Keys, dict[str, Variable], dict[str, Secret]]]:
    yield (), workload.variables, workload.secrets
    yield ("logging",), workload.logging.variables, workload.logging.secrets
    for name, sidecar in workload.sidecars.items():
        yield ("sidecars", name), sidecar.variables, sidecar.secrets


def words(workload: Workload, at: At) -> None:
    """Copilot writes the words of entrypoint and command into the template without quotes, so that some become numbers,
    booleans or maps there; CloudFormation turns them back into other text, or refuses."""
    places: list[tuple[Keys, list[str] | None]] = []
    for key in ("entrypoint", "command"):
        places.append(((key,), getattr(workload, key)))
        places.extend((("sidecars", name, key), getattr(car, key)) for name, car in workload.sidecars.items())
    for keys, value in places:
        for word in value or ():
            if _changes(word):
                message = f"Copilot writes the word {word!r} without quotes, and YAML reads something else"
                hint = "copilot-local keeps the text; for Copilot, quote it once more inside the text"
                at.add("CL158", message, *keys, hint=hint, warning=True)


def _changes(word: str) -> bool:
    special = word[:1] in tuple("{}[]&*!|>@`#%,") or word in ("-", "?", "~", "") or ": " in word or " #" in word
    return special or word.endswith(":") or word.startswith(("- ", "? "))


def dependencies(workload: Workload, at: At) -> None:
    """Copilot: `validateContainerDeps`; and the conditions that ECS cannot meet."""
    edges: dict[str, dict[str, DependencyCondition]] = {workload.name: dict(workload.image.depends_on)}
    places: dict[str, Keys] = {workload.name: ("image", "depends_on")}
    essential = {workload.name}
    has_check = workload.image.healthcheck is not None or at.given("image", "healthcheck")
    checked = {workload.name} if has_check else set()
    for name, sidecar in workload.sidecars.items():
        edges[name] = dict(sidecar.depends_on)
        places[name] = ("sidecars", name, "depends_on")
        if sidecar.essential or (sidecar.essential is None and not at.given("sidecars", name, "essential")):
            essential.add(name)
        if sidecar.healthcheck is not None or at.given("sidecars", name, "healthcheck"):
            checked.add(name)
    if workload.logging.firelens:
        edges.setdefault(ROUTER, {})
    for name, targets in edges.items():
        for target, condition in targets.items():
            _dependency(workload, at, (*places[name], target), target, condition, set(edges), essential, checked)
    _circle(edges, places, at)


def _dependency(
    workload: Workload,
    at: At,
    place: Keys,
    target: str,
    condition: DependencyCondition,
    known: set[str],
    essential: set[str],
    checked: set[str],
) -> None:
    shown = condition.value.lower()
    if target not in known:
        if at.given("sidecars", target) or (target == ROUTER and _has_router(at)):
            return  # what is wrong with it was said
        hint = "containers: " + ", ".join(sorted(known))
        if target == ROUTER:
            hint = "the log router is there only where logging has a key besides retention"
        at.add("CL125", f"there is no container {target!r}", *place, hint=hint)
        return
    if target in essential and condition in (DependencyCondition.COMPLETE, DependencyCondition.SUCCESS):
        message = f"{shown} on {target}, which is essential: the task would stop when it exits"
        hint = "use start or healthy"
        if target != workload.name:
            hint += f", or set sidecars.{target}.essential: false"
        at.add("CL127", message, *place, hint=hint)
    elif target == ROUTER and condition is not DependencyCondition.START:
        message = f"{shown} on the log router, which is essential and has no health check"
        at.add("CL127", message, *place, hint="use start", copilot_accepts=True)
    elif condition is DependencyCondition.HEALTHY and target not in checked:
        message = f"healthy on {target}, which has no health check: ECS refuses the task definition"
        where = "image.healthcheck" if target == workload.name else f"sidecars.{target}.healthcheck"
        at.add("CL127", message, *place, hint=f"add {where}", copilot_accepts=True)


def _has_router(at: At) -> bool:
    """Whether `logging` has a key besides retention, be it right or not."""
    logging = at.node.get("logging")
    if not isinstance(logging, Mapping):
        return at.given("logging")
    return any(at.given("logging", name, empty=False) for name in logging.entries if name != "retention")


def _circle(edges: dict[str, dict[str, DependencyCondition]], places: dict[str, Keys], at: At) -> None:
    graph = {name: [target for target in targets if target in edges] for name, targets in edges.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # The first and the last one are the same, and each is what the next one depends on.
        chain = list(reversed(error.args[1]))
        shown = "a container cannot depend on itself" if len(chain) == 2 else f"a circle: {' → '.join(chain)}"
        at.add("CL126", shown, *places[chain[0]], chain[1])


def connect(workload: Workload, at: At) -> None:
    """Copilot: a Service Connect alias needs a port that the service serves."""
    if workload.network.connect is None or workload.network.connect.alias is None:
        return
    message = "an alias is for a service with a port; this one only calls others"
    if at.workload == "Worker Service":
        at.add("CL140", message, "network", "connect", "alias", hint="write network.connect: true")
    elif isinstance(workload, ListeningService) and at.workload == "Backend Service":
        http = getattr(workload, "http", None)
        if (
            workload.image.port is None
            and not at.given("image", "port")
            and (http is None or http.target_container is None)
        ):
            at.add("CL140", message, "network", "connect", "alias", hint="give image.port, or remove the alias")


def destinations(workload: Workload, at: At) -> None:
    """FireLens builds a Fluent Bit output from a destination, and `Name` is what it goes by."""
    logging = workload.logging
    _destination(logging, ("logging",), at)
    if logging.sidecars is None:
        return
    for name, block in logging.sidecars.named.items():
        keys: Keys = ("logging", "sidecars", name)
        _destination(block, keys, at)
        if name not in workload.sidecars and not at.given("sidecars", name):
            known = ", ".join(workload.sidecars) or "none"
            at.add("CL125", f"there is no sidecar {name!r}", *keys, hint=f"sidecars: {known}")


def _destination(block: Logging | SidecarLogging, keys: Keys, at: At) -> None:
    log_router.options(block, keys, at)
    options = {*block.destination, *block.secret_options}
    if not options - _OWN_OPTIONS or "Name" in options or "@type" in options:
        return
    near = next((option for option in block.destination if option.lower() == "name"), None)
    message = "has no Name, which says which Fluent Bit output it is"
    hint = f"write Name with a capital letter, not {near}" if near else "for example Name: cloudwatch_logs"
    place = (*keys, "destination", near) if near else (*keys, "destination")
    at.add("CL159", message, *place, hint=hint, copilot_accepts=True)
