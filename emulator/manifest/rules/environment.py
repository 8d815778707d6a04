"""Rules for the manifest of an environment. Source: Copilot, internal/pkg/manifest/validate_env.go."""

from __future__ import annotations

from typing import Final

from emulator.manifest.rules.at import At
from emulator.manifest.schema.environment import EnvironmentManifest, EnvironmentVpc, VpcSubnet
from emulator.manifest.schema.notations.values import Arn
from emulator.model import Keys

_CDN_REGION: Final = "us-east-1"
_LEAST_ZONES: Final = 2
_SIDES: Final = ("public", "private")
_WITH_PORTS: Final = ("tcp", "udp", "6", "17")


def environment(manifest: EnvironmentManifest, at: At) -> None:
    """Everything that Copilot refuses when it deploys the environment."""
    _certificates(manifest, at)
    if manifest.network is not None:
        _vpc(manifest.network.vpc, at)
    _ingress(manifest, at)
    _cdn(manifest, at)
    _internal_subnets(manifest, at)


def _certificates(manifest: EnvironmentManifest, at: At) -> None:
    for side, certificates in (
        ("public", manifest.http.public.certificates),
        ("private", manifest.http.private.certificates),
    ):
        for index, certificate in enumerate(certificates):
            keys: Keys = ("http", side, "certificates", index)
            try:
                arn = Arn.parse(certificate)
            except ValueError as error:
                at.add("CL160", str(error), *keys)
                continue
            if arn.service not in ("acm", "iam"):
                message = f"{certificate!r} is not a certificate of ACM or IAM"
                at.add("CL160", message, *keys, copilot_accepts=True)


def _vpc(vpc: EnvironmentVpc, at: At) -> None:
    place: Keys = ("network", "vpc")
    if vpc.id and vpc.cidr is not None:
        message = "the VPC is an existing one (id) or one that is made (cidr), not both"
        at.add("CL120", message, *place, "cidr", hint="remove one of id and cidr")
    subnets = {side: getattr(vpc.subnets, side) if vpc.subnets is not None else [] for side in _SIDES}
    for side, found in subnets.items():
        for index, subnet in enumerate(found):
            _subnet(subnet, vpc, at, (*place, "subnets", side, index))
    if vpc.id:
        _imported(subnets, at, place)
    elif vpc.cidr is not None:
        _managed(subnets, at, place)
    group = vpc.security_group
    for direction in ("ingress", "egress") if group is not None else ():
        for index, rule in enumerate(getattr(group, direction)):
            for key in ("cidr", "ip_protocol"):
                if not getattr(rule, key):
                    at.add("CL106", f"{key} is empty", *place, "security_group", direction, index, key)
            if rule.ports.first < 0 and rule.ip_protocol.lower() in _WITH_PORTS:
                keys = (*place, "security_group", direction, index, "ports")
                message = f"{rule.ip_protocol} has ports from 0 to 65535; -1 is for ICMP"
                at.add("CL160", message, *keys, hint="give 0-65535 for all ports", copilot_accepts=True)


def _subnet(subnet: VpcSubnet, vpc: EnvironmentVpc, at: At, place: Keys) -> None:
    for key in ("cidr", "az"):
        if subnet.id is not None and getattr(subnet, key) is not None:
            at.add("CL120", f"id is for an existing subnet, {key} for one that is made", *place, key)
    if vpc.id and not subnet.id:
        at.add("CL106", "a subnet of an existing VPC has no id", *place, hint="give id")
    if vpc.cidr is not None and not vpc.id and subnet.cidr is None:
        at.add("CL106", "a subnet that is made has no cidr", *place, hint="give cidr")


def _imported(subnets: dict[str, list[VpcSubnet]], at: At, place: Keys) -> None:
    if not any(subnets.values()):
        message = "an existing VPC needs its subnets"
        at.add("CL160", message, *place, "id", hint="give network.vpc.subnets.public or private")
    for side, found in subnets.items():
        if len(found) == 1:
            message = f"one {side} subnet of an existing VPC; two are the least, in two availability zones"
            at.add("CL160", message, *place, "subnets", side)


def _managed(subnets: dict[str, list[VpcSubnet]], at: At, place: Keys) -> None:
    zones = {side: {subnet.az for subnet in found if subnet.az} for side, found in subnets.items()}
    if zones["public"] != zones["private"]:
        message = "public and private subnets are not in the same availability zones"
        at.add("CL160", message, *place, "subnets", hint="give both the same values of az, or none")
        return
    number = len(zones["public"])
    if not number:
        public, private = len(subnets["public"]), len(subnets["private"])
        if not public or public != private:
            message = f"cidr with {public} public and {private} private subnets"
            hint = "give one of each for every availability zone; or leave out cidr, for Copilot's own"
            at.add("CL160", message, *place, "cidr", hint=hint, copilot_accepts=True)
        return
    if number < _LEAST_ZONES:
        at.add("CL160", f"{number} availability zone; {_LEAST_ZONES} are the least", *place, "subnets")
    for side, found in subnets.items():
        blocks = len({str(subnet.cidr) for subnet in found})
        if blocks != number:
            at.add("CL160", f"{blocks} blocks of {side} subnets for {number} availability zones", *place,
                   "subnets", side)  # fmt: skip


def _ingress(manifest: EnvironmentManifest, at: At) -> None:
    for side in _SIDES:
        block = getattr(manifest.http, side)
        older = block.security_groups.ingress if block.security_groups is not None else None
        if older is None:
            continue
        keys: Keys = ("http", side, "security_groups")
        if block.ingress is not None:
            at.add("CL120", "security_groups.ingress is the older form of ingress: give one", *keys)
        if side == "public" and older.from_vpc is not None:
            at.add("CL160", "a public load balancer lets the VPC in already", *keys, "ingress", "from_vpc")
        if side == "private" and older.restrict_to is not None:
            message = "an internal load balancer cannot be restricted further"
            at.add("CL160", message, *keys, "ingress", "restrict_to")


def is_for_cdn_alone(manifest: EnvironmentManifest) -> bool:
    """Whether the public load balancer lets in CloudFront alone."""
    public = manifest.http.public
    if public.ingress is not None:
        return bool(public.ingress.cdn)
    older = public.security_groups.ingress if public.security_groups is not None else None
    return bool(older and older.restrict_to and older.restrict_to.cdn)


def _cdn(manifest: EnvironmentManifest, at: At) -> None:
    public, cdn = manifest.http.public, manifest.cdn
    if is_for_cdn_alone(manifest) and cdn is None:
        message = "the load balancer is restricted to CloudFront, which is not on"
        keys: Keys = ("http", "public", "ingress" if public.ingress is not None else "security_groups")
        at.add("CL121", message, *keys, hint="add `cdn: true`, or remove the restriction")
    if cdn is None:
        return
    if cdn.certificate is None:
        if cdn.terminate_tls:
            at.add("CL121", "terminate_tls needs cdn.certificate", "cdn", "terminate_tls", hint="give certificate")
        if public.certificates:
            message = "with http.public.certificates, CloudFront needs a certificate of its own"
            at.add("CL121", message, "cdn", hint=f"give cdn.certificate, of {_CDN_REGION}")
        return
    try:
        arn = Arn.parse(cdn.certificate)
    except ValueError as error:
        at.add("CL160", str(error), "cdn", "certificate")
    else:
        if arn.region != _CDN_REGION:
            message = f"a certificate of CloudFront is in {_CDN_REGION}, not in {arn.region or 'no region'}"
            at.add("CL160", message, "cdn", "certificate")
    if not public.certificates:
        message = "cdn.certificate needs http.public.certificates"
        at.add("CL121", message, "cdn", "certificate", hint="give the load balancer's certificates too")


def _internal_subnets(manifest: EnvironmentManifest, at: At) -> None:
    wanted = manifest.http.private.subnets
    if not wanted:
        return
    vpc = manifest.network.vpc if manifest.network is not None else None
    if vpc is None or not vpc.id:
        message = "subnets of the internal load balancer can be chosen in an existing VPC only"
        at.add("CL121", message, "http", "private", "subnets", hint="give network.vpc.id and its subnets")
        return
    known = {subnet.id for side in _SIDES for subnet in (getattr(vpc.subnets, side) if vpc.subnets else [])}
    for index, subnet in enumerate(wanted):
        if subnet not in known:
            message = f"{subnet} is not among network.vpc.subnets"
            at.add("CL160", message, "http", "private", "subnets", index)
