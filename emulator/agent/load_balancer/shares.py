"""Which part of a service's requests its tasks of one revision get, as weights of their targets.

A load balancer of AWS has two target groups for it, and weights in a rule. Here all tasks of a service are in one
group, and each target has a weight: HAProxy changes those while it runs, and no connection ends over it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import Observed

MOST = 256
"""HAProxy's largest weight."""


@dataclass(frozen=True, slots=True)
class _Share:
    hashes: frozenset[str]
    part: float


class Shares:
    """By service. Where nothing was said of one whose strategy shifts traffic, its tasks as they are desired get all
    requests: an agent that was started anew does not know of a shift that was under way."""

    def __init__(self) -> None:
        self._known: dict[str, _Share] = {}

    def set(self, service: str, hashes: Collection[str], part: float) -> None:
        """Tasks with these configuration hashes get this part (0 to 1) of the service's requests, others the rest."""
        self._known = {**self._known, service: _Share(frozenset(hashes), part)}

    def forget(self, service: str) -> None:
        """Nothing is said of a service any more."""
        self._known = {name: share for name, share in self._known.items() if name != service}

    def weights(self, state: DesiredState, observed: Observed) -> dict[str, int]:
        """The weights of tasks, by id, whose services have tasks of both kinds."""
        found: dict[str, int] = {}
        for name, desired in state.services.items():
            known = self._known.get(name)
            if known is None and desired.service.deployment.shift is None:
                continue
            tasks = [task for task in observed.tasks_of(name) if any(one.running for one in task.members.values())]
            if len({task.config_hash for task in tasks}) < 2:
                continue
            share = known or _Share(desired.accepted_hashes(), 1.0)
            mine = [task.id for task in tasks if task.config_hash in share.hashes]
            others = [task.id for task in tasks if task.config_hash not in share.hashes]
            if mine and others:
                found |= _weights(mine, others, share.part)
        return found


def _weights(mine: Collection[str], others: Collection[str], part: float) -> dict[str, int]:
    """Weights of single tasks that add up to these parts. A part that is not 0 gets something."""
    each, each_other = part / len(mine), (1 - part) / len(others)
    most = max(each, each_other)

    def weight(share: float) -> int:
        return max(1, round(MOST * share / most)) if share > 0 else 0

    return {**dict.fromkeys(mine, weight(each)), **dict.fromkeys(others, weight(each_other))}
