"""A pipeline's build as a buildspec: what Copilot's own does, without the Copilot binary.

The pipeline that Copilot made stays as it is: it deploys `infrastructure/<name>-<stage>.stack.yml` with the parameters
in `infrastructure/<name>-<stage>.params.json`, which the build leaves there.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from emulator.render.cloudformation.writer import to_yaml
from emulator.render.pipeline import shell
from emulator.render.pipeline.model import Pipeline, Stage

_TAG = "$tag"
_PYTHON = "3.11"


def render_buildspec(pipeline: Pipeline) -> str:
    """The buildspec as YAML."""
    phases: dict[str, object] = {
        "install": {
            "runtime-versions": {"python": _PYTHON},
            "commands": [f"python3 -m pip install --quiet {shlex.quote(pipeline.requirement)}"],
        }
    }
    commands = [*pipeline.build.lines, 'tag="${CODEBUILD_BUILD_ID##*:}"', *shell.images(pipeline.images, _TAG)]
    for stage in pipeline.stages:
        commands += [*shell.render(pipeline, stage), *shell.uploads(pipeline, stage, _TAG)]
        commands += _parameters(pipeline, stage)
    # All in one phase: the one after it would run even where this one fails.
    phases["build"] = {"commands": commands}
    document = {
        "version": 0.2,
        "env": {"shell": "bash", **({"variables": dict(pipeline.build.variables)} if pipeline.build.variables else {})},
        "phases": phases,
        "artifacts": {"files": [f"{shell.FOLDER}/**/*", *_given(pipeline)]},
    }
    header = (
        f"Rendered from copilot/pipelines/{pipeline.name}/manifest.yml, for the pipeline that Copilot made. It "
        "downloads no Copilot."
    )
    return to_yaml(document, header=header)


def _given(pipeline: Pipeline) -> list[str]:
    """Templates that stand in the repository."""
    found = (one for stage in pipeline.stages for one in stage.deployments if not (one.service or one.environment))
    files = (file for one in found for file in (one.template, one.config) if file)
    return [file for file in dict.fromkeys(files) if not file.startswith(f"{shell.FOLDER}/")]


def _parameters(pipeline: Pipeline, stage: Stage) -> Iterator[str]:
    """The files that CodePipeline reads parameters and tags of stacks from. Source: AWS CloudFormation user guide,
    "AWS CloudFormation artifacts", template configuration file."""
    names = {image.id: f"{{{shell.variable(image)}}}" for image in pipeline.images}
    for one in stage.deployments:
        values = {key: shell.value(pipeline, value, _TAG, names, stage.region) for key, value in one.values.items()}
        if one.service:
            text = json.dumps({"Parameters": values, "Tags": dict(one.tags)}, indent=2)
            for key, plain in one.values.items():
                if isinstance(plain, str):
                    shown = _unexpanded(json.dumps(plain))
                    text = text.replace(f'"{key}": {json.dumps(values[key])}', f'"{key}": {shown}')
            yield f"cat > {shlex.quote(one.config)} <<JSON\n{text}\nJSON"
        elif one.environment:
            kept = "(map({(.ParameterKey): .ParameterValue}) | add)"
            found = " + ".join([kept, *(f"{{{key}: ${key}}}" for key in values)])
            yield shell.wrapped(
                [
                    f"aws cloudformation describe-stacks --stack-name {shlex.quote(one.stack)}",
                    "--query 'Stacks[0].Parameters'",
                    *([f"--region {stage.region}"] if stage.region else []),
                    "| jq",
                    *(f'--arg {key} "{value}"' for key, value in values.items()),
                    f"'{{Parameters: ({found})}}'",
                    f"> {shlex.quote(one.config)}",
                ]
            )


def _unexpanded(text: str) -> str:
    """Text of which the shell expands nothing in a here-document."""
    return re.sub(r"([\\$`])", r"\\\1", text)
