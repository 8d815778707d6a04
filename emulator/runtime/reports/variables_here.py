"""A container's variables for a program of this machine: with the addresses that it reaches. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.ecs.endpoints import ADDRESS
from emulator.errors import InputError
from emulator.firelens.local_aws import FOLDER as AWS_FOLDER

_TASKS_ONLY = frozenset({"AWS_EXECUTION_ENV", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "FLUENT_HOST", "FLUENT_PORT"})
"""What makes a program look for what only a task has: metadata, credentials, a log router."""
_CREDENTIALS = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # those of the local AWS endpoint
NAMESPACE = "COPILOT_SERVICE_DISCOVERY_ENDPOINT"
"""Copilot gives it to every task."""
_HERE = "127.0.0.1"
_OF_A_HOST = re.compile(r"HOST|ADDR|ENDPOINT|SERVER", re.IGNORECASE)
_PLAIN = re.compile(r"[\w@%+=:,./-]*", re.ASCII)
_SHELL_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Places:
    """What a task reaches, and where it is on this machine."""

    outlets: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """Host and port to the published port; 127.0.0.1 for sidecars."""
    balancers: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """The same of load balancers, whose ports are 80 and 443."""


@dataclass(slots=True)
class VariablesHere:
    """The variables, the names of those that were left out, and by name what of a value is not reached from here."""

    values: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    unreachable: dict[str, str] = field(default_factory=dict)


def variables_here(variables: Mapping[str, str], image: Mapping[str, str], places: Places) -> VariablesHere:
    """The variables of a container for a program of this machine. `image` are those of its image, which the program
    has not."""
    found = VariablesHere()
    given = {name: value for name, value in variables.items() if image.get(name) != value}
    tasks_names = {host for host, _ in (*places.outlets, *places.balancers)} - {_HERE}
    if namespace := given.get(NAMESPACE):
        tasks_names.add(namespace)
    for name, value in given.items():
        if name in _TASKS_ONLY or ADDRESS in value or value.startswith(f"{AWS_FOLDER}/"):
            found.left_out.append(name)
        else:
            found.values[name] = _translated(name, value, places)
    _translate_pairs(found.values, places)
    for name, value in found.values.items():
        if left := sorted(one for one in tasks_names if _names_host(name, value, one)):
            found.unreachable[name] = left[0]
    if _CREDENTIALS in given and "AWS_ENDPOINT_URL" in given:
        found.values = {**_KEYS, **found.values}
    return found


def _host(name: str, host: str) -> str:
    """The pattern of a host in the value of a variable, without a port. A name without a dot may be any word: it is a
    host in a URL, and as a whole value where the variable's name says so."""
    if "." in host:
        return rf"(?<![\w.-]){re.escape(host)}"
    whole = r"^|" if _OF_A_HOST.search(name) else ""
    return rf"(?:{whole}(?<=//)|(?<=@)){re.escape(host)}"


def _names_host(name: str, value: str, host: str) -> bool:
    if "." in host:
        return re.search(rf"(?<![\w-]){re.escape(host)}(?![\w-])", value) is not None
    return re.search(rf"{_host(name, host)}(?![\w.-])", value) is not None


def _translated(name: str, value: str, places: Places) -> str:
    """A value with what is reached otherwise here. A document such as a database's secret has host and port apart."""
    if value.startswith("{"):
        try:
            document = json.loads(value)
        except ValueError:
            document = None
        if isinstance(document, dict) and isinstance(document.get("host"), str):
            found = _outlet(places, document["host"], str(document.get("port", "")))
            if found is not None:
                kind = type(document["port"])
                return json.dumps({**document, "host": _HERE, "port": kind(found)})
    for (host, port), here in places.outlets.items():
        for known in ("localhost", _HERE) if host == _HERE else (host,):
            shown = "localhost" if known == "localhost" else _HERE
            value = re.sub(rf"(?<![\w.-]){re.escape(known)}:{port}(?!\d)", f"{shown}:{here}", value)
        if host != _HERE and here == port:
            value = re.sub(rf"{_host(name, host)}(?![\w.:-])", _HERE, value)
    for (host, port), here in places.balancers.items():
        secure = r"(?<=https://)" if port == 443 else r"(?<!https://)"
        value = re.sub(rf"(?<![\w.-]){secure}{re.escape(host)}(?::{port})?(?![\w.:-])", f"{_HERE}:{here}", value)
    return value.replace("host.docker.internal", _HERE)


def _translate_pairs(values: dict[str, str], places: Places) -> None:
    """Two variables such as DB_HOST and DB_PORT, in place."""
    for name, host in list(values.items()):
        if name.upper().endswith("HOST"):
            other = name[:-4] + ("port" if name.endswith("host") else "PORT")
            found = _outlet(places, host, values.get(other, ""))
            if found is not None:
                values |= {name: _HERE, other: str(found)}


def _outlet(places: Places, host: str, port: str) -> int | None:
    return places.outlets.get((host, int(port))) if port.isascii() and port.isdecimal() else None


def written(values: Mapping[str, str], format: str) -> str:
    """The variables as `dotenv`, `env` (as `docker run --env-file` reads), `shell` or `json`. Raises InputError where
    the format cannot say a value."""
    if format == "json":
        return json.dumps(dict(values), indent=2, ensure_ascii=False) + "\n"
    return "".join(f"{_LINES[format](name, value)}\n" for name, value in sorted(values.items()))


def _dotenv(name: str, value: str) -> str:
    if _PLAIN.fullmatch(value):
        return f"{name}={value}"
    if "'" not in value and "\n" not in value and "\\" not in value:
        return f"{name}='{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", "\\n")
    return f'{name}="{escaped}"'


def _env(name: str, value: str) -> str:
    if "\n" in value:
        raise InputError(
            f"{name} has several lines, which this format cannot say", hint="use --format dotenv, shell or json"
        )
    return f"{name}={value}"


def _shell(name: str, value: str) -> str:
    if not _SHELL_NAME.fullmatch(name):
        raise InputError(f"a shell has no variable {name!r}", hint="use --format dotenv, env or json")
    return f"export {name}={shlex.quote(value)}"


_LINES: Mapping[str, Callable[[str, str], str]] = {"dotenv": _dotenv, "env": _env, "shell": _shell}
