"""What a container waits for before it starts: when that holds, and when it never will.

Source: the ECS agent's dependency graph. START holds once the dependency has started, even if it has exited since;
COMPLETE needs an exit, SUCCESS one with code 0, HEALTHY the verdict of its health check. A dependency that failed for
good stops the container that waits, as if it had exited with code 143, and its task only where it is essential. One
that exited before it was healthy is no failure to ECS: the container that waits for it stays PENDING.
"""

from __future__ import annotations

from emulator.engine.interface import Health
from emulator.errors import CopilotLocalError
from emulator.runtime.specs.restart import rule_of
from emulator.runtime.state.observed import Member

NOT_RESOLVED = "dependency graph: failed to resolve container ordering dependency [{0}] for target [{1}] "
UNSUCCESSFUL = NOT_RESOLVED + "as dependency did not exit successfully."
NEVER_STARTS = NOT_RESOLVED + "because dependency will never start"
TIMED_OUT = "dependency graph: container ordering dependency [{0}] for target [{1}] has timed out."


class NeverStarts(Exception):
    """A container will not be started any more.

    `reason` is ECS's; None where the container stays PENDING. `error` says it to people, with what its dependency
    printed last.
    """

    def __init__(self, container: str, reason: str | None, error: CopilotLocalError) -> None:
        super().__init__(error.message)
        self.container = container
        self.reason = reason
        self.error = error

    def of_dependent(self, dependent: str) -> NeverStarts:
        """What this means for a container that waits for this one."""
        reason = None if self.reason is None else NEVER_STARTS.format(self.container, dependent)
        return NeverStarts(dependent, reason, self.error)


def cannot_start(reason: str) -> str:
    """ECS's reason for a container that was to start and could not."""
    return f"CannotStartContainerError: {reason}"


def holds(condition: str, dependency: Member) -> bool:
    """Whether what is awaited of a container holds."""
    match condition:
        case "COMPLETE":
            return dependency.ended
        case "SUCCESS":
            return dependency.ended and dependency.container.exit_code == 0
        case _:
            return dependency.running and dependency.container.health is Health.HEALTHY


def failed_for_good(condition: str, dependency: Member) -> bool:
    """Whether it exited without success, which no waiting mends."""
    return condition == "SUCCESS" and dependency.ended and dependency.container.exit_code != 0


def waits_for_ever(condition: str, dependency: Member) -> bool:
    """Whether it exited before it was healthy, and nothing starts it again: ECS goes on waiting."""
    return condition == "HEALTHY" and dependency.ended and rule_of(dependency) is None
