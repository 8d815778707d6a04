"""`jwt-validation` of listener rules as HAProxy directives: after the rule was chosen, before its action.

Source: the user guide, "Verify JWTs using an Application Load Balancer". Not documented, and chosen here: 401 for a
token that is refused, any one of a claim's values, no tolerance for clocks, a token without `kid` where the set has one
key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from emulator.ecs.service import JwtClaim, JwtValidation, Service
from emulator.frontdoor.haproxy.actions import generated, guard
from emulator.frontdoor.haproxy.text import quote
from emulator.frontdoor.options import FOLDER, FrontOptions
from emulator.frontdoor.routing.rules import PlacedRule

ALGORITHM = "RS256"
REFUSED = 401


def key_path(endpoint: str, kid: str) -> str:
    """Where a public key stands, relative to the front's folder."""
    return f"jwt/{hashlib.sha256(f'{endpoint} {kid}'.encode()).hexdigest()[:16]}.pem"


def key_files(services: Sequence[Service], options: FrontOptions) -> dict[str, bytes]:
    """The public keys that rules of these services validate with."""
    endpoints = {rule.jwt.jwks_endpoint for service in services for rule in service.listener_rules if rule.jwt}
    return {
        key_path(endpoint, kid): pem.encode()
        for endpoint in endpoints
        for kid, pem in options.jwks.get(endpoint, {}).items()
    }


def jwt_lines(rules: Sequence[PlacedRule], options: FrontOptions) -> list[str]:
    """Answers 401 to a request whose token its rule refuses, and 500 where the rule's keys are not there."""
    found = [(placed, placed.rule.jwt) for placed in rules if placed.rule.jwt is not None]
    return [line for placed, jwt in found for line in _rule_lines(placed, jwt, options)]


def _rule_lines(placed: PlacedRule, jwt: JwtValidation, options: FrontOptions) -> list[str]:
    chosen, keys = guard(placed.priority), options.jwks.get(jwt.jwks_endpoint, {})
    if not keys:
        return [generated(500, FOLDER, f"if {chosen}")]

    def field(name: str, part: str, query: str) -> str:
        return f"http-request set-var(txn.jwt_{name}) var(txn.jwt),jwt_{part}_query({query}) if {chosen}"

    lines = [f"http-request set-var(txn.jwt) http_auth_bearer if {chosen}"]
    lines += [field(name, "header", f"'$.{name}'") for name in ("alg", "kid")]
    lines += [field("iss", "payload", "'$.iss'")]
    lines += [field(name, "payload", f"'$.{name}','int'") for name in ("exp", "nbf", "iat")]
    lines.append(f"http-request set-var(txn.jwt_now) date if {chosen}")
    for kid, _ in sorted(keys.items()):
        verify = f'var(txn.jwt),jwt_verify(txn.jwt_alg,"{FOLDER}/{key_path(jwt.jwks_endpoint, kid)}")'
        signed = f"http-request set-var(txn.jwt_signed) {verify} if {chosen} {{ var(txn.jwt_alg) -m str {ALGORITHM} }}"
        lines.append(f"{signed} {{ var(txn.jwt_kid) -m str -- {quote(kid)} }}")
        if len(keys) == 1:
            lines.append(f"{signed} !{{ var(txn.jwt_kid) -m found }}")
    refusals = [
        "!{ var(txn.jwt_signed) -m int 1 }",
        f"!{{ var(txn.jwt_iss) -m str -- {quote(jwt.issuer)} }}",
        "!{ var(txn.jwt_exp) -m found }",
        "{ var(txn.jwt_exp),sub(txn.jwt_now) -m int le 0 }",
        *(f"{{ var(txn.jwt_{name}),sub(txn.jwt_now) -m int gt 0 }}" for name in ("nbf", "iat")),
    ]
    for index, claim in enumerate(jwt.claims):
        path = quote("$." + claim.name.replace(".", "\\."))
        lines.append(field(f"claim_{index}", "payload", path))
        refusals.append(f"!{{ var(txn.jwt_claim_{index}) {_match(claim)} }}")
    return [*lines, *(generated(REFUSED, FOLDER, f"if {chosen} {refusal}") for refusal in refusals)]


def _match(claim: JwtClaim) -> str:
    if claim.format == "single-string":
        return f"-m str -- {' '.join(map(quote, claim.values))}"
    any_of = "|".join(re.escape(value) for value in claim.values)
    if claim.format == "string-array":  # which comes as JSON
        return "-m reg -- " + quote(r'[\[,]\s*"(?:' + any_of + r')"\s*[,\]]')
    return f"-m reg -- {quote(f'(?:^| )(?:{any_of})(?: |$)')}"
