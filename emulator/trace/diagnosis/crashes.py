"""What a fault has to do with containers that ended by themselves: during the request, or in earlier tasks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import Hop, Trace

_GATEWAY = (502, 503, 504)
ENDING = (Outcome.NO_ANSWER, Outcome.CUT, Outcome.UNFINISHED)
"""The server closed the connection before it had answered, as its end does, or it may be about to end: a program whose
memory runs out gets slow first."""
_UNANSWERED = (*ENDING, Outcome.REFUSED, Outcome.UNREACHABLE)


@dataclass(frozen=True, slots=True)
class Crash:
    """A container that ended without being stopped, or a task that ended so. `container` may be empty for a task."""

    service: str
    task: str
    """The first eight characters of its id."""
    container: str
    ending: str
    """What became of it, in words that follow its name: `exited with code 1`."""
    out_of_memory: bool = False

    def __str__(self) -> str:
        return f"{self.container} {self.ending}".strip()

    @property
    def hint(self) -> str:
        """Where to look: at the task that ended, not at the one that came after it."""
        logs = f"logs --previous -n {self.service}" + (f" -c {self.container}" if self.container else "")
        look = f"`copilot-local {logs}` has what it printed, `copilot-local ps -a` which tasks stopped and why"
        more = "give it more `memory` in the manifest, or let it use less; "
        return (more if self.out_of_memory else "") + look


def failed(hop: Hop) -> bool:
    """Whether a hop failed as it does where a container behind it ended."""
    return hop.exchange.outcome in _UNANSWERED or hop.status in _GATEWAY


def with_crashes(
    found: Iterable[Diagnosis],
    trace: Trace,
    during: Sequence[Crash],
    before: Sequence[Crash],
    services: Sequence[str],
    status: int | None = None,
) -> list[Diagnosis]:
    """The diagnoses, with what ended `during` the request and, where nothing did, what had ended `before` it, oldest
    first. `services`: those that a request which the load balancer answered itself is for; `status`: what its client
    was answered."""

    def told(one: Diagnosis) -> Diagnosis:
        hop = trace.hops[one.hop]
        if not one.certain or not (failed(hop) or (not hop.task and status in _GATEWAY)):
            return one
        at_once = [crash for crash in during if (crash.task == hop.task if hop.task else crash.service in services)]
        if at_once:
            endings = "; ".join(dict.fromkeys(map(str, at_once)))
            worst = next((crash for crash in at_once if crash.out_of_memory), at_once[0])
            return replace(one, message=f"{one.message}; {endings}", hint=worst.hint)
        earlier = [crash for crash in before if crash.service in ([hop.service] if hop.task else services)]
        if not earlier or any(after.parent == one.hop and after.status is not None for after in trace.hops):
            return one  # what it asked has answered
        last = earlier[-1]
        if not hop.task:
            return replace(one, message=f"{one.message}; the last task of {last.service} ended: {last}", hint=last.hint)
        return replace(one, hint="; ".join(filter(None, [one.hint, _counted(earlier)])))

    return [told(one) for one in found]


def _counted(earlier: Sequence[Crash]) -> str:
    """How many tasks of a service ended by themselves, and where that is listed."""
    killed = [crash for crash in earlier if crash.out_of_memory]
    tasks, what = (killed, "were killed for memory") if killed else (earlier, "ended by themselves")
    times = "once" if len(tasks) == 1 else f"{len(tasks)} times"
    return f"earlier tasks of {tasks[0].service} {what} ({times}): see `copilot-local ps -a`"
