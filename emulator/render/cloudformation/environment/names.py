"""Domain names: the environment's zone, its certificate, records of the services' aliases, the private zone.

Copilot makes the certificate and the records outside of the zone by Lambda functions. Here they are resources, in a new
environment; in place they are there already, and stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.network import DnsAlias
from emulator.errors import InputError
from emulator.render.cloudformation.environment import cloudfront
from emulator.render.cloudformation.environment.context import Context
from emulator.render.cloudformation.intrinsics import GetAtt, Ref
from emulator.render.cloudformation.template import Properties

ZONE = "EnvironmentHostedZone"
CERTIFICATE = "HTTPSCert"
DELEGATION = "EnvironmentNameServers"
_APPLICATION_ZONE = "AppHostedZoneId"
ZONE_ID = "AWS::Route53::HostedZone::Id"


def add_names(context: Context) -> None:
    """Adds the environment's zone, and in a new environment its delegation, its certificate and the records of the
    services' aliases; nothing where the application has no domain.

    Raises InputError for an alias that is in no zone of the application.
    """
    environment = context.environment
    if environment.zone is None:
        return
    context.retained(
        ZONE,
        "AWS::Route53::HostedZone",
        {
            "HostedZoneConfig": {"Comment": f"HostedZone for environment {environment.name} - {environment.zone}"},
            "Name": environment.zone,
        },
    )
    if context.options.in_place:
        return
    _delegation(context)
    if environment.https:
        _certificate(context)
        _alias_records(context)


def certificate(context: Context) -> object:
    """The certificate of the public HTTPS listener where the application has a domain."""
    if not context.options.in_place:
        return Ref(CERTIFICATE)
    stack = f"{context.environment.app}-{context.environment.name}"
    return context.template.parameter(
        "HTTPSCertificateArn",
        "ARN of the certificate that Copilot made for the public load balancer. Find it with: aws cloudformation "
        f"describe-stack-resource --stack-name {stack} --logical-resource-id HTTPSCert "
        "--query StackResourceDetail.PhysicalResourceId --output text, before the first update",
    )


def add_private_zone(context: Context) -> None:
    """Adds the zone of names behind the internal load balancer, unless that has certificates of its own."""
    environment = context.environment
    if not environment.needs.internal_balancer or environment.internal.certificates:
        return
    context.retained(
        "InternalWorkloadsHostedZone",
        "AWS::Route53::HostedZone",
        {
            "Name": f"{environment.name}.{environment.app}.internal",
            "VPCs": [{"VPCId": context.vpc(), "VPCRegion": Ref("AWS::Region")}],
        },
    )


def _delegation(context: Context) -> None:
    if not context.options.delegate:
        return
    environment = context.environment
    context.template.resource(
        DELEGATION,
        "AWS::Route53::RecordSet",
        {
            "HostedZoneId": _zone_parameter(context, _APPLICATION_ZONE, f"{environment.app}.{environment.domain}"),
            "Name": environment.zone,
            "Type": "NS",
            "TTL": "60",
            "ResourceRecords": GetAtt(ZONE, "NameServers"),
        },
        comment="The application's zone leads to the environment's",
    )


def _certificate(context: Context) -> None:
    zone = str(context.environment.zone)
    # The record that validates a name validates its wildcard too.
    validations: list[Properties] = [{"DomainName": zone, "HostedZoneId": Ref(ZONE)}]
    names = [f"*.{zone}"]
    for hosted_zone, aliases in _by_zone(context):
        names += aliases
        validations += [{"DomainName": name, "HostedZoneId": hosted_zone} for name in aliases if hosted_zone]
    context.retained(
        CERTIFICATE,
        "AWS::CertificateManager::Certificate",
        {
            "DomainName": zone,
            "SubjectAlternativeNames": names,
            "ValidationMethod": "DNS",
            "DomainValidationOptions": validations,
        },
        comment="Validates itself by records in the zones; issued once the environment's zone is delegated",
    )
    if context.options.delegate:
        context.template.resources[CERTIFICATE].depends_on.append(DELEGATION)


def _alias_records(context: Context) -> None:
    """Records of the aliases that name no zone of their own, in each zone of this account."""
    template = context.template
    name = GetAtt("PublicLoadBalancer", "DNSName")
    zone: object = GetAtt("PublicLoadBalancer", "CanonicalHostedZoneID")
    if context.environment.cdn is not None:
        name, zone = GetAtt("CloudFrontDistribution", "DomainName"), cloudfront.ZONE
    for number, (hosted_zone, aliases) in enumerate(_by_zone(context), 1):
        if hosted_zone:
            template.records(f"AliasRecords{number}", hosted_zone, aliases, (zone, name), comment="the load balancer")


def _by_zone(context: Context) -> list[tuple[object | None, list[str]]]:
    """The aliases by the zone that they are in; None for zones of another account."""
    environment = context.environment
    found: dict[str, list[str]] = {}
    ends = (str(environment.zone), f"{environment.app}.{environment.domain}", str(environment.domain))
    for alias in environment.needs.aliases:
        if not alias.hosted_zone:
            found.setdefault(_zone_of(alias, ends), []).append(alias.name)
    zones: list[tuple[object | None, list[str]]] = []
    for end, parameter in zip(ends, ("", _APPLICATION_ZONE, "DomainHostedZoneId"), strict=True):
        if end in found:
            zones.append((_zone_parameter(context, parameter, end) if parameter else Ref(ZONE), found[end]))
    return zones


def _zone_of(alias: DnsAlias, ends: Sequence[str]) -> str:
    for end in ends:
        if alias.name == end or alias.name.endswith(f".{end}"):
            return end
    raise InputError(
        f"the alias {alias.name} is not below {ends[-1]}, the application's domain",
        position=alias.position,
        hint="name its zone: `alias: [{name: …, hosted_zone: …}]`, with a certificate in the environment's manifest",
    )


def _zone_parameter(context: Context, name: str, zone: str) -> object:
    """The id of a zone that is in this account; None where no records go into those."""
    if not context.options.delegate:
        return None
    return context.template.parameter(
        name,
        f"The hosted zone of {zone}. Find it with: aws route53 list-hosted-zones-by-name --dns-name {zone} "
        '--query "HostedZones[0].Id" --output text, the part after `/hostedzone/`',
        type=ZONE_ID,
    )
