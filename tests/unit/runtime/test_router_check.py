"""`firelens check`: a good router is fine, a bad one is told with its reason, also where they are to print little."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec, File
from emulator.errors import TaskError
from emulator.firelens.classic import read_sections, section_kind
from emulator.runtime.images import router_check
from emulator.runtime.images.router_check import RouterCheck, check_router
from tests.unit.runtime.world import DEMO, ROUTED, make_service

MAIN = "/fluent-bit/etc/fluent-bit.conf"
BANNER = "Fluent Bit v1.9.10"
STARTED = "[ info] [sp] stream processor started"
REASON = "[error] [input:tcp:tcp.2] could not bind address 127.0.0.1:8877"
LEVELS = ("off", "error", "warn", "info", "debug", "trace")


class Router(FakeEngine):
    """An engine whose routers print what Fluent Bit does at the log level, and to the file, that they are told."""

    def __init__(self, text: str, says: str, *, exits: int | None, variables: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.add_image("router:1", environment=variables)
        self.behave("*-check-*", Behaviour(exits=(exits,), log=(BANNER,)))
        self._text = text
        self._says = says
        self._variables = dict(variable.split("=") for variable in variables)

    def create_container(self, spec: ContainerSpec) -> str:
        container = super().create_container(spec)
        self.put_files(container, "/", [File("extra.conf", self._text.encode())])
        return container

    def start(self, container: str) -> None:
        super().start(container)
        sections = read_sections(self._read(container, MAIN), MAIN, lambda path: self._read(container, path))
        told = {
            line.key.lower(): line.value.lower()
            for section in sections
            if section_kind(section.name) == "service"
            for line in section.entries
        }
        variables = {**self._variables, **self.variables(container)}
        level = variables.get("FLB_LOG_LEVEL", told.get("log_level", "info"))
        needed = "error" if "[error]" in self._says else "info"
        if "log_file" not in told and LEVELS.index(level) >= LEVELS.index(needed):
            self.print_line(container, self._says)

    def _read(self, container: str, path: str) -> str:
        return self.read_file(container, path).decode()


def service(destination: Mapping[str, str] | None = None, **router: object) -> Service:
    options = {"config-file-type": "file", "config-file-value": "/extra.conf"}
    definition = {"image": "router:1", "firelensConfiguration": {"type": "fluentbit", "options": options}, **router}
    hello = (
        {"logConfiguration": {"logDriver": "awsfirelens", "options": destination}}
        if destination is not None
        else ROUTED
    )
    return make_service({"hello": hello, "firelens_log_router": definition})


def check(engine: FakeEngine, destination: Mapping[str, str] | None = None, **router: object) -> RouterCheck:
    return check_router(engine, DEMO, service(destination, **router), "router:1", "us-east-1")


QUIET = {
    **{f"Log_Level {level}": f"[SERVICE]\n    Log_Level {level}\n" for level in ("error", "warn", "off", "ERROR")},
    "Log_Level of a variable": "@SET level=off\n[SERVICE]\n    Log_Level ${level}\n",
    "Log_Level twice": "[SERVICE]\n    Log_Level info\n[SERVICE]\n    log_level error\n",
    "Log_File": "[SERVICE]\n    Log_File /var/log/router.log\n",
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router that has started is not watched any longer."""
    monkeypatch.setattr(router_check, "WATCHED", 0.0)


@pytest.mark.parametrize("text", QUIET.values(), ids=QUIET)
def test_a_good_router_that_prints_little_is_fine(text: str) -> None:
    found = check(Router(text, STARTED, exits=None))
    assert (found.problems, found.version) == ((), BANNER)


@pytest.mark.parametrize("text", QUIET.values(), ids=QUIET)
def test_a_bad_router_that_prints_little_is_told_with_its_reason(text: str) -> None:
    [problem] = check(Router(text, REASON, exits=255)).problems
    assert "could not bind address 127.0.0.1:8877" in problem.message


def test_the_variable_for_the_log_level_does_not_silence_it() -> None:
    text = "[SERVICE]\n    Flush 1\n"
    assert check(Router(text, STARTED, exits=None, variables=("FLB_LOG_LEVEL=error",))).problems == ()
    pair = {"name": "FLB_LOG_LEVEL", "value": "off"}
    assert check(Router(text, STARTED, exits=None), environment=[pair]).problems == ()


def test_a_name_made_from_each_record_needs_no_plugin_where_no_record_comes() -> None:
    destination = {
        "Name": "cloudwatch",
        "region": "us-east-1",
        "log_group_name": "$(tenant)",
        "log_stream_prefix": "a/",
    }
    assert check(Router("[SERVICE]\n    Flush 1\n", STARTED, exits=None), destination).problems == ()


def test_one_that_does_not_start_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_check, "START_TIMEOUT", 0.0)
    with pytest.raises(TaskError, match="the log router did not start within"):
        check(Router("[SERVICE]\n    Flush 1\n", "", exits=None))


def test_a_router_without_an_output_is_said_to_drop_everything() -> None:
    [problem] = check(Router("[SERVICE]\n    Flush 1\n", STARTED, exits=None), {}).problems
    assert ("has no output" in problem.message, problem.fatal) == (True, False)
    meant = "[OUTPUT]\n    Name null\n    Match *\n"
    assert check(Router(meant, STARTED, exits=None), {}).problems == ()
