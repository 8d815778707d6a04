"""`copilot-local api`: the ECS API for what runs on this machine."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from emulator.cli.shell.interrupt import interruptions
from emulator.events import discard
from emulator.regions import LOCAL_ACCOUNT

PORT = 4510


SETTLES_WITHIN = 20.0
"""Seconds in which tasks of clusters that a client makes start, by default: what is written for other emulators reads
counts and states right after its request. Clusters of environments answer at once, as ECS does."""


def api(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="PORT", help="Listen on this port of 127.0.0.1.")
    ] = PORT,
    account: Annotated[
        str, typer.Option("--account", metavar="ID", help="The AWS account of what it makes, 12 digits.")
    ] = LOCAL_ACCOUNT,
    allow_reset: Annotated[
        bool,
        typer.Option(
            "--allow-reset", help="Let a POST to /moto-api/reset forget task definitions, clusters, tags and settings."
        ),
    ] = False,
    record_only: Annotated[
        bool,
        typer.Option(
            "--record-only", help="Run nothing in clusters of CreateCluster: what is in them waits for capacity."
        ),
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            "--settle",
            min=0,
            max=60,
            metavar="SECONDS",
            help="Answer about clusters of CreateCluster once what was changed is done, at most this much later. "
            "0: at once, as ECS.",
        ),
    ] = SETTLES_WITHIN,
    lenient: Annotated[
        bool,
        typer.Option(
            "--lenient", help="Register task definitions whose containers have no memory, which ECS refuses on EC2."
        ),
    ] = False,
    variables: Annotated[
        bool, typer.Option("--env", help="Print the variables that lead AWS's clients to it, and exit.")
    ] = False,
) -> None:
    """Answer the ECS API on 127.0.0.1 for every environment that runs on this machine, until Ctrl-C.

    Each environment is a cluster, APP-ENVIRONMENT. Settings and secrets are those of the workspace that it is started
    in. Every process of this machine can call it: it asks for no key.
    """
    if variables:
        _print_variables(port)
        return
    if not (len(account) == 12 and account.isdecimal()):
        raise typer.BadParameter("12 digits, please", param_hint="--account")
    from emulator.api.clusters import Clusters
    from emulator.api.host import Host
    from emulator.api.serve import serving
    from emulator.app.selection import region
    from emulator.engine.connect import connect

    stop, killed = interruptions(discard)
    with closing(connect()) as engine:
        host = Host(engine, Path.cwd(), killed=killed)
        clusters = Clusters(
            *(engine, host), region=region(), account=account, runs=not record_only, settle=settle, lenient=lenient
        )
        with serving(clusters, port, resets=allow_reset) as chosen:
            _print_variables(chosen)
            typer.echo(
                "The ECS API of what runs on this machine. Press Ctrl-C to end it; environments go on, "
                "what runs in clusters of CreateCluster ends.",
                err=True,
            )
            stop.wait()


def _print_variables(port: int) -> None:
    from emulator.app.selection import region

    address = f"http://127.0.0.1:{port}"
    for name, value in (
        ("AWS_ENDPOINT_URL_ECS", address),
        ("AWS_ENDPOINT_URL_STS", address),
        ("AWS_ENDPOINT_URL_EC2", address),
        ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", address),
        ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", address),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", region()),
    ):
        typer.echo(f"export {name}={value}")
