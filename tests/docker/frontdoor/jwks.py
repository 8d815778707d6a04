"""Keys and tokens of an issuer."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256


def encoded(content: bytes) -> str:
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, str]:
    """A key's public part as JSON Web Key."""
    numbers = key.public_key().public_numbers()
    parts = {"n": numbers.n, "e": numbers.e}
    return {
        "kty": "RSA",
        "kid": kid,
        **{name: encoded(number.to_bytes((number.bit_length() + 7) // 8, "big")) for name, number in parts.items()},
    }


def token(key: rsa.RSAPrivateKey, claims: dict[str, Any], **header: Any) -> str:
    """A signed token."""
    parts = [{"alg": "RS256", "typ": "JWT", **header}, claims]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"
