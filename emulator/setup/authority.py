"""The user's own certificate authority, and the certificates that it signs for load balancers on this machine.

Both stay below `$XDG_DATA_HOME/copilot-local`, readable by their user alone. Nothing here changes what the system
trusts: `copilot-local trust` says how to do that. The authority is good for the names of `certified_names` alone.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from emulator.errors import InputError
from emulator.events import Emit, Event, EventKind, discard
from emulator.files import read_bytes
from emulator.setup.certified_names import DOMAINS, is_certified, name_constraints
from emulator.setup.paths import data_dir, locked

AUTHORITY = "authority"
CERTIFICATES = "certificates"
CERTIFICATE_FILE = "ca.pem"
KEY_FILE = "ca.key"
AUTHORITY_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=397)
"""Browsers refuse server certificates that are valid for longer than 398 days."""
RENEWAL = timedelta(days=30)
"""What is valid for less than this is made anew."""
COMMON_NAME_MAX = 64
_ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority's certificate, and the file it stands in."""

    path: Path
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        """SHA-256, as browsers and `openssl x509 -fingerprint -sha256` show it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    @property
    def expires(self) -> datetime:
        return self.certificate.not_valid_after_utc


def ensure_authority(emit: Emit = discard) -> Authority:
    """The authority of this user, made once. Raises InputError where its files cannot be read or written."""
    with locked(AUTHORITY, emit):
        return _authority(emit)[0]


def server_certificate(names: Sequence[str], emit: Emit = discard, owner: tuple[str, str] = ("", "")) -> str:
    """Certificate, authority and key in PEM for these host names (`*.` in front is a wildcard) and for loopback.

    Made once for the same names of an `owner`, an application and its environment, and again before it expires. Raises
    InputError as `ensure_authority`, and for a name that the authority does not sign for.
    """
    for name in names:
        if not is_certified(name):
            raise InputError(
                f"the local certificate authority does not sign for {name}",
                hint=f"it signs for {', '.join(DOMAINS)} and the names below them",
            )
    with locked(AUTHORITY, emit):
        authority, key = _authority(emit)
        wanted = hashlib.sha256("\0".join([authority.fingerprint, *names]).encode()).hexdigest()[:16]
        file = _folder_of(*owner) / f"{wanted}.pem"
        kept = _read(file)
        if kept is not None and _lasts(_parse(kept, file)):
            return kept.decode()
        made = _server_certificate(names, authority.certificate, key)
        _write(file, made)
        return made.decode()


def remove_certificates(app: str, environment: str) -> None:
    """Removes the certificates of an environment, and their keys. The authority stays: other environments use it."""
    with locked(AUTHORITY, discard):
        shutil.rmtree(_folder_of(app, environment), ignore_errors=True)


def _folder_of(app: str, environment: str) -> Path:
    return data_dir() / CERTIFICATES / (f"{app}.{environment}" if app else "others")


def _authority(emit: Emit) -> tuple[Authority, ec.EllipticCurvePrivateKey]:
    folder = data_dir() / AUTHORITY
    certificate_file, key_file = folder / CERTIFICATE_FILE, folder / KEY_FILE
    content, key_content = _read(certificate_file), _read(key_file)
    if content is not None and key_content is not None:
        authority = Authority(certificate_file, _parse(content, certificate_file))
        if _lasts(authority.certificate) and _is_constrained(authority.certificate):
            return authority, _parse_key(key_content, key_file)
    _forget(content, certificate_file, emit)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _authority_certificate(key)
    _write(key_file, _key_text(key))
    _write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    what = "made a certificate authority for HTTPS on this machine; `copilot-local trust` says how to trust it"
    emit(Event(EventKind.INFO, str(certificate_file), what))
    return Authority(certificate_file, certificate), key


def _authority_certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "copilot-local"),
            x509.NameAttribute(NameOID.COMMON_NAME, "copilot-local on this machine"),
        ]
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _builder(name, name, key.public_key(), AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(name_constraints(), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server_certificate(
    names: Sequence[str], authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:COMMON_NAME_MAX])])
    alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(subject, authority.subject, key.public_key(), LIFETIME)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    chain = (certificate, authority)
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain) + _key_text(key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Clocks of containers and virtual machines differ.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now - timedelta(hours=1) + lifetime)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _is_constrained(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.critical and found.value == name_constraints()


def _forget(content: bytes | None, file: Path, emit: Emit) -> None:
    """Removes what an authority signed that another one takes the place of, and says that it may be trusted still."""
    shutil.rmtree(data_dir() / CERTIFICATES, ignore_errors=True)
    if content is not None and not _is_constrained(_parse(content, file)):
        what = (
            "the certificate authority was good for any name on the internet: one for this machine's names alone takes "
            "its place; if you trusted it, remove it there (`copilot-local trust` says where) and trust the new one"
        )
        emit(Event(EventKind.WARNING, str(file), what))


def _lasts(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc - datetime.now(UTC) > RENEWAL


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _parse(content: bytes, file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError:
        raise InputError(f"{file} is no certificate", hint="remove it; it is made anew") from None


def _parse_key(content: bytes, file: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(content, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InputError(f"{file} is no key of ours", hint=f"remove the folder {file.parent}; it is made anew")
    return key


def _read(file: Path) -> bytes | None:
    try:
        return read_bytes(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot read {file}: {error}") from None


def _write(file: Path, content: bytes, mode: int = 0o600) -> None:
    """Whole or not at all, never readable by others for a moment."""
    temporary = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(content)
        temporary.replace(file)
    except OSError as error:
        raise InputError(
            f"cannot write {file}: {error.strerror}", hint="it holds certificates for HTTPS; XDG_DATA_HOME moves it"
        ) from None
