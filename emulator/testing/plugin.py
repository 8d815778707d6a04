"""The pytest plugin: fixtures for environments, and reports that say what the containers did.

Registered as `copilot-local` by an entry point. What an environment is made of are fixtures that a `conftest.py`
overrides; how long it lives is an option, `--copilot-scope`.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import pytest

from emulator.testing import live
from emulator.testing.observation.deaths import DeathWatch, fail_if_something_died, told

if TYPE_CHECKING:
    from emulator.testing.environment import Environment
    from emulator.testing.lifecycle import Lifecycle
    from emulator.testing.observation.report import Mark
    from emulator.testing.service import ServiceHandle

T = TypeVar("T")
ComposeFile = Callable[..., Path]
"""A service's name, and keywords of `Environment`, to the Compose file that was written for it."""
Scope = Literal["session", "package", "module", "class", "function"]
SCOPES: tuple[Scope, ...] = ("session", "package", "module", "class", "function")
LATE = 0.5
"""Seconds that the news of a death may come after the failure that it caused."""

_watch = pytest.StashKey[DeathWatch]()
_shared = pytest.StashKey[list["Lifecycle"]]()
"""The environments of the fixture, as opposed to those that tests make themselves."""
_marks = pytest.StashKey[Mapping[int, "Mark"]]()
_reported = pytest.StashKey[list["Lifecycle"]]()
"""The environments whose start is in a report already."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options and settings of the fixtures."""
    group = parser.getgroup("copilot-local", "AWS Copilot services as fixtures")
    group.addoption(
        "--copilot-workspace",
        metavar="FOLDER",
        help="the folder that holds copilot/, or one in it; else the setting copilot_workspace, else the root folder",
    )
    group.addoption(
        "--copilot-scope",
        choices=SCOPES,
        help="how long copilot_environment and what belongs to it live; else the setting copilot_scope, else session",
    )
    group.addoption(
        "--copilot-reuse",
        action="store_true",
        help="use the environment that runs already as it is (else start it), and leave it running",
    )
    group.addoption(
        "--copilot-reuse-update",
        action="store_true",
        help="the same, after bringing it to what the workspace and the tests' options say now",
    )
    group.addoption(
        "--copilot-router",
        action="store_true",
        help="show the banner and info lines of log routers in the reports of failed tests too",
    )
    parser.addini("copilot_workspace", "the folder that holds copilot/, relative to the root folder", default="")
    parser.addini("copilot_scope", "how long copilot_environment lives", default="session")


# the fixtures


def _scope(fixture_name: str, config: pytest.Config) -> Scope:
    del fixture_name
    scope = config.getoption("--copilot-scope") or config.getini("copilot_scope")
    if scope not in SCOPES:
        raise pytest.UsageError(f"copilot_scope is one of {', '.join(SCOPES)}, not {scope!r}")
    return cast(Scope, scope)


def _chosen_workspace(config: pytest.Config) -> Path:
    chosen = config.getoption("--copilot-workspace")
    return Path(chosen).absolute() if chosen else config.rootpath / config.getini("copilot_workspace")


@pytest.fixture(scope=_scope)
def copilot_workspace(pytestconfig: pytest.Config) -> Path:
    """The folder that holds `copilot/`. Override it, for example with a copy that tests may change."""
    return _chosen_workspace(pytestconfig)


@pytest.fixture(scope=_scope)
def copilot_options() -> dict[str, Any]:
    """What `Environment` is made with besides the workspace: `services`, `environment`, `variables`, `images`, `time`
    and so on. Override it."""
    return {}


@pytest.fixture(scope=_scope)
def copilot_environment(
    pytestconfig: pytest.Config, copilot_workspace: Path, copilot_options: dict[str, Any]
) -> Iterator[Environment]:
    """The workspace's services, running and healthy; taken down at the end of the scope."""
    from emulator.testing.sessions import make

    with _in_words():
        update = bool(pytestconfig.getoption("--copilot-reuse-update"))
        reuse = update or bool(pytestconfig.getoption("--copilot-reuse"))
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        environment = make(copilot_workspace, copilot_options, reuse=reuse, update=update, worker=worker).start()
    shared = pytestconfig.stash[_shared]
    shared.append(environment)
    yield environment
    shared.remove(environment)
    with _in_words():
        environment.stop()


@pytest.fixture(scope=_scope)
def copilot_service_name() -> str | None:
    """The service that `copilot_service` is; None where there is only one. Override it."""
    return None


@pytest.fixture(scope=_scope)
def copilot_service(
    request: pytest.FixtureRequest, copilot_environment: Environment, copilot_service_name: str | None
) -> ServiceHandle:
    """One service of the environment: that of `copilot_service_name`, or of an indirect parametrization."""
    with _in_words():
        return copilot_environment.service(getattr(request, "param", copilot_service_name))


@pytest.fixture(scope="session")
def copilot_compose_file(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> ComposeFile:
    """Renders a service as a Compose file for pytest-docker: `copilot_compose_file(service)` returns its path.

    The workspace is that of the command line or the settings, unless it is given; the other keywords are those of
    `Environment`.
    """

    def write(service: str | None = None, *, workspace: Path | str | None = None, **options: Any) -> Path:
        from emulator.testing.compose import write_compose_file

        where = Path(workspace) if workspace is not None else _chosen_workspace(pytestconfig)
        with _in_words():
            return write_compose_file(where, service, tmp_path_factory.mktemp("compose"), options)

    return write


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """What keeps an environment from coming up is not in the code of the tests: words, and no traceback."""
    __tracebackhide__ = True
    from emulator.display.failure import render_error
    from emulator.errors import CopilotLocalError

    try:
        yield
    except CopilotLocalError as error:
        raise pytest.fail.Exception(render_error(error), pytrace=False) from None


# the hooks


def pytest_configure(config: pytest.Config) -> None:
    """Begins to watch for deaths, once for a session."""
    config.stash[_watch] = DeathWatch()
    config.stash[_shared] = []
    config.stash[_reported] = []
    live.listen(config.stash[_watch].died)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stops watching for deaths."""
    live.leave(config.stash[_watch].died)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, T, T]:
    """Notes where the journals of environments stand: a report shows what came after."""
    live.forget_ended()
    if environments := live.environments():
        from emulator.testing.observation.report import marks

        item.stash[_marks] = marks(environments)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, T, T]:
    """Fails the test as soon as a container of an environment it uses dies."""
    __tracebackhide__ = True
    watch = item.config.stash[_watch]
    fail_if_something_died(_environments_of(item))
    watch.arm(lambda environment: _concerns(environment, item))
    try:
        result = yield
    finally:
        watch.disarm()
    fail_if_something_died(_environments_of(item))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to the report of a failure what its environments did meanwhile."""
    report = yield
    environments = [*_environments_of(item), *live.ended()] if report.failed else []
    if environments:
        from emulator.testing.observation.report import Mark, sections

        reported = item.config.stash[_reported]
        deadline, show_router = time.monotonic() + LATE, bool(item.config.getoption("--copilot-router"))
        for environment in environments:
            if environment.journal.wait_for_unreported(deadline):
                report.sections.append((f"copilot-local: in {environment.title}", told(environment)))
            since = item.stash.get(_marks, {}).get(id(environment), Mark())
            first = not any(environment is one for one in reported)
            verbose = item.config.get_verbosity() > 0
            report.sections += sections(environment, since, first=first, verbose=verbose, show_router=show_router)
            reported += [environment] if first else []
    return report


def _environments_of(item: pytest.Item) -> list[Lifecycle]:
    return [environment for environment in live.environments() if _concerns(environment, item)]


def _concerns(environment: Lifecycle, item: pytest.Item) -> bool:
    """Whether a test is to hear of an environment: one of the fixture's only where it uses the fixture."""
    shared = any(environment is other for other in item.config.stash[_shared])
    return not shared or "copilot_environment" in getattr(item, "fixturenames", ())
