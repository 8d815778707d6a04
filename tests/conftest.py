"""What every test shares, in each process that runs tests."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import pytest

pytest.register_assert_rewrite("tests.unit.engine.contract", "tests.docker.rendered")

INHERITED = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)
"""Signals that a background job, `nohup` or a CI runner may have set to be ignored."""


OBJECTS_BETWEEN_COLLECTIONS = 500_000
"""In place of Python's 700: collecting ten thousand tests makes millions of objects that stay, and looking through them
for garbage took a third of that time. With 50,000 it still took an eighth of that of
`unit/runtime`, for documents that `json` had just read."""
gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Looks for no garbage meanwhile: what is made stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Takes what collecting made out of every later look for garbage."""
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Gives ignored signals their default action, which the commands that tests start then inherit.

    A process started with an ignored SIGINT keeps ignoring it, and a test that sends Ctrl-C would wait in vain.
    """
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(WithoutGroups())
    for number in INHERITED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


class WithoutGroups:
    """Takes the group, which xdist adds to a test's name, from reports: `--last-failed` would not find it again."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid.rfind("@") > report.nodeid.rfind("]"):
            report.nodeid = report.nodeid.rpartition("@")[0]


SHARED = frozenset({"class", "module", "package"})
OF_A_FOLDER = "make_session_project"
"""The fixture that environments for all tests of a folder are made with."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps together, on one worker, the tests that share something: it is then made once.

    Those are the tests of a folder with an environment of the folder, the tests of a file with a fixture of more than
    one test, and the tests of a file that needs no Docker, which takes less time than distributing them. Tests of
    stacks are two groups: their imports alone take seconds of each worker. The others go to whichever worker is free
    (`--dist loadgroup`).
    """
    if not config.getoption("loadgroup", False):
        return
    items[:] = beside_each_other(items, lambda item: item.nodeid)
    for item in items:
        if group := _group(item):
            # What xdist distributes by is behind the @ of an id. For a mark, xdist 3.8 writes it into an attribute
            # that pytest 9.2 does not read any more: each test would be a group of its own.
            item._id = type(item.id).parse(f"{item.nodeid}@{group}")


COMPUTES = "tests/stacks/"
WAITS = ("tests/unit/agent/", "tests/unit/runtime/")
"""Folders whose tests keep a processor busy, and those whose tests mostly wait for other threads and for deadlines."""

T = TypeVar("T")


def beside_each_other(tests: Sequence[T], name: Callable[[T], str]) -> list[T]:
    """In the same order, except that files of `WAITS` are spread among those of `COMPUTES`: where all workers wait at
    the same time, the processors are idle. Tests are independent of their order."""
    files = list(dict.fromkeys(name(test).partition("::")[0] for test in tests))
    places = {file: (0.0 if index < _first(files) else 2.0) for index, file in enumerate(files)}
    for folders in ((COMPUTES,), WAITS):
        found = [file for file in files if file.startswith(folders)]
        places |= {file: 1 + (index + 0.5) / len(found) for index, file in enumerate(found)}
    return sorted(tests, key=lambda test: places[name(test).partition("::")[0]])


def _first(files: Sequence[str]) -> int:
    """The index of the first file that computes, or the number of files."""
    return next((index for index, file in enumerate(files) if file.startswith(COMPUTES)), len(files))


def _group(item: pytest.Item) -> str:
    """Empty where it shares nothing but what every Docker test has, such as the engine."""
    file = item.nodeid.partition("::")[0]
    if file.startswith(COMPUTES):
        return f"{COMPUTES}{'stacks' if file.endswith('stacks.py') else 'others'}"
    if item.get_closest_marker("docker") is None:
        return file
    fixtures = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    if OF_A_FOLDER in fixtures:
        return file.rpartition("/")[0]
    return file if any(found[-1].scope in SHARED for found in fixtures.values()) else ""
