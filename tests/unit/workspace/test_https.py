"""Certificates of services: for names of this machine alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from emulator.app.selection import Selection
from emulator.app.up_request import up_request
from emulator.cli.run.up_lines import lines
from emulator.engine.fake import FakeEngine
from emulator.events import Event, EventKind, discard
from emulator.runtime.lifecycle.running import Running
from emulator.runtime.planning.up_request import UpRequest
from emulator.setup.authority import ensure_authority
from tests.unit.runtime.world import DEMO, desired_state

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


API = """\
name: api
type: Backend Service
image:
  location: busybox:1.37
  port: 8000
network:
  connect: true
cpu: 256
memory: 512
"""


def up_of(folder: Path) -> UpRequest:
    """What `up` is asked for in a workspace with a web service over HTTPS and a service behind no load balancer."""
    for name, text in (("web", MANIFEST.format(aliases="shop.test")), ("api", API)):
        file = folder / "copilot" / name / "manifest.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return up_request(Selection(start=folder), discard)


def running_of(request: UpRequest) -> Running:
    state = desired_state(*request.services).model_copy(update={"front_port": 8081, "https_port": 8443})
    running = Running(FakeEngine(), DEMO, state, None, fresh=True)
    running.trust_hint = request.trust_hint
    return running


def test_up_says_where_each_service_answers_and_how_to_trust_it(tmp_path: Path) -> None:
    request = up_of(tmp_path / "shop")
    events = list(lines(running_of(request), request))
    running_of(request).tell_trust(events.append)
    said = [f"{event.subject}: {event.message}" for event in events]
    at = "https://localhost:8443 (http://127.0.0.1:8081 redirects there)"
    assert said == [
        f"web: running at {at}; `copilot-local logs -f` shows its logs",
        "api: running; http://api:8000 inside",
        'HTTPS: `copilot-local trust` says how to trust it; curl takes --cacert "$(copilot-local trust --path)"',
    ]


def test_an_authority_that_is_trusted_already_is_not_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ensure_authority().path))
    request = up_of(tmp_path / "shop")
    assert request.private.certificates
    assert request.trust_hint == ""
    events: list[Event] = []
    running_of(request).tell_trust(events.append)
    assert events == []
