"""A certificate authority of one environment, and the endpoint's certificate."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.httpsession import get_cert_path
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_FILE = "ca.pem"
BUNDLE_FILE = "bundle.pem"
ENDPOINT = "endpoint"
NAMES = "names"
"""Of files and folders: what is for the endpoint's own name, and what is for those of AWS."""
_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
LIFETIME = timedelta(days=3650)


def ensure_certificates(shared: Path, own: Path, names: list[str], stem: str = ENDPOINT) -> tuple[Path, Path]:
    """The endpoint's certificate and key, in `own`; the authority's certificate goes into `shared` for its clients.

    Made once; a new endpoint of the same environment finds them again. The authority's key is not kept.
    """
    certificate, key = own / f"{stem}.pem", own / f"{stem}.key"
    if certificate.is_file() and key.is_file() and (shared / CA_FILE).is_file():
        return certificate, key
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _builder("copilot-local", authority_key.public_key())
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS, critical=True)
        .add_extension(identifier, critical=False)
    )
    signed_authority = authority.sign(authority_key, hashes.SHA256())
    endpoint_key = ec.generate_private_key(ec.SECP256R1())
    endpoint = (
        _builder(names[0], endpoint_key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    private = endpoint_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(key, private, 0o600)
    _write(certificate, endpoint.public_bytes(serialization.Encoding.PEM), 0o644)
    _write(shared / CA_FILE, signed_authority.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate, key


def ensure_aws_certificates(shared: Path, own: Path, names: list[str]) -> tuple[Path, Path]:
    """A certificate and key for AWS's own names, with an authority of its own in `shared`, and there beside it a file
    with the public authorities as well (`bundle.pem`). Made anew for other names."""
    certificate = own / f"{NAMES}.pem"
    if certificate.is_file() and _names_of(certificate.read_bytes()) != names:
        certificate.unlink()
    found = ensure_certificates(shared, own, names, NAMES)
    public = Path(get_cert_path(True)).read_bytes()
    _write(shared / BUNDLE_FILE, public.rstrip() + b"\n" + (shared / CA_FILE).read_bytes(), 0o644)
    return found


def _names_of(certificate: bytes) -> list[str]:
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    return extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def _builder(subject: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "copilot-local")]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
    temporary.replace(path)
