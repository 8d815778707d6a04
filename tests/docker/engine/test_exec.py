from __future__ import annotations

import threading
import time

import pytest

from emulator.engine.interface import Engine
from emulator.errors import EngineTimeout
from tests.unit.engine.contract import Lab

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def container(shared_lab: Lab) -> str:
    """A container that runs, for commands that end."""
    return shared_lab.run("one")


def test_output_and_exit_code_of_a_command(engine: Engine, container: str) -> None:
    result = engine.exec(container, ["sh", "-c", "printf out; printf err >&2; exit 3"])
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out", b"err")


def test_a_command_runs_as_the_user_asked_for(engine: Engine, container: str) -> None:
    assert engine.exec(container, ["id", "-u"], user="1234").stdout == b"1234\n"


def test_a_program_that_is_not_there_gives_the_shell_s_code(engine: Engine, container: str) -> None:
    result = engine.exec(container, ["no-such-program"])
    assert result.exit_code in {126, 127}
    assert b"no-such-program" in result.stdout + result.stderr


def test_much_output_arrives_whole(engine: Engine, container: str) -> None:
    result = engine.exec(container, ["sh", "-c", "seq 1 100000; seq 1 100000 >&2"])
    expected = "".join(f"{number}\n" for number in range(1, 100001)).encode()
    assert result.stdout == expected
    assert result.stderr == expected


def test_first_bytes_are_not_lost(engine: Engine, container: str) -> None:
    """They may come in one packet with the HTTP header."""
    for number in range(15):
        assert engine.exec(container, ["echo", str(number)]).stdout == f"{number}\n".encode()


def test_a_command_that_takes_too_long_is_a_timeout(engine: Engine, container: str) -> None:
    begun = time.monotonic()
    with pytest.raises(EngineTimeout, match=r"'sleep 30' in .* did not end within 0\.3 s"):
        engine.exec(container, ["sleep", "30"], timeout=0.3)
    assert time.monotonic() - begun < 25


def test_a_command_that_keeps_printing_is_a_timeout_too(lab: Lab, engine: Engine) -> None:
    """In a container of its own, with which the command ends."""
    with pytest.raises(EngineTimeout):
        engine.exec(lab.run("one"), ["yes"], timeout=0.3)


def test_a_stream_tells_standard_error_and_the_code(engine: Engine, container: str) -> None:
    stream = engine.exec_stream(container, ["sh", "-c", "cat; echo problem >&2; exit 4"])
    stream.write(b"in")
    stream.close_stdin()
    assert list(stream.lines()) == [b"in"]
    assert stream.error_output() == b"problem\n"
    end = time.monotonic() + 60
    while (code := stream.exit_code()) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert code == 4
    stream.close()


def test_much_input_goes_through_while_output_is_read(engine: Engine, container: str) -> None:
    stream = engine.exec_stream(container, ["cat"])
    lines = [f"{number:06}".encode() * 20 for number in range(20000)]

    def feed() -> None:
        stream.write(b"\n".join(lines))
        stream.close_stdin()

    writer = threading.Thread(target=feed)
    writer.start()
    assert list(stream.lines()) == lines
    writer.join()
    stream.close()


def test_closing_a_stream_ends_the_command_s_input(engine: Engine, container: str) -> None:
    stream = engine.exec_stream(container, ["sh", "-c", "cat; touch /tmp/ended"])
    stream.write(b"a\n")
    assert next(stream.lines()) == b"a"
    stream.close()
    end = time.monotonic() + 60
    while engine.exec(container, ["test", "-e", "/tmp/ended"]).exit_code:
        assert time.monotonic() < end, "the command still waits for input"
        time.sleep(0.05)
