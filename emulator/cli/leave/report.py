"""`copilot-local leave report`: what would be lost with Copilot's stacks, and in which order to go."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection, find_target
from emulator.cli.manifest import rendering
from emulator.cli.shell.options import Chosen, Strict
from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind
from emulator.missing import Kind, MissingError
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.app.selection import LoadedService
    from emulator.ecs.addons.model import Addons
    from emulator.ecs.environment.model import Environment
    from emulator.ecs.references import Value
    from emulator.leave.report import Holding, Stack
    from emulator.workspace import Workspace


def report(
    only: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SERVICE]...", help="Services that are to leave. Default: all of the environment."),
    ] = None,
    chosen: Chosen = Chosen(),
    strict: Strict = False,
) -> None:
    """Show what would be lost with each of Copilot's stacks of an environment, or of some services of it."""
    from emulator.app.deployment import Deployment
    from emulator.app.environments import load_environment_of
    from emulator.leave.report import lines

    selection = chosen.selection(any_manifest=True)
    with rendering.display() as emit:
        try:
            environment, _, services = load_environment_of(selection, emit, Deployment(), strict=strict)
        except MissingError as error:
            selection = _with_names_as_values(selection, error, emit)
            environment, _, services = load_environment_of(selection, emit, Deployment(), strict=strict)
    workspace = find_target(selection).workspace
    leaving = only or ()
    known = [one.service.name for one in services]
    for name in leaving:
        if name not in known:
            raise UsageError(f"there is no service {name} on ECS", hint=did_you_mean(name, known, "services"))
    stacks = [_service(one, environment, bool(leaving)) for one in services if one.service.name in (leaving or known)]
    if leaving:
        stacks += _used(environment, leaving)
    else:
        stacks = [_environment(environment), *stacks, *_not_on_ecs(workspace, environment)]
        stacks += [*_pipelines(workspace, environment.app), _application(environment.app)]
    sys.stdout.write("\n".join(lines(environment.app, environment.name, stacks, leaving)) + "\n")


def _with_names_as_values(selection: Selection, error: MissingError, emit: Emit) -> Selection:
    """Hardly anything that is reported depends on a variable: those without a value stand as their names."""
    names = dict.fromkeys(one.name for one in error.missing if one.kind is Kind.VARIABLE)
    if not names:
        raise error
    text = f"{', '.join(names)} has no value here, and stands as its name; --var NAME=VALUE gives one"
    emit(Event(EventKind.WARNING, "", text))
    return replace(selection, variables={**selection.variables, **{name: name for name in names}})


def _environment(environment: Environment) -> Stack:
    from emulator.leave.report import Stack, custom, held
    from emulator.render.cloudformation.environment.context import EnvironmentOptions
    from emulator.render.cloudformation.environment.stack import environment_document

    document = environment_document(environment, EnvironmentOptions(in_place=True))
    needs = environment.needs
    reasons = {id: f"for {', '.join(services)}" for id, services in _users(environment).items()}
    found: list[Holding] = list(held(_types(document, environment.addons), reasons))
    if environment.domain is not None:
        reason = f"the domain {environment.domain}"
        found += [
            custom("HTTPSCert", "Custom::CertificateValidationFunction", reason),
            custom("DelegateDNSAction", "Custom::DNSDelegationFunction", reason),
        ]
        if needs.aliases:
            names = ", ".join(alias.name for alias in needs.aliases)
            found.append(custom("CustomDomainAction", "Custom::CustomDomainFunction", names))
        if environment.cdn is not None and environment.cdn.certificate is None:
            found.append(custom("CertificateReplicator", "Custom::CertificateReplicatorFunction", "cdn"))
    logs = environment.public.access_logs
    if logs is not None and logs.bucket is None:
        found.append(custom("ELBAccessLogsBucketCleanerAction", "Custom::BucketCleanerFunction", "http.public"))
    addons = ("its addons are a nested stack: protect its template too",) if environment.addons else ()
    return Stack(f"{environment.app}-{environment.name}", "the environment", tuple(found), addons)


_BALANCER = ("{0}LoadBalancer", "{0}HTTPListener", "{0}HTTPSListener", "Default{0}HTTPTargetGroup")
_OF_ALL = ("Cluster", "ServiceDiscoveryNamespace")


def _users(environment: Environment) -> dict[str, tuple[str, ...]]:
    """The services that a resource of the environment is there for, by its logical id."""
    needs = environment.needs
    public = ("PublicLoadBalancer", *(id.format("") for id in _BALANCER[1:]))
    return {
        **dict.fromkeys(public, needs.public_balancer),
        **dict.fromkeys((id.format("Internal") for id in _BALANCER), needs.internal_balancer),
        **dict.fromkeys(("FileSystem", "MountTarget1", "MountTarget2"), needs.file_system),
        **dict.fromkeys((f"NatGateway{number}" for number in (1, 2)), needs.nat),
    }


def _used(environment: Environment, chosen: Sequence[str]) -> Iterator[Stack]:
    """What services that leave alone use of the environment's stack, which stays."""
    whole, users = _environment(environment), _users(environment)
    found = tuple(one for one in whole.holdings if one.id in _OF_ALL or set(chosen).intersection(users.get(one.id, ())))
    notes = ("leave the names on its lists (ALBWorkloads, EFSWorkloads and the like): they keep what is above",)
    yield replace(whole, what=f"the environment, which stays, used by {', '.join(chosen)}", holdings=found, notes=notes)


def _service(loaded: LoadedService, environment: Environment, leaves_alone: bool) -> Stack:
    """A service's stack. `leaves_alone`: it leaves Copilot's environment as it is, whose exports it needs then."""
    from emulator.leave.report import Stack, custom, held, imported, reached_by
    from emulator.render.cloudformation.options import StackOptions
    from emulator.render.cloudformation.stack import stack_document
    from emulator.render.cloudformation.template import plain

    service, needs = loaded.service, environment.needs
    document = stack_document(service, StackOptions(in_copilot_environment=True))
    lists = {
        "the public load balancer": needs.public_balancer,
        "the internal load balancer": needs.internal_balancer,
        "the file system": needs.file_system,
        "the NAT gateways": needs.nat,
    }
    alone = [what for what, names in lists.items() if names == (service.name,)]
    reason = f"the only one in this workspace with {' and '.join(alone)}" if alone else ""
    found = [
        *held(_types(document, service.addons), {}),
        custom("EnvControllerAction", "Custom::EnvControllerFunction", reason),
    ]
    balancer = service.network_load_balancer
    if balancer is not None and balancer.domain:
        found += [
            custom("NLBCertValidatorAction", "Custom::NLBCertValidatorFunction", "nlb"),
            custom("NLBCustomDomainAction", "Custom::NLBCustomDomainFunction", "nlb"),
        ]
    namespace = environment.namespace or f"{service.environment}.{service.app}.local"
    resources = plain(document).get("Resources")
    assert isinstance(resources, dict)
    notes = [*reached_by(resources, namespace), *_notes(loaded, resources)]
    if leaves_alone:
        exports = ", ".join(sorted({*imported(resources)}))
        notes.append(f"its template imports these exports, and `aws env show` lists those that are there: {exports}")
    return Stack(f"{service.app}-{service.environment}-{service.name}", service.type, tuple(found), tuple(notes))


def _said(value: Value) -> str:
    """Where a secret is, with what is known only in the stack as a template spells it."""
    from emulator.ecs.references import Join, PseudoReference, describe

    if isinstance(value, str):
        return value
    if isinstance(value, Join):
        return "".join(_said(part) for part in value.parts)
    return f"${{{value.name}}}" if isinstance(value, PseudoReference) else describe(value)


def _notes(loaded: LoadedService, resources: Mapping[str, object]) -> Iterator[str]:
    service = loaded.service
    if service.addons is not None:
        yield "its addons are a nested stack: protect its template too"
    secrets = [
        f"{one.name} from {_said(one.value_from)}"
        for it in service.task_definition.container_definitions
        for one in it.secrets
    ]
    if secrets:
        yield f"secrets stay where they are: {', '.join(dict.fromkeys(secrets))}"
        role = json.dumps(resources.get("ExecutionRole"))
        by = "Copilot's tags where its template does not name them" if "ssm:ResourceTag/" in role else "name"
        yield f"the rendered role reads secrets by {by}, and decrypts with KMS keys that have Copilot's tags"
    if service.builds:
        yield f"its images are in the application's repository {service.app}/{service.name}"


_STATIC_SITE = {"Bucket": "AWS::S3::Bucket", "CloudFrontDistribution": "AWS::CloudFront::Distribution"}
_APP_RUNNER = {"Service": "AWS::AppRunner::Service"}


def _not_on_ecs(workspace: Workspace, environment: Environment) -> Iterator[Stack]:
    """Static Sites and Request-Driven Web Services of the workspace."""
    from emulator.cli.manifest.proposals.untyped_manifest import read_untyped
    from emulator.ecs.names import logical_id
    from emulator.leave.report import Stack, custom, held

    for name in workspace.services:
        found = read_untyped(workspace.manifest_path(name))
        site = found.type == "Static Site"
        if not site and found.type != "Request-Driven Web Service":
            continue
        types, reasons = dict(_STATIC_SITE if site else _APP_RUNNER), {}
        http, publish = found.content.get("http"), found.content.get("publish")
        http = http if isinstance(http, Mapping) else {}
        if not site and http.get("private"):
            types["AppRunnerVpcIngressConnection"] = "AWS::AppRunner::VpcIngressConnection"
        for topic in publish.get("topics") or () if isinstance(publish, Mapping) else ():
            if isinstance(topic, Mapping):
                id = f"{logical_id(str(topic.get('name', '')))}SNSTopic"
                types[id], reasons[id] = "AWS::SNS::Topic", "publish"
        holdings = list(held(types, reasons))
        if http.get("alias"):
            kind = "Custom::CustomDomainFunction" if site else "Custom::AppRunnerCustomDomainFunction"
            holdings.append(custom("CustomDomainAction", kind, f"the alias {http['alias']}"))
        note = (
            "`copilot-local render static-site` proposes a stack for a new bucket; this one keeps its files"
            if site
            else "`copilot-local render manifest` proposes a Load Balanced Web Service in its place"
        )
        stack = f"{environment.app}-{environment.name}-{name}"
        yield Stack(stack, found.type, tuple(holdings), (note,))


def _pipelines(workspace: Workspace, app: str) -> Iterator[Stack]:
    from emulator.leave.report import Stack

    note = "each build downloads Copilot: builds stop when that is gone"
    for file in workspace.pipelines:
        if file.parent.name == "copilot":  # an old pipeline's stack may have the bare name of its manifest
            yield Stack("pipeline of copilot/pipeline.yml", "a pipeline", (), (note,))
        else:
            yield Stack(f"pipeline-{app}-{file.parent.name}", "a pipeline", (), (note,))


def _application(app: str) -> Stack:
    from emulator.leave.report import Stack

    notes = (
        "a stack set: its repositories hold the images of running services, its bucket templates and environment files",
        "deleting the application deletes them: copy images to repositories of your own first",
    )
    return Stack(f"{app}-infrastructure", "the application", (), notes)


def _types(document: Mapping[str, object], addons: Addons | None) -> dict[str, str]:
    """The types of a template's resources by their logical ids, those of its nested addons after them."""
    from emulator.render.cloudformation.template import plain

    resources = plain(dict(document)).get("Resources")
    assert isinstance(resources, dict)
    found = {str(id): str(it["Type"]) for id, it in resources.items()}
    for id, it in addons.section("Resources").items() if addons is not None else ():
        found.setdefault(f"AddonsStack/{id}", str(it.get("Type", "")) if isinstance(it, dict) else "")
    return found
