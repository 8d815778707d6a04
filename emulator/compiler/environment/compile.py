"""From an environment's manifest, and from what its services need, to the environment. Pure.

Source: Copilot, internal/pkg/manifest/env.go and internal/pkg/deploy/cloudformation/stack/env.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

from emulator.ecs.environment.model import (
    AccessLogs,
    Cdn,
    Environment,
    ImportedVpc,
    InternalBalancer,
    ManagedVpc,
    Needs,
    PublicBalancer,
    SecurityRule,
    StaticAssets,
)
from emulator.ecs.network import DnsAlias
from emulator.ecs.service import Service
from emulator.errors import InputError, Position, Unsupported
from emulator.manifest.schema.environment import EnvironmentManifest, EnvironmentVpc, Ingress, SecurityRules

FLOW_LOG_DAYS = 14
"""How long Copilot keeps flow logs where the manifest does not say."""
_PLACES = (
    "network",
    "network.vpc",
    "network.vpc.security_group",
    "network.vpc.flow_logs",
    "cdn",
    "cdn.static_assets",
    "http.public",
    "http.public.access_logs",
    "http.private",
    "observability",
)
"""Parts of the manifest that resources come from."""


def compile_environment(
    manifest: EnvironmentManifest,
    *,
    app: str,
    needs: Needs,
    position: Callable[[str], Position | None],
    source: str = "",
    path: str = "",
    tasks: Mapping[str, tuple[str, ...]] | None = None,
) -> Environment:
    """The environment of a manifest. `tasks`: the names of services by the subnets that their tasks are placed in.
    Raises InputError, with file and line, where subnets are missing that something needs, and Unsupported for files of
    a Static Site behind CloudFront."""
    network = manifest.network.vpc if manifest.network is not None else EnvironmentVpc.model_construct()
    observability = manifest.observability
    flow_logs = network.flow_logs
    vpc = _vpc(network)
    internal = _internal(manifest)
    _require_subnets(vpc, needs, internal, tasks or {}, position)
    found = {place: where for place in _PLACES if (where := position(place)) is not None}
    return Environment(
        app=app,
        name=manifest.name,
        vpc=vpc,
        ingress=_rules(network.security_group, "ingress"),
        egress=_rules(network.security_group, "egress"),
        flow_logs=None if flow_logs is None else flow_logs.retention or FLOW_LOG_DAYS,
        public=_public(manifest),
        internal=internal,
        cdn=_cdn(manifest, position),
        container_insights=bool(observability and observability.container_insights),
        needs=needs,
        source=source,
        path=path,
        positions=found,
    )


def needs_of(services: Iterable[Service]) -> Needs:
    """What the services ask of the environment. Those behind an existing load balancer ask for none."""
    public: list[str] = []
    internal: list[str] = []
    files, nat = [], []
    aliases: dict[str, DnsAlias] = {}
    for service in services:
        balancer = service.load_balancer
        if balancer is not None and balancer.imported is None:
            (internal if balancer.scheme == "internal" else public).append(service.name)
            if balancer.scheme != "internal":
                aliases |= {alias.name: alias for alias in balancer.aliases}
        if service.managed_file_system is not None:
            files.append(service.name)
        if service.network.placement == "private":
            nat.append(service.name)
    return Needs(tuple(public), tuple(internal), tuple(files), tuple(nat), tuple(aliases.values()))


def placements(services: Iterable[Service]) -> dict[str, tuple[str, ...]]:
    """The names of services by the environment's subnets that their tasks are placed in, `public` and `private`."""
    found: dict[str, tuple[str, ...]] = {}
    for service in services:
        network = service.network
        if not network.subnets and not network.subnet_tags:
            found[network.placement] = (*found.get(network.placement, ()), service.name)
    return found


def _vpc(network: EnvironmentVpc) -> ImportedVpc | ManagedVpc:
    public = network.subnets.public if network.subnets is not None else []
    private = network.subnets.private if network.subnets is not None else []
    if network.id:
        return ImportedVpc(
            network.id,
            tuple(subnet.id for subnet in public if subnet.id),
            tuple(subnet.id for subnet in private if subnet.id),
        )
    if network.cidr is None:
        return ManagedVpc()
    # Sorted by zone, so that the subnets of one number are in one zone.
    zone = attrgetter("az")
    if all(subnet.az for subnet in (*public, *private)):
        public, private = sorted(public, key=zone), sorted(private, key=zone)
    return ManagedVpc(
        str(network.cidr),
        tuple(str(subnet.cidr) for subnet in public),
        tuple(str(subnet.cidr) for subnet in private),
        tuple(subnet.az for subnet in public if subnet.az),
    )


def _require_subnets(
    vpc: ImportedVpc | ManagedVpc,
    needs: Needs,
    internal: InternalBalancer,
    tasks: Mapping[str, tuple[str, ...]],
    position: Callable[[str], Position | None],
) -> None:
    """Copilot leaves these to CloudFormation, which fails half way."""
    where = position("network.vpc.subnets") or position("network.vpc")
    if isinstance(vpc, ManagedVpc) and (not vpc.public or len(vpc.public) != len(vpc.private)):
        raise InputError(
            f"network.vpc.cidr with {len(vpc.public)} public and {len(vpc.private)} private subnets",
            position=where,
            hint="give one of each for every availability zone, two at least; or leave out cidr, for Copilot's own",
        )
    for names, what, there, side in (
        (needs.public_balancer, "the public load balancer", vpc.public, "public"),
        (needs.internal_balancer, "the internal load balancer", internal.subnets or vpc.private, "private"),
        (needs.file_system, "the shared file system", vpc.private, "private"),
        (tasks.get("public", ()), "the placement of tasks that are not placed otherwise", vpc.public, "public"),
        (tasks.get("private", ()), "the placement of tasks", vpc.private, "private"),
    ):
        if names and not there:
            raise InputError(
                f"{what}, for {', '.join(names)}, needs {side} subnets, and the VPC has none",
                position=where,
                hint=f"give network.vpc.subnets.{side}" + ("; or place the tasks elsewhere" if "tasks" in what else ""),
            )


def _rules(group: SecurityRules | None, direction: str) -> tuple[SecurityRule, ...]:
    rules = getattr(group, direction) if group is not None else ()
    return tuple(SecurityRule(rule.ip_protocol, rule.ports.first, rule.ports.last, rule.cidr) for rule in rules)


def _public(manifest: EnvironmentManifest) -> PublicBalancer:
    public = manifest.http.public
    older = public.security_groups.ingress if public.security_groups is not None else None
    ingress = public.ingress or (older.restrict_to if older is not None else None) or Ingress.model_construct()
    logs = public.access_logs
    return PublicBalancer(
        certificates=tuple(public.certificates),
        ssl_policy=public.ssl_policy,
        access_logs=None if logs is None else AccessLogs(logs.bucket_name, logs.prefix),
        only_cdn=bool(ingress.cdn),
        source_ips=tuple(str(address) for address in ingress.source_ips),
    )


def _internal(manifest: EnvironmentManifest) -> InternalBalancer:
    private = manifest.http.private
    older = private.security_groups.ingress if private.security_groups is not None else None
    from_vpc = private.ingress.vpc if private.ingress is not None else older.from_vpc if older is not None else None
    return InternalBalancer(
        certificates=tuple(private.certificates),
        ssl_policy=private.ssl_policy,
        subnets=tuple(private.subnets),
        from_vpc=bool(from_vpc),
    )


def _cdn(manifest: EnvironmentManifest, position: Callable[[str], Position | None]) -> Cdn | None:
    cdn = manifest.cdn
    if cdn is None:
        return None
    files = cdn.static_assets
    found = None
    if files is not None and files.location:
        if "." not in files.location:
            raise Unsupported(
                f"cdn.static_assets.location names the Static Site {files.location}, which is not rendered",
                position=position("cdn.static_assets.location"),
                hint="give the domain name of its bucket, such as BUCKET.s3.us-west-2.amazonaws.com",
            )
        found = StaticAssets(files.location, files.alias or "", files.path or "")
    return Cdn(cdn.certificate, bool(cdn.terminate_tls), found)
