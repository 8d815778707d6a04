"""What the `render` verbs share: which services in which environments, and where the documents go."""

from __future__ import annotations

import contextlib
import enum
import os
import re
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from emulator.app.compile import registration_findings
from emulator.app.load import load_services
from emulator.app.selection import LoadedService, Selection, environments_of, find_target
from emulator.cli.shell.options import assignments
from emulator.errors import FindingsError, InputError, UsageError
from emulator.events import Emit, Event, EventKind
from emulator.files import read_text
from emulator.regions import dns_suffix
from emulator.settings_rendering import ACCOUNT, CERTIFICATE, DOMAIN, REGION
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.render.cloudformation.options import StackOptions

PREVIOUS = "previous"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
"""Source: the OCI distribution specification, `reference` as a tag."""


class Need(enum.StrEnum):
    """What services of other workspaces need of an environment."""

    PUBLIC_LOAD_BALANCER = "public-load-balancer"
    INTERNAL_LOAD_BALANCER = "internal-load-balancer"
    FILE_SYSTEM = "file-system"
    NAT = "nat"


class AddonsForm(enum.StrEnum):
    """Where the resources of addons go."""

    INLINE = "inline"
    NESTED = "nested"


def addons_of(form: AddonsForm | None) -> Literal["inline", "nested"] | None:
    """The form as the options of stacks have it."""
    return None if form is None else "nested" if form is AddonsForm.NESTED else "inline"


Services = Annotated[list[str] | None, typer.Argument(help="Services; several with --output-dir only.")]
OutputDir = Annotated[
    Path | None, typer.Option("--output-dir", "-o", metavar="FOLDER", help="Write files there instead of printing.")
]
AllEnvs = Annotated[
    bool, typer.Option("--all-envs", help="Every environment of the workspace and of the manifest, into files.")
]
Diff = Annotated[
    str | None,
    typer.Option(
        "--diff",
        metavar="FILE|previous",
        help="Print what changed since that file, or since the one that --output-dir holds; write nothing.",
    ),
]
Needs = Annotated[
    list[Need] | None, typer.Option("--need", help="What services outside of this workspace need too. Repeatable.")
]
Values = Annotated[
    list[str] | None,
    typer.Option("--value", metavar="NAME=VALUE", help="A value that is only known when deployed. Repeatable."),
]
ValuesFile = Annotated[
    Path | None, typer.Option("--values-file", metavar="FILE", help="Such values as a map, YAML or JSON. --value wins.")
]
Tag = Annotated[
    str | None,
    typer.Option(
        "--tag", metavar="TAG", help="Images that are built have this tag, in the ECR repository <app>/<name>."
    ),
]
Addons = Annotated[
    AddonsForm | None,
    typer.Option("--addons", help="Addons within the stack, or as a stack of their own that it nests."),
]
InCopilotEnvironment = Annotated[
    bool,
    typer.Option("--in-copilot-environment", help="For an environment that Copilot made, whose exports are imported."),
]
Domain = Annotated[str | None, typer.Option("--domain", metavar="NAME", help="The application's domain; HTTPS is on.")]
Certificates = Annotated[
    list[str] | None,
    typer.Option(
        "--certificate", metavar="ARN", help="A certificate of the public load balancer; HTTPS is on. Repeatable."
    ),
]
PrivateCertificates = Annotated[
    list[str] | None,
    typer.Option(
        "--private-certificate", metavar="ARN", help="A certificate of the internal load balancer. Repeatable."
    ),
]
DiscoveryEndpoint = Annotated[
    str | None, typer.Option("--discovery-endpoint", metavar="NAME", help="The private DNS namespace.")
]
PermissionsBoundary = Annotated[
    str | None, typer.Option("--permissions-boundary", metavar="POLICY", help="Bounds every role.")
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME=VALUE", help="The default of a parameter of the stack. Repeatable."),
]
Account = Annotated[str | None, typer.Option("--account", metavar="ID", help="The AWS account, 12 digits.")]
Region = Annotated[str | None, typer.Option("--region", metavar="NAME", help="The AWS region.")]
Images = Annotated[
    list[str] | None,
    typer.Option("--image", metavar="NAME=URI", help="The address that container NAME's image has. Repeatable."),
]


@dataclass(frozen=True, slots=True)
class Document:
    """One document to print or write."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class Output:
    """Where documents go."""

    folder: OutputDir = None
    all_envs: AllEnvs = False
    diff: Diff = None


Render = Callable[[LoadedService, Emit], Sequence[Document]]


def render_all(
    selection: Selection,
    given: Deployment,
    output: Output,
    render: Render,
    *,
    strict: bool,
    others: Collection[str] | None = None,
) -> None:
    """Renders everything that is selected, then prints it or writes it: all of it, or nothing where one fails. `others`
    are containers beyond those of the services; where they are given, every container may be given an image. Raises
    UsageError where several documents would have to be printed."""
    check_given(given)
    services: list[LoadedService] = []
    with display() as emit:
        for environment in environments(selection, output):
            new = output.all_envs or selection.new_environment
            here = replace(selection, environment=environment, new_environment=new)
            refuse_several(find_target(here).services, output.folder)
            services += load_services(here, emit, strict=strict, given=given)
        _check_images(given.images, services, others)
        documents: list[Document] = []
        for loaded in services:
            _refuse_what_ecs_refuses(loaded)
            documents += render(loaded, emit)
        deliver(documents, output, emit)


def check_given(given: Deployment) -> None:
    """Raises UsageError for the first option that names nothing of AWS's, as settings do."""
    options = {
        "--account": (given.account, ACCOUNT, "is no account's id", "it has 12 digits"),
        "--region": (given.region, REGION, "is no region's name", "for example eu-west-1"),
        "--domain": (given.domain, DOMAIN, "is no domain's name", "for example example.com"),
    }
    every = [(option, *of_option) for option, of_option in options.items()]
    for option, arns in (("", given.certificates), ("private-", given.private_certificates)):
        hint = "for example arn:aws:acm:eu-west-1:123456789012:certificate/ID"
        every += [(f"--{option}certificate", arn, CERTIFICATE, "is no certificate of ACM or IAM", hint) for arn in arns]
    for option, value, pattern, problem, hint in every:
        if value is not None and re.fullmatch(pattern, value) is None:
            raise UsageError(f"{option} {value!r} {problem}", hint=hint)
    for container, image in given.images.items():
        if re.search(r"\s", image):
            raise UsageError(f"--image {container}={image!r}: this is no image's address", hint="it has no spaces")


def stack_options(loaded: LoadedService, values: Mapping[str, str] | None = None) -> StackOptions:
    """How a service's stack is rendered for Copilot's environment, by the settings and how it is deployed; `values` are
    known beside those of the settings."""
    from emulator.render.cloudformation.options import StackOptions

    return StackOptions(
        in_copilot_environment=True,
        values={**loaded.settings.values, **(values or {})},
        defaults=loaded.deployment.parameters,
        permissions_boundary=loaded.deployment.permissions_boundary,
        app_account=loaded.deployment.app_account,
    )


def stack_documents(stem: str, text: str, addons: dict[str, object] | None) -> list[Document]:
    """A stack, and the template of the addons that it nests."""
    from emulator.render.cloudformation.writer import to_yaml

    nested = [Document(f"{stem}.addons.stack.yml", to_yaml(addons))] if addons is not None else []
    return [Document(f"{stem}.stack.yml", text), *nested]


def refuse_unknown_parameters(owner: str, chosen: Collection[str], parameters: Collection[str]) -> None:
    """Raises UsageError for a parameter of `--parameter` that the stack of `owner` does not have."""
    if unknown := sorted(set(chosen).difference(parameters)):
        raise UsageError(
            f"the stack of {owner} has no parameter {unknown[0]}",
            hint=f"it has {', '.join(sorted(parameters)) or 'none'}",
        )


def _check_images(images: Mapping[str, str], services: list[LoadedService], others: Collection[str] | None) -> None:
    """Raises UsageError for an image of `--image` that no container of the services would have."""
    built = {name for loaded in services for name in loaded.service.builds}
    known = {one.name for loaded in services for one in loaded.service.task_definition.container_definitions}
    if others is not None:
        built = known = {*known, *others}
    for container in images:
        if container not in known:
            raise UsageError(
                f"--image {container}=…: there is no container {container}",
                hint=did_you_mean(container, built or known, "containers"),
            )
        if container not in built:
            raise UsageError(
                f"--image {container}=…: the image of {container} is not built, but named in the manifest",
                hint="change `image.location`, or a sidecar's `image`, there",
            )


def deliver(documents: Sequence[Document], output: Output, emit: Emit) -> None:
    """Prints documents, writes them, or prints what changed in them."""
    if output.diff is not None:
        _show_changes(documents, output)
    elif output.folder is not None:
        write_all(output.folder, documents)
        for document in documents:
            emit(Event(EventKind.INFO, str(output.folder / document.file), "written"))
    else:
        sys.stdout.write(documents[0].text)
        for document in documents[1:]:
            emit(Event(EventKind.INFO, document.file, "is part of it and not printed: --output-dir writes both"))


def _refuse_what_ecs_refuses(loaded: LoadedService) -> None:
    """Raises FindingsError with everything that keeps the task definition from being registered, as `up` does."""
    if findings := registration_findings(loaded.service, loaded.manifest, loaded.surroundings):
        raise FindingsError(loaded.manifest.path, findings)


def write_all(folder: Path, documents: Sequence[Document]) -> None:
    """Writes files whole or not at all: each is complete before the first takes its name. Raises InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".copilot-local-") as temporary:
            for document in documents:
                (Path(temporary) / document.file).write_text(document.text, encoding="utf-8")
            for document in documents:
                os.replace(Path(temporary) / document.file, folder / document.file)
    except OSError as error:
        raise InputError(
            f"{error.filename or folder} cannot be written: {error.strerror}", hint="choose another --output-dir"
        ) from None


def given_values(pairs: Sequence[str] | None, file: Path | None) -> dict[str, str]:
    """The values of `--value` and `--values-file`. Raises InputError where the file is no map of texts."""
    found: dict[str, str] = {}
    if file is not None:
        content = _read(file)
        if not isinstance(content, dict) or any(isinstance(value, dict | list) for value in content.values()):
            raise InputError(f"{file} is no map of names to values", hint="write a line `NAME: VALUE` for each")
        found = {str(name): str(value) for name, value in content.items()}
    return {**found, **assignments(pairs, "--value")}


def image_values(loaded: LoadedService, tag: str | None) -> dict[str, str]:
    """Addresses of built images: those that are given, else those that Copilot would push to, by the tag.

    Source: Copilot, `ECRImage.URI`: one repository for all containers of a workload. Raises InputError where the tag is
    given, and account or region are not.
    """
    if tag is not None and _TAG.fullmatch(tag) is None:
        raise UsageError(f"--tag {tag!r} is no tag of an image", hint="it has letters, digits, `_`, `.` and `-`")
    service, where = loaded.service, loaded.deployment
    found: dict[str, str] = {}
    for container in service.builds:
        known = where.images.get(container)
        if known is not None:
            found[f"image:{container}"] = known
        elif tag is not None:
            for name in ("account", "region"):
                if getattr(where, name) is None and (name != "account" or where.app_account is None):
                    section = f"[environments.{service.environment}]"
                    raise InputError(
                        f"the address of an image with a tag needs the {name}",
                        hint=f"give --{name}, or `{name}` in {section} of copilot-local.toml",
                    )
            region = where.region or ""
            registry = f"{where.app_account or where.account}.dkr.ecr.{region}.{dns_suffix(region)}"
            full = tag if container == service.main_container else f"{container}-{tag}"
            found[f"image:{container}"] = f"{registry}/{service.app}/{service.name}:{full}"
    return found


def environments(selection: Selection, output: Output) -> list[str | None]:
    """The environments to render; None: the one that is found. Raises UsageError."""
    if not output.all_envs:
        return [selection.environment]
    if selection.environment is not None:
        raise UsageError("--all-envs and --env exclude each other")
    if output.folder is None:
        raise UsageError("--all-envs makes several documents", hint="add --output-dir FOLDER")
    found: list[str | None] = [*environments_of(find_target(selection))]
    return found or [None]


def refuse_several(services: Collection[str], folder: Path | None) -> None:
    """Raises UsageError where several documents would have to be printed."""
    if len(services) > 1 and folder is None:
        raise UsageError(
            f"{len(services)} services could be meant: {', '.join(services)}",
            hint="choose one with -n, or write all with --output-dir FOLDER",
        )


def _show_changes(documents: Sequence[Document], output: Output) -> None:
    from emulator.render.diff import changes

    compared = _compared(documents, output)
    for document in compared:
        found = list(changes(_read(_previous(document, output)), _plain(document.text, document.file)))
        if len(compared) > 1:
            sys.stdout.write(f"{document.file}:\n")
        for change in found:
            sys.stdout.write(f"{change}\n")
        if not found:
            sys.stderr.write(f"{document.file}: no change\n")


def _compared(documents: Sequence[Document], output: Output) -> Sequence[Document]:
    """Those that there is something to compare with: a file is the one document of its name, else the first."""
    path = Path(output.diff or "")
    if output.diff == PREVIOUS or path.is_dir() or len(documents) == 1:
        return documents
    chosen = next((one for one in documents if one.file == path.name), documents[0])
    others = ", ".join(one.file for one in documents if one is not chosen)
    sys.stderr.write(f"{path} is compared with {chosen.file}; --diff FOLDER compares {others} too\n")
    return [chosen]


def _previous(document: Document, output: Output) -> Path:
    if output.diff == PREVIOUS:
        if output.folder is None:
            raise UsageError("--diff previous compares with the file in --output-dir", hint="add --output-dir FOLDER")
        return output.folder / document.file
    path = Path(output.diff or "")
    return path / document.file if path.is_dir() else path


def _read(path: Path) -> object:
    try:
        return _plain(read_text(path), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path} cannot be read: {reason}", hint="give the path of a file") from None


def _plain(text: str, file: str) -> object:
    """A document as plain data; JSON is YAML, and functions come in their long form."""
    from emulator.manifest.yaml.reader import parse_node
    from emulator.manifest.yaml.untyped import untyped

    node = parse_node(text, file)
    return None if node is None else untyped(node)


@contextlib.contextmanager
def display() -> Iterator[Emit]:
    """Where events go while a verb renders."""
    from emulator.display import make_display

    with contextlib.closing(make_display()) as shown:
        yield shown.emit
