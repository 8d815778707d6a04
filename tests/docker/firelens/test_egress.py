"""Nothing leaves the machine, whatever a log router's image, command, files and plugins are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.docker.firelens.egress import HOST, MANIFEST, Ear, add_service, listening
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

OURS = "/fluent-bit/etc/fluent-bit.conf"
FLUENT_BIT = "/fluent-bit/bin/fluent-bit"
FILE = "  configFilePath: /extra.conf\n"


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as ear:
        yield ear


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A workspace without a service."""
    project = make_project("firelens-cloudwatch")
    shutil.rmtree(project.folder / "copilot/hello")
    return project


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


def test_outputs_are_found_however_they_are_written(project: Project, ear: Ear) -> None:
    tabbed = ear.output("tab", indent="\t").replace("Host ", "Host \t ").replace("Match *", "Match *\t")
    pieces = [
        f"[OUTPUT] # a comment\n{ear.output('comment')}",
        f"[output]trailing\n{ear.output('lower').lower()}",
        f"@SET PLUGIN_OF_SET=http\n[OUTPUT]\n{ear.output('set', plugin='${PLUGIN_OF_SET}')}",
        f"[OUTPUT]\n{ear.output('variable', plugin='${PLUGIN}')}",
        f"[OUTPUT]\n{ear.output('twice')}    Name null\n",
        f"[INPUT]\n    Name dummy\n    Tag made.up\n[OUTPUT]\n{ear.output('dummy', match='made.up')}",
        f"[OUTPUT]\n{ear.output('last').rstrip()}",
    ]
    add_service(project, "odd", {"extra.conf": "\n".join(pieces)}, logging=f"{FILE}  variables:\n    PLUGIN: http\n")
    add_service(
        project,
        "includes",
        {
            "work/extra.conf": "@INCLUDE beside.conf\n@include parts/*.conf\n",
            "work/beside.conf": f"[OUTPUT]\n{ear.output('beside', indent='  ')}",
            "fluent-bit/etc/parts/one.conf": f"[OUTPUT]\n{tabbed}",
            "fluent-bit/etc/parts/two.conf": f"# x\n[OUTPUT]\n{ear.output('crlf')}".replace("\n", "\r\n"),
        },
        logging="  configFilePath: extra.conf\n",
        image="WORKDIR /work\n",
    )
    streams = "[STREAM_TASK]\n    Name s\n    Exec CREATE STREAM s WITH (tag='streamed') AS SELECT * FROM TAG:'*';\n"
    add_service(
        project,
        "streams",
        {
            "streams.conf": streams,
            "extra.conf": "[SERVICE] # mine\n  Streams_File /streams.conf\n\n"
            f"[OUTPUT]\n{ear.output('streamed', indent='  ', match='streamed')}",
        },
        logging=FILE,
    )
    project.up()
    for name in ("odd", "includes", "streams"):
        wait_until(lambda name=name: f"secret of {name}" in project.run("logs", "--routed", name).out, name)  # type: ignore[misc]
    assert can_hear(project, ear, "odd")
    assert [first for first in ear.heard if "/control" not in first] == []


def test_plugins_that_send_by_themselves_reach_nothing(project: Project, ear: Ear) -> None:
    add_service(
        project,
        "inputs",
        {
            "send.lua": f"function send(tag, time, record)\n  os.execute('{ear.curl('lua')}')\n"
            "  record['sent'] = 'by lua'\n  return 1, time, record\nend\n",
            "extra.conf": f"""\
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
        },
        logging=FILE,
    )
    project.up()

    def tried() -> bool:
        out = project.run("logs", "--routed").ok().out
        signs = ("code 7", "setgroups failed", "code 2", "by lua", '"alive": false')
        return all(sign in out for sign in signs)

    wait_until(tried, lambda: project.run("logs", "--routed").out[-2000:])
    assert can_hear(project, ear, "inputs")
    assert [first for first in ear.heard if "/control" not in first] == []


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (f'CMD ["{FLUENT_BIT}", "-c", "/alt/main.conf"]\n', "on /alt/main.conf"),
        ('ENTRYPOINT ["/start.sh"]\n', "on /alt/main.conf"),
        (f'ENTRYPOINT ["{FLUENT_BIT}"]\nCMD ["--config=/alt/main.yaml"]\n', "on /alt/main.yaml"),
        (f'CMD ["sh", "-c", "exec {FLUENT_BIT} -i dummy -o http://{HOST}"]\n', f"adds the output http://{HOST}"),
        (f'ENV CONF=/alt/main.conf\nCMD ["sh", "-c", "{FLUENT_BIT} -c $CONF"]\n', "on /alt/main.conf"),
    ],
)
def test_a_command_that_gives_another_main_file_is_refused(
    project: Project, ear: Ear, image: str, message: str
) -> None:
    files = {"alt/main.conf": own_file(ear), "start.sh": f"#!/bin/sh\nset -e\n{FLUENT_BIT} -c /alt/main.conf\n"}
    add_service(project, "other", files, image=image, logging="  destination:\n    Name: null_\n")
    project.edit("copilot/other/manifest.yml", "null_", '"null"')
    line = 1 + MANIFEST.splitlines().index("  image: router:{name}")
    verbs = [("firelens", "check"), ("up", "-d", "--port", str(project.port))]
    for verb in verbs if "start.sh" in image else verbs[:1]:  # both have it from the same look at the image
        result = project.run(*verb)
        assert result.code == 1
        assert f"error: copilot/other/manifest.yml:{line}:3: " in result.err
        assert message in result.err
    assert project.containers() == []
    assert ear.heard == []


HIDDEN = "exec /fluent-bit/bin/fluent$(echo -)bit"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        # As AWS's init image: a main file that is written when the container starts.
        (
            f"printf '@INCLUDE {OURS}\\n@INCLUDE /alt/outputs.conf\\n' > /init.conf; {HIDDEN} -c /init.conf",
            "outputs that nothing here captures: http",
        ),
        (f"{HIDDEN} -c {OURS} -i dummy -o http://{HOST}:$PORT/command", "outputs that nothing here captures: http"),
    ],
)
def test_a_router_that_runs_on_something_else_reaches_nothing_and_gets_no_records(
    project: Project, ear: Ear, script: str, message: str
) -> None:
    files = {
        "alt/main.conf": own_file(ear),
        "alt/outputs.conf": f"[OUTPUT]\n{ear.output('init')}",
        "start.sh": f"#!/bin/sh\nPORT={ear.port}\n{ear.curl('script')}\n{script}\n",
    }
    add_service(project, "hidden", files, image='ENTRYPOINT ["/start.sh"]\n')
    project.append("copilot/hidden/manifest.yml", '  destination:\n    Name: "null"\n')
    result = project.run("up", "-d", "--port", str(project.port))
    assert result.code == 1
    assert message in result.err
    assert project.containers() == []
    assert ear.heard == []


def test_a_router_with_a_live_destination_reaches_it(project: Project, ear: Ear) -> None:
    add_service(project, "live", {"extra.conf": f"[OUTPUT]\n{ear.output('live')}"}, logging=FILE)
    project.up("--logs", "http=live")
    wait_until(lambda: any("POST /live" in first for first in ear.heard), "what is sent for real")
