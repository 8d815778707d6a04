from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from emulator.errors import PortInUse
from emulator.runtime.listeners.free_port import DEFAULT_PORT, Reservation, choose_port, is_free
from emulator.runtime.listeners.port_choice import replaceable
from tests.unit.runtime.world import desired_state, make_service


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def everywhere() -> Iterator[int]:
    """A port that another program listens on at every address."""
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_the_port_that_is_asked_for() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert choose_port(free, 9999) == free


def test_a_port_that_another_program_has_is_refused(taken: int) -> None:
    with pytest.raises(PortInUse, match=f"port {taken}"):
        choose_port(taken, None)


def test_a_port_that_is_taken_on_every_address_is_refused(everywhere: int) -> None:
    assert not is_free(everywhere)


def test_the_fronts_own_port_is_not_in_its_way(taken: int) -> None:
    assert choose_port(taken, current=taken) == taken


def test_the_running_front_keeps_its_port(taken: int) -> None:
    assert choose_port(None, current=taken) == taken


def test_else_the_first_free_one_from_8080_on() -> None:
    first = choose_port(None, None)
    assert first >= DEFAULT_PORT == 8080
    assert is_free(first)
    assert choose_port(None, None, taken=[first]) > first


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ports are reserved on Linux only")
@pytest.mark.parametrize("first", [65535, 65536])
def test_after_the_last_port_the_search_goes_on_from_8080(first: int) -> None:
    assert DEFAULT_PORT <= choose_port(None, None, taken={65535}, first=first) < 65535


def test_what_another_command_has_chosen_is_passed_by_until_it_is_done() -> None:
    with Reservation() as other:
        theirs = choose_port(None, None, reservation=other)
        with Reservation() as ours:
            assert choose_port(None, None, reservation=ours) > theirs
            assert ours.take(theirs, udp=True), "datagrams have ports of their own"
    with Reservation() as later:
        assert later.take(theirs)


def test_one_command_may_choose_a_port_twice() -> None:
    with Reservation() as ours:
        assert choose_port(None, None, reservation=ours) == choose_port(None, None, reservation=ours)


@pytest.mark.parametrize(
    ("port", "asked", "expected"),
    [
        pytest.param(4566, (), {4566}, id="of the local AWS endpoint"),
        pytest.param(4566, (4566,), set(), id="asked for"),
        pytest.param(5000, (), set(), id="none of ours"),
        pytest.param(None, (8080,), {4566}, id="Docker does not say which"),
    ],
)
def test_a_port_that_another_process_was_faster_with_is_replaced_unless_it_was_asked_for(
    port: int | None, asked: tuple[int, ...], expected: set[int]
) -> None:
    state = desired_state(make_service(target=("hello", 80))).model_copy(update={"front_port": 8080, "aws_port": 4566})
    assert replaceable(PortInUse("taken", port=port), state, asked) == expected
