"""The pytest plugin as a team uses it: pytest is run on their tests, and what it prints is read."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from emulator.engine.interface import Engine
from emulator.testing.owner import Owner
from tests.docker.project import docker
from tests.docker.testing.conftest import ENDS, HELLO, MANIFEST, SILENT, Ran, Suite

pytestmark = pytest.mark.docker


TESTS = """
import sys
import time

def test_that_does_not_use_it_is_left_alone():
    assert "docker" not in sys.modules
    assert "httpx" not in sys.modules
    assert "emulator.runtime" not in sys.modules

def test_routing(copilot_environment):
    assert copilot_environment.http.get("/api/orders").status_code == 200
    assert copilot_environment.http.get("/elsewhere").status_code == 503
    assert copilot_environment.route("GET", "/api/orders").destinations[0].container == "hello"

def test_logs_and_commands(copilot_service):
    line = copilot_service.wait_for_log("GET /api/orders")
    assert (line.service, line.container, line.stream) == ("hello", "hello", "stdout")
    assert copilot_service.logs("hello", since=10**6) == []
    assert copilot_service.exec("echo $COPILOT_APPLICATION_NAME").stdout == "THE_APP\\n"
    assert {row.name: row.state for row in copilot_service.containers} == {"hello": "running"}

def test_it_is_one_environment(copilot_environment, copilot_service):
    assert copilot_service.environment is copilot_environment
    with open("instance", "w") as file:
        file.write(copilot_environment.names.app)

def test_a_failure(copilot_environment):
    copilot_environment.http.get("/api/second")
    copilot_environment.wait_for_log("GET /api/second", container="hello")
    assert False, "on purpose"

def test_a_wait_that_is_in_vain(copilot_environment):
    copilot_environment.http.get("/api/printed")
    copilot_environment.wait_for_log("GET /api/printed")
    copilot_environment.wait_for_log("never printed", timeout=0.5, container="hello")

def test_it_dies(copilot_environment):
    copilot_environment.exec("hello", "(sleep 3; kill -TERM 1) > /dev/null 2>&1 &")
    time.sleep(60)

def test_its_replacement_serves_and_an_end_that_is_wanted_is_none(copilot_environment):
    copilot_environment.wait_healthy()
    assert copilot_environment.http.get("/api/x").status_code == 200
    with copilot_environment.expect_exit("hello"):
        copilot_environment.exec("hello", "kill -TERM 1")
    copilot_environment.wait_healthy()
    assert copilot_environment.http.get("/api/x").status_code == 200
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[tuple[Suite, Ran]]:
    """A suite, and how its first run ended, which left its environment running."""
    made = Suite(tmp_path_factory.mktemp("suite") / "workspace", engine)
    made.write(TESTS.replace("THE_APP", made.app))
    try:
        yield made, made.run("-v", "--copilot-reuse")
    finally:
        made.clean_up()


def test_tests_pass_and_those_that_fail_are_told_with_logs_events_and_with_v_the_plan(first: tuple[Suite, Ran]) -> None:
    """A container that dies fails the test at once, with its last lines; a wait in vain says what it saw. Until a test
    uses it, nothing of it is imported that takes time."""
    _, ran = first
    assert ran.counts() == {"passed": 5, "failed": 3}, ran.out
    assert ran.code == 1

    failure = ran.report_of("test_a_failure")
    logs = failure.section("copilot-local logs of")
    assert "hello/hello | GET /api/second\n" in logs
    assert "hello/hello | GET /api/orders" not in logs
    assert "state hello/hello started" in failure.section("copilot-local events of")
    assert "create container cl-" in failure.section("copilot-local plan of")

    vain = ran.report_of("test_a_wait_that_is_in_vain")
    assert "no line of hello matches 'never printed' within 0.5 s; the last lines:" in vain.out
    assert "hello/hello | GET /api/printed" in vain.out
    assert "state hello/hello started" not in vain.out, "the second failure has the start's events no more"
    assert ran.out.count("copilot-local plan of") == 1, "nor the plan"

    death = ran.report_of("test_it_dies")
    assert "container hello of hello exited with code 0" in death.out
    assert re.search(r"^E +stopping$", death.out, re.M)
    assert "hello/hello exited with code 0" in death.section("copilot-local events of")
    assert death.out.count("time.sleep(60)") == 1, "it ends amid the wait"


def test_reuse_joins_what_runs_leaves_it_running_and_changes_nothing_unless_told(first: tuple[Suite, Ran]) -> None:
    suite, _ = first
    assert suite.said("instance") == suite.app
    assert suite.instances() == {suite.app}

    def running() -> str:
        return docker("ps", "-q", "--no-trunc", "--filter", f"label=copilot-local.app={suite.app}")

    before = running()
    suite.write(
        """
        def test_it(copilot_environment):
            assert copilot_environment.http.get("/api/x").status_code == 200
            copilot_environment.wait_healthy()
            copilot_environment.wait_for_log("GET /api/x")

        def test_that_fails(copilot_environment):
            assert False, "on purpose"
    """,
        "test_later.py",
    )
    suite.write(
        """
        import pytest

        @pytest.fixture(scope="session")
        def copilot_options(request):
            return {"time": {"stop_timeout": 1}, "images": {"hello": "busybox:of-the-test"}}
    """,
        "conftest.py",
    )
    joined = suite.run("--copilot-reuse", "test_later.py")
    assert joined.counts() == {"passed": 1, "failed": 1}, joined.out
    assert "copilot-local events of" in joined.out
    assert "copilot-local plan of" not in joined.out, "that takes -v"
    assert running() == before
    told = suite.run("--copilot-reuse-update", "test_later.py")
    assert told.counts() == {"error": 2}, told.out
    assert "busybox:of-the-test" in told.out
    assert running() == before


SLEEPS = """
    import time

    def test_it(copilot_environment):
        with open("running", "w") as file:
            file.write(copilot_environment.names.app)
        time.sleep(60)
"""


def test_the_next_run_removes_what_a_killed_one_left_and_ctrl_c_while_it_comes_up_takes_everything_down(
    suite: Suite,
) -> None:
    suite.write(SLEEPS)
    process = suite.start()
    suite.until("the test runs", lambda: suite.said("running") != "")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = suite.said("running")
    assert suite.instances() == {left}
    suite.forget("running")
    suite.write(SILENT, HELLO)
    process = suite.start()
    suite.until("others are made in their place", lambda: len(suite.instances() - {left}) == 1)
    assert left not in suite.instances()
    process.send_signal(signal.SIGINT)
    ran = suite.ended(process)
    assert ran.code == 2, ran.out
    assert suite.said("running") == ""
    assert suite.instances() == set()


def test_function_scope_makes_an_environment_for_each_test_and_tells_in_words_of_one_that_does_not_come_up(
    suite: Suite,
) -> None:
    """Ctrl-C in a test takes its environment down."""
    suite.write(MANIFEST.replace("    trap", f"    {ENDS}\n    trap"), HELLO)
    suite.write("""
        import time

        import pytest

        @pytest.fixture
        def copilot_options(turn):
            return {"time": {"stop_timeout": 1}, "variables": {"ENDS": "yes" if turn == 2 else "no"}}

        @pytest.mark.parametrize("turn", [1, 2, 3])
        def test_it(copilot_environment, turn):
            with open(f"instance-{turn}", "w") as file:
                file.write(copilot_environment.names.app)
            if turn == 3:
                time.sleep(60)
    """)
    process = suite.start("-v", "--copilot-scope", "function")
    suite.until("the third test runs", lambda: suite.said("instance-3") != "")
    assert suite.instances() == {suite.said("instance-3")} != {suite.said("instance-1")}
    assert suite.said("instance-2") == ""
    process.send_signal(signal.SIGINT)
    ran = suite.ended(process)
    assert ran.code == 2, ran.out
    assert ran.counts() == {"passed": 1, "error": 1}, ran.out
    assert "KeyboardInterrupt" in ran.out
    assert suite.instances() == set()

    failure = ran.report_of("ERROR at setup of test_it[2]")
    assert "container hello exited with code 7" in failure.out
    assert "no configuration" in failure.out
    assert "create container cl-" in failure.section("copilot-local plan of")
    assert "Traceback" not in ran.out
    assert "emulator/runtime" not in ran.out


def test_the_owner_of_a_living_process_is_not_dead() -> None:
    assert Owner.parse(f"elsewhere:{os.getpid()}:1") == Owner("elsewhere", os.getpid(), "1")
    assert Owner.parse("nobody") is None


def test_a_compose_file_for_the_suite_that_has_pytest_docker(suite: Suite) -> None:
    manifest = "name: page\ntype: Backend Service\nimage:\n  location: nginx:1.27\n  port: 80\n"
    (suite.folder / "copilot" / "page").mkdir()
    suite.write(manifest, "copilot/page/manifest.yml")
    suite.write(
        f"""
        import httpx
        import pytest

        @pytest.fixture(scope="session")
        def docker_compose_file(copilot_compose_file):
            return copilot_compose_file("page")

        @pytest.fixture(scope="session")
        def docker_compose_project_name():
            return "{suite.app}"

        def answers(url):
            try:
                return httpx.get(url, verify=False).status_code == 200
            except httpx.TransportError:
                return False

        def test_it(docker_services):
            url = f"http://127.0.0.1:{{docker_services.port_for('pause', 80)}}/"
            docker_services.wait_until_responsive(timeout=30, pause=0.1, check=lambda: answers(url))

        def test_what_is_wrong_is_told_in_words(copilot_compose_file):
            copilot_compose_file("nobody")
        """
    )
    ran = suite.run()
    assert ran.counts() == {"passed": 1, "failed": 1}, ran.out
    assert "error: there is no service nobody in" in ran.out
    assert "Traceback" not in ran.out
