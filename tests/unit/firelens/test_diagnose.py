from __future__ import annotations

import pytest

from emulator.errors import Position
from emulator.firelens.diagnose import Problem, find_problems

FILE = "copilot/hello/manifest.yml"
LINES = {
    "logging": 10,
    "logging.configFilePath": 11,
    "logging.destination": 12,
    "logging.destination.Name": 13,
    "logging.destination.Host": 14,
    "logging.secretOptions.apikey": 20,
    "logging.sidecars.nginx.destination.bogus": 30,
}
POSITIONS = {path: Position(FILE, line, 3) for path, line in LINES.items()}
OUTPUTS = [("hello", "http"), ("nginx", "cloudwatch"), ("output-1", "s3")]


def problem(line: str) -> Problem:
    [found] = find_problems(["[2026/11/23] [ info] [engine] started", line, line], OUTPUTS, POSITIONS, "hello")
    return found


@pytest.mark.parametrize(
    ("line", "at", "says"),
    [
        ("Output plugin 'http' cannot be loaded", 13, "knows no output plugin http"),
        (
            "[error] [config] http: unknown configuration property 'host'. The following",
            14,
            "http knows no option host",
        ),
        ("[error] [config] http: unknown configuration property 'x'. The following", 12, "http knows no option x"),
        ("[error] [config] cloudwatch_logs: unknown configuration property 'bogus'.", 30, "knows no option bogus"),
        ("[error] [output:s3:s3.0] 'bucket' is a required parameter", 11, "'bucket' is a required parameter"),
        ("[error] [filter:lua:lua.0] cannot access script '/nope.lua'", 11, "the filter lua: cannot access script"),
        ("Error: Configuration file contains errors. Aborting", 11, "includes a file that is not there"),
    ],
)
def test_a_message_of_fluent_bit_names_the_manifests_line(line: str, at: int, says: str) -> None:
    found = problem(line)
    assert (found.position, found.fatal) == (Position(FILE, at, 3), True)
    assert says in str(found)
    assert str(found).startswith(f"{FILE}:{at}:3: ")


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("[ warn] [env] variable ${apikey_0} is used but not set", 20),
        ("[error] [output:http:http.1] no upstream connections available to logs:443", 14),
    ],
)
def test_what_fluent_bit_goes_on_with_is_not_fatal(line: str, at: int) -> None:
    assert (problem(line).position, problem(line).fatal) == (Position(FILE, at, 3), False)


def test_a_manifest_that_is_not_there_gives_no_position() -> None:
    [found] = find_problems(["Output plugin 'x' cannot be loaded"], [], {}, "hello")
    assert found.position is None
    assert str(found) == "the log router knows no output plugin x"
