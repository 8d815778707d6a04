"""Lines of shell that build, push, render and deploy, the same wherever a pipeline runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from emulator.regions import dns_suffix, partition
from emulator.render.pipeline.model import Deployment, Image, Pipeline, Stage, Upload, Value

FOLDER = "infrastructure"
"""Where templates are rendered to. Source: Copilot, `DefaultPipelineArtifactsDir`."""
_WIDTH = 110
ACCOUNT = "account=$(aws sts get-caller-identity --query Account --output text)"
"""Sets the shell's variable `account`."""


def wrapped(words: Sequence[str]) -> str:
    """A command as lines that end in a backslash where it is long. Words are quoted already."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) < _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}")
    return " \\\n".join(lines)


def variable(image: Image) -> str:
    """The shell variable that holds the address of an image."""
    return f"image_{image.id}"


def images(found: Iterable[Image], tag: str, outputs: str = "") -> Iterator[str]:
    """Builds and pushes images, region by region. `tag` is the shell's word for what tags have in common; `outputs` the
    file that addresses are written to as `id=address`."""
    by_place: dict[tuple[str | None, str | None], list[Image]] = {}
    for image in found:
        by_place.setdefault((image.region, image.account), []).append(image)
    if by_place:
        yield ACCOUNT
    for (region, account), here in by_place.items():
        name = region or "$AWS_REGION"
        yield f'registry="{account or "$account"}.dkr.ecr.{name}.{dns_suffix(region or "")}"'
        login = f"--region {region}" if region else '--region "$AWS_REGION"'
        yield (f'aws ecr get-login-password {login} |\n  docker login --username AWS --password-stdin "$registry"')
        for image in here:
            yield f'{variable(image)}="$registry/{image.repository}:{_tag(image, tag)}"'
            yield wrapped(_build(image))
            yield f'docker push "${variable(image)}"'
            if outputs:
                yield f'echo "{image.id}=${variable(image)}" >> "{outputs}"'


def _tag(image: Image, tag: str) -> str:
    """Source: Copilot, `ECRImage.URI`: the tag of a sidecar begins with the container's name."""
    return "-".join(part for part in (image.prefix, tag, image.suffix) if part)


def _build(image: Image) -> list[str]:
    build = image.build
    return [
        "docker build",
        f"--platform {image.platform}",
        *([f"--target {shlex.quote(build.target)}"] if build.target else []),
        *(f"--build-arg {shlex.quote(f'{name}={value}')}" for name, value in build.args.items()),
        *(f"--cache-from {shlex.quote(one)}" for one in build.cache_from),
        f'--tag "${variable(image)}"',
        f"--file {shlex.quote(build.dockerfile)}",
        shlex.quote(build.context),
    ]


def render(pipeline: Pipeline, stage: Stage) -> Iterator[str]:
    """Renders the templates of a stage from the manifests."""
    yield f"mkdir -p {FOLDER}"
    common = [f"-a {pipeline.app}", f"-e {stage.name}", *pipeline.options]
    rendered = [one for one in stage.deployments if one.service]
    if rendered:
        services = " ".join(dict.fromkeys(one.service for one in rendered))
        yield wrapped(
            ["copilot-local render cloudformation", services, *common, "--in-copilot-environment",
             f"--output-dir {FOLDER}"]
        )  # fmt: skip
    for one in rendered:
        usual = f"{FOLDER}/{one.service}-{stage.name}.stack.yml"
        if one.template != usual:
            yield f"cp {usual} {shlex.quote(one.template)}"
    for one in stage.deployments:
        if one.environment:
            words = [f"-a {pipeline.app}", f"-e {one.environment}", *pipeline.options, "--in-place"]
            if one.nested:  # with the template of its addons, which is a file beside it
                yield wrapped(["copilot-local render environment", *words, f"--output-dir {FOLDER}"])
                yield f"mv {FOLDER}/{one.environment}.environment.stack.yml {shlex.quote(one.template)}"
            else:
                yield wrapped(["copilot-local render environment", *words, f"> {shlex.quote(one.template)}"])


def uploads(pipeline: Pipeline, stage: Stage, tag: str) -> Iterator[str]:
    """Puts templates of addons and environment files into the bucket."""
    given = (it for one in stage.deployments for it in one.values.values() if isinstance(it, Upload))
    for file, url in dict.fromkeys((it.file, it.url) for it in given):
        if not url:  # a placeholder would take the variables of what runs
            said = f"{file} holds no variables"
            yield f"grep -q '^[^#=][^=]*=' {shlex.quote(file)} || {{ echo {shlex.quote(said)} >&2; false; }}"
        yield f'aws s3 cp {shlex.quote(file)} "s3://{pipeline.bucket}/{_key(file, tag)}"'


def _key(file: str, tag: str) -> str:
    return f"pipelines/{tag}/{file}"


def value(pipeline: Pipeline, given: Value, tag: str, names: Mapping[str, str], region: str | None = None) -> str:
    """What a parameter is given, within double quotes. `names` are the shell's variables of images."""
    if isinstance(given, str):
        return re.sub(r'([\\"$`])', r"\\\1", given)
    if isinstance(given, Image):
        return f"${names[given.id]}"
    if given.url:
        return f"https://{pipeline.bucket}.s3.{dns_suffix(region or '')}/{_key(given.file, tag)}"
    return f"arn:{partition(region or '')}:s3:::{pipeline.bucket}/{_key(given.file, tag)}"


def deploy(pipeline: Pipeline, stage: Stage, one: Deployment, tag: str, names: Mapping[str, str]) -> str:
    """One stack: a change set is made and executed; nothing to change is no failure."""
    capabilities = ["CAPABILITY_NAMED_IAM", *(["CAPABILITY_AUTO_EXPAND"] if one.nested else [])]
    overrides = [f'"{name}={value(pipeline, given, tag, names, stage.region)}"' for name, given in one.values.items()]
    if one.config:
        overrides = [shlex.quote(f"file://{one.config}")]
    tags = [shlex.quote(f"{key}={text}") for key, text in one.tags.items()]
    role = f"arn:{partition(stage.region or '')}:iam::$account:role/{pipeline.app}-{stage.name}-CFNExecutionRole"
    return wrapped(
        [
            "aws cloudformation deploy",
            f"--stack-name {shlex.quote(one.stack)}",
            f"--template-file {shlex.quote(one.template)}",
            f"--capabilities {' '.join(capabilities)}",
            "--no-fail-on-empty-changeset",
            *([f'--role-arn "{role}"'] if pipeline.execution_role else []),
            *([f"--s3-bucket {pipeline.bucket}", f"--s3-prefix pipelines/{stage.name}"] if pipeline.bucket else []),
            *([f"--parameter-overrides {' '.join(overrides)}"] if overrides else []),
            *([f"--tags {' '.join(tags)}"] if tags else []),
        ]
    )


def together(commands: Sequence[str]) -> Iterator[str]:
    """Commands at the same time; fails once all have ended, where one has failed."""
    if len(commands) == 1:
        yield commands[0]
        return
    yield "running=()"
    for command in commands:
        yield f"{command} &"
        yield "running+=($!)"
    yield "failed=0"
    yield 'for one in "${running[@]}"; do wait "$one" || failed=1; done'
    yield 'exit "$failed"'
