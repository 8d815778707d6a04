"""Lines that put a rendered template into a stack that Copilot made: a change set, which `leave check` judges."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from emulator.app.selection import Selection, find_target
from emulator.cli.manifest import rendering
from emulator.errors import UsageError
from emulator.leave.kinds import RETAINED, TEMPLATE_URL
from emulator.leave.verbs.changing import MOST_INLINE, ChangeSetLines, parameter, previous
from emulator.leave.verbs.lines import Names, resource
from emulator.regions import dns_suffix, partition
from emulator.render.cloudformation.options import OF_MANIFEST
from emulator.render.pipeline import shell

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.app.deployment import Deployment

_FOLDER = shell.FOLDER
_OF_SERVICES = ("ArtifactKeyARN", "ContainerImage", "LoggingEnvFileARN", TEMPLATE_URL)
_ENV_FILES = "EnvFileARN"
"""Parameters that the stacks of Copilot's services have too. Those of environment files begin alike."""
_OF_ENVIRONMENTS = (
    "ALBWorkloads",
    "Aliases",
    "AppDNSDelegationRole",
    "AppDNSName",
    "AppName",
    "AppRunnerPrivateWorkloads",
    "CreateHTTPSListener",
    "CreateInternalHTTPSListener",
    "EFSWorkloads",
    "EnvironmentName",
    "InternalALBWorkloads",
    "NATWorkloads",
    "ServiceDiscoveryEndpoint",
    "ToolsAccountPrincipalARN",
)
"""Parameters that the stacks of Copilot's environments have too."""


@dataclass(frozen=True, slots=True)
class _Rendered:
    """A template that takes the place of Copilot's: its text and its tree, the command that writes it to `file`, and
    the parameters that the stack has already."""

    names: Names
    text: str
    tree: Mapping[str, object]
    command: str
    file: str
    known: Collection[str]
    where: Deployment
    root: Path
    """The workspace's folder."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Parameters that are images, with the addresses that the settings give them."""


def service_lines(selection: Selection, bucket: str | None) -> list[str]:
    """Lines that take a service or a job over. It runs on with the image and the files that it has."""
    from emulator.app.deployment import Deployment
    from emulator.app.load import load_services
    from emulator.cli.manifest.pipeline.given import image_parameter
    from emulator.render.cloudformation.stack import render_template, stack_document
    from emulator.render.cloudformation.template import plain

    root = find_target(selection).workspace.root
    with rendering.display() as emit:
        [found] = load_services(selection, emit, given=Deployment())
    service, where = found.service, found.deployment
    options = rendering.stack_options(found, rendering.image_values(found, None))
    options = replace(options, retain=RETAINED if where.retain else frozenset())
    tree = plain(stack_document(service, options))
    names = Names(service.app, service.environment, service.name)
    common = f"-a {names.app} -e {names.environment} --in-copilot-environment --output-dir {_FOLDER}"
    return _lines(
        _Rendered(
            names,
            render_template(service, options)[0],
            tree,
            f"copilot-local render cloudformation {names.workload} {common}",
            f"{_FOLDER}/{names.workload}-{names.environment}.stack.yml",
            [*_OF_SERVICES, *(name for name in _mapping(tree, "Parameters") if name.startswith(_ENV_FILES))],
            where,
            root,
            {image_parameter(container, service.main_container): it for container, it in where.images.items()},
        ),
        bucket,
    )


def environment_lines(app: str | None, env: str | None, needs: tuple[str, ...], bucket: str | None) -> list[str]:
    """Lines that take an environment over. `needs`: what services of other workspaces need of it."""
    from emulator.app.deployment import Deployment
    from emulator.app.environments import load_environment_of
    from emulator.render.cloudformation.environment.context import EnvironmentOptions
    from emulator.render.cloudformation.environment.stack import environment_document, render_environment
    from emulator.render.cloudformation.template import plain

    selection = Selection(app, env, any_manifest=True)
    root = find_target(selection).workspace.root
    with rendering.display() as emit:
        found, where, _ = load_environment_of(selection, emit, Deployment(needs=needs))
    options = EnvironmentOptions(
        in_place=True, defaults=where.parameters, permissions_boundary=where.permissions_boundary
    )
    names = Names(found.app, found.name)
    return _lines(
        _Rendered(
            names,
            render_environment(found, options)[0],
            plain(environment_document(found, options)),
            " ".join(
                [
                    f"copilot-local render environment -a {names.app} -e {names.environment} --in-place",
                    *(f"--need {need}" for need in needs),
                    f"--output-dir {_FOLDER}",
                ]
            ),
            f"{_FOLDER}/{names.environment}.environment.stack.yml",
            _OF_ENVIRONMENTS,
            where,
            root,
        ),
        bucket,
    )


def _lines(found: _Rendered, bucket: str | None) -> list[str]:
    stack = found.names.stack if found.names.workload else found.names.environment_stack
    region = found.where.region or ""
    template, upload = f"--template-body file://{found.file}", []
    if len(found.text.encode()) > MOST_INLINE:
        if bucket is None:
            raise UsageError(
                f"the template of {stack} is larger than 51,200 bytes, and goes by a bucket",
                hint=f"give --bucket NAME: `copilot-local aws app show -a {found.names.app} --run` says its name",
            )
        key = f"takeover/{found.file}"
        upload = [f"aws s3 cp --only-show-errors {found.file} s3://{bucket}/{key}"]
        template = f"--template-url https://{bucket}.s3.{dns_suffix(region)}/{key}"
    role = f"arn:{partition(region)}:iam::$account:role/{found.names.environment_stack}-CFNExecutionRole"
    tags = " ".join(f"Key={key},Value={value}" for key, value in found.names.tags.items())
    nested = [name for name, it in _resources(found.tree) if it.get("Type") == "AWS::CloudFormation::Stack"]
    return ChangeSetLines(
        stack,
        "takeover",
        template,
        list(_parameters(found)),
        nested,
        (f'--role-arn "{role}"', f"--tags {tags}"),
        before=[f"cd {shlex.quote(str(found.root))}", f"mkdir -p {_FOLDER}", found.command, *upload, shell.ACCOUNT,
                *_images_there(found, stack), *_priorities_there(found, stack)],
        afterwards=list(_seen(found)),
    ).lines  # fmt: skip


def _seen(found: _Rendered) -> Iterator[str]:
    """What shows that it runs as before."""
    names = f"-a {found.names.app} -e {found.names.environment}"
    if not found.names.workload:
        yield f"copilot-local aws env show {names} --run"
    elif "StateMachine" in dict(_resources(found.tree)):
        yield f"copilot-local aws job run {names} -n {found.names.workload} --run"
    else:
        yield f"copilot-local aws svc status {names} -n {found.names.workload} --run"


def _images_there(found: _Rendered, stack: str) -> Iterator[str]:
    """Ends where the stack runs on with an image from a repository that its role could not read any more: Copilot's
    role reads those of every account, and a rendered one those of the application's."""
    if not found.names.workload or not any(_runs_on(found, name) for name in _mapping(found.tree, "Parameters")):
        return
    names = found.names
    account = found.where.app_account or "$account"
    repository = found.where.parameters.get("ImageRepository", f"{names.app}/{names.workload}")
    query = "Stacks[0].Parameters[?ParameterKey=='ContainerImage'].ParameterValue"
    missing = (
        f"{stack} runs $image, and the rendered role may pull from {repository} of the account {account} only. Write "
        'its account into copilot-local.toml, as account = \\"${image%%.*}\\" in [app], or the whole address as '
        f"{names.workload} in [environments.{names.environment}.images], and make these lines again"
    )
    yield f'image=$(aws cloudformation describe-stacks --stack-name {stack} --query "{query}" --output text)'
    others = f'*.dkr[.-]ecr[.-]*) echo "{missing}" >&2; exit 1 ;;'
    yield f'case "$image" in "{account}".*/{repository}[:@]*) ;; {others} esac'


def _runs_on(found: _Rendered, parameter: str) -> bool:
    """Whether a parameter is the main container's image, as the stack has it."""
    return parameter == "ContainerImage" and parameter not in found.where.parameters and parameter not in found.images


def _priorities_there(found: _Rendered, stack: str) -> Iterator[str]:
    """Sets a variable of the shell to the priority that each rule has, so that it stays before or after others."""
    for name, rule in _priorities(found.tree):
        if name not in found.where.parameters:
            query = "--query 'Rules[0].Priority' --output text"
            missing = (
                f"{stack} has no {rule}: the domain ([app] in copilot-local.toml) or http is not as it was deployed; "
                "copilot-local aws app show prints the domain"
            )
            yield f'rule={resource(stack, rule)} || {{ echo "{missing}" >&2; exit 1; }}'
            yield f'{name}=$(aws elbv2 describe-rules --rule-arns "$rule" {query})'


def _parameters(found: _Rendered) -> Iterator[str]:
    """What each parameter is given: what the settings say, its value before, or a variable of the shell without which
    bash stops; what the manifest says; what has another default is left to it."""
    rules = {name for name, _ in _priorities(found.tree)}
    for name, it in _mapping(found.tree, "Parameters").items():
        default = it.get("Default") if isinstance(it, Mapping) else None
        given = found.where.parameters.get(name, found.images.get(name))
        if given is None and name in OF_MANIFEST and default is not None:
            given = str(default)
        if given is not None:
            yield shlex.quote(f"ParameterKey={name},ParameterValue={_shorthand(given)}")
        elif name in found.known:
            yield previous(name)
        elif name in rules:
            yield parameter(name, f"${name}")
        elif default is None:
            yield parameter(name, f"${{{name}:?has no value}}")


def _shorthand(value: str) -> str:
    """A value in the AWS command line's shorthand, in quotes where it needs them."""
    if re.fullmatch(r"[\w./:@-]+", value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _priorities(tree: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The parameters that are priorities, each with the logical id of its rule."""
    for id, it in _resources(tree):
        properties = it.get("Properties")
        priority = properties.get("Priority") if isinstance(properties, Mapping) else None
        if isinstance(priority, Mapping) and "Ref" in priority:
            yield str(priority["Ref"]), id


def _resources(tree: Mapping[str, object]) -> Sequence[tuple[str, Mapping[str, object]]]:
    return [(name, it) for name, it in _mapping(tree, "Resources").items() if isinstance(it, Mapping)]


def _mapping(tree: Mapping[str, object], section: str) -> Mapping[str, object]:
    found = tree.get(section)
    return found if isinstance(found, Mapping) else {}
