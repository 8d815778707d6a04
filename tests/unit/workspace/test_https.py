"""Certificates of services: for names of this machine alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from emulator.app.selection import Selection
from emulator.app.up_request import up_request
from emulator.events import Event, EventKind

MANIFEST = """\
name: web
type: Load Balanced Web Service
image:
  location: busybox:1.37
  port: 80
http:
  path: /
  alias: [{aliases}]
cpu: 256
memory: 512
"""


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


def test_an_alias_that_is_a_site_of_others_gets_no_certificate_and_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "shop" / "copilot" / "web" / "manifest.yml"
    file.parent.mkdir(parents=True)
    file.write_text(MANIFEST.format(aliases="accounts.google.com, shop.test"))
    events: list[Event] = []
    request = up_request(Selection(start=tmp_path / "shop"), events.append)
    certificate = x509.load_pem_x509_certificate(request.private.certificates["web"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    found = names.get_values_for_type(x509.DNSName)
    assert "accounts.google.com" not in found
    assert {"localhost", "shop.test", "accounts.google.com.localhost"} <= set(found)
    [warning] = [event for event in events if event.kind is EventKind.WARNING and "certificate" in event.message]
    assert "no certificate for accounts.google.com:" in warning.message
    assert "use accounts.google.com.localhost" in warning.message
