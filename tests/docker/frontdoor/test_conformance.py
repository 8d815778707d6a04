"""The running front against the table of what an ALB does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from emulator.frontdoor.options import Placement, Target
from tests.frontdoor_table import SERVICE, Case, RuleSet, read_table

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import Make, Response, StartFront, Upstream

pytestmark = pytest.mark.docker


def problems(case: Case, answer: Response) -> Iterator[str]:
    """How the answer differs from the table."""
    if isinstance(case.expect, str):
        if answer.status != 200 or answer.header("X-Target") != case.expect:
            yield f"expected target group {case.expect}, got {answer.status} {answer.header('X-Target')}"
        elif case.seen is not None and answer.seen["path"] != case.seen:
            yield f"the target saw {answer.seen['path']}"
        elif case.seen_host is not None and answer.seen_header("Host") != [case.seen_host]:
            yield f"the target saw the host {answer.seen_header('Host')}"
        return
    if answer.status != case.expect or answer.header("Server") != "awselb/2.0":
        yield f"expected {case.expect} of the load balancer, got {answer.status} of {answer.header('Server')}"
    if case.location is not None and answer.header("Location") != case.location:
        yield f"location {answer.header('Location')}"
    if case.body is not None and answer.body != case.body.encode():
        yield f"body {answer.body!r}"
    if case.content_type is not None and answer.header("Content-Type") != case.content_type:
        yield f"content type {answer.header('Content-Type')}"


@pytest.fixture(scope="module")
def targets(make_upstream: Make) -> dict[str, Upstream]:
    """A target for every name in the table, shared by its rule sets."""
    names = {group.name for rule_set in read_table() for group in rule_set.service.target_groups}
    return {name: make_upstream(name) for name in names}


@pytest.mark.parametrize("rule_set", read_table(), ids=lambda rule_set: rule_set.name)
def test_the_front_does_what_an_alb_does(
    rule_set: RuleSet, start_front: StartFront, targets: dict[str, Upstream]
) -> None:
    placed = [
        Target(group.name, SERVICE, group.name, "127.0.0.1", targets[group.name].port, Placement.JUDGED)
        for group in rule_set.service.target_groups
    ]
    front = start_front([rule_set.service], placed, **rule_set.options)
    wrong = [
        f"{case}: {problem}  ({case.source})"
        for case in rule_set.cases
        for problem in problems(case, front.request(case.method, case.path, case.headers))
    ]
    assert not wrong, "\n".join(wrong)
