"""Scheduled Jobs beside services: on their schedules, and what `up` and `ps` say of them."""

from __future__ import annotations

import json
import re
import signal
from datetime import UTC, datetime, timedelta

from emulator.testing import Environment
from tests.docker.project import Project

API = (
    "name: api\ntype: Backend Service\nimage: {location: busybox:1.37}\n"
    'command: ["sh", "-c", "trap exit TERM; while :; do sleep 1; done"]\n'
)
JOB = """name: nightly
type: Scheduled Job
image: {location: busybox:1.37}
command: ["sh", "-c", "echo cleaned; exit $CODE"]
variables: {CODE: "${CODE}"}
on: {schedule: "@daily"}
"""


def test_up_says_when_a_job_would_run_ps_when_it_does_and_then_it_runs(empty: Project) -> None:
    empty.write("copilot/nightly/manifest.yml", JOB)
    empty.write("copilot/api/manifest.yml", API)
    up = empty.run("up", "-d").ok()
    assert "nightly: a job is not started with the services; its schedule would run it next at " in up.err
    assert "nightly" not in empty.run("ps").ok().out
    up = empty.run("up", "-d", "--jobs", variables={"CODE": "0"}).ok()
    assert re.search(r"nightly: runs on its schedule, next at \d{4}-\d\d-\d\d 00:00 UTC, in ", up.err)
    assert re.search(r"nightly +- +- +- +next run \d{4}-\d\d-\d\d 00:00 UTC", empty.run("ps").ok().out)
    rows = json.loads(empty.run("ps", "--format", "json").ok().out)["services"]
    [job] = [row["job"] for row in rows if row["name"] == "nightly"]
    assert (job["expression"], job["on_schedule"], job["runs"]) == ("cron(0 0 * * ? *)", True, [])

    with Environment(empty.folder, app=empty.app, instance=empty.app, reuse=True) as environment:
        assert environment.job_runs("nightly") == []
        environment.set_clock(datetime.now(UTC) + timedelta(days=1))
        run = environment.wait_for_job_run("nightly")
        assert (run.status, run.tries, run.exit_code, run.cause) == ("SUCCEEDED", 1, 0, "")
        assert environment.wait_for_log("cleaned", container="nightly").service == "nightly"
        environment.check()


def test_the_foreground_up_shows_what_a_run_prints_and_ps_why_it_failed(empty: Project) -> None:
    empty.write("copilot/nightly/manifest.yml", JOB)
    up = empty.start("up", "--jobs", variables={"CODE": "3"})
    up.wait_for("Ctrl-C to stop")
    with Environment(empty.folder, app=empty.app, instance=empty.app, reuse=True) as environment:
        environment.set_clock(datetime.now(UTC) + timedelta(days=1))
        run = environment.wait_for_job_run("nightly")
    assert (run.status, run.exit_code) == ("FAILED", 3)
    up.wait_for("nightly | cleaned")
    assert "UTC failed: nightly exited with code 3" in empty.run("ps").ok().out
    up.signal(signal.SIGINT)
    assert up.wait().code == 130
    assert empty.containers() == []
