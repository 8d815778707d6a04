"""What keeps a service from its environment, though each manifest alone is right: certificates, CloudFront, subnets.

Source: Copilot, internal/pkg/cli/deploy: `validateRuntimeRoutingRule` and `validateNLBRuntime` in lbws.go and
backend.go, `validateCDN` in env.go; `ValidateCFServiceDomainAliases` in internal/pkg/describe/env.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from emulator.app.compile import deployment_of, ignored, load_manifest
from emulator.app.selection import Target
from emulator.errors import CopilotLocalError, Finding, InputError, Severity

if TYPE_CHECKING:
    from emulator.app.deployment import Deployment
    from emulator.manifest import LoadedManifest
    from emulator.manifest.schema.environment import EnvironmentManifest
    from emulator.manifest.schema.routing import RoutingRule
    from emulator.workspace import Workspace

ALIAS_CODE: Final = "CL163"
REDIRECT_CODE: Final = "CL164"
SUBNETS_CODE: Final = "CL165"
_BACKEND: Final = "Backend Service"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A service's manifest, and what is known of the environment."""

    service: LoadedManifest
    environment: str
    where: Deployment
    known: bool
    """Whether the environment has a manifest, so that no certificates there are none."""

    @property
    def internal(self) -> bool:
        return self.service.manifest.type == _BACKEND

    @property
    def certificates(self) -> bool:
        """Whether the environment imports certificates for the service's load balancer."""
        return bool(self.where.private_certificates if self.internal else self.where.certificates)

    @property
    def imported(self) -> bool:
        """Whether the load balancer is an existing one, which is not the environment's."""
        http = getattr(self.service.manifest, "http", None)
        return bool(self.where.load_balancer or (not self.internal and http is not None and http.alb))

    def finding(self, code: str, path: str, message: str, hint: str, *keys: str) -> Finding:
        """At the first of the keys below a path that the manifest has, else at the path itself."""
        places = [f"{path}.{key}" if path else key for key in keys]
        positions = (self.service.position(place) for place in [*places, path or places[-1]])
        position = next((one for one in positions if one is not None), None)
        return Finding(code, message, position, path or places[0], hint)


def environment_findings(target: Target) -> list[Finding]:
    """What is wrong between the services that are meant and their environment, but for what is silenced. A service is
    left out where its manifest cannot be read: that is said where it is checked."""
    from emulator.manifest import load_environment
    from emulator.manifest.findings.suppression import unsilenced

    path = target.workspace.environment_manifest_path(target.environment)
    if path is None:
        return []
    found: list[Finding] = []
    try:
        environment = load_environment(path, variables=target.variables, app=target.app, strict=False).manifest
        where = deployment_of(target)
    except CopilotLocalError:
        return []
    for name in target.services:
        try:
            pair = _Pair(load_manifest(target, name), target.environment, where, known=True)
        except CopilotLocalError:
            continue
        found += [*_aliases(pair), *_behind_cloudfront(pair)]
        found += [*_redirects(pair, environment), *_subnets(pair, environment)]
    return unsilenced(found, ignored(target.workspace))


def require_names(workspace: Workspace, environment: str, service: LoadedManifest, where: Deployment) -> None:
    """Raises InputError where a service's names do not fit the environment, as Copilot does when it deploys it; not
    where that is silenced."""
    from emulator.manifest.findings.suppression import unsilenced

    known = workspace.environment_manifest_path(environment) is not None
    for finding in unsilenced(_aliases(_Pair(service, environment, where, known)), ignored(workspace)):
        raise InputError(f"{finding.path}: {finding.message}", position=finding.position, hint=finding.hint)


def _aliases(pair: _Pair) -> Iterator[Finding]:
    from emulator.app.deployment import rules_of

    environment = f"environment {pair.environment}"
    for path, rule in rules_of(pair.service.manifest):
        if not rule.alias:
            if pair.certificates and not pair.imported:
                message = f"the rule has no alias, and {environment} imports certificates"
                hint = "give alias, a domain name that the certificate is for"
                yield pair.finding(ALIAS_CODE, path, message, hint, "path")
        elif pair.certificates or pair.known:
            yield from _names_of_rule(pair, path, rule, environment)
    nlb = getattr(pair.service.manifest, "nlb", None)
    if nlb is not None and nlb.alias and pair.where.certificates:
        message = f"alias is for Copilot's own domain here, and {environment} imports certificates"
        yield pair.finding(ALIAS_CODE, "nlb", message, "remove it, and make the record yourself", "alias")


def _names_of_rule(pair: _Pair, path: str, rule: RoutingRule, environment: str) -> Iterator[Finding]:
    zones = rule.hosted_zone or any(alias.hosted_zone for alias in rule.alias)
    if pair.internal and not pair.certificates:
        message = f"alias needs certificates, and {environment} imports none for its internal load balancer"
        yield pair.finding(ALIAS_CODE, path, message, "give http.private.certificates in its manifest", "alias")
    elif zones and not pair.certificates:
        message = f"hosted_zone needs certificates, and {environment} imports none for its public load balancer"
        hint = "give http.public.certificates in its manifest, or remove hosted_zone"
        yield pair.finding(ALIAS_CODE, path, message, hint, "hosted_zone", "alias")
    elif zones and not pair.internal and pair.where.cdn:
        message = f"hosted_zone gets a record of the load balancer, and {environment} has CloudFront before it"
        hint = "remove hosted_zone, and make the record of the distribution yourself"
        yield pair.finding(ALIAS_CODE, path, message, hint, "hosted_zone", "alias")


def _behind_cloudfront(pair: _Pair) -> Iterator[Finding]:
    """Copilot deploys such a service, and from then on refuses the environment."""
    from emulator.app.deployment import rules_of

    if not pair.where.cdn or not pair.where.domain or pair.certificates or pair.internal or pair.imported:
        return
    rules = list(rules_of(pair.service.manifest))
    if rules and not any(rule.alias for _, rule in rules):
        message = f"no rule has an alias, and environment {pair.environment} has CloudFront before its load balancer"
        hint = "give alias: the record of the default name is the load balancer's own"
        yield pair.finding(ALIAS_CODE, "http", message, hint, "path")


def _redirects(pair: _Pair, environment: EnvironmentManifest) -> Iterator[Finding]:
    """CloudFront that ends TLS asks the load balancer over HTTP."""
    from emulator.app.deployment import rules_of
    from emulator.manifest.rules.environment import is_for_cdn_alone

    if environment.cdn is None or not environment.cdn.terminate_tls or pair.internal or pair.imported:
        return
    severity = Severity.ERROR if is_for_cdn_alone(environment) else Severity.WARNING
    for path, rule in rules_of(pair.service.manifest):
        if rule.redirect_to_https is not False:
            message = f"the rule redirects to HTTPS, and CloudFront of environment {pair.environment} asks over HTTP"
            hint = "give `redirect_to_https: false`; or remove cdn.terminate_tls in the environment's manifest"
            found = pair.finding(REDIRECT_CODE, path, message, hint, "redirect_to_https", "path")
            yield replace(found, severity=severity)


def _subnets(pair: _Pair, environment: EnvironmentManifest) -> Iterator[Finding]:
    """Tasks that are placed where an existing VPC has nothing."""
    vpc = environment.network.vpc if environment.network is not None else None
    placement = pair.service.manifest.network.vpc.placement
    if vpc is None or not vpc.id or placement.subnets is not None:
        return
    side, other = ("private", "public") if placement.access == "private" else ("public", "private")
    if vpc.subnets is None or not getattr(vpc.subnets, other) or getattr(vpc.subnets, side):
        return
    message = f"tasks are placed in {side} subnets, and the VPC of environment {pair.environment} has none"
    hint = f"give `placement: {other}` in network.vpc, or network.vpc.subnets.{side} in the environment's manifest"
    yield pair.finding(SUBNETS_CODE, "", message, hint, "network.vpc.placement", "network.vpc", "network", "name")
