"""The pytest plugin as a team uses it: pytest is run on their tests, and what it prints is read."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from emulator.testing.owner import Owner
from tests.docker.project import docker

if TYPE_CHECKING:
    from tests.docker.testing.conftest import Suite

pytestmark = pytest.mark.docker


def test_tests_pass_and_a_container_that_dies_fails_one_at_once_with_its_last_lines(suite: Suite) -> None:
    suite.write(
        """
        import time

        def test_routing(copilot_environment):
            assert copilot_environment.http.get("/api/orders").status_code == 200
            assert copilot_environment.http.get("/elsewhere").status_code == 503
            assert copilot_environment.route("GET", "/api/orders").destinations[0].container == "nginx"

        def test_logs_and_commands(copilot_service):
            line = copilot_service.wait_for_log("GET /api/orders")
            assert (line.service, line.container, line.stream) == ("hello", "hello", "stdout")
            assert copilot_service.logs("nginx", since=10**6) == []
            assert copilot_service.exec("echo $COPILOT_APPLICATION_NAME").stdout == "THE_APP\\n"
            assert {row.name: row.state for row in copilot_service.containers} == {
                "hello": "running", "nginx": "running"
            }

        def test_it_is_one_environment(copilot_environment, copilot_service):
            assert copilot_service.environment is copilot_environment
            with open("instance", "w") as file:
                file.write(copilot_environment.names.app)

        def test_it_dies(copilot_environment):
            copilot_environment.exec("hello", "(sleep 3; kill -TERM 1) > /dev/null 2>&1 &")
            time.sleep(60)

        def test_its_replacement_serves(copilot_environment):
            copilot_environment.wait_healthy()
            assert copilot_environment.http.get("/api/x").status_code == 200

        def test_an_end_that_is_wanted_is_none(copilot_environment):
            with copilot_environment.expect_exit("hello"):
                copilot_environment.exec("hello", "kill -TERM 1")
            copilot_environment.wait_healthy()
            copilot_environment.kill("nginx")
            copilot_environment.wait_healthy()
            assert copilot_environment.http.get("/api/x").status_code == 200
    """.replace("THE_APP", suite.app)
    )
    ran = suite.run()
    assert ran.counts() == {"passed": 5, "failed": 1}, ran.out
    assert ran.code == 1
    assert "container hello of hello exited with code 0" in ran.out
    assert re.search(r"^E +stopping$", ran.out, re.M)
    assert "hello/hello exited with code 0" in ran.section("copilot-local events of")
    assert "copilot-local plan of" not in ran.out
    assert ran.out.count("time.sleep(60)") == 1, "it ends amid the wait"
    assert suite.said("instance").startswith(f"{suite.app}-")
    assert suite.instances() == set()


def test_a_failing_test_reports_logs_events_and_with_v_the_plan_and_what_a_wait_in_vain_saw(suite: Suite) -> None:
    suite.write("""
        def test_first(copilot_environment):
            copilot_environment.http.get("/api/first")
            copilot_environment.wait_for_log("GET /api/first", container="hello")

        def test_second(copilot_environment):
            copilot_environment.http.get("/api/second")
            copilot_environment.wait_for_log("GET /api/second", container="hello")
            assert False, "on purpose"

        def test_a_wait_that_is_in_vain(copilot_environment):
            copilot_environment.http.get("/api/printed")
            copilot_environment.wait_for_log("GET /api/printed")
            copilot_environment.wait_for_log("never printed", timeout=0.5, container="hello")
    """)
    ran = suite.run("-v")
    assert ran.counts() == {"passed": 1, "failed": 2}, ran.out
    logs = ran.section("copilot-local logs of")
    assert "hello/hello | GET /api/second\n" in logs
    assert "hello/hello | GET /api/first" not in logs
    events = ran.section("copilot-local events of")
    assert "step-done build hello/Dockerfile" in events
    assert "state hello/hello started" in events
    assert "create container cl-" in ran.section("copilot-local plan of")
    assert ran.out.count("copilot-local plan of") == 1, "the second failure has it no more, nor the start's events"
    assert ran.out.count("step-done build hello/Dockerfile") == 1
    assert "no line of hello matches 'never printed' within 0.5 s; the last lines:" in ran.out
    assert "hello/hello | GET /api/printed" in ran.out
    assert suite.instances() == set()


def test_an_environment_that_does_not_come_up_is_told_in_words(suite: Suite) -> None:
    (suite.folder / "hello" / "start").write_text("#!/bin/sh\necho no configuration\nexit 7\n", encoding="utf-8")
    suite.write("""
        def test_it(copilot_environment):
            raise AssertionError("not reached")
    """)
    ran = suite.run("-v")
    assert ran.counts() == {"error": 1}, ran.out
    assert "container hello exited with code 7" in ran.out
    assert "no configuration" in ran.out
    assert "Traceback" not in ran.out
    assert "emulator/runtime" not in ran.out
    assert "create container cl-" in ran.section("copilot-local plan of")
    assert suite.instances() == set()


def test_reuse_joins_what_runs_leaves_it_running_and_changes_nothing_unless_told(suite: Suite) -> None:
    suite.write("""
        def test_it(copilot_environment):
            assert copilot_environment.http.get("/api/x").status_code == 200
            copilot_environment.wait_healthy()
            copilot_environment.wait_for_log("GET /api/x")
    """)

    def running() -> str:
        return docker("ps", "-q", "--no-trunc", "--filter", f"label=copilot-local.app={suite.app}")

    first = suite.run("--copilot-reuse")
    assert first.counts() == {"passed": 1}, first.out
    assert suite.instances() == {suite.app}
    before = running()
    suite.write(
        """
        import pytest

        @pytest.fixture(scope="session")
        def copilot_options(request):
            return {"time": {"stop_timeout": 1}, "images": {"nginx": "nginx:of-the-test"}}
    """,
        "conftest.py",
    )
    joined = suite.run("--copilot-reuse")
    assert joined.counts() == {"passed": 1}, joined.out
    assert running() == before
    told = suite.run("--copilot-reuse-update")
    assert told.counts() == {"error": 1}, told.out
    assert "nginx:of-the-test" in told.out
    assert running() == before


def test_workers_have_environments_of_their_own(suite: Suite) -> None:
    for number in range(2):
        suite.write(
            f"""
            def test_it(copilot_environment):
                copilot_environment.http.get("/api/from-{number}")
                copilot_environment.wait_for_log("GET /api/from-{number}", container="hello")
                printed = [line.text for line in copilot_environment.logs("hello") if "/api/from" in line.text]
                assert printed == ["GET /api/from-{number}"]
                with open("instance-{number}", "w") as file:
                    file.write(copilot_environment.names.app)
            """,
            f"test_{number}.py",
        )
    ran = suite.run("-n", "2", "--dist", "loadfile")
    assert ran.counts() == {"passed": 2}, ran.out
    assert len({suite.said(f"instance-{number}") for number in range(2)}) == 2
    assert suite.instances() == set()


SLEEPS = """
    import time

    def test_it(copilot_environment):
        with open("running", "w") as file:
            file.write(copilot_environment.names.app)
        time.sleep(60)
"""


def test_ctrl_c_while_it_comes_up_takes_everything_down(suite: Suite) -> None:
    suite.write(SLEEPS)
    process = suite.start()
    suite.until("containers are made", lambda: len(suite.instances()) == 1)
    process.send_signal(signal.SIGINT)
    ran = suite.ended(process)
    assert ran.code == 2, ran.out
    assert suite.instances() == set()


def test_the_next_run_removes_what_a_killed_one_left_and_ctrl_c_takes_everything_down(suite: Suite) -> None:
    suite.write(SLEEPS)
    process = suite.start()
    suite.until("the test runs", lambda: suite.said("running") != "")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = suite.said("running")
    assert suite.instances() == {left}
    suite.forget("running")
    process = suite.start()
    suite.until("the test runs again", lambda: suite.said("running") != "")
    assert suite.instances() == {suite.said("running")} != {left}
    process.send_signal(signal.SIGINT)
    ran = suite.ended(process)
    assert ran.code == 2, ran.out
    assert "KeyboardInterrupt" in ran.out
    assert suite.instances() == set()


def test_function_scope_makes_an_environment_for_each_test(suite: Suite) -> None:
    suite.write("""
        import pytest

        @pytest.fixture
        def copilot_options():
            return {"time": {"stop_timeout": 1}, "variables": {"GREETING": "hi"}}

        @pytest.mark.parametrize("turn", [1, 2])
        def test_it(copilot_environment, turn):
            with open("instances", "a") as file:
                file.write(copilot_environment.names.app + "\\n")
    """)
    ran = suite.run("--copilot-scope", "function")
    assert ran.counts() == {"passed": 2}, ran.out
    assert len(set(suite.said("instances").split())) == 2


def test_a_suite_that_does_not_use_it_is_left_alone(suite: Suite) -> None:
    suite.write("""
        import sys

        def test_it():
            assert "docker" not in sys.modules
            assert "httpx" not in sys.modules
            assert "emulator.runtime" not in sys.modules
    """)
    assert suite.run().counts() == {"passed": 1}


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
