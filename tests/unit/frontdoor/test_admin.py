"""Commands on the admin socket and the health of targets, from recorded statistics."""

from __future__ import annotations

from dataclasses import replace

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
from emulator.errors import EngineError, InputError
from emulator.frontdoor.haproxy.admin import parse_show_stat, placed, reconcile, refused
from emulator.frontdoor.haproxy.configuration import front_configuration
from emulator.frontdoor.haproxy.servers import backends_of
from emulator.frontdoor.options import FrontOptions, Placement, Target
from emulator.frontdoor.target_health import target_health
from tests.frontdoor_table import service_with

MAIN, OPEN, INITIAL = "web:default", "open:web:default", "initial:web:default"
ONE = Target("one", "web", "default", "10.0.0.1", 80)
TWO = Target("two", "web", "default", "10.0.0.2", 80)
COLUMNS = ("pxname", "svname", "scur", "status", "lastchg", "check_status", "check_code", "addr", "uweight")


def service() -> Service:
    forward = Forward(target_groups=[WeightedTargetGroup(target_group="default")])
    check = TargetHealthCheck(path="/health", interval=10, healthy_threshold=4, unhealthy_threshold=3)
    return service_with(
        [ListenerRule(name="rule", conditions=[PathPattern(values=["/*"])], action=forward, root=True)],
        [TargetGroup(name="default", container_name="web", container_port=80, health_check=check)],
    )


def stat(*rows: str) -> str:
    """`show stat` with these rows, written as the columns above."""
    return "# " + ",".join(COLUMNS) + ",\n" + "".join(f"{row},\n" for row in rows) + "\n"


def commands(
    *rows: str, targets: tuple[Target, ...] = (ONE,), draining: tuple[Target, ...] = (), timing: str = "local"
) -> list[str]:
    options = FrontOptions(timing="ecs" if timing == "ecs" else "local")
    return reconcile([service()], parse_show_stat(stat(*rows)), targets, draining, options)


def health(
    *rows: str, targets: tuple[Target, ...] = (ONE,), draining: tuple[Target, ...] = ()
) -> list[tuple[str, str, str]]:
    found = target_health([service()], parse_show_stat(stat(*rows)), targets, draining)
    return [(item.state, item.reason_code, item.description) for item in found]


def test_a_new_target_is_checked_at_once_and_every_second_until_one_success() -> None:
    assert commands() == [
        f"add server {INITIAL}/one 10.0.0.1:80 check inter 20ms downinter 1s rise 1 fall 1",
        f"enable health {INITIAL}/one",
        f"enable server {INITIAL}/one",
    ]


def test_with_the_timing_of_ecs_it_is_checked_as_configured() -> None:
    assert commands(timing="ecs")[0] == f"add server {INITIAL}/one 10.0.0.1:80 check inter 10s rise 1 fall 1"


def test_the_first_success_moves_it_to_where_it_gets_requests() -> None:
    assert commands(f"{INITIAL},one,0,UP,1,L7OK,200,10.0.0.1:80") == [
        f"add server {MAIN}/one 10.0.0.1:80 check inter 10s rise 4 fall 3",
        f"enable health {MAIN}/one",
        f"enable server {MAIN}/one; set server {MAIN}/one health up",
        f"add server {OPEN}/one 10.0.0.1:80",
        f"enable server {OPEN}/one",
        f"set server {INITIAL}/one state maint",
        f"del server {INITIAL}/one",
    ]


@pytest.mark.parametrize(
    "row",
    [
        f"{INITIAL},one,0,UP 1/1,0,INI,,10.0.0.1:80",
        f"{INITIAL},one,0,DOWN,19,L4CON,,10.0.0.1:80",
        f"{INITIAL},one,0,DOWN,19,* L7STS,500,10.0.0.1:80",
    ],
)
def test_before_a_verdict_it_stays(row: str) -> None:
    assert commands(row) == []
    assert health(row) == [("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")]


@pytest.mark.parametrize(("since", "weight", "again"), [(2, 1, False), (3, 1, True), (3, 2, False)])
def test_one_that_has_failed_for_three_seconds_is_checked_every_second(since: int, weight: int, again: bool) -> None:
    options = FrontOptions(initial_interval=0.1)
    row = f"{INITIAL},one,0,DOWN,{since},L4CON,,10.0.0.1:80,{weight}"
    slower = [
        f"set server {INITIAL}/one state maint",
        f"del server {INITIAL}/one",
        f"add server {INITIAL}/one 10.0.0.1:80 check inter 1s rise 1 fall 1 weight 2",
        f"enable health {INITIAL}/one",
        f"enable server {INITIAL}/one; set server {INITIAL}/one health down",
    ]
    assert reconcile([service()], parse_show_stat(stat(row)), [ONE], [], options) == (slower if again else [])


def test_what_it_failed_before_counts_for_one_that_is_checked_less_often() -> None:
    row = f"{INITIAL},one,0,DOWN,%d,L4CON,,10.0.0.1:80,2"
    assert commands(row % 16) == []
    assert commands(row % 17) == [f"add server {OPEN}/one 10.0.0.1:80", f"enable server {OPEN}/one"]


def test_failing_for_as_long_as_the_threshold_takes_it_gets_requests_where_nothing_else_does() -> None:
    row = f"{INITIAL},one,0,DOWN,20,L7STS,500,10.0.0.1:80"
    assert commands(row) == [f"add server {OPEN}/one 10.0.0.1:80", f"enable server {OPEN}/one"]
    assert health(row, f"{OPEN},one,0,no check,0,,,10.0.0.1:80") == [
        ("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]")
    ]


def test_with_the_timing_of_ecs_it_needs_the_healthy_threshold_then() -> None:
    row = f"{INITIAL},one,0,DOWN,20,L7STS,500,10.0.0.1:80"
    assert f"enable server {MAIN}/one; set server {MAIN}/one health down" in commands(row, timing="ecs")


def settled(status: str = "UP", check: str = "L7OK,200", sessions: int = 0) -> list[str]:
    return [f"{MAIN},one,{sessions},{status},9,{check},10.0.0.1:80", f"{OPEN},one,0,no check,9,,,10.0.0.1:80"]


def test_a_settled_target_needs_nothing() -> None:
    assert commands(*settled()) == []
    assert health(*settled()) == [("healthy", "", "")]


@pytest.mark.parametrize(
    ("status", "check", "expected"),
    [
        ("DOWN", "L4CON,", ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")),
        ("DOWN", "L7TOUT,", ("unhealthy", "Target.Timeout", "Request timed out")),
        ("DOWN", "L4TOUT,", ("unhealthy", "Target.Timeout", "Request timed out")),
        ("DOWN 1/4", "L7OK,200", ("unhealthy", "Target.FailedHealthChecks", "Health checks failed")),
        ("UP 2/3", "L7STS,500", ("healthy", "", "")),
    ],
)
def test_health_in_the_load_balancers_words(status: str, check: str, expected: tuple[str, str, str]) -> None:
    assert health(*settled(status, check)) == [expected]


def test_the_code_of_a_failed_check_is_kept_while_the_next_one_runs() -> None:
    services = [service()]
    before = parse_show_stat(stat(*settled("DOWN", "L7STS,500")))
    running = parse_show_stat(stat(*settled("DOWN", "* L7STS,0")))
    first = target_health(services, before, [ONE], [])
    assert target_health(services, running, [ONE], [], first) == first
    (unknown,) = target_health(services, running, [ONE], [])
    assert (unknown.reason_code, unknown.description) == ("Target.ResponseCodeMismatch", "Health checks failed")


def test_a_draining_target_is_taken_out_and_kept() -> None:
    assert commands(*settled(sessions=1), targets=(), draining=(ONE,)) == [
        f"set server {MAIN}/one state maint",
        f"set server {OPEN}/one state maint",
    ]
    out = [f"{MAIN},one,1,MAINT,9,L7OK,200,10.0.0.1:80", f"{OPEN},one,0,MAINT,9,,,10.0.0.1:80"]
    assert commands(*out, targets=(), draining=(ONE,)) == []
    assert health(*out, targets=(), draining=(ONE,)) == [
        ("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
    ]


def test_a_target_that_is_gone_is_cut_off_and_removed() -> None:
    assert commands(*settled(sessions=2), targets=()) == [
        f"set server {MAIN}/one state maint",
        f"shutdown sessions server {MAIN}/one",
        f"del server {MAIN}/one",
        f"set server {OPEN}/one state maint",
        f"del server {OPEN}/one",
    ]


def test_a_target_of_the_same_name_elsewhere_is_removed_first() -> None:
    moved = Target("one", "web", "default", "10.0.0.9", 80)
    assert f"del server {MAIN}/one" in commands(*settled(), targets=(moved,))
    assert health(*settled(), targets=(moved,)) == [
        ("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
    ]


def test_placements_for_a_reload() -> None:
    rows = parse_show_stat(stat(*settled(), f"{INITIAL},two,0,DOWN,99,L4CON,,10.0.0.2:80"))
    new = Target("new", "web", "default", "10.0.0.3", 80)
    found = placed([service()], rows, [ONE, TWO, new])
    assert [target.placement for target in found] == [Placement.JUDGED, Placement.FAILED, Placement.NEW]
    text = front_configuration([service()], found).configuration
    for target in found:
        for backend in backends_of(target.placement, "web", "default"):
            section = text.partition(f"\nbackend {backend} ")[2].partition("\nbackend ")[0]
            assert f"  server {target.name} {target.address}:80" in section


def test_the_key_changes_with_the_rules_and_not_with_the_targets() -> None:
    key = front_configuration([service()], []).rules_key
    assert front_configuration([service()], [ONE, TWO]).rules_key == key
    other = service()
    other.listener_rules[0].conditions = [PathPattern(values=["/x"])]
    assert front_configuration([other], []).rules_key != key
    checked = service()
    checked.target_groups[0].health_check.interval = 7
    assert front_configuration([checked], []).rules_key != key


def test_the_order_of_targets_does_not_change_the_file() -> None:
    assert front_configuration([service()], [ONE, TWO]) == front_configuration([service()], [TWO, ONE])


@pytest.mark.parametrize("answer", ["\n", "New server registered.\n\n", "Server deleted.\n"])
def test_what_haproxy_says_when_it_did_it(answer: str) -> None:
    assert refused(answer) is None


def test_what_haproxy_says_against_a_command() -> None:
    assert refused("No such server.\n\n") == "No such server."


def test_an_answer_that_is_no_statistics_is_an_error() -> None:
    with pytest.raises(EngineError, match="Permission denied"):
        parse_show_stat("Permission denied\n")


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a;shutdown"])
def test_a_name_that_haproxy_could_not_take_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot be used by the front"):
        Target(name, "web", "default", "10.0.0.1", 80)


def test_a_target_of_another_weight_is_told_so_without_a_reload() -> None:
    heavy = replace(ONE, weight=200)

    def said(target: Target, *weights: int) -> list[str]:
        both = zip((MAIN, OPEN), weights, strict=True)
        rows = [f"{backend},one,0,UP,5,L7OK,200,10.0.0.1:80,{weight}" for backend, weight in both]
        return commands(*rows, targets=(target,))

    assert said(heavy, 1, 1) == [f"set server {MAIN}/one weight 200", f"set server {OPEN}/one weight 200"]
    assert said(replace(ONE, weight=0), 200, 200) == [
        f"set server {MAIN}/one weight 0",
        f"set server {OPEN}/one weight 0",
    ]
    assert said(heavy, 200, 200) == said(ONE, 1, 1) == []


def test_requests_go_over_without_a_moment_in_which_none_gets_them() -> None:
    rows = (f"{MAIN},one,0,UP,5,L7OK,200,10.0.0.1:80", f"{MAIN},two,0,UP,5,L7OK,200,10.0.0.2:80")
    said = commands(*rows, targets=(replace(ONE, weight=0), replace(TWO, weight=256)))
    weights = [line for line in said if line.startswith("set server") and " weight " in line]
    assert weights == [f"set server {MAIN}/two weight 256", f"set server {MAIN}/one weight 0"]


def test_a_target_comes_with_its_weight() -> None:
    """On the admin socket and in the file: none of its first requests is one too many."""
    passed = f"{INITIAL},one,0,UP,5,L7OK,200,10.0.0.1:80"
    added = commands(passed, targets=(replace(ONE, weight=0),))
    assert [line for line in added if " weight 0" in line and line.startswith("add server")] == [
        line for line in added if line.startswith("add server")
    ]
    file = front_configuration([service()], [replace(ONE, weight=7, placement=Placement.JUDGED)], FrontOptions())
    text = file.files["haproxy.cfg"].decode()
    assert text.count("weight 7") == 2
    assert "weight" not in front_configuration([service()], [ONE], FrontOptions()).files["haproxy.cfg"].decode()
