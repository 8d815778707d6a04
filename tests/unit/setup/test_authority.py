"""The user's own certificate authority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from emulator.errors import InputError
from emulator.events import Event
from emulator.setup import authority as module
from emulator.setup.authority import LIFETIME, ensure_authority, server_certificate

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
