"""A pipeline as a workflow of GitHub Actions: a job that builds, and a job for each stage, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from emulator.render.cloudformation.writer import to_yaml
from emulator.render.pipeline import shell
from emulator.render.pipeline.model import Action, Deployment, Image, Pipeline, Script, Stage, waves

ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "actions/checkout": ("de0fac2e4500dabe0009e67214ff5f5447ce83dd", "v6.0.2"),
    "actions/setup-python": ("a309ff8b426b58ec0e2a45f0f869d46889d02405", "v6.2.0"),
    "aws-actions/configure-aws-credentials": ("8df5847569e6427dd6c4fb1cf565c83acfa8afa7", "v6.0.0"),
}
"""Actions by commit, which cannot be moved as a tag can, with the version that the commit is."""
PYTHON: Final = "3.13"
_RUNNER: Final = "ubuntu-latest"
_ARM_RUNNER: Final = "ubuntu-24.04-arm"
_REASONS: Final[Mapping[str, str]] = {
    "id-token: write": "the role is taken by OpenID Connect",
    "actions: read": "to see that the environment asks for approval",
}
"""What each permission is for."""
_MINUTES: Final = 60
_TAG: Final = "$GITHUB_SHA"
_CODEBUILD: Final[Mapping[str, str]] = {
    "CODEBUILD_SRC_DIR": "${{ github.workspace }}",
    "CODEBUILD_RESOLVED_SOURCE_VERSION": "${{ github.sha }}",
    "CODEBUILD_SOURCE_VERSION": "${{ github.sha }}",
    "CODEBUILD_BUILD_ID": "github:${{ github.run_id }}",
    "CODEBUILD_BUILD_NUMBER": "${{ github.run_number }}",
}
"""What CodeBuild sets and commands may read."""
_APPROVAL: Final = """\
rules=$(gh api "repos/$GITHUB_REPOSITORY/environments/$STAGE" --jq '[.protection_rules[].type] | join(" ")')
case " $rules " in
  *" required_reviewers "*) ;;
  *) echo "::error::the environment $STAGE has no required reviewers: add them in the repository's settings"; exit 1 ;;
esac"""


def render_workflow(pipeline: Pipeline) -> str:
    """The workflow as YAML. Everything that comes from outside reaches a script by a variable, never by its text."""
    build = _free("build", pipeline)
    jobs: dict[str, object] = {build: _build_job(pipeline)}
    previous = build
    for stage in pipeline.stages:
        jobs[stage.name] = _stage_job(pipeline, stage, build, previous)
        previous = stage.name
    document = {
        "name": _escaped(pipeline.name),
        "on": {"push": {"branches": [pipeline.branch]}},
        "permissions": {},
        "concurrency": {"group": _escaped(f"pipeline-{pipeline.name}"), "cancel-in-progress": False},
        "jobs": jobs,
    }
    text = to_yaml(document, header=_header(pipeline)).replace("\n'on':\n", "\non:\n")
    for action, (commit, version) in ACTIONS.items():
        text = text.replace(f"{action}@{commit}\n", f"{action}@{commit} # {version}\n")
    for permission, reason in _REASONS.items():
        text = text.replace(f"\n      {permission}\n", f"\n      {permission} # {reason}\n")
    return text


def _free(name: str, pipeline: Pipeline) -> str:
    names = {stage.name for stage in pipeline.stages}
    return name if name not in names else _free(f"{name}-all", pipeline)


def _header(pipeline: Pipeline) -> str:
    reviewed = [stage.name for stage in pipeline.stages if stage.approval]
    asked = f" Environments with required reviewers: {', '.join(reviewed)}." if reviewed else ""
    return (
        f"Rendered from copilot/pipelines/{pipeline.name}/manifest.yml. Variables of the repository: BUILD_ROLE, "
        f"AWS_REGION; of each environment: DEPLOY_ROLE, and AWS_REGION where it is another.{asked}"
    )


def _build_job(pipeline: Pipeline) -> dict[str, object]:
    steps: list[dict[str, object]] = [_checkout()]
    if pipeline.build.lines:
        steps.append(_script_step("Test", pipeline.build))
    outputs = {}
    if pipeline.images:
        steps.append(_credentials("BUILD_ROLE", None))
        lines = shell.images(pipeline.images, _TAG, "$GITHUB_OUTPUT")
        steps.append({"name": "Build and push images", "id": "images", "shell": "bash", "run": _text(lines)})
        outputs = {image.id: f"${{{{ steps.images.outputs.{image.id} }}}}" for image in pipeline.images}
    platforms = {image.platform for image in pipeline.images}
    return {
        "name": "Build",
        "runs-on": _ARM_RUNNER if platforms == {"linux/arm64"} else _RUNNER,
        "timeout-minutes": _MINUTES,
        "permissions": {"contents": "read", **({"id-token": "write"} if pipeline.images else {})},
        **({"outputs": outputs} if outputs else {}),
        "steps": [_literal(step) for step in steps],
    }


def _stage_job(pipeline: Pipeline, stage: Stage, build: str, previous: str) -> dict[str, object]:
    names = {image.id: f"IMAGE_{image.id.upper()}" for image in pipeline.images}
    used = {it.id for one in stage.deployments for it in one.values.values() if isinstance(it, Image)}
    return {
        "name": f"Deploy to {stage.name}",
        "needs": [build] if previous == build else [build, previous],
        "runs-on": _RUNNER,
        "timeout-minutes": 6 * _MINUTES,
        "environment": stage.name,
        "permissions": {
            "contents": "read",
            "id-token": "write",
            **({"actions": "read"} if stage.approval else {}),
        },
        "env": {
            "COPILOT_APPLICATION_NAME": pipeline.app,
            "COPILOT_ENVIRONMENT_NAME": stage.name,
            **{names[id]: f"${{{{ needs.{build}.outputs.{id} }}}}" for id in names if id in used},
        },
        "steps": [_literal(step) for step in _stage_steps(pipeline, stage, names)],
    }


def _stage_steps(pipeline: Pipeline, stage: Stage, names: Mapping[str, str]) -> Iterator[dict[str, object]]:
    if stage.approval:
        yield {
            "name": "Check that a person had to approve",
            "shell": "bash",
            "env": {"GH_TOKEN": "${{ github.token }}", "STAGE": stage.name},
            "run": _APPROVAL,
        }
    yield _checkout()
    if not pipeline.committed:
        yield _uses("actions/setup-python", {"python-version": PYTHON})
        install = 'python -m pip install --quiet "$REQUIREMENT"'
        yield {"name": "Install copilot-local", "env": {"REQUIREMENT": pipeline.requirement}, "run": install}
    yield _credentials("DEPLOY_ROLE", stage.region)
    yield from (_action_step("Before", one) for wave in waves(stage.before) for one in wave)
    if not pipeline.committed:
        yield {"name": "Render", "shell": "bash", "run": _text(shell.render(pipeline, stage))}
    if uploads := list(shell.uploads(pipeline, stage, _TAG)):
        yield {"name": "Upload", "shell": "bash", "run": _text(uploads)}
    for wave in waves(stage.deployments):
        yield _deploy_step(pipeline, stage, wave, names)
    if stage.tests:
        yield _script_step("Test", Script(stage.tests))
    yield from (_action_step("After", one) for wave in waves(stage.afterwards) for one in wave)


def _deploy_step(
    pipeline: Pipeline, stage: Stage, wave: list[Deployment], names: Mapping[str, str]
) -> dict[str, object]:
    commands = [shell.deploy(pipeline, stage, one, _TAG, names) for one in wave]
    lines = [*([shell.ACCOUNT] if pipeline.execution_role else []), *shell.together(commands)]
    return {"name": f"Deploy {', '.join(one.name for one in wave)}", "shell": "bash", "run": _text(lines)}


def _action_step(when: str, action: Action) -> dict[str, object]:
    return _script_step(f"{when} deployment: {action.name}", action.script)


def _script_step(name: str, script: Script) -> dict[str, object]:
    """Commands of the user. The shell is GitHub's default, which stops at a failure, but not within a pipe."""
    lines = list(script.lines)
    if script.last:
        lines = ["finally() {", *script.last, "}", "trap finally EXIT", *lines]
    text = _text(lines)
    known = {key: value for key, value in _CODEBUILD.items() if re.search(rf"\b{key}\b", text)}
    given = {key: _escaped(value) for key, value in script.variables.items()}
    env = {**known, **given}
    return {"name": name, **({"env": env} if env else {}), "run": text}


def _literal(step: dict[str, object]) -> dict[str, object]:
    """The step, in which no text of a manifest is an expression: commands with what would be one come by a variable."""
    found = {**step, "name": _escaped(str(step["name"]))} if "name" in step else step
    text = str(step.get("run", ""))
    if "${{" not in text:
        return found
    shell = "bash -eo pipefail" if step.get("shell") == "bash" else "bash -e"
    env = step.get("env")
    known = env if isinstance(env, dict) else {}
    return {**found, "env": {**known, "COMMANDS": _escaped(text)}, "run": f'{shell} -c "$COMMANDS"\n'}


def _escaped(text: str) -> str:
    """Text that GitHub reads as it stands: no part of it is an expression."""
    return text.replace("${{", "${{ '${{' }}")


def _checkout() -> dict[str, object]:
    return _uses("actions/checkout", {"persist-credentials": False})


def _credentials(role: str, region: str | None) -> dict[str, object]:
    given = {"role-to-assume": f"${{{{ vars.{role} }}}}", "aws-region": region or "${{ vars.AWS_REGION }}"}
    return _uses("aws-actions/configure-aws-credentials", given)


def _uses(action: str, given: Mapping[str, object]) -> dict[str, object]:
    return {"uses": f"{action}@{ACTIONS[action][0]}", "with": dict(given)}


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
