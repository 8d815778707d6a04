"""Nothing leaves the machine, whatever a log router's image, command, files and plugins are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.docker.firelens.egress import HOST, MANIFEST, Ear, add_router, add_service, listening
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

OURS = "/fluent-bit/etc/fluent-bit.conf"
FLUENT_BIT = "/fluent-bit/bin/fluent-bit"


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as ear:
        yield ear


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A workspace without a service."""
    return make_project("")


def own_file(ear: Ear) -> str:
    """A main file of an image's own: ECS's inputs, an output that sends everything, one that sends by itself."""
    return (
        "[SERVICE]\n    Flush 1\n    HTTP_Server On\n    HTTP_Port 24220\n"
        "[INPUT]\n    Name forward\n    unix_path /var/run/fluent.sock\n"
        f"[INPUT]\n    Name dummy\n[OUTPUT]\n{ear.output('own-file')}"
    )


def can_hear(project: Project, ear: Ear, container: str) -> bool:
    """Whether another container of the task reaches the listener: else that nothing is heard would mean nothing."""
    docker(
        "exec", project.container(container), "wget", "-q", "-T", "5", "-O", "-", f"http://{HOST}:{ear.port}/control"
    )
    return any("/control" in first for first in ear.heard)


def odd_outputs(ear: Ear) -> str:
    return "\n".join(
        (
            f"[OUTPUT] # a comment\n{ear.output('comment')}",
            f"[output]trailing\n{ear.output('lower').lower()}",
            f"@SET PLUGIN_OF_SET=http\n[OUTPUT]\n{ear.output('set', plugin='${PLUGIN_OF_SET}')}",
            f"[OUTPUT]\n{ear.output('variable', plugin='${PLUGIN}')}",
            f"[OUTPUT]\n{ear.output('twice')}    Name null\n",
            f"[INPUT]\n    Name dummy\n    Tag made.up\n[OUTPUT]\n{ear.output('dummy', match='made.up')}",
            f"[OUTPUT]\n{ear.output('last').rstrip()}",
        )
    )


def included_outputs(ear: Ear) -> dict[str, str]:
    """Files in the working directory of the image, in the folder of the main file, and elsewhere."""
    tabbed = ear.output("tab", indent="\t").replace("Host ", "Host \t ").replace("Match *", "Match *\t")
    return {
        "work/extra.conf": "@INCLUDE beside.conf\n@include parts/*.conf\n@INCLUDE /odd.conf\n",
        "work/beside.conf": f"[OUTPUT]\n{ear.output('beside', indent='  ')}",
        "fluent-bit/etc/parts/one.conf": f"[OUTPUT]\n{tabbed}",
        "fluent-bit/etc/parts/two.conf": f"# x\n[OUTPUT]\n{ear.output('crlf')}".replace("\n", "\r\n"),
    }


def streams(ear: Ear) -> dict[str, str]:
    task = "[STREAM_TASK]\n    Name s\n    Exec CREATE STREAM s WITH (tag='streamed') AS SELECT * FROM TAG:'*';\n"
    return {
        "tasks.conf": task,
        "streams.conf": "[SERVICE] # mine\n  Streams_File /tasks.conf\n\n"
        f"[OUTPUT]\n{ear.output('streamed', indent='  ', match='streamed')}",
    }


def plugins_that_send(ear: Ear) -> dict[str, str]:
    return {
        "send.lua": f"function send(tag, time, record)\n  os.execute('{ear.curl('lua')}')\n"
        "  record['sent'] = 'by lua'\n  return 1, time, record\nend\n",
        "inputs.conf": f"""\
[INPUT]
    Name exec
    Tag tried.exec
    Command {ear.curl("exec")}; echo code $?
    Interval_Sec 1

[INPUT]
    Name exec
    Tag tried.group
    Command setpriv --clear-groups {ear.curl("group")} 2>&1
    Interval_Sec 1

[INPUT]
    Name exec
    Tag tried.dns
    Command getent hosts agent; echo code $?
    Interval_Sec 1

[INPUT]
    Name health
    Tag tried.health
    Host {HOST}
    Port {ear.port}
    Interval_Sec 1

[FILTER]
    Name lua
    Match inputs-firelens*
    script /send.lua
    call send

[OUTPUT]
{ear.output("tried", match="tried.*")}
[OUTPUT]
{ear.output("records", match="inputs-firelens*")}""",
    }


@pytest.fixture(scope="module")
def sending(make_shared_project: MakeProject) -> Iterator[tuple[Project, Ear]]:
    """Services whose routers, of one image, try to send in many ways; and who would hear it."""
    with listening() as ear:
        project = make_shared_project("")
        files = {"odd.conf": odd_outputs(ear), **included_outputs(ear), **streams(ear), **plugins_that_send(ear)}
        add_router(project, "all", files, image="WORKDIR /work\n")
        add_service(project, "odd", "  configFilePath: extra.conf\n  variables:\n    PLUGIN: http\n", router="all")
        add_service(project, "streams", "  configFilePath: /streams.conf\n", router="all")
        add_service(project, "inputs", "  configFilePath: /inputs.conf\n", router="all")
        project.up()
        yield project, ear


def test_outputs_are_found_however_they_are_written(sending: tuple[Project, Ear]) -> None:
    project, ear = sending

    def captured() -> set[tuple[str, str]]:
        """Service and stream of each output that has got what the service prints."""
        found = map(json.loads, project.run("logs", "--routed", "--format", "json").ok().out.splitlines())
        return {(one["service"], one["stream"]) for one in found if "secret of" in str(one["record"].get("log"))}

    odd = {("odd", f"output-{number}") for number in range(1, 11) if number != 9}  # of the ninth is a tag of its own
    wait_until(lambda: captured() >= {*odd, ("streams", "output-1")}, lambda: str(captured()))
    assert can_hear(project, ear, "odd")
    assert [first for first in ear.heard if "/control" not in first] == []


def test_plugins_that_send_by_themselves_reach_nothing(sending: tuple[Project, Ear]) -> None:
    project, ear = sending

    def tried() -> bool:
        out = project.run("logs", "--routed", "inputs").ok().out
        signs = ("code 7", "setgroups failed", "code 2", "by lua", '"alive": false')
        return all(sign in out for sign in signs)

    wait_until(tried, lambda: project.run("logs", "--routed", "inputs").out[-2000:])
    assert can_hear(project, ear, "inputs")
    assert [first for first in ear.heard if "/control" not in first] == []


OTHER_COMMANDS = {
    "script": ('ENTRYPOINT ["/start.sh"]\n', "on /alt/main.conf"),
    "output": (
        f'CMD ["sh", "-c", "exec {FLUENT_BIT} -i dummy -o http://{HOST}"]\n',
        f"adds the output http://{HOST}",
    ),
    "variable": (
        f'ENV CONF=/alt/main.conf\nENTRYPOINT ["sh", "-c"]\nCMD ["{FLUENT_BIT} --config=$CONF"]\n',
        "on /alt/main.conf",
    ),
}
"""Further lines of an image's Dockerfile, and what is said of it."""


def test_a_command_that_gives_another_main_file_is_refused(project: Project, ear: Ear) -> None:
    files = {"alt/main.conf": own_file(ear), "start.sh": f"#!/bin/sh\nset -e\n{FLUENT_BIT} -c /alt/main.conf\n"}
    line = 1 + MANIFEST.splitlines().index("  image: router:{name}")
    for name, (image, message) in OTHER_COMMANDS.items():
        add_router(project, name, files, image=image)
        add_service(project, name, '  destination:\n    Name: "null"\n')
        verbs = [("firelens", "check", name), ("up", "-d", "--port", str(project.port), name)]
        for verb in verbs if name == "script" else verbs[:1]:  # both have it from the same look at the image
            result = project.run(*verb)
            assert result.code == 1
            assert f"error: copilot/{name}/manifest.yml:{line}:3: " in result.err
            assert message in result.err
    assert project.containers() == []
    assert ear.heard == []


def test_a_router_that_runs_on_something_else_reaches_nothing_and_gets_no_records(project: Project, ear: Ear) -> None:
    """As AWS's init image it writes a main file when it starts; the command line adds one more output."""
    script = f"""\
#!/bin/sh
{ear.curl("script")}
printf '@INCLUDE {OURS}\\n@INCLUDE /alt/outputs.conf\\n' > /init.conf
exec /fluent-bit/bin/fluent$(echo -)bit -c /init.conf -i dummy -o http://{HOST}:{ear.port}/command
"""
    files = {"alt/outputs.conf": f"[OUTPUT]\n{ear.output('init')}", "start.sh": script}
    add_router(project, "hidden", files, image='ENTRYPOINT ["/start.sh"]\n')
    add_service(project, "hidden", '  destination:\n    Name: "null"\n')
    result = project.run("up", "-d", "--port", str(project.port))
    assert result.code == 1
    assert "outputs that nothing here captures: http, http\n" in result.err
    assert project.containers() == []
    assert ear.heard == []


NOBODY = """\
name: gone
type: Backend Service
image:
  location: busybox:1.37
command: ["sh", "-c", "echo a line; trap 'exit 0' TERM; sleep 3600 & wait"]
cpu: 256
memory: 512
logging:
  destination:
    Name: http
    Host: nobody.invalid
    Port: 80
"""


@pytest.fixture(scope="module")
def live(make_shared_project: MakeProject) -> Iterator[tuple[Project, Ear, str]]:
    """A service that sends for real to who hears it, and one that sends to nobody; what `up` said."""
    with listening() as ear:
        project = make_shared_project("")
        add_router(project, "live", {"extra.conf": f"[OUTPUT]\n{ear.output('live')}"})
        add_service(project, "live", "  configFilePath: /extra.conf\n")
        project.write("copilot/gone/manifest.yml", NOBODY)
        yield project, ear, project.up("--logs", "http=live").err


def test_a_router_with_a_live_destination_reaches_it(live: tuple[Project, Ear, str]) -> None:
    _, ear, _ = live
    wait_until(lambda: any("POST /live" in first for first in ear.heard), "what is sent for real")


def test_a_destination_that_cannot_be_reached(live: tuple[Project, Ear, str]) -> None:
    project, _, told = live
    assert "logs of gone leave this machine: http, Host nobody.invalid" in told

    def said() -> str:
        return project.run("firelens", "tail", "--once", "gone").ok().out

    where = f"← copilot/gone/manifest.yml:{1 + NOBODY.splitlines().index('    Host: nobody.invalid')}:5"
    wait_until(lambda: where in said(), said)
    assert project.container("gone")  # ECS would go on too: Fluent Bit tries again and gives up in its own time
