"""Targets of a running front: health gating, failing open, draining, reloading."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from operator import gt
from typing import TYPE_CHECKING

import pytest

from emulator.ecs.service import (
    Forward,
    ListenerRule,
    PathPattern,
    Service,
    TargetGroup,
    TargetHealthCheck,
    WeightedTargetGroup,
)
from emulator.frontdoor.options import Target
from tests.docker.frontdoor.conftest import targets_hit, wait_until
from tests.frontdoor_table import SERVICE, service_with

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import Make, StartFront, Upstream

pytestmark = pytest.mark.docker

CLIENTS = 20
PAUSE = 0.04
"""Seconds between two requests of a client: together some hundreds a second."""


def service(path: str = "/health", success_codes: str = "200", healthy: int = 2, unhealthy: int = 2) -> Service:
    check = TargetHealthCheck(
        path=path,
        success_codes=success_codes,
        interval=1,
        timeout=5,
        healthy_threshold=healthy,
        unhealthy_threshold=unhealthy,
    )
    rule = ListenerRule(
        name="HTTPListenerRule",
        conditions=[PathPattern(values=["/*"])],
        action=Forward(target_groups=[WeightedTargetGroup(target_group="default")]),
        root=True,
    )
    group = TargetGroup(name="default", container_name=SERVICE, container_port=80, health_check=check)
    return service_with([rule], [group])


def target(upstream: Upstream) -> Target:
    return Target(upstream.name, SERVICE, "default", "127.0.0.1", upstream.port)


def test_a_target_gets_requests_from_its_first_success_on(start_front: StartFront, upstream: Make) -> None:
    front, one = start_front([service()]), upstream("one")
    one.health = 500
    front.targets = [target(one)]
    front.step()
    assert front.get("/").status == 503
    one.health = 200
    front.settle(one="healthy")
    assert front.get("/").seen["target"] == "one"


def test_without_a_target_the_answer_is_503(start_front: StartFront) -> None:
    answer = start_front([service()]).get("/")
    assert (answer.status, answer.header("Server"), len(answer.body)) == (503, "awselb/2.0", 162)
    assert b"503 Service Temporarily Unavailable" in answer.body


def test_a_target_that_failed_long_enough_is_unhealthy_and_gets_requests_all_the_same(
    start_front: StartFront, upstream: Make
) -> None:
    front, one = start_front([service()], check_interval=0.1), upstream("one")
    one.health = 307
    front.targets = [target(one)]
    front.settle(one="unhealthy")
    codes = ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [307]")

    def told() -> tuple[str, str]:
        found = front.health()["one"]
        return found.reason_code, found.description

    wait_until(lambda: told() == codes, "the code")  # unknown while the next check runs
    assert front.get("/").seen["target"] == "one"


def test_locally_one_success_ends_a_bad_start(start_front: StartFront, upstream: Make) -> None:
    front, one = start_front([service(healthy=10)], check_interval=0.1), upstream("one")
    one.health = 500
    front.targets = [target(one)]
    front.settle(one="unhealthy")
    one.health = 200
    front.step()
    one.probes.clear()
    front.settle(one="healthy")
    assert any(command.endswith(" health up") for command in front.commands), "it does not wait for ten"


def test_a_target_that_starts_slowly_is_checked_less_often_until_it_answers(
    start_front: StartFront, upstream: Make
) -> None:
    front = start_front([service()], initial_period=1, later_interval=0.8)
    one = upstream("one")
    one.health = 500
    front.targets = [target(one)]
    front.settle(one="unhealthy")
    wait_until(lambda: front.step() == [] and "weight 2" in "\n".join(front.commands), "a check of another interval")
    one.probes.clear()
    wait_until(lambda: len(one.probes) >= 5, "five checks")
    assert one.probes[4].time - one.probes[0].time > 1  # instead of 0.2
    assert front.step() == []
    assert front.get("/").seen["target"] == "one"
    one.health = 200
    front.settle(one="healthy")


def test_with_the_timing_of_ecs_a_bad_start_takes_the_healthy_threshold(
    start_front: StartFront, upstream: Make
) -> None:
    front, one = start_front([service(healthy=4)], check_interval=0.1, timing="ecs"), upstream("one")
    one.health = 500
    front.targets = [target(one)]
    front.settle(one="unhealthy")
    one.probes.clear()
    one.health = 200
    front.settle(one="healthy")
    assert len(one.probes) >= 4


def test_a_target_without_health_gets_nothing_while_another_has_it(start_front: StartFront, upstream: Make) -> None:
    front, good, bad = start_front([service()], check_interval=0.1), upstream("good"), upstream("bad")
    bad.health = 500
    front.targets = [target(good), target(bad)]
    front.settle(good="healthy", bad="unhealthy")
    assert targets_hit(front) == {"good"}


def test_a_healthy_target_fails_and_recovers_by_its_thresholds(start_front: StartFront, upstream: Make) -> None:
    front, one, two = start_front([service(unhealthy=3)], check_interval=0.2), upstream("one"), upstream("two")
    front.targets = [target(one), target(two)]
    front.settle(one="healthy", two="healthy")
    assert targets_hit(front) == {"one", "two"}
    one.probes.clear()
    one.health = 500
    front.settle(one="unhealthy")
    assert len(one.probes) >= 3
    assert targets_hit(front) == {"two"}
    one.health = 200
    one.probes.clear()
    front.settle(one="healthy")
    assert len(one.probes) >= 2
    assert targets_hit(front) == {"one", "two"}


def test_all_targets_unhealthy_all_of_them_get_requests(start_front: StartFront, upstream: Make) -> None:
    front, one, two = start_front([service()], check_interval=0.1), upstream("one"), upstream("two")
    front.targets = [target(one), target(two)]
    front.settle(one="healthy", two="healthy")
    one.health = two.health = 503
    front.settle(one="unhealthy", two="unhealthy")
    assert targets_hit(front) == {"one", "two"}


def test_a_target_that_refuses_connections_fails_its_checks(start_front: StartFront, upstream: Make) -> None:
    front, one = start_front([service()], check_interval=0.1), upstream("one")
    front.targets = [target(one)]
    front.settle(one="healthy")
    one.stop()
    front.settle(one="unhealthy")
    health = front.health()["one"]
    assert (health.reason_code, health.description) == ("Target.FailedHealthChecks", "Health checks failed")


def test_a_target_that_does_not_answer_checks_times_out(start_front: StartFront, upstream: Make) -> None:
    front, one = start_front([service()], check_interval=0.1, check_timeout=0.1), upstream("one")
    front.targets = [target(one)]
    front.settle(one="healthy")
    one.health = 0
    front.settle(one="unhealthy")
    health = front.health()["one"]
    assert (health.reason_code, health.description) == ("Target.Timeout", "Request timed out")


def test_a_check_is_what_an_alb_sends(start_front: StartFront, upstream: Make) -> None:
    front, one = start_front([service(path="/health?deep=1&x='y'")]), upstream("one")
    front.targets = [target(one)]
    front.settle(one="healthy")
    probe = one.probes[0]
    headers = {name.lower(): value for name, value in probe.headers}
    assert probe.request_line == "GET /health?deep=1&x='y' HTTP/1.1"
    assert headers["host"] == f"127.0.0.1:{one.port}"
    assert headers["user-agent"] == "ELB-HealthChecker/2.0"
    assert headers["connection"] == "close"
    assert headers["accept-encoding"] == "gzip, compressed"
    assert not any(name.startswith("x-") for name in headers)


@pytest.mark.parametrize(("codes", "answer", "state"), [("200,202", 202, "healthy"), ("200-299,404", 404, "healthy")])
def test_success_codes(start_front: StartFront, upstream: Make, codes: str, answer: int, state: str) -> None:
    front, one = start_front([service(success_codes=codes)], check_interval=0.1), upstream("one")
    one.health = answer
    front.targets = [target(one)]
    front.settle(one=state)


def test_a_deregistered_target_ends_its_requests_and_gets_no_more(start_front: StartFront, upstream: Make) -> None:
    front, one, two = start_front([service()]), upstream("one"), upstream("two")
    front.targets = [target(one)]
    front.settle(one="healthy")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(front.get, "/slow")
        assert one.waiting.wait(10)
        front.targets, front.draining = [target(two)], [target(one)]
        front.settle(two="healthy", one="draining")
        assert targets_hit(front) == {"two"}
        assert front.health()["one"].reason_code == "Target.DeregistrationInProgress"
        one.gate.set()
        assert running.result().status == 200
    front.draining = []
    front.settle(two="healthy")
    assert {server.name for server in front.servers()} == {"two"}


def test_a_request_that_outlives_the_deregistration_delay_is_cut(start_front: StartFront, upstream: Make) -> None:
    front, one = start_front([service()]), upstream("one")
    front.targets = [target(one)]
    front.settle(one="healthy")
    with ThreadPoolExecutor() as pool:
        running = pool.submit(front.get, "/slow")
        assert one.waiting.wait(10)
        front.targets = []
        front.settle()
        with contextlib.suppress(http.client.HTTPException, OSError):
            assert running.result().status == 502
    assert front.servers() == []


def test_a_target_of_the_same_name_elsewhere_starts_anew(start_front: StartFront, upstream: Make) -> None:
    front, old, new = start_front([service()]), upstream("old"), upstream("new")
    front.targets = [Target("task", SERVICE, "default", "127.0.0.1", old.port)]
    front.settle(task="healthy")
    front.targets = [Target("task", SERVICE, "default", "127.0.0.1", new.port)]
    front.settle(task="healthy")
    assert targets_hit(front) == {"new"}


def test_a_group_that_no_rule_names_is_not_checked(start_front: StartFront, upstream: Make) -> None:
    unused = service()
    unused.listener_rules = []
    front, one = start_front([unused]), upstream("one")
    front.targets = [target(one)]
    assert front.step() == []
    assert front.health()["one"].reason_code == "Target.NotInUse"


def test_a_reload_keeps_health_and_changes_rules(start_front: StartFront, upstream: Make) -> None:
    front = start_front([service()], check_interval=0.1)
    good, bad = upstream("good"), upstream("bad")
    bad.health = 500
    front.targets = [target(good), target(bad)]
    front.settle(good="healthy", bad="unhealthy")
    bad.health = good.health = 200
    front.settle(good="healthy", bad="healthy")
    bad.health = 500
    front.settle(good="healthy", bad="unhealthy")
    narrow = service()
    narrow.listener_rules[0].conditions = [PathPattern(values=["/new/*"])]
    front.reload([narrow])
    assert {name: health.state for name, health in front.health().items()} == {"good": "healthy", "bad": "unhealthy"}
    assert front.step() == []
    wait_until(lambda: front.get("/").status == 503, "the new rule")
    assert targets_hit(front, "/new/x") == {"good"}


def test_no_request_is_lost_while_rules_and_targets_change(start_front: StartFront, upstream: Make) -> None:
    front = start_front([service()])
    made = [upstream(f"task{number}") for number in range(4)]
    front.targets = [target(made[0])]
    front.settle(task0="healthy")
    stop = threading.Event()
    answers: Counter[int | str] = Counter()
    ended = [0] * CLIENTS

    def client(mine: int) -> None:
        """A client as browsers are: it keeps its connection, and opens a new one where the front closed the old."""
        connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
        while not stop.is_set():
            reused = connection.sock is not None
            try:
                connection.request("GET", "/", headers={"Host": "h.test"})
                answer = connection.getresponse()
                answer.read()
                answers[answer.status] += 1
                ended[mine] += 1
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                if not reused:
                    answers[f"{type(error).__name__} on a new connection"] += 1
            stop.wait(PAUSE)
        connection.close()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in clients:
        thread.start()
    try:
        for number in range(1, 4):
            front.targets = [target(made[number - 1]), target(made[number])]
            front.settle(**{f"task{number}": "healthy"})
            extra = service()
            rule = extra.listener_rules[0].model_copy(update={"root": False, "name": f"rule{number}"})
            rule.conditions = [PathPattern(values=[f"/extra{number}"])]
            extra.listener_rules.append(rule)
            front.reload([extra])
            front.targets, front.draining = [target(made[number])], [target(made[number - 1])]
            front.settle(**{f"task{number}": "healthy"})
            begun = list(ended)  # what was under way goes to the old target yet
            wait_until(lambda begun=begun: all(map(gt, ended, begun)), "requests end")  # type: ignore[misc]
            front.draining = []
            front.settle()
    finally:
        stop.set()
        for thread in clients:
            thread.join(20)
    assert set(answers) == {200}
