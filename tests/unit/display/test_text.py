from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable

import pytest

from emulator.display.text import TextDisplay
from emulator.events import Event, EventKind


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """The lines one would see: what erased lines and steps upwards leave."""
        rows = [""]
        for part in re.findall(r"\r\x1b\[K|\x1b\[A\x1b\[K|\n|[^\r\n\x1b]+|\x1b", self.getvalue()):
            if part == "\n":
                rows.append("")
            elif part == "\x1b[A\x1b[K":
                assert rows.pop() == ""
                rows[-1] = ""
            else:
                rows[-1] = "" if part == "\r\x1b[K" else rows[-1] + part
        return rows


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Show = Callable[..., tuple[str, str]]


@pytest.fixture
def show(clock: Clock) -> Show:
    """Renders events without a terminal; returns what went to standard output and to standard error."""

    def render(*events: Event) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        display = TextDisplay(out, err, lambda: None, clock=clock)
        for event in events:
            display.emit(event)
        display.close()
        return out.getvalue(), err.getvalue()

    return render


def log(container: str, line: str) -> Event:
    return Event(EventKind.LOG, container, line)


def test_log_lines_go_to_standard_output_with_an_aligned_prefix(show: Show) -> None:
    out, err = show(log("hello", "one"), log("firelens_log_router", "two"), log("hello", "three"))
    assert out.splitlines() == [
        "hello | one",
        "firelens_log_router | two",
        "hello               | three",
    ]
    assert err == ""


def test_a_step_is_one_line_with_how_long_it_took(clock: Clock) -> None:
    err = io.StringIO()
    display = TextDisplay(io.StringIO(), err, lambda: None, clock=clock)
    display.emit(Event(EventKind.STEP_STARTED, "image nginx", "building"))
    clock.now += 1.44
    display.emit(Event(EventKind.STEP_DONE, "image nginx", "built"))
    assert err.getvalue() == " ✓ image nginx built 1.4s\n"


def test_a_step_says_how_long_it_took_by_its_own_measure(show: Show) -> None:
    _, err = show(Event(EventKind.STEP_DONE, "task hello/1", "started", {"seconds": 75}))
    assert err == " ✓ task hello/1 started 1m 15s\n"


def test_a_step_without_a_last_word_keeps_its_title(show: Show) -> None:
    _, err = show(
        Event(EventKind.STEP_STARTED, "image nginx", "building"),
        Event(EventKind.STEP_FAILED, "image nginx", "", {"seconds": 2}),
    )
    assert err == " ✗ image nginx building 2.0s\n"


def test_a_step_that_fails_says_why_and_what_the_container_printed_last(show: Show) -> None:
    _, err = show(
        Event(
            *(EventKind.STEP_FAILED, "wait until shop 528f9214 is steady", "container nginx exited with code 1"),
            {"seconds": 0.1, "container": "nginx", "output": 'nginx: [emerg] unknown directive "x"\x1b[2J'},
        ),
    )
    first, second = err.splitlines()
    assert first == " ✗ wait until shop 528f9214 is steady: container nginx exited with code 1 0.1s"
    assert second.startswith('     nginx | nginx: [emerg] unknown directive "x"')
    assert "\x1b" not in second


def test_a_slow_step_is_seen_to_run_without_a_terminal(show: Show) -> None:
    _, err = show(
        Event(EventKind.STEP_STARTED, "image nginx", "building"),
        Event(EventKind.PROGRESS, "image nginx", "FROM nginx"),
        Event(EventKind.PROGRESS, "image nginx", "RUN x"),
        Event(EventKind.STEP_DONE, "image nginx", "built", {"seconds": 60}),
    )
    assert err.splitlines() == [" • image nginx building …", " ✓ image nginx built 1m 0s"]


def test_warnings_states_and_notes_go_to_standard_error(show: Show) -> None:
    out, err = show(
        Event(EventKind.WARNING, "manifest.yml:3", "unknown key", {"hint": "did you mean x?"}),
        Event(EventKind.STATE, "nginx", "is healthy"),
        Event(EventKind.INFO, "", "Press Ctrl-C to stop"),
    )
    assert out == ""
    assert err.splitlines() == [
        "warning: manifest.yml:3: unknown key",
        "  hint: did you mean x?",
        " • nginx is healthy",
        "Press Ctrl-C to stop",
    ]


def test_without_a_terminal_nothing_is_coloured(show: Show) -> None:
    out, err = show(
        log("a", "x"),
        Event(EventKind.STEP_STARTED, "s"),
        Event(EventKind.STEP_DONE, "s"),
        Event(EventKind.WARNING, "w"),
    )
    assert "\x1b" not in out + err


def test_no_color_wins_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out, err = Terminal(), Terminal()
    display = TextDisplay(out, err, lambda: None)
    display.emit(log("a", "x"))
    display.emit(Event(EventKind.STEP_STARTED, "s"))
    display.emit(Event(EventKind.STEP_DONE, "s"))
    assert "\x1b" not in out.getvalue() + err.getvalue()


def test_each_container_has_its_own_colour_and_keeps_it() -> None:
    names = [f"container-{number}" for number in range(6)]

    def prefixes(order: list[str]) -> dict[str, str]:
        out = Terminal()
        display = TextDisplay(out, io.StringIO(), lambda: None)
        for name in order:
            display.emit(log(name, "x"))
        return {name: line.split("m", 1)[0] for name, line in zip(order, out.getvalue().splitlines(), strict=True)}

    together = prefixes(names)
    assert len(set(together.values())) == len(names)
    assert prefixes(names) == together


def test_a_terminal_shows_the_running_step_and_then_only_its_end(clock: Clock) -> None:
    err = Terminal()
    display = TextDisplay(io.StringIO(), err, lambda: None, clock=clock, columns=lambda: 40)
    display.emit(Event(EventKind.STEP_STARTED, "image nginx", "building"))
    display.emit(Event(EventKind.PROGRESS, "image nginx", "RUN a very long command\x1b[1A that would wrap the line"))
    assert err.screen()[-1] == " • image nginx building: RUN a very lon"
    clock.now += 0.4
    display.emit(Event(EventKind.STEP_DONE, "image nginx", "built"))
    assert [line.replace("\x1b[32m", "").replace("\x1b[2m", "").replace("\x1b[0m", "") for line in err.screen()] == [
        " ✓ image nginx built 0.4s",
        "",
    ]


def test_closing_takes_the_running_step_off_the_terminal() -> None:
    err = Terminal()
    display = TextDisplay(io.StringIO(), err, lambda: None)
    display.emit(Event(EventKind.STEP_STARTED, "image nginx", "building"))
    display.close()
    assert err.screen() == [""]


def test_a_reader_that_went_away_interrupts_once() -> None:
    interrupts: list[str] = []
    display = TextDisplay(Broken(), io.StringIO(), lambda: interrupts.append("x"))
    display.emit(log("a", "one"))
    display.emit(log("a", "two"))
    assert interrupts == ["x"]


def test_a_closed_standard_error_does_not_stop_the_work() -> None:
    out = io.StringIO()
    display = TextDisplay(out, Broken(), lambda: None)
    display.emit(Event(EventKind.WARNING, "w"))
    display.emit(log("a", "one"))
    assert out.getvalue() == "a | one\n"


def test_lines_of_many_threads_stay_whole() -> None:
    out = io.StringIO()
    display = TextDisplay(out, io.StringIO(), lambda: None)

    def work(name: str) -> None:
        for number in range(200):
            display.emit(log(name, f"{number}"))

    threads = [threading.Thread(target=work, args=(f"c{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(f"c{container} | {number}" for container in range(8) for number in range(200))
    assert sorted(out.getvalue().splitlines()) == expected


def test_every_step_that_runs_has_a_line_that_is_drawn_in_place() -> None:
    err = Terminal()
    display = TextDisplay(io.StringIO(), err, lambda: None, columns=lambda: 60)
    for name in ("web", "api", "db"):
        display.emit(Event(EventKind.STEP_STARTED, f"build {name}"))
    display.emit(Event(EventKind.PROGRESS, "build api", "step 2 of 3"))
    assert err.screen() == [" • build web …", " • build api: step 2 of 3", " • build db …"]
    display.emit(Event(EventKind.STEP_DONE, "build api", fields={"seconds": 1.0}))
    assert [re.sub(r"\x1b\[\d+m", "", line) for line in err.screen()][1:] == [" • build web …", " • build db …"]
    for number in range(20):
        display.emit(Event(EventKind.STEP_STARTED, f"pull {number}"))
    assert err.screen()[1] == " • 14 more …"
    assert len(err.screen()) == 1 + 1 + 8
    display.close()
    assert err.screen()[1:] == [""]


@pytest.mark.parametrize(("value", "coloured"), [("1", True), ("0", False), ("", False)])
def test_clicolor_force_colours_a_pipe(monkeypatch: pytest.MonkeyPatch, value: str, coloured: bool) -> None:
    monkeypatch.setenv("CLICOLOR_FORCE", value)
    out = io.StringIO()
    TextDisplay(out, io.StringIO(), lambda: None).emit(log("hello", "one"))
    assert ("\x1b[" in out.getvalue()) is coloured
