"""A listener that no rule is on any more is not kept when something else comes up."""

from __future__ import annotations

from emulator.ecs.service import Service
from tests.unit.runtime.world import desired_state, make_service


def secure(service: Service) -> Service:
    rules = [rule.model_copy(update={"listener": "HTTPS"}) for rule in service.listener_rules]
    return service.model_copy(update={"listener_rules": [*service.listener_rules, *rules]})


def test_https_goes_with_its_last_rule() -> None:
    shop, cart = (make_service(name=name, target=(name, 80)) for name in ("shop", "cart"))
    before = desired_state(secure(shop), secure(cart)).model_copy(update={"https_port": 8443})
    one_left = before.merged_with(desired_state(shop))
    assert (one_left.front_port, one_left.https_port) == (8080, 8443)
    none_left = one_left.merged_with(desired_state(cart))
    assert (none_left.front_port, none_left.https_port) == (8080, 0)


def test_an_internal_listener_goes_with_its_last_rule() -> None:
    before = desired_state(make_service(name="api", target=("api", 80), internal=True)).model_copy(
        update={"internal_port": 8081}
    )
    assert before.merged_with(desired_state(make_service(name="web"))).internal_port == 8081
    assert before.merged_with(desired_state(make_service(name="api"))).internal_port == 0
