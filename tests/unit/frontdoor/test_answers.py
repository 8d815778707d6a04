"""What the front says of requests that HAProxy cannot read: the load balancer's answer, not HAProxy's page."""

from __future__ import annotations

import pytest

from emulator.ecs.service import Forward, ListenerRule, PathPattern, TargetGroup, WeightedTargetGroup
from emulator.frontdoor.haproxy.configuration import front_configuration
from tests.frontdoor_table import service_with

RULE = ListenerRule(
    name="http",
    conditions=[PathPattern(values=["/*"])],
    action=Forward(target_groups=[WeightedTargetGroup(target_group="default")]),
    root=True,
)
GROUP = TargetGroup(name="default", container_name="web", container_port=80)


@pytest.mark.parametrize(("haproxy", "load_balancer"), [(400, "400 Bad Request"), (422, "501 Not Implemented")])
def test_each_code_of_haproxys_has_an_answer_of_the_load_balancers(haproxy: int, load_balancer: str) -> None:
    written = front_configuration([service_with([RULE], [GROUP])], [])
    code = load_balancer[:3]
    line = next(line for line in written.configuration.splitlines() if line.startswith(f"  errorfile {haproxy} "))
    assert line.endswith(f"/pages/{code}.http")
    answer = written.files[f"pages/{code}.http"].decode()
    assert answer.startswith(f"HTTP/1.1 {load_balancer}\r\nServer: awselb/2.0\r\n")
    assert f"<h1>{load_balancer}</h1>" in answer
