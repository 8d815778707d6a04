"""Every error that copilot-local raises on purpose, and the exit code each one ends a command with.

CopilotLocalError            what went wrong, where, and what to do about it
├── UsageError               the command line asks for something impossible            exit 2
├── InputError               a manifest, settings file or Dockerfile is wrong          exit 1
│   ├── FindingsError        a file has findings; carries them all                     exit 1
│   ├── SecretsError         secrets that a task needs cannot be had; carries them all exit 1
│   ├── TrustNeeded          a workspace asks for what only the user may give it       exit 1
│   ├── MissingError         things that services need are missing; carries them all   exit 1 (in `missing`)
│   └── SeveralErrors        several of the errors here at once; carries them all      exit 1 (in `missing`)
├── TaskError                a task, container or image did not do what it should      exit 1
│   ├── ImageError           an image could not be built, pulled or found              exit 1
│   ├── ContainerFailed      a container exited or would not start                     exit 1, or the container's code
│   ├── NotHealthy           tasks did not become healthy; says why                    exit 1
│   └── PortInUse            a host port is taken                                      exit 1
├── EnvironmentBusy          another copilot-local command is changing the environment exit 1
├── EngineError              Docker refused a request                                  exit 1
│   ├── EngineUnavailable    no Docker daemon answers                                  exit 125
│   ├── EngineTimeout        Docker did not answer within the deadline                 exit 1
│   ├── NotFound             a container, image, network or volume is not there        exit 1
│   ├── Conflict             a name is taken                                           exit 1
│   └── LogDriverNotReady    a log router's socket is not there yet                    exit 1
└── Unsupported              a feature that is recognised but not emulated             exit 1
    └── NotOnEcs             a workload that does not run on ECS (App Runner, static)  exit 1
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class ExitCode(enum.IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    BUG = 3
    NO_DOCKER = 125
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file. `line` and `column` count from 1; `column` 0 means the whole line."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class Severity(enum.StrEnum):
    """How much a finding matters: an error stops the command, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a file.

    `code` is stable (`CL101`), `path` is where in the document (`sidecars.nginx.port`), `copilot_accepts` says that
    the Copilot binary would have gone on with it.
    """

    code: str
    message: str
    position: Position | None = None
    path: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR
    copilot_accepts: bool = False

    def __str__(self) -> str:
        where = f"{self.position}: " if self.position else ""
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{where}{self.severity}[{self.code}]: {what}"


class CopilotLocalError(Exception):
    """Base of all errors above. `hint` says what to do; `position` where the cause stands, if it stands in a file.
    `output` are lines of what failed, or of what there is to say, which stand below the message."""

    exit_code: int = ExitCode.FAILURE

    def __init__(
        self, message: str, *, hint: str = "", position: Position | None = None, output: list[str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.position = position
        self.output = output or []

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" if self.position else self.message


class UsageError(CopilotLocalError):
    """The command line asks for something impossible."""

    exit_code = ExitCode.USAGE


class InputError(CopilotLocalError):
    """A file the user wrote is wrong."""


class FindingsError(InputError):
    """A file has at least one finding of severity error; `findings` holds all of them, warnings too."""

    def __init__(self, file: Path | str, findings: list[Finding]) -> None:
        errors = sum(finding.severity is Severity.ERROR for finding in findings)
        super().__init__(f"{file}: {errors} error{'s' if errors != 1 else ''}")
        self.file = str(file)
        self.findings = findings


class SecretsError(InputError):
    """Secrets that a task needs cannot be had, in ECS's words. `output` says which, and where each is named."""


class TrustNeeded(InputError):
    """A workspace asks for what only the user may give it. `output` says what, a line each; `given` are the
    permissions themselves."""

    def __init__(
        self, workspace: Path | str, output: list[str], *, hint: str = "", given: Sequence[object] = ()
    ) -> None:
        super().__init__(f"{workspace} asks for what only you can give it", hint=hint, output=output)
        self.workspace = Path(workspace)
        self.given = given


class TaskError(CopilotLocalError):
    """A task did not do what it should."""


class ImageError(TaskError):
    """An image could not be built, pulled or found. `output` holds the last lines of the tool that failed."""


class ContainerFailed(TaskError):
    """A container exited or would not start. `output` holds its last log lines, `container_exit_code` its code."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        container: str = "",
        container_exit_code: int | None = None,
        output: list[str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, output=output)
        self.container = container
        self.container_exit_code = container_exit_code


class NotHealthy(TaskError):
    """Tasks did not become healthy. `output` holds what health checks and containers printed last, `reasons` why, as
    `emulator.runtime.health.reasons.Reason`."""

    def __init__(
        self, message: str, *, hint: str = "", output: list[str] | None = None, reasons: tuple[object, ...] = ()
    ) -> None:
        super().__init__(message, hint=hint, output=output)
        self.reasons = reasons


class PortInUse(TaskError):
    """A host port that we should publish is taken; `port` is None where Docker does not say which."""

    def __init__(self, message: str, *, hint: str = "", port: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.port = port


class EnvironmentBusy(CopilotLocalError):
    """Another copilot-local command is changing this environment."""


TAKEN_DOWN = "this environment is being taken down"
"""What an agent answers that a `down` has told to go."""


class EngineError(CopilotLocalError):
    """Docker refused a request; the message is Docker's own."""


class EngineUnavailable(EngineError):
    """No Docker daemon answers."""

    exit_code = ExitCode.NO_DOCKER


class EngineTimeout(EngineError):
    """Docker did not answer within the deadline of a call."""


class NotFound(EngineError):
    """A container, image, network or volume is not there."""


class Conflict(EngineError):
    """A container of that name exists already, or is in use."""


class LogDriverNotReady(EngineError):
    """A container could not start because the socket of its log router is not there (yet)."""


class Unsupported(CopilotLocalError):
    """Recognised, but not emulated: refused rather than ignored."""


class NotOnEcs(Unsupported):
    """A workload whose type does not run on ECS: there is no task of it."""
