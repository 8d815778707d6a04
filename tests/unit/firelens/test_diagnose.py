from __future__ import annotations

import pytest

from emulator.errors import Position
from emulator.firelens.diagnose import Problem, find_problems
from emulator.firelens.placed import Placed

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


SECTIONS = [
    Placed("service", "", "", "/extra.conf", 1, {"parsers_file": 2, "streams_file": 3}),
    Placed("input", "forward"),
    Placed("filter", "grep", "nginx", keys={"name": 1, "exclude": 3}),
    Placed("filter", "record_modifier"),
    Placed("input", "nosuch", "", "/extra.conf", 5, {"name": 6}),
    Placed("filter", "multiline", "", "/extra.conf", 8, {"name": 9, "mode": 11}),
    Placed("filter", "multiline", "", "/more.conf", 1, {"name": 2}),
    Placed("filter", "nosuch", "", "/more.conf", 5, {"name": 6}),
    Placed("output", "http", "output-1", "/extra.conf", 20, {"name": 21, "bogus": 24}),
    Placed("output", "null", keys={"name": 1}),
    Placed("output", "http", "hello", keys={"name": 1, "host": 3, "mode": 4}),
    Placed("output", "s3", "output-2", "/extra.conf", 30, {"name": 31, "alias": 32}, "archive"),
]


@pytest.mark.parametrize(
    ("line", "says", "at"),
    [
        ("Input plugin 'nosuch' cannot be loaded", "knows no input plugin nosuch (/extra.conf:6 in", 11),
        ("Invalid configuration value at FILTER.Name", "knows no filter plugin nosuch (/more.conf:6 in", 11),
        (
            "[error] [config] section 'filter' tried to instance a plugin name that doesn't exist",
            "knows no filter plugin nosuch (/more.conf:6 in",
            11,
        ),
        (
            "[error] [config] multiline: unknown configuration property 'mode'. The following",
            "the filter plugin multiline knows no option mode (/extra.conf:11 in",
            11,
        ),
        (
            "[error] [config] http: unknown configuration property 'bogus'. The following",
            "the output plugin http knows no option bogus (/extra.conf:24 in",
            11,
        ),
        ("[error] [filter:multiline:multiline.3] no key", "the filter multiline: no key (/more.conf:1 in", 11),
        ("[error] [filter:grep:grep.0] could not compile regex pattern '('", "the filter grep: could not", 33),
        ("[error] [output:http:http.0] wrong", "the output plugin http: wrong (/extra.conf:20 in", 11),
        ("[error] [output:http:http.2] wrong", "the output plugin http: wrong", 12),
        ("[error] [output:s3:archive] wrong", "the output plugin s3: wrong (/extra.conf:30 in", 11),
        (
            "\x1b[1m\x1b[91mError\x1b[0m: Could not open parser configuration file. Aborting",
            "cannot open its parsers file (Parsers_File) (/extra.conf:2 in",
            11,
        ),
        ("[error] [sp] cannot open configuration file: /x", "the stream processor: cannot open", 11),
        ("Error: unexpected section [STREAM_TASK] in the main configuration file.", "unexpected section [STREAM", 11),
        ("Sections [MULTILINE_PARSER] and [PARSER] are not valid in", "are not valid in", 11),
        ("[2026/11/28 11:00:00] [error] something never seen before", "the log router: something never seen", 11),
    ],
)
def test_a_message_names_the_section_that_it_is_about(line: str, says: str, at: int) -> None:
    lines = {**LINES, "logging.sidecars.nginx.destination.exclude-pattern": 33}
    positions = {path: Position(FILE, number, 3) for path, number in lines.items()}
    [found] = find_problems([line, "[error] [lib] backend failed"], OUTPUTS, positions, "hello", SECTIONS)
    assert says in found.message
    assert (found.position, found.fatal) == (Position(FILE, at, 3), True)


@pytest.mark.parametrize("first", range(4))
def test_what_follows_an_error_is_no_problem_of_its_own_in_whichever_order_it_is_printed(first: int) -> None:
    lines = [
        "[error] [filter:lua:lua.0] cannot access script '/nope.lua'",
        "[error] [filter_lua] filter cannot be loaded",
        "[error] Failed initialize filter lua.0",
        "[error] [lib] backend failed",
    ]
    [found] = find_problems([lines[first], *lines[:first], *lines[first + 1 :]], OUTPUTS, POSITIONS, "hello")
    assert "cannot access script" in found.message


def test_one_that_follows_an_error_that_was_not_printed_is_told() -> None:
    unset = "variable ${X} is used but not set"
    found = find_problems([unset, "[error] Failed initialize filter lua.0", "[error] [lib] backend failed"], [], {}, "")
    assert [problem.fatal for problem in found] == [False, True]
    assert "Failed initialize filter lua.0" in found[1].message


@pytest.mark.parametrize("written", ["CloudWatch", "Cloudwatch_Logs"])
def test_the_section_is_found_however_its_plugin_is_written(written: str) -> None:
    """Fluent Bit says its own name for it."""
    sections = [Placed("output", written, "hello", keys={"name": 1, "host": 2})]
    line = "[error] [config] cloudwatch_logs: unknown configuration property 'host'."
    [found] = find_problems([line], OUTPUTS, POSITIONS, "hello", sections)
    assert (found.stream, found.position) == ("hello", Position(FILE, 14, 3))


def test_a_manifest_that_is_not_there_gives_no_position() -> None:
    [found] = find_problems(["Output plugin 'x' cannot be loaded"], [], {}, "hello")
    assert found.position is None
    assert str(found) == "the log router knows no output plugin x"
