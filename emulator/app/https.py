"""Certificates of the local load balancer's listeners with TLS, from the user's own authority."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Sequence

from emulator.ecs.service import Service
from emulator.events import Emit, Event, EventKind
from emulator.files import read_text
from emulator.frontdoor.certificates import certificate_names
from emulator.frontdoor.haproxy.conditions import local_name


def certificates(services: Sequence[Service], emit: Emit) -> dict[str, str]:
    """A certificate, with its key, for every service that a listener with TLS forwards to.

    Names that the authority does not sign for are left out, and warned about. Raises InputError where the authority's
    files cannot be read or written.
    """
    wanted = [(service, names) for service in services if (names := certificate_names(service))]
    if not wanted:
        return {}
    from emulator.setup.authority import server_certificate
    from emulator.setup.certified_names import is_certified

    made: dict[str, str] = {}
    for service, names in wanted:
        certified = [name for name in names if is_certified(name)]
        made[service.name] = server_certificate(certified, emit, owner=(service.app, service.environment))
        if refused := [name for name in names if name not in certified]:
            emit(Event(EventKind.WARNING, service.name, _refused(refused)))
    return made


def trust_hint() -> str:
    """How programs are made to trust the certificates; empty where this machine's store has the authority already."""
    from emulator.setup.authority import ensure_authority

    with contextlib.suppress(OSError, ValueError, ssl.SSLError):
        der = ssl.PEM_cert_to_DER_cert(read_text(ensure_authority().path))
        if der in ssl.create_default_context().get_ca_certs(binary_form=True):
            return ""
    return '`copilot-local trust` says how to trust it; curl takes --cacert "$(copilot-local trust --path)"'


def _refused(names: Sequence[str]) -> str:
    instead = ", ".join(local_name(name) for name in names)
    return (
        f"no certificate for {', '.join(names)}: the local authority signs for names of this machine alone; "
        f"over HTTPS use {instead}"
    )
