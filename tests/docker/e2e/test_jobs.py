"""Scheduled Jobs beside services: on their schedules, and what `up` and `ps` say of them."""

from __future__ import annotations

import re
import signal
from datetime import UTC, datetime, timedelta

from emulator.testing import Environment
from tests.docker.project import Project

API = (
    "name: api\ntype: Backend Service\nimage: {location: busybox:1.37}\n"
    'command: ["sh", "-c", "trap exit TERM; while :; do sleep 1; done"]\n'
)
JOB = """name: {name}
type: Scheduled Job
image: {{location: busybox:1.37}}
command: ["sh", "-c", "echo cleaned; exit {code}"]
on: {{schedule: "@daily"}}
"""


def test_up_says_when_a_job_will_run_ps_when_it_does_then_it_runs_and_ps_says_why_one_failed(empty: Project) -> None:
    empty.write("copilot/nightly/manifest.yml", JOB.format(name="nightly", code=0))
    empty.write("copilot/broken/manifest.yml", JOB.format(name="broken", code=3))
    empty.write("copilot/api/manifest.yml", API)
    up = empty.start("up", "--jobs")
    up.wait_for("Ctrl-C to stop")
    assert re.search(r"nightly: runs on its schedule, next at \d{4}-\d\d-\d\d 00:00 UTC, in ", up.printed())
    assert re.search(r"nightly +- +- +- +next run \d{4}-\d\d-\d\d 00:00 UTC", empty.run("ps").ok().out)
    [job] = [row["job"] for row in empty.ps()["services"] if row["name"] == "nightly"]
    assert (job["expression"], job["on_schedule"], job["runs"]) == ("cron(0 0 * * ? *)", True, [])

    with Environment(empty.folder, app=empty.app, instance=empty.app, reuse=True) as environment:
        assert environment.job_runs("nightly") == []
        environment.set_clock(datetime.now(UTC) + timedelta(days=1))
        run = environment.wait_for_job_run("nightly")
        assert (run.status, run.tries, run.exit_code, run.cause) == ("SUCCEEDED", 1, 0, "")
        assert environment.wait_for_log("cleaned", container="nightly").service == "nightly"
        run = environment.wait_for_job_run("broken")
        assert (run.status, run.exit_code) == ("FAILED", 3)
        environment.check()
    up.wait_for("nightly | cleaned")
    assert "UTC failed: broken exited with code 3" in empty.run("ps").ok().out
    up.signal(signal.SIGINT)
    assert up.wait().code == 130
    assert empty.containers() == []
