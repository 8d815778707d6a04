"""What a manifest does not say and a deployment needs, from settings, options and the workspace: the application's
domain, certificates, addons, overrides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from emulator.compiler.addons import OF_ENVIRONMENTS, SourceText, addon_outputs, merge_addons
from emulator.compiler.context import FindPosition, Surroundings
from emulator.compiler.patches import SERVICE, read_patches
from emulator.ecs.addons.model import Addons, TemplatePatch
from emulator.errors import InputError, Position, Unsupported
from emulator.files import read_text
from emulator.manifest import Gaps, load_environment
from emulator.manifest.schema.routing import RoutingRule
from emulator.manifest.schema.workload import Workload
from emulator.model import make
from emulator.settings import Settings
from emulator.settings_rendering import EnvironmentSettings
from emulator.workspace import Workspace

BACKEND = "Backend Service"
ADDONS_FOLDER = "addons"
ADDON_PARAMETERS = ("addons.parameters.yml", "addons.parameters.yaml")
OVERRIDES_FOLDER = "overrides"
PATCHES_FILE = "cfn.patches.yml"
_CDK_FILES = ("cdk.json", "stack.ts", "package.json")
_YAML = (".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where and how something is deployed. The names are those of settings and options."""

    domain: str | None = None
    permissions_boundary: str | None = None
    app_account: str | None = None
    """The account of the application's repositories; None: that of the environment."""
    account: str | None = None
    region: str | None = None
    certificates: tuple[str, ...] = ()
    private_certificates: tuple[str, ...] = ()
    discovery_endpoint: str | None = None
    load_balancer: str | None = None
    load_balancer_https: bool | None = None
    retain: bool | None = None
    needs: tuple[str, ...] = ()
    """What services of other workspaces need of the environment."""
    cdn: bool = False
    """Whether CloudFront is before the public load balancer."""
    images: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment_addons: Addons | None = None
    """Of the environment; read where it runs here."""


def deployment(settings: Settings, environment: str, given: Deployment) -> Deployment:
    """What options say, else what the settings say."""
    here = settings.environments.get(environment, make(EnvironmentSettings))
    return Deployment(
        domain=given.domain or settings.app.domain,
        permissions_boundary=given.permissions_boundary or settings.app.permissions_boundary,
        app_account=given.app_account or settings.app.account,
        account=given.account or here.account,
        region=given.region or here.region,
        certificates=given.certificates or here.certificates,
        private_certificates=given.private_certificates or here.private_certificates,
        discovery_endpoint=given.discovery_endpoint or here.discovery_endpoint,
        load_balancer=given.load_balancer or here.load_balancer,
        load_balancer_https=here.load_balancer_https
        if given.load_balancer_https is None
        else given.load_balancer_https,
        retain=here.retain if given.retain is None else given.retain,
        needs=tuple(dict.fromkeys((*here.needs, *given.needs))),
        images={**here.images, **given.images},
        parameters={**here.parameters, **given.parameters},
    )


def with_environment_manifest(
    found: Deployment, path: Path | None, app: str, variables: Mapping[str, str], gaps: Gaps | None = None
) -> Deployment:
    """With what the environment's manifest says, if there is one: CloudFront, and certificates, where none were named
    otherwise. `gaps` takes the variables that are not defined."""
    if path is None:
        return found
    manifest = load_environment(path, variables=variables, app=app, strict=False, gaps=gaps).manifest
    return replace(
        found,
        certificates=found.certificates or tuple(manifest.http.public.certificates),
        private_certificates=found.private_certificates or tuple(manifest.http.private.certificates),
        cdn=manifest.cdn is not None,
    )


def environment_addons(workspace: Workspace) -> Addons | None:
    """The addon templates of the environments, merged: all environments have the same. Raises InputError with file and
    line where one is wrong."""
    return merge_addons(*_addons(workspace.environment_addons), OF_ENVIRONMENTS)


def surroundings(
    workspace: Workspace, name: str, manifest: Workload, where: Deployment, *, here: bool = False, https: bool | None
) -> Surroundings:
    """What a manifest is compiled with. `here`: it runs on this machine, and `https` says whether the load balancer has
    an HTTPS listener; None: where a deployment would have one.

    Raises InputError with file and line where an addon or an override is wrong, and, where it is deployed, Unsupported
    for CDK overrides.
    """
    folder = workspace.manifest_path(name).parent
    if not here:
        refuse_cdk(folder / OVERRIDES_FOLDER)
    addons = merge_addons(*_addons(folder / ADDONS_FOLDER))
    found = Surroundings(addons=addon_outputs(addons), addon_template=addons, patches=patches_of(workspace, name))
    found = replace(found, environment_addons=where.environment_addons)
    internal = manifest.type == BACKEND
    certificates = where.private_certificates if internal else where.certificates
    secure = bool(certificates) or (bool(where.domain) and not internal)
    if _is_imported(manifest, where, internal=internal) and where.load_balancer_https is not None:
        secure = where.load_balancer_https
    if here:
        # Copilot deploys names and redirects with HTTPS only; where they come from is not known here.
        secure = https if https is not None else secure or _asks_for_https(manifest, internal=internal)
    found = replace(found, https=secure, here=here)
    if here and not secure:
        return found
    return replace(
        found,
        domain=None if certificates else where.domain,
        certificates=certificates,
        # These two are AWS's; an environment here has its own.
        load_balancer=None if here else where.load_balancer,
        discovery_endpoint=None if here else where.discovery_endpoint,
    )


def _is_imported(manifest: Workload, where: Deployment, *, internal: bool) -> bool:
    """Whether the service is put behind an existing load balancer, whose listeners decide on HTTPS."""
    http = getattr(manifest, "http", None)
    return http is not None and bool(where.load_balancer or (not internal and http.alb))


def _asks_for_https(manifest: Workload, *, internal: bool) -> bool:
    """Whether a rule has what only a load balancer with HTTPS is deployed with."""
    return any(rule.alias or (rule.redirect_to_https and not internal) for _, rule in rules_of(manifest))


def rules_of(manifest: Workload) -> Iterator[tuple[str, RoutingRule]]:
    """The listener rules of a manifest, by the path that they stand at."""
    http = getattr(manifest, "http", None)
    if http is not None:
        yield "http", http
        yield from ((f"http.additional_rules[{number}]", rule) for number, rule in enumerate(http.additional_rules))


def cdk_overrides(workspace: Workspace, name: str) -> Path | None:
    """The folder of a service's overrides, if they are programs in the AWS CDK."""
    folder = workspace.manifest_path(name).parent / OVERRIDES_FOLDER
    return folder if are_cdk(folder) else None


def are_cdk(folder: Path) -> bool:
    """Whether a folder of overrides holds programs in the AWS CDK."""
    return any((folder / file).is_file() for file in _CDK_FILES)


def refuse_cdk(folder: Path) -> None:
    """Raises Unsupported where a folder of overrides holds programs in the AWS CDK."""
    if are_cdk(folder):
        raise Unsupported(
            f"{folder} holds overrides in the AWS CDK, which are programs",
            hint=f"write the changes as YAML patches in {PATCHES_FILE}",
        )


def require_https(manifest: Workload, found: Surroundings, position: FindPosition) -> None:
    """Raises InputError where the manifest has domain names or redirects and nothing says how HTTPS comes about:
    Copilot refuses these too, when it deploys."""
    internal = manifest.type == BACKEND
    if not found.https:
        for path, rule in rules_of(manifest):
            for key in ("alias", "redirect_to_https"):
                if getattr(rule, key) and not (internal and key == "redirect_to_https"):
                    raise InputError(
                        f"{path}.{key} needs HTTPS, and the environment has no certificate"
                        + ("" if internal else " and the application no domain"),
                        position=position(f"{path}.{key}"),
                        hint="give `private_certificates` in [environments.<env>] of copilot-local.toml, or "
                        "--private-certificate"
                        if internal
                        else "give --certificate ARN or --domain NAME, or `certificates` in [environments.<env>] or "
                        "`domain` in [app] of copilot-local.toml",
                    )
    nlb = getattr(manifest, "nlb", None)
    if nlb is not None and nlb.alias and not found.domain:
        raise InputError(
            "nlb.alias needs the application's domain",
            position=position("nlb.alias"),
            hint="give --domain NAME, or `domain` in [app] of copilot-local.toml",
        )


def _addons(folder: Path) -> tuple[list[SourceText], SourceText | None]:
    """The templates in order of their names, and the parameters file."""
    files = sorted(file for file in folder.iterdir() if file.suffix in _YAML) if folder.is_dir() else []
    parameters = [file for file in files if file.name in ADDON_PARAMETERS]
    if len(parameters) > 1:
        raise InputError(
            f"defining {' and '.join(sorted(file.name for file in parameters))} is not allowed under addons/",
            position=Position(str(parameters[1]), 1),
            hint="keep one of the two",
        )
    templates = [_read(file) for file in files if file not in parameters]
    return templates, _read(parameters[0]) if parameters else None


def patches_of(workspace: Workspace, name: str) -> tuple[TemplatePatch, ...]:
    """The patches of a service's template. Raises what `patches_in` raises."""
    return patches_in(workspace.manifest_path(name).parent / OVERRIDES_FOLDER)


def patches_in(folder: Path, of: str = SERVICE) -> tuple[TemplatePatch, ...]:
    """The patches in a folder of overrides; `of` says whose. Raises InputError where their file is wrong, or where the
    folder holds neither patches nor a program."""
    file = folder / PATCHES_FILE
    if file.exists():
        return read_patches(_read(file), of)
    other = sorted(it.name for it in folder.iterdir() if not it.name.startswith(".")) if folder.is_dir() else []
    if other and not are_cdk(folder):
        raise InputError(
            f"{_shown(folder)} holds no {PATCHES_FILE}, which is where Copilot looks for patches",
            position=Position(_shown(folder / other[0]), 1) if (folder / other[0]).is_file() else None,
            hint=f"rename {other[0]} to {PATCHES_FILE}, or remove the folder",
        )
    return ()


def _read(file: Path) -> SourceText:
    try:
        return SourceText(_shown(file), read_text(file))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}", hint="save it as UTF-8 text") from None


def _shown(file: Path) -> str:
    """As the user would name it: relative to the working directory, if it is below."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
