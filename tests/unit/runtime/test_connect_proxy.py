"""Service Connect with a proxy in each task: the plan, the container, and the files that all proxies read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.errors import TaskError
from emulator.runtime.planning.stop_plan import stop_task
from emulator.runtime.specs.connect.endpoints import EndpointFiles, FirstFiles, virtual_lines
from emulator.runtime.specs.service_connect import ServiceConnect, entries
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.operations import Plan, Verb
from emulator.service_connect.envoy import FOLDER, LISTENERS_FILE
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, World, connected, desired_state, lines, make_service, text_of

API, WEB = connected("api", serves="api"), connected("web")
PROXY = "envoy:1"


def proxied(*services: Service) -> DesiredState:
    """These services with proxies, those that are connected."""
    state = desired_state(*services)
    for desired in state.services.values():
        desired.options = desired.options.model_copy(update={"connect_proxy": "envoy"})
    return state.model_copy(update={"proxy_image": PROXY})


class ProxyWorld(World):
    """The same as a world to plan for."""

    def __init__(self, *services: Service) -> None:
        super().__init__(*services)
        self.state = proxied(*services)
        self.factory = TaskFactory(self.state, Private(), "/var/lib/docker")

    def runs_proxy(self, task_id: str, state: str = "running", code: int | None = None) -> None:
        spec = self.factory.task(self.state.services["api"], task_id).proxy
        assert spec is not None
        self._add(spec.name, spec.labels, state, code)


class TestThePlan:
    def test_the_proxy_comes_after_pause_and_before_all_others(self) -> None:
        assert text_of(ProxyWorld(API).reconcile().plan) == lines("""
            #1 write Service Connect names cl-demo-test: proxies read them
            #2 create container new-0001-pause: 1 desired, 0 running
            #3 start container new-0001-pause after #2: 1 desired, 0 running
            #4 create container new-0001-service-connect after #2: 1 desired, 0 running
            #5 start container new-0001-service-connect after #4, #3, #1: 1 desired, 0 running
            #6 await Service Connect proxy new-0001-service-connect after #5: all others start once it is ready
            #7 create container api-new-0001-api after #2: 1 desired, 0 running
            #8 start container api-new-0001-api after #6, #7: 1 desired, 0 running
        """)

    def test_it_goes_after_all_others_and_before_pause(self) -> None:
        world = ProxyWorld(API)
        task_id = world.runs_task("api")
        world.runs_proxy(task_id)
        plan = Plan()
        stop_task(plan, world.observed.tasks[task_id], "down", withdraw=True)
        assert text_of(plan) == lines("""
            #1 withdraw Service Connect name 00000001: down
            #2 stop container api-00000001-api after #1: down
            #3 remove container api-00000001-api after #2: down
            #4 remove container 00000001-service-connect after #2: down
            #5 remove container 00000001-pause after #3, #4: down
            #6 remove volume 00000001000000010000000100000001 after #5: volumes of the task
        """)

    def test_a_service_that_is_not_connected_has_none(self) -> None:
        plan = ProxyWorld(make_service(name="api", type="Backend Service")).reconcile().plan
        assert not {Verb.AWAIT_PROXY, Verb.WRITE_NAMES} & {operation.verb for operation in plan.operations}

    def test_a_task_whose_proxy_ended_is_replaced(self) -> None:
        world = ProxyWorld(API)
        task_id = world.runs_task("api")
        world.runs_proxy(task_id, "exited", 1)
        assert world.reconcile().stopped == {task_id: "its Service Connect proxy exited"}

    def test_a_task_without_one_is_replaced_where_they_are_switched_on(self) -> None:
        world = ProxyWorld(API)
        old = world.runs_task("api", state=desired_state(API))
        assert world.reconcile().stopped == {old: "its definition changed"}


class TestTheContainer:
    @pytest.fixture
    def proxy(self) -> Any:
        return ProxyWorld(API).factory.task(proxied(API).services["api"], "ab" * 16).proxy

    def test_it_joins_the_network_of_its_task_and_reads_what_the_agent_writes(self, proxy: Any) -> None:
        assert proxy.network == f"container:{DEMO.pause('ab' * 16)}"
        assert [(mount.source, mount.read_only) for mount in proxy.mounts] == [(DEMO.connect_volume, True)]
        assert proxy.labels[names.ROLE] == names.Role.SERVICE_CONNECT
        assert proxy.read_only
        assert proxy.cap_drop == ("ALL",)

    def test_it_leads_the_served_port_to_itself(self, proxy: Any) -> None:
        configuration, egress, pair = proxy.command
        listener = json.loads(configuration)["static_resources"]["listeners"][0]
        assert pair == f"8080:{listener['address']['socket_address']['port_value']}"
        assert egress.isdecimal()

    def test_its_memory_is_not_the_tasks(self, proxy: Any) -> None:
        assert proxy.cgroup_parent is None

    def test_the_names_are_in_the_hosts_file_from_the_start(self) -> None:
        world = ProxyWorld(API, WEB)
        pause = world.factory.task(world.state.services["web"], "cd" * 16).pause
        assert pause.environment["COPILOT_LOCAL_HOSTS"] == "127.255.0.1 api # Service Connect"


class TestReadiness:
    def test_what_it_said_last_is_said_where_it_is_not_ready(self, bench: Bench) -> None:
        bench.engine.add_image(PROXY)
        bench.engine.behave("*-service-connect", Behaviour(exits=(1,), log=("no such file",)))
        with pytest.raises(TaskError, match="proxy of api is not ready: no such file") as caught:
            bench.start(proxied(API))
        assert 'proxy = "none"' in caught.value.hint


class TestStopping:
    @pytest.mark.parametrize("ended", [False, True])
    def test_a_proxy_that_runs_is_drained_before_its_task_stops(self, bench: Bench, ended: bool) -> None:
        bench.engine.add_image(PROXY)
        task = bench.start(proxied(API))
        assert task.proxy is not None
        if ended:
            bench.engine.finish(task.proxy.name, 1)
        bench.engine.execs.clear()
        bench.stop(bench.observed.tasks[task.id], withdraw=True)
        drained = [command for name, command in bench.engine.execs if name == task.proxy.name]
        assert [command[0] for command in drained] == ([] if ended else ["proxy-admin"])
        assert bench.warnings() == []


class TestFiles:
    @pytest.fixture
    def world(self) -> ProxyWorld:
        return ProxyWorld(connected("api", serves="api", count=3), WEB)

    def behind(self, folder: Path) -> list[str]:
        content = json.loads((folder / "endpoint-api.json").read_text(encoding="utf-8"))
        hosts = content["resources"][0]["endpoints"][0]["lb_endpoints"]
        return [host["endpoint"]["address"]["socket_address"]["address"] for host in hosts]

    def test_a_task_is_in_once_it_runs_and_out_when_it_leaves(self, world: ProxyWorld, tmp_path: Path) -> None:
        files = EndpointFiles(tmp_path, DEMO, lambda: world.state)
        first = world.runs_task("api")
        world.runs_proxy(first)
        starting = world.runs_task("api", {"api": "created"})
        world.runs_proxy(starting)
        assert files.write(world.observed, ())
        assert self.behind(tmp_path) == ["172.30.0.1"]
        files.write(world.observed, {first})
        assert self.behind(tmp_path) == []

    @pytest.mark.parametrize("dead", ["api", "proxy"])
    def test_a_task_is_out_at_once_when_it_has_ended(self, world: ProxyWorld, tmp_path: Path, dead: str) -> None:
        files = EndpointFiles(tmp_path, DEMO, lambda: world.state)
        task_id = world.runs_task("api", {"api": 1} if dead == "api" else {})
        world.runs_proxy(task_id, *(("exited", 1) if dead == "proxy" else ()))
        files.write(world.observed, ())
        assert self.behind(tmp_path) == []

    def test_only_what_changed_is_written(self, world: ProxyWorld, tmp_path: Path) -> None:
        files = EndpointFiles(tmp_path, DEMO, lambda: world.state)
        assert files.write(world.observed, ())
        written = {path: path.stat().st_ino for path in tmp_path.iterdir()}
        assert not files.write(world.observed, ())
        assert not files.is_outdated(world.observed, ())
        world.runs_proxy(world.runs_task("api"))
        assert files.is_outdated(world.observed, ())
        files.write(world.observed, ())
        changed = [path.name for path, inode in written.items() if path.stat().st_ino != inode]
        assert changed == ["endpoint-api.json"]

    def test_proxies_of_another_user_can_read_them(self, world: ProxyWorld, tmp_path: Path) -> None:
        EndpointFiles(tmp_path, DEMO, lambda: world.state).write(world.observed, ())
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}
        assert (tmp_path / LISTENERS_FILE).is_file()

    def test_without_proxies_nothing_is_written(self, tmp_path: Path) -> None:
        world = World(API)
        world.runs_task("api")
        assert not EndpointFiles(tmp_path, DEMO, lambda: world.state).write(world.observed, ())
        assert list(tmp_path.iterdir()) == []


class TestTheFirstFiles:
    """Envoy begins with them, before the agent has written any."""

    def test_a_command_writes_them_once_into_the_agent(self, bench: Bench) -> None:
        state = proxied(API)
        first = FirstFiles(bench.engine, DEMO, lambda: state)
        assert not first.write(bench.observed, ()), "no agent: it writes them when it comes"
        bench.up(API)
        assert first.write(bench.observed, ())
        listeners = json.loads(bench.engine.read_file(DEMO.agent, f"{FOLDER}/{LISTENERS_FILE}"))
        assert listeners["resources"][0]["name"] == "egress"
        assert bench.engine.read_file(DEMO.agent, f"{FOLDER}/endpoint-api.json")
        assert not first.write(bench.observed, ())

    def test_without_proxies_there_are_none(self, bench: Bench) -> None:
        bench.up(API)
        assert not FirstFiles(bench.engine, DEMO, lambda: desired_state(API)).write(bench.observed, ())


class TestNames:
    def test_those_of_all_services_at_the_same_address_in_every_task(self) -> None:
        world = ProxyWorld(API, connected("db", serves="orders.internal"), WEB)
        text = virtual_lines(world.state, "web")
        assert text == "127.255.0.1 api # Service Connect\n127.255.0.2 orders.internal # Service Connect\n"
        world.runs_task("web")
        world.runs_task("api")
        assert set(entries(world.observed, DEMO.network, state=world.state).values()) == {text}

    def test_a_later_one_takes_no_address_of_another(self) -> None:
        state = proxied(API).merged_with(proxied(connected("aaa", serves="aaa")))
        assert virtual_lines(state, "api").split() == [
            *("127.255.0.1", "api", "#", "Service", "Connect"),
            *("127.255.0.2", "aaa", "#", "Service", "Connect"),
        ]

    def test_a_new_one_is_written_into_tasks_that_run(self, bench: Bench) -> None:
        bench.engine.add_image(PROXY)
        state = proxied(WEB)
        bench.start(state)
        connect = ServiceConnect(bench.engine, DEMO, state=lambda: state)
        assert not connect.is_outdated(bench.observed), "its pause was made with the names"
        state = state.merged_with(proxied(API))
        assert connect.is_outdated(bench.observed)
        connect.refresh()
        [lines] = [command[-1] for name, command in bench.engine.execs if name.endswith("-pause")]
        assert lines == "127.255.0.1 api # Service Connect\n"

    @staticmethod
    def strict(*services: Service) -> DesiredState:
        state = proxied(*services)
        for desired in state.services.values():
            desired.options = desired.options.model_copy(update={"connect_names": "ecs"})
        return state

    def test_as_deployed_a_task_finds_those_that_were_there_at_its_deployment(self) -> None:
        first = self.strict(API, WEB)
        assert first.findable_names("web") == {"api"}
        later = first.merged_with(self.strict(connected("db", serves="db")))
        assert later.findable_names("web") == {"api"}
        assert later.findable_names("db") == {"api", "db"}
        again = later.merged_with(self.strict(WEB))
        assert again.findable_names("web") == {"api"}, "nothing of it changed: it was not deployed"
        changed = connected("web", containers={"web": {"command": ["other"]}})
        assert again.merged_with(self.strict(changed)).findable_names("web") == {"api", "db"}
        assert again.merged_with(self.strict(WEB), forced=["web"]).findable_names("web") == {"api", "db"}
        assert virtual_lines(again, "web") == "127.255.0.1 api # Service Connect\n"

    def test_as_deployed_also_without_proxies(self) -> None:
        world = World(API, WEB)
        world.runs_task("api")
        world.runs_task("web")
        state = self.strict(WEB).merged_with(self.strict(API))
        assert state.findable_names("web") == set()
        texts = sorted(entries(world.observed, DEMO.network, state=state).values())
        assert texts == ["", "172.30.0.1 api # Service Connect\n"]

    def test_without_that_rule_it_finds_later_ones_too(self) -> None:
        assert proxied(WEB).merged_with(proxied(API)).findable_names("web") == {"api"}


def test_the_hash_knows_proxies_of_connected_services_alone() -> None:
    def hashes(service: Service) -> set[str]:
        return {state.services[service.name].config_hash() for state in (desired_state(service), proxied(service))}

    assert len(hashes(API)) == 2
    assert len(hashes(make_service(name="plain"))) == 1
