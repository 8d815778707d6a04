"""What a workspace lacks to run here: collected by every stage, then raised at once, a line for each.

Stages add to one `Blockers` and go on: a user who is asked for one kind of thing after the other takes as many rounds.
"""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from emulator.errors import CopilotLocalError, FindingsError, InputError, Position

HINT = "fill them in, then run this again; `copilot-local init` writes a place for each that has none yet"


class Kind(enum.StrEnum):
    """What sort of thing is missing. The value is what one of them is called; the order is that of the list."""

    VARIABLE = "variable"
    VALUE = "value"
    ENV_FILE = "environment file"
    SECRET = "secret"
    LOGIN = "registry login"
    DOCKERFILE = "Dockerfile"
    IMAGE = "image"
    PORT = "port"


_WHERE = {
    Kind.VARIABLE: "NAME=value in the shell or in .env, or [variables] in copilot-local.toml",
    Kind.VALUE: "known only where it is deployed; give a local one under [values] in copilot-local.toml",
    Kind.ENV_FILE: "put the file there, or name another one: --env-file SERVICE=FILE",
    Kind.SECRET: "NAME=value in .copilot-local/secrets.env, .env or the shell; or --secrets ask, --secrets aws",
    Kind.LOGIN: 'NAME={"username": "…", "password": "…"} in .copilot-local/secrets.env; or pull the image yourself',
    Kind.DOCKERFILE: "put the file there, or name another image or Dockerfile under [images] in copilot-local.toml",
    Kind.IMAGE: "name another image, or a folder with a Dockerfile, under [images] in copilot-local.toml,"
    " or with --image SERVICE/CONTAINER=…",
    Kind.PORT: "another program has it on 127.0.0.1; end it, or ask for another port, or for none",
}
"""How each kind is given."""
_IN_ECS = {Kind.SECRET: "ResourceInitializationError: unable to pull secrets or registry auth"}
"""What a task on Fargate says of it."""
WRITTEN = frozenset(Kind) - {Kind.PORT}
"""The kinds that `init` writes a place for."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is missing.

    `name` is what it is given by: of a variable or secret its name, of a file its path relative to the workspace, of
    an image `SERVICE/CONTAINER`. `what` says what it stands for. `also` is another name that gives it: of a secret its
    own name in AWS, of a Dockerfile the `SERVICE/CONTAINER` that it is for.
    """

    kind: Kind
    name: str
    service: str
    position: Position | None = None
    what: str = ""
    also: str = ""

    def __str__(self) -> str:
        where = f"{_shown(self.position)}: " if self.position else ""
        owner = f" ({self.service})" if self.service and self.kind is not Kind.IMAGE else ""
        return f"{where}{self.name}{owner}{f': {self.what}' if self.what else ''}"


class MissingError(InputError):
    """Things are missing that services need. `missing` has them all, `others` the errors found beside them."""

    def __init__(self, missing: Iterable[Missing], others: Iterable[CopilotLocalError] = ()) -> None:
        order = list(Kind)
        self.missing = sorted(dict.fromkeys(missing), key=lambda one: order.index(one.kind))
        self.others = list(others)
        writes = any(one.kind in WRITTEN for one in self.missing)
        count = "1 thing is" if len(self.missing) == 1 else f"{len(self.missing)} things are"
        message = f"{count} missing here: {_counted(self.missing)}"
        super().__init__(message, hint=HINT if writes else "", output=list(_listed(self.missing)))

    def __str__(self) -> str:
        return "\n".join([self.message, *self.output])


@dataclass(slots=True)
class Blockers:
    """Collects what keeps services from running: what is missing, and what is wrong."""

    missing: list[Missing] = field(default_factory=list)
    errors: list[CopilotLocalError] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.errors)

    def add(self, *missing: Missing) -> None:
        self.missing += [one for one in missing if one not in self.missing]

    @contextlib.contextmanager
    def collecting(self, keep: Callable[[CopilotLocalError], bool] = lambda _: True) -> Iterator[None]:
        """Keeps an error of the user's input for later instead of letting it end the command. Those that `keep` does
        not want follow from something else and are dropped."""
        try:
            yield
        except MissingError as error:
            self.add(*error.missing)
            self.errors += error.others
        except CopilotLocalError as error:
            if keep(error):
                self._keep(error)

    def _keep(self, error: CopilotLocalError) -> None:
        """What is wrong with a file that is read twice is kept once, as the later reading says it."""
        if isinstance(error, FindingsError):
            again = {(finding.code, finding.position, finding.message) for finding in error.findings}
            for earlier in [one for one in self.errors if isinstance(one, FindingsError) and one.file == error.file]:
                self.errors.remove(earlier)
                left = [one for one in earlier.findings if (one.code, one.position, one.message) not in again]
                error = FindingsError(error.file, [*left, *error.findings])
        self.errors.append(error)

    def raise_any(self) -> None:
        """Raises one error that tells all: the only one there is as it is, findings as findings, else MissingError."""
        if not self:
            return
        if self.missing:
            raise MissingError(self.missing, self.errors)
        if len(self.errors) == 1:
            raise self.errors[0]
        findings = [finding for error in self.errors if isinstance(error, FindingsError) for finding in error.findings]
        if all(isinstance(error, FindingsError) for error in self.errors):
            raise FindingsError(f"{len(self.errors)} manifests", findings)
        raise SeveralErrors(self.errors)


class SeveralErrors(InputError):
    """Several errors that have nothing to do with each other; `others` holds them all."""

    def __init__(self, others: Iterable[CopilotLocalError]) -> None:
        self.others = list(others)
        super().__init__(f"{len(self.others)} errors")


def plural(kind: Kind, number: int) -> str:
    """`variable`, `variables`."""
    return str(kind) + ("s" if number != 1 else "")


def _listed(missing: Iterable[Missing]) -> Iterator[str]:
    """A line that says how a kind is given, and a line for each thing, in the order of the kinds."""
    for kind, found in groupby(missing, key=lambda one: one.kind):
        lines = [f"  {one}" for one in found]
        said = f" ({_IN_ECS[kind]})" if kind in _IN_ECS else ""
        yield f"{plural(kind, len(lines))}{said}: {_WHERE[kind]}"
        yield from lines


def _counted(missing: Iterable[Missing]) -> str:
    kinds = [one.kind for one in missing]
    counts = [(kind, kinds.count(kind)) for kind in Kind if kind in kinds]
    return ", ".join(f"{number} {plural(kind, number)}" for kind, number in counts)


def _shown(position: Position) -> str:
    """File and line, relative to the working directory where the file is below it."""
    path = os.path.relpath(position.file) if os.path.isabs(position.file) else position.file
    return f"{position.file if path.startswith('..') else path}:{position.line}"
