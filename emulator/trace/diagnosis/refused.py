"""A connection to a port without a listener: which ports have one, and what to write instead. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.errors import Position
from emulator.service_connect.ports import PROXY_PORTS
from emulator.trace.diagnosis.asked_by import AskedBy
from emulator.trace.diagnosis.view import Diagnosis, View, text
from emulator.trace.requests.hops import Hop

_DOCKERS_NAME_SERVER = "127.0.0.11:"
"""Docker itself listens there, in every container."""
_ANY_ADDRESS = ("0.0.0.0", "::", "[::]")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A connection that was refused. `where` is how people write its address."""

    hop: Hop
    host: str
    port: str
    where: str

    @property
    def local(self) -> bool:
        return self.host.startswith("127.")

    def name(self, port: str) -> str:
        """Who listens on a port, by the task definition."""
        ports = self.hop.place.ports if self.hop.place else {}
        return ports.get(int(port), "")

    def listening(self) -> list[tuple[str, str]]:
        """Host and port of all who listen in the task, without Docker's name server and Service Connect's proxy."""
        pairs = [one.rpartition(":") for one in self.hop.exchange.listening if not one.startswith(_DOCKERS_NAME_SERVER)]
        return [(host, port) for host, _, port in pairs if int(port) not in PROXY_PORTS]


def refused(view: View, number: int, hop: Hop, reasons: Sequence[str], hint: str) -> Diagnosis:
    """Why a connection was refused. `reasons` and `hint`: why the task that was asked is not healthy, if it is not."""
    host, _, port = hop.exchange.server.rpartition(":")
    where = {"127.0.0.1": f"localhost:{port}"}.get(host, hop.exchange.server if host.startswith("127.") else hop.server)
    asked = _Asked(hop, host, port, where)
    here = [other for other, its in asked.listening() if its == port]
    if any(other in _ANY_ADDRESS for other in here):
        return _too_early(number, asked)
    if elsewhere := [other for other in here if other != host]:
        return _other_address(view, number, asked, elsewhere[0])
    if not asked.local and hop.task and reasons:
        message = f"{hop.client} was refused at {asked.where}: {'; '.join(dict.fromkeys(reasons))}"
        return Diagnosis(message, hint, number)
    return _no_listener(view, number, asked)


def _other_address(view: View, number: int, asked: _Asked, host: str) -> Diagnosis:
    """What listens on that port does so on one address alone: another one of loopback, or its task's own."""
    name = asked.name(asked.port) or ("the container" if not asked.local else "a container of the task")
    found = view.asked_by(asked.hop)
    return Diagnosis(
        f"{asked.hop.client} was refused at {asked.where}: {name} listens on {host}:{asked.port} alone",
        f"let {name if asked.name(asked.port) else 'it'} listen on 0.0.0.0:{asked.port}",
        number,
        _position(found) if asked.local else None,
    )


def _too_early(number: int, asked: _Asked) -> Diagnosis:
    """What listens on that port did not when it was asked."""
    name = asked.name(asked.port) or "a program"
    return Diagnosis(
        f"{asked.hop.client} was refused at {asked.where}: {name} began to listen on {asked.port} afterwards",
        f"ask again; a health check that reaches {asked.where} keeps requests away until then",
        number,
    )


def _no_listener(view: View, number: int, asked: _Asked) -> Diagnosis:
    hop, listening = asked.hop, asked.listening()
    named = [f"{asked.name(port)} on {port}" for _, port in listening if asked.name(port)]
    unnamed = [f"port {port}" for _, port in listening if not asked.name(port)]
    there = ", ".join(dict.fromkeys([*named, *unnamed])) or "nothing"
    no_choice = {"", hop.client, hop.container, *view.containers_above(hop)}
    choices = {port for _, port in listening if asked.name(port) not in no_choice}
    found = view.asked_by(hop)
    certain = found is not None or not asked.local or _matters(view, hop)
    who = hop.client if certain else f"{hop.client}, or another program of its task,"
    asker = f"{who} passes to {asked.where}" if found else f"{who} connects to {asked.where}"
    if len(choices) == 1 and asked.local:
        [port] = choices
        hint = f"{asked.name(port)} listens on {port}: {_instead(found, asked.port, port)}"
    else:
        hint = "let a container listen there, or correct the port"
    return Diagnosis(
        f"{asker}, where nothing listens (connection refused); in this task listen: {there}",
        hint,
        number,
        _position(found),
        certain=certain,
    )


def _matters(view: View, hop: Hop) -> bool:
    """Whether the request that a connection is told with failed, or goes on. Who opened it does not show: exporters and
    health checks of proxies connect at any time, and of a request that went well it need not be."""
    before = view.hops[hop.parent] if hop.parent is not None else None
    return before is None or (before.status >= 500 if before.status is not None else not before.exchange.broken_off)


def _position(found: AskedBy | None) -> Position | None:
    return (found.address or found.passes).position if found is not None else None


def _instead(found: AskedBy | None, wrong: str, port: str) -> str:
    """What to write with the right port; what stands behind the address stays, since it changes what is asked for."""
    if found is None:
        return f"write http://localhost:{port}"
    directive = found.address
    if directive is None:
        return f"let `{text(found.passes)}` lead to localhost:{port}"
    words = list(directive.arguments)
    place = 1 if directive.name == "set" else 0
    if words[place] == wrong:
        words[place] = port
    elif re.match(rf"(\w+://)?[^/$]*\$.*:{wrong}(?!\d)", words[place]):
        words[place] = re.sub(rf":{wrong}(?!\d)", f":{port}", words[place], count=1)
    else:
        words[place] = re.sub(r"^(\w+://)?[^/$]*", rf"\g<1>localhost:{port}", words[place])
    return f"write `{directive.name} {' '.join(words)};`, not `{text(directive)}`"
