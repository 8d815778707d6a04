"""The rooms of the house: what each may import, imports inside functions included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "emulator"

EVERYWHERE = {"errors", "events", "files", "missing", "model", "redaction", "spelling", "temporary", "visible"}
RULES: dict[str, set[str]] = {
    "display": set(),
    "errors": set(),
    "events": set(),
    "files": set(),
    "redaction": set(),
    "missing": set(),
    "spelling": set(),
    "skeleton": {"settings_files", "workspace"},
    "visible": set(),
    "temporary": set(),
    "model": {"misfits"},
    "misfits": set(),
    "settings": {"settings_files"},
    "settings_files": set(),
    "secret_names": set(),
    "workspace": {"manifest", "settings"},
    "manifest": {"secret_names"},
    "ecs": {"secret_names"},
    "compiler": {"manifest", "ecs", "settings"},
    "render": {"ecs", "firelens"},
    "firelens": {"ecs", "settings"},
    "frontdoor": {"ecs"},
    "trace": {"ecs", "engine"},
    "logstore": set(),
    "aws": {"logstore"},
    "engine": set(),
    "runtime": {"ecs", "engine", "firelens", "frontdoor", "settings", "trust"},
    "agent": {"runtime", "engine", "ecs", "logstore", "frontdoor"},
    "testing": {
        *("runtime", "engine", "compiler", "frontdoor", "trace", "logstore", "workspace", "settings"),
        *("render", "setup"),  # the Compose file for pytest-docker; the certificate that its client trusts
        *("tracing", "permissions", "trust"),  # a workspace of a test is trusted with no more than one of `up`
        *("loading", "display", "ecs"),  # what `up` loads, and how it words errors and events: one way, not two
    },
    "setup": {"engine", "settings"},
    # What a workspace may not decide alone, and what the user gave it.
    "trust": {"settings", "settings_files", "workspace", "ecs", "display"},
    # What a command asks for: it joins options, manifests, settings and the shell.
    "permissions": {
        "trust",
        "loading",
        "settings",
        "settings_files",
        "workspace",
        "manifest",
        "ecs",
        "runtime",
        "setup",
    },
    # What listeners with TLS show, from the user's own authority.
    "https": {"ecs", "frontdoor", "setup"},
    # Which rules of a workspace hide each other, which takes the other services' manifests too.
    "hidden_rules": {"loading", "files", "frontdoor", "ecs", "manifest", "surroundings", "settings"},
    # Who calls whom in a workspace, which takes the other services' manifests to say.
    "neighbours": {"loading", "workspace", "ecs", "manifest", "surroundings", "settings"},
    # From a selection to an `up` request, for the command line and for tests alike: the one place that joins the
    # manifest's side of the house to the runtime's.
    "surroundings": {"workspace", "manifest", "compiler", "ecs", "settings"},
    "service_loader": {"loading", "manifest", "surroundings", "settings"},
    # From an environment that runs to a trace of it, for the command line and for tests alike.
    "tracing": {"trace", "runtime", "engine", "ecs"},
    "loading": {
        *(
            "https",
            "neighbours",
            "hidden_rules",
            "permissions",
            "trust",
            "service_loader",
            "surroundings",
            "workspace",
            "manifest",
            "compiler",
            "ecs",
            "runtime",
            "setup",
            "display",
            "frontdoor",
        ),
        *("settings", "settings_files"),
    },
}
ANY = {"cli"}


def room_of(file: Path) -> str:
    first = file.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_modules(file: Path) -> Iterator[tuple[int, str]]:
    """Every module that the file imports anywhere, with its line, relative imports resolved."""
    package = ["emulator", *file.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            if module == "emulator":  # `from emulator import settings`
                yield from ((node.lineno, f"emulator.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def files() -> list[Path]:
    return sorted(file for file in PACKAGE.rglob("*.py") if file.name != "__init__.py" or file.parent != PACKAGE)


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_imports_only_what_its_row_names(file: Path) -> None:
    room = room_of(file)
    if room in ANY:
        return
    assert room in RULES, f"{room} has no row: say what it may import"
    allowed = (
        RULES[room] | EVERYWHERE | {room, "", "__version__"}
    )  # the package itself holds the version and nothing else
    wrong = [
        f"{file.relative_to(PACKAGE.parent)}:{line} imports {module}"
        for line, module in imported_modules(file)
        if module.split(".")[0] == "emulator" and [*module.split("."), ""][1] not in allowed
    ]
    assert not wrong


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_only_the_engine_knows_the_docker_sdk(file: Path) -> None:
    if room_of(file) == "engine":
        return
    docker = [line for line, module in imported_modules(file) if module.split(".")[0] == "docker"]
    assert not docker, f"{file} imports the Docker SDK on line {docker}"


def test_every_row_has_its_room() -> None:
    rooms = {room_of(file) for file in files()}
    assert set(RULES) | ANY == rooms
