"""What a log router said that ended over its configuration, where Fluent Bit lost the line with the reason."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.runtime.health.container_failure import container_failed
from emulator.runtime.health.last_words import STARTS, lost_its_reason, say_again
from emulator.runtime.state import names
from emulator.runtime.state.names import Role
from emulator.runtime.state.observed import Member

BANNER = "Fluent Bit v1.9.10"
REASON = "[error] [input:tcp:tcp.2] could not bind address 127.0.0.1:8877"

FOLLOWS = "[error] [lib] backend failed"

LABELS = {
    names.ROLE: Role.ROUTER,
    names.CONTAINER: "firelens_log_router",
    names.LOG_OUTPUTS: json.dumps({"positions": {}, "outputs": [], "main": "hello"}),
}


class Router(FakeEngine):
    """An engine with one router, which says in each start what is given for it."""

    def __init__(self, *starts: str, exits: tuple[int | None, ...] = (255,)) -> None:
        super().__init__()
        self.add_image("router:1")
        self.behave("router", Behaviour(exits=exits, log=(BANNER,)))
        self.create_container(ContainerSpec(name="router", image="router:1", labels=LABELS))
        self.says = list(starts)
        self.starts = 0
        self.start("router")

    def start(self, container: str) -> None:
        super().start(container)
        self.starts += 1
        if said := self.says.pop(0) if self.says else "":
            self.print_line(container, said)


def has_reason(lines: Sequence[str]) -> bool:
    return REASON in lines


def test_it_is_started_again_until_it_says_why() -> None:
    engine = Router("", "", REASON)
    assert say_again(engine, "router", has_reason) == [BANNER, REASON]
    assert engine.starts == 3


def test_one_that_never_says_why_is_let_be() -> None:
    engine = Router()
    assert say_again(engine, "router", has_reason) == []
    assert engine.starts == 1 + STARTS


def test_one_that_is_gone_says_nothing() -> None:
    engine = Router()
    engine.remove("router")
    assert say_again(engine, "router", has_reason) == []


@pytest.mark.parametrize(
    ("lines", "code", "lost"),
    [
        ([BANNER], 255, True),
        ([], 1, True),
        ([BANNER, "[ info] [sp] stream processor started"], 255, False),
        ([BANNER], 0, False),
        ([BANNER], 137, False),
        ([BANNER], None, False),
    ],
)
def test_only_what_ended_by_itself_before_it_had_started_is_asked_again(
    lines: list[str], code: int | None, lost: bool
) -> None:
    assert lost_its_reason(lines, code) is lost


@pytest.mark.parametrize(
    "starts",
    [(REASON,), ("", REASON), (FOLLOWS, FOLLOWS, REASON)],
    ids=["said at once", "said the second time", "said after what follows from it"],
)
def test_the_error_of_a_router_that_ended_has_its_reason(starts: tuple[str, ...]) -> None:
    engine = Router(*starts)
    [row] = engine.list_containers({})
    failed = container_failed(engine, Member(row), "it ended")
    reason = "the input tcp: could not bind address 127.0.0.1:8877"
    assert failed.message == f"container firelens_log_router exited with code 255: {reason}"
    assert engine.starts == len(starts)


def test_where_only_what_follows_is_ever_said_that_is_told() -> None:
    engine = Router(*[FOLLOWS] * (STARTS + 1))
    [row] = engine.list_containers({})
    assert "backend failed" in container_failed(engine, Member(row), "it ended").message
    assert engine.starts == 1 + STARTS
