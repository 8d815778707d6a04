"""A team's Compose services on an environment's network: what of Compose's model is changed, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.errors import InputError, Position
from emulator.runtime.specs.beside import Beside, chosen, joined, project_of, refuse_files_of_this_machine
from emulator.runtime.state import names
from emulator.runtime.state.names import Names

DEMO = Names("Demo", "test")
WHERE = Position("copilot-local.toml", 2)
DB: dict[str, Any] = {"image": "postgres:16", "networks": {"default": None}}


def model(**services: Any) -> dict[str, Any]:
    return {"name": "team", "services": services, "networks": {"default": {"name": "team_default"}}}


def join(found: dict[str, Any], environment: Names = DEMO, *, taken: tuple[int, ...] = ()) -> dict[str, Any]:
    beside = Beside(found, Path("/work"))
    return joined(beside, environment, {"postgres:16": "mirror/postgres:16"}, lambda port, udp: port not in taken)


class TestChoice:
    def test_all_but_those_named_like_a_workload(self) -> None:
        found = chosen(model(db=DB, api=DB, cache=DB), (), {"api", "web"}, WHERE)
        assert list(found["services"]) == ["cache", "db"]

    def test_those_that_are_listed(self) -> None:
        assert list(chosen(model(db=DB, api=DB), ("api",), {"api"}, WHERE)["services"]) == ["api"]

    def test_a_listed_one_that_is_not_there(self) -> None:
        with pytest.raises(InputError, match="no service bd") as raised:
            chosen(model(db=DB), ("bd",), set(), WHERE)
        assert raised.value.position == WHERE
        assert "did you mean db?" in raised.value.hint

    def test_one_that_needs_what_is_left_out(self) -> None:
        proxy = {**DB, "depends_on": {"api": {"condition": "service_started", "required": True}}}
        with pytest.raises(InputError, match="proxy depends on api, which is left out"):
            chosen(model(proxy=proxy, api=DB), (), {"api"}, WHERE)
        proxy["depends_on"]["api"]["required"] = False
        assert list(chosen(model(proxy=proxy, api=DB), (), {"api"}, WHERE)["services"]) == ["proxy"]

    def test_nothing_is_left(self) -> None:
        with pytest.raises(InputError, match="no service that is not a workload"):
            chosen(model(api=DB), (), {"api"}, WHERE)


class TestModel:
    def test_a_service_is_known_by_its_name_on_the_environments_network(self) -> None:
        db = {**DB, "networks": {"default": {"aliases": ["database"]}, "back": None}}
        found = join({**model(db=db), "networks": {"default": {}, "back": {"name": "team_back"}}})
        assert found["services"]["db"]["networks"] == {"back": None, "copilot-local": {"aliases": ["db", "database"]}}
        own = found["networks"]
        assert own["copilot-local"] == {"name": DEMO.network, "external": True}
        assert set(own) == {"copilot-local", "back"}
        assert own["back"]["name"] == f"{DEMO.prefix}-beside.back"
        assert own["back"]["labels"][names.APP] == "Demo"

    def test_one_in_anothers_network_stays_there(self) -> None:
        found = join(model(db={"image": "x", "network_mode": "service:cache"}))
        assert "networks" not in found["services"]["db"]

    def test_down_finds_all_of_it(self) -> None:
        found = join({**model(db={**DB, "labels": {"team": "a", names.TASK: "forged"}}), "volumes": {"data": None}})
        labels = found["services"]["db"]["labels"]
        assert (labels["team"], labels[names.ROLE], labels[names.CONTAINER]) == ("a", "beside", "db")
        assert labels[names.TASK] == ""
        volume = found["volumes"]["data"]
        assert volume["name"] == f"{DEMO.prefix}-beside.data"
        assert volume["labels"][names.DATA], "data stays until `down -v`"

    def test_what_is_not_composes_own_stays_as_it_is(self) -> None:
        outside = {"name": "shared", "external": True}
        found = join({**model(db=DB), "volumes": {"data": outside}, "networks": {"default": {}, "other": outside}})
        assert (found["volumes"]["data"], found["networks"]["other"]) == (outside, outside)

    def test_names_are_of_one_environment(self) -> None:
        found = join(model(db={**DB, "container_name": "db"}))
        assert "container_name" not in found["services"]["db"]
        assert found["name"] == project_of(DEMO) == "cl-demo-test-beside"
        assert project_of(Names("Demo", "prod")) != found["name"]

    def test_images_are_those_of_the_settings_and_of_the_teams_own_builds(self) -> None:
        found = join(model(db=DB, tool={"build": {"context": "/work"}}))
        assert found["services"]["db"]["image"] == "mirror/postgres:16"
        assert found["services"]["tool"]["image"] == "team-tool"

    @pytest.mark.parametrize(
        ("published", "taken", "owner", "host_port"),
        [
            ("5432", (), "", "5432"),
            ("5432", (5432,), "", None),
            ("5432", (), "a test", None),
            (None, (), "", None),
            ("5432-5440", (), "", None),
        ],
    )
    def test_a_host_port_is_of_the_loopback_interface_and_gives_way(
        self, published: str | None, taken: tuple[int, ...], owner: str, host_port: str | None
    ) -> None:
        port = {"target": 5432, "protocol": "tcp"} | ({"published": published} if published else {})
        found = join(model(db={**DB, "ports": [port]}), Names("Demo", "test", owner), taken=taken)
        [given] = found["services"]["db"]["ports"]
        assert (given["host_ip"], given.get("published")) == ("127.0.0.1", host_port)

    @pytest.mark.parametrize(("period", "seconds"), [(None, "10"), ("1m30s", "90"), ("500ms", "1"), ("2s", "2")])
    def test_it_is_stopped_in_its_own_time(self, period: str | None, seconds: str) -> None:
        found = join(model(db={**DB, "stop_grace_period": period}))
        assert found["services"]["db"]["labels"][names.STOP_TIMEOUT] == seconds


class TestElsewhere:
    def test_files_of_this_machine_are_refused_where_the_daemon_runs_on_another(self) -> None:
        db = {**DB, "volumes": [{"type": "bind", "source": "/home/me/data", "target": "/data"}]}
        mail = {**DB, "secrets": [{"source": "key"}]}
        beside = Beside({**model(db=db, mail=mail), "secrets": {"key": {"file": "/home/me/key"}}}, Path("/work"))
        refuse_files_of_this_machine(beside, "")
        with pytest.raises(InputError, match="the Docker daemon runs on far") as raised:
            refuse_files_of_this_machine(beside, "far")
        assert raised.value.message.startswith("db mounts /home/me/data; mail mounts /home/me/key: ")

    def test_what_every_system_has_is_the_daemons(self) -> None:
        mounts = [{"type": "bind", "source": "/var/run/docker.sock", "target": "/x"}, {"type": "volume"}]
        refuse_files_of_this_machine(Beside(model(db={**DB, "volumes": mounts}), Path("/work")), "far")
