"""The user's own certificate authority."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from emulator.errors import InputError
from emulator.events import Event
from emulator.setup import authority as module
from emulator.setup.authority import LIFETIME, ensure_authority, remove_certificates, server_certificate
from emulator.setup.certified_names import DOMAINS

NAMES = ["localhost", "shop.example.com", "*.example.com"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is kept in this test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data" / "copilot-local"


def parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def test_it_is_made_once_and_says_so(folder: Path) -> None:
    heard: list[Event] = []
    first = ensure_authority(heard.append)
    assert first.path == folder / "authority" / "ca.pem"
    assert ["copilot-local trust" in event.message for event in heard] == [True]
    assert ensure_authority(heard.append).fingerprint == first.fingerprint
    assert len(heard) == 1


def test_keys_are_readable_by_their_user_alone(folder: Path) -> None:
    server_certificate(NAMES)
    keys = [file for file in folder.rglob("*") if file.is_file() and b"PRIVATE KEY" in file.read_bytes()]
    assert len(keys) == 2
    assert {file.stat().st_mode & 0o777 for file in keys} == {0o600}
    assert {file.parent.stat().st_mode & 0o777 for file in keys} == {0o700}


def test_a_certificate_is_for_its_names_and_for_loopback_and_signed_by_the_authority() -> None:
    made = server_certificate(NAMES)
    certificate = parsed(made)
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert alternatives.get_values_for_type(x509.DNSName) == NAMES
    assert [str(address) for address in alternatives.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    certificate.verify_directly_issued_by(ensure_authority().certificate)
    key = serialization.load_pem_private_key(made[made.index("-----BEGIN PRIVATE") :].encode(), None)
    assert key.public_key() == certificate.public_key()
    # Longer than this, and browsers refuse it.
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(days=398)


def test_the_same_names_have_the_same_certificate_and_others_another() -> None:
    assert server_certificate(NAMES) == server_certificate(NAMES)
    assert server_certificate(NAMES) != server_certificate(NAMES[:1])


def test_it_is_renewed_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIFETIME", module.RENEWAL - timedelta(days=1))
    old = server_certificate(NAMES)
    monkeypatch.setattr(module, "LIFETIME", LIFETIME)
    new = server_certificate(NAMES)
    assert new != old
    assert parsed(new).not_valid_after_utc > datetime.now(UTC) + timedelta(days=300)


def test_a_broken_file_is_named(folder: Path) -> None:
    ensure_authority()
    (folder / "authority" / "ca.pem").write_text("nonsense")
    with pytest.raises(InputError, match=r"authority/ca\.pem is no certificate"):
        server_certificate(NAMES)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot read .*ca\."):
        ensure_authority()


def handshake(chain: str, host: str, folder: Path) -> None:
    """A TLS handshake of a client that trusts the authority with a server that has this certificate and key.

    Raises ssl.SSLError where the client refuses it.
    """
    file = folder / "server.pem"
    file.write_text(chain)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(file)
    client_context = ssl.create_default_context(cafile=ensure_authority().path)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


def stolen(names: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a thief of the authority's key signs."""
    monkeypatch.setattr(module, "is_certified", lambda name: True)
    return server_certificate(names)


@pytest.mark.parametrize("host", ["localhost", "shop.localhost", "host.docker.internal", "web.test", "127.0.0.1"])
def test_clients_accept_it_for_names_of_this_machine(host: str, tmp_path: Path) -> None:
    names = ["localhost", "shop.localhost", "host.docker.internal", "web.test"]
    handshake(server_certificate(names), host, tmp_path)


@pytest.mark.parametrize("host", ["accounts.google.com", "com", "localhost.evil.com", "mytest", "10.0.0.1"])
def test_clients_refuse_what_a_stolen_key_signs_for_others(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = host[0].isdigit()
    monkeypatch.setattr(module, "_ADDRESSES", (host,) if address else ("127.0.0.1",))
    made = stolen(["localhost"] if address else ["localhost", host], monkeypatch)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        handshake(made, host, tmp_path)


@pytest.mark.parametrize("name", ["accounts.google.com", "*.com", "localhost.evil.com", "mytest", ""])
def test_it_does_not_sign_for_names_of_others(name: str) -> None:
    with pytest.raises(InputError, match="does not sign for"):
        server_certificate(["localhost", name])


def test_its_limits_stand_in_its_certificate_as_critical() -> None:
    extension = ensure_authority().certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert extension.critical
    permitted = extension.value.permitted_subtrees or []
    assert [one.value for one in permitted if isinstance(one, x509.DNSName)] == list(DOMAINS)


def test_one_without_limits_is_replaced_with_all_that_it_signed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(module, "name_constraints", lambda: x509.NameConstraints([x509.DNSName("com")], None))
        old = ensure_authority()
        server_certificate(NAMES)
    heard: list[Event] = []
    assert ensure_authority(heard.append).fingerprint != old.fingerprint
    assert "remove it there" in heard[0].message
    assert list((folder / "certificates").rglob("*.pem")) == []


def test_certificates_of_an_environment_go_with_it_and_no_others(folder: Path) -> None:
    server_certificate(NAMES, owner=("shop", "test"))
    server_certificate(NAMES, owner=("shop", "prod"))
    remove_certificates("shop", "test")
    assert [file.parent.name for file in folder.rglob("certificates/*/*.pem")] == ["shop.prod"]
    assert (folder / "authority" / "ca.pem").is_file()
