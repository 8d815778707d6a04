"""What `jwt-validation` of a rule makes of a request's token, but for its signature. `haproxy.jwt` does the same."""

from __future__ import annotations

import base64
import json
from typing import Any

from emulator.ecs.service import JwtClaim, JwtValidation
from emulator.frontdoor.routing.matching import Request

SCHEME = "bearer "


def refusal(jwt: JwtValidation, request: Request, now: float) -> str:
    """Why a token is refused; empty where only its signature is left to be checked."""
    lines = request.lines("authorization")
    if not lines or not lines[0].lower().startswith(SCHEME):
        return "the request has no token: `Authorization: Bearer`"
    parts = lines[0][len(SCHEME) :].strip().split(".")
    try:
        header, claims = (_decoded(part) for part in parts[:2])
    except ValueError:
        return "the token is no JSON Web Token"
    if len(parts) != 3 or header.get("alg") != "RS256":
        return f"the token is signed by {header.get('alg')!r}, and only RS256 is taken"
    if claims.get("iss") != jwt.issuer:
        return f"the token's issuer is {claims.get('iss')!r}, and not {jwt.issuer!r}"
    if not isinstance(claims.get("exp"), int | float) or claims["exp"] <= now:
        return "the token has expired, or does not say when it does"
    for name in ("nbf", "iat"):
        if isinstance(claims.get(name), int | float) and claims[name] > now:
            return f"the token is not valid yet: {name}"
    for claim in jwt.claims:
        if not _holds(claim, claims.get(claim.name)):
            return (
                f"the token's claim {claim.name} is {claims.get(claim.name)!r}, and none of {', '.join(claim.values)}"
            )
    return ""


def _decoded(part: str) -> dict[str, Any]:
    found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    return found


def _holds(claim: JwtClaim, value: object) -> bool:
    if claim.format == "string-array":
        return isinstance(value, list) and any(one in claim.values for one in value)
    if not isinstance(value, str):
        return False
    return any(one in claim.values for one in (value.split(" ") if claim.format != "single-string" else [value]))
