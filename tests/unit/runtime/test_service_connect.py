"""Service Connect's names: in whose /etc/hosts which addresses are, and when they are written there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult, Health
from emulator.errors import EngineError
from emulator.runtime.planning.stop_plan import stop_task
from emulator.runtime.specs.service_connect import ServiceConnect, entries
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed
from emulator.runtime.state.operations import Operation, Plan, Verb
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, World, connected, desired_state, lines, make_service, text_of

CHECKED = {"healthCheck": {"command": ["CMD-SHELL", "true"]}}
API, WEB = connected("api", serves="api"), connected("web")


def service_of(pause: str, observed: Observed) -> str:
    """The service whose task has a pause of this name, which does not tell it; "" when the task is gone."""
    found = (task.service for task in observed.tasks.values() if task.pause and task.pause.name == pause)
    return next(found, "")


def found(world: World, leaving: Sequence[str] = ()) -> dict[str, list[str]]:
    """What each client finds: `name address`, by its service."""
    written = entries(world.observed, DEMO.network, leaving)
    shown: dict[str, list[str]] = {}
    for pause, text in written.items():
        rows = [line.split() for line in text.splitlines()]
        shown[service_of(pause, world.observed)] = [f"{name} {at}" for at, name, *_ in rows]
    return shown


class TestWhoFindsWhom:
    def test_clients_find_what_is_served_and_a_server_itself_too(self) -> None:
        world = World(API, WEB)
        world.runs_task("api")
        world.runs_task("web")
        assert found(world) == {"api": ["api 172.30.0.1"], "web": ["api 172.30.0.1"]}

    def test_a_service_without_service_connect_neither_finds_nor_is_found(self) -> None:
        world = World(API, make_service(name="web"))
        world.runs_task("api")
        world.runs_task("web")
        assert found(world) == {"api": ["api 172.30.0.1"]}

    def test_a_client_that_serves_nothing_is_behind_no_name(self) -> None:
        world = World(WEB)
        world.runs_task("web")
        assert found(world) == {"web": []}

    def test_an_alias_takes_the_place_of_the_name(self) -> None:
        world = World(connected("api", serves="orders.internal"))
        world.runs_task("api")
        assert found(world) == {"api": ["orders.internal 172.30.0.1"]}

    @pytest.mark.parametrize("alias", ["a b", "api\n10.0.0.1 bank", "-", "#", ""])
    def test_what_is_no_host_name_is_not_written(self, alias: str) -> None:
        world = World(connected("api", serves=alias))
        world.runs_task("api")
        assert found(world) == {"api": []}

    @pytest.mark.parametrize("other", [Names("demo", "prod"), Names("shop", "test")])
    def test_another_environment_has_its_own(self, other: Names) -> None:
        world = World(API, WEB)
        world.runs_task("api")
        world.runs_task("web")
        world.containers = [replace(row, addresses={other.network: "172.31.0.9"}) for row in world.containers]
        assert found(world) == {"api": [], "web": []}


class TestWhichTasksAreBehindAName:
    @pytest.fixture
    def world(self) -> World:
        return World(connected("api", serves="api", containers={"api": CHECKED}, count=3), WEB)

    def test_one_that_does_not_run_is_not(self, world: World) -> None:
        world.runs_task("api", {"pause": 137})
        world.runs_task("web")
        assert found(world) == {"web": []}

    def test_one_that_is_about_to_stop_is_not(self, world: World) -> None:
        world.runs_task("web")
        old = world.runs_task("api")
        world.runs_task("api")
        assert found(world, [old])["web"] == ["api 172.30.0.5"]

    @pytest.mark.parametrize("state", ["created", 1])
    def test_one_whose_containers_do_not_all_run_is_not_while_another_is_ready(
        self, world: World, state: str | int
    ) -> None:
        world.runs_task("web")
        world.runs_task("api", {"api": state})
        assert found(world)["web"] == ["api 172.30.0.3"], "an address that refuses is better than no name"
        world.runs_task("api")
        assert found(world)["web"] == ["api 172.30.0.5"]

    def test_one_that_is_not_healthy_is_not_while_another_is(self, bench: Bench) -> None:
        service = connected("api", serves="api", containers={"api": CHECKED}, count=2)
        bench.start(desired_state(service, WEB))
        [first, second] = [task for task in bench.observed.tasks.values() if task.service == "api"]
        assert first.pause is not None
        assert second.pause is not None
        bench.engine.set_health(f"cl-demo-test-api-{first.short_id}-api", Health.UNHEALTHY)
        address = second.pause.addresses[DEMO.network]
        assert set(entries(bench.observed, DEMO.network).values()) == {f"{address} api # Service Connect\n"}

    def test_the_health_of_a_container_that_is_not_essential_does_not_count(self, bench: Bench) -> None:
        containers = {"api": CHECKED, "beside": {**CHECKED, "image": "api:1", "essential": False}}
        bench.start(desired_state(connected("api", serves="api", containers=containers, count=2), WEB))
        tasks = [task for task in bench.observed.tasks.values() if task.service == "api"]
        bench.engine.set_health(f"cl-demo-test-api-{tasks[0].short_id}-beside", Health.UNHEALTHY)
        written = "".join(entries(bench.observed, DEMO.network).values())
        assert all(task.pause and task.pause.addresses[DEMO.network] in written for task in tasks)

    def test_each_client_tries_another_one_first_and_all_of_them(self) -> None:
        world = World(connected("api", serves="api", count=2), connected("web", count=8))
        for service in ("api", "api", *["web"] * 8):
            world.runs_task(service)
        written = entries(world.observed, DEMO.network)
        orders = {text for pause, text in written.items() if service_of(pause, world.observed) == "web"}
        assert {tuple(sorted(text.splitlines())) for text in orders} == {
            ("172.30.0.1 api # Service Connect", "172.30.0.3 api # Service Connect")
        }
        assert len(orders) == 2, "all clients prefer the same task"


class TestThePlan:
    def test_the_names_are_there_before_the_containers_start_and_after_all_addresses_are_known(self) -> None:
        assert text_of(World(WEB, API).reconcile().plan) == lines("""
            #1 create container new-0001-pause: 1 desired, 0 running
            #2 start container new-0001-pause after #1: 1 desired, 0 running
            #3 create container new-0002-pause: 1 desired, 0 running
            #4 start container new-0002-pause after #3: 1 desired, 0 running
            #5 write Service Connect names cl-demo-test after #2, #4: tasks have other addresses
            #6 create container web-new-0001-web after #1: 1 desired, 0 running
            #7 start container web-new-0001-web after #2, #5, #6: 1 desired, 0 running
            #8 create container api-new-0002-api after #3: 1 desired, 0 running
            #9 start container api-new-0002-api after #4, #5, #8: 1 desired, 0 running
        """)

    def test_who_has_no_service_connect_does_not_wait_for_it(self) -> None:
        plan = World(make_service(type="Backend Service"), API).reconcile().plan
        [written] = [o.id for o in plan.operations if o.verb is Verb.WRITE_NAMES]
        assert {o.subject for o in plan.operations if written in o.needs} == {"cl-demo-test-api-new-0002-api"}

    def test_a_task_is_out_of_the_names_before_it_stops(self) -> None:
        world = World(connected("api", serves="api", count=0), WEB)
        world.runs_task("api")
        world.runs_task("web")
        assert text_of(world.reconcile().plan).splitlines()[:2] == [
            "#1 withdraw Service Connect name 00000001: more tasks than the desired 0",
            "#2 stop container api-00000001-api after #1: more tasks than the desired 0",
        ]

    def test_a_new_alias_replaces_the_tasks(self) -> None:
        world = World(connected("api", serves="orders"))
        old = world.runs_task("api", state=desired_state(API))
        assert world.reconcile().stopped == {old: "its definition changed"}

    def test_no_task_is_told_when_everything_goes(self) -> None:
        world = World(API)
        world.runs_task("api")
        plan = Plan()
        [task] = world.observed.tasks.values()
        stop_task(plan, task, "down")
        assert Verb.WITHDRAW_NAME not in {operation.verb for operation in plan.operations}


class TestWriting:
    def written(self, bench: Bench) -> dict[str, str]:
        """The last lines given to each pause, by its service."""
        return {
            service_of(name, bench.observed): command[-1]
            for name, command in bench.engine.execs
            if name.endswith("-pause")
        }

    def addresses(self, bench: Bench, service: str) -> Mapping[str, str]:
        return {
            t.id: t.pause.addresses[DEMO.network]
            for t in bench.observed.tasks.values()
            if t.service == service and t.pause
        }

    def test_a_container_finds_them_when_it_starts(self, bench: Bench) -> None:
        when: list[str] = []
        bench.engine.before = lambda verb, target: when.append(f"{verb} {target}")
        bench.start(desired_state(WEB, API))
        calls = [call for call in when if call.startswith(("exec", "start"))]
        last = max(number for number, call in enumerate(calls) if call.startswith("exec"))
        assert [call.rpartition("-")[2] for call in calls[last + 1 :]] in (["web", "api"], ["api", "web"])
        [address] = self.addresses(bench, "api").values()
        assert self.written(bench) == dict.fromkeys(("api", "web"), f"{address} api # Service Connect\n")

    def test_only_what_changed_is_written_again(self, bench: Bench) -> None:
        bench.start(desired_state(WEB, API))
        connect = ServiceConnect(bench.engine, DEMO)
        assert connect.is_outdated(bench.observed), "what another writer wrote is not known"
        connect.refresh()
        assert not connect.is_outdated(bench.observed)
        bench.engine.execs.clear()
        connect.refresh()
        assert bench.engine.execs == []
        bench.start(desired_state(WEB, connected("api", serves="api", count=2)))
        bench.engine.execs.clear()
        assert connect.is_outdated(bench.observed)
        connect.refresh()
        assert len(self.addresses(bench, "api")) == 2
        assert set(self.written(bench)) == {"api", "web"}

    def test_a_name_goes_with_its_last_task(self, bench: Bench) -> None:
        bench.start(desired_state(WEB, API))
        [task] = [task for task in bench.observed.tasks.values() if task.service == "api"]
        bench.stop(task, withdraw=True)
        assert self.written(bench)["web"] == ""

    def test_a_task_that_was_withdrawn_stays_so_while_it_stops(self, bench: Bench) -> None:
        bench.start(desired_state(WEB, connected("api", serves="api", count=2)))
        connect = ServiceConnect(bench.engine, DEMO)
        leaving, *staying = self.addresses(bench, "api")
        connect.withdraw(leaving)
        connect.refresh()
        assert self.addresses(bench, "api")[leaving] not in self.written(bench)["web"]
        assert self.addresses(bench, "api")[staying[0]] in self.written(bench)["web"]
        connect.spare([leaving])
        assert connect.is_outdated(bench.observed)
        connect.refresh()
        assert self.addresses(bench, "api")[leaving] in self.written(bench)["web"], "it stays after all"

    def test_a_client_that_died_meanwhile_is_no_trouble(self, bench: Bench) -> None:
        bench.start(desired_state(WEB, API))
        [web] = [task.pause for task in bench.observed.tasks.values() if task.service == "web"]
        assert web is not None
        pause = web.name

        def die(verb: str, target: str) -> None:
            if verb == "exec" and target == pause:
                bench.engine.before = None
                bench.engine.finish(pause, 137)

        bench.engine.before = die
        ServiceConnect(bench.engine, DEMO).refresh()

    def test_one_that_runs_and_cannot_be_written_fails_the_start(self, bench: Bench) -> None:
        full = ExecResult(1, b"", b"dd: /etc/hosts: No space left on device\n")
        bench.engine.behave("*-pause", Behaviour(exec=lambda _: full))
        with pytest.raises(EngineError, match=r"cl-demo-test-.*-pause could not be written: dd: .* No space left"):
            bench.start(desired_state(WEB, API))

    def test_a_task_stops_though_its_name_cannot_be_withdrawn(self, bench: Bench) -> None:
        bench.start(desired_state(WEB, API))
        bench.engine.fail("exec", EngineError("it hangs"), target="*-pause", times=None)
        bench.perform(Operation(1, Verb.WITHDRAW_NAME, "task0002", "scaled", task_id="task0002".ljust(32, "0")))
        assert bench.warnings() == ["it hangs"]


def test_the_hash_of_a_service_without_service_connect_does_not_know_it() -> None:
    plain: Service = make_service(name="api")
    hashes = {
        desired_state(service).services["api"].config_hash()
        for service in (plain, API, connected("api"), connected("api", serves="orders"))
    }
    assert len(hashes) == 4
