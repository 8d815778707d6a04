"""`copilot-local render compose`: a task for plain `docker compose`."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.cli import rendering
from emulator.cli.options import (
    App,
    Env,
    EnvFile,
    Name,
    NewEnv,
    Strict,
    Variables,
    assignments,
    services_of,
    variables_of,
)
from emulator.cli.rendering import Document, Output
from emulator.loading import LoadedService, Selection
from emulator.loading import region as shell_region


def compose(
    services: rendering.Services = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    new_env: NewEnv = False,
    env_file: EnvFile = None,
    variables: Variables = None,
    strict: Strict = False,
    values: rendering.Values = None,
    values_file: rendering.ValuesFile = None,
    tag: rendering.Tag = None,
    images: rendering.Images = None,
    account: rendering.Account = None,
    region: rendering.Region = None,
    output_dir: rendering.OutputDir = None,
    all_envs: rendering.AllEnvs = False,
    diff: rendering.Diff = None,
) -> None:
    """Print a Compose file that runs one task of a service with plain `docker compose`."""
    from emulator.render.compose import ComposeOptions, render_compose
    from emulator.surroundings import Deployment

    chosen = assignments(images, "--image")
    known = rendering.given_values(values, values_file)

    def render(loaded: LoadedService) -> list[Document]:
        service, where = loaded.service, loaded.deployment
        pushed = {key.removeprefix("image:"): uri for key, uri in rendering.image_values(loaded, tag).items()}
        options = ComposeOptions(
            root=os.path.relpath(loaded.workspace.root, output_dir or Path.cwd()),
            values={**loaded.settings.values, **known},
            images={**pushed, **chosen},
            region=(where.region if where else None) or shell_region(),
            account=(where.account if where else None) or "000000000000",
        )
        return [Document(f"{service.name}-{service.environment}.compose.yml", render_compose(service, options))]

    with rendering.display() as emit:
        selection = Selection(
            app,
            env,
            services_of(name, *(services or ())),
            env_file,
            variables=variables_of(variables),
            new_environment=new_env,
        )
        given = Deployment(account=account, region=region)
        rendering.render_all(selection, given, Output(output_dir, all_envs, diff), render, emit, strict=strict)
