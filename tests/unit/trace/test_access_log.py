"""What proxies wrote of a request, at the hop that it is about."""

from __future__ import annotations

from dataclasses import replace

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.trace.access_log import Writer, with_access_logs
from emulator.trace.output.export import as_json
from emulator.trace.output.text import block
from emulator.trace.requests.exchange import Headers
from emulator.trace.requests.hops import Trace, assemble
from tests.unit.trace.environment import PLACES, chain

ID = "2db12923-67db-4f15-8716-328c9c3736a7"
LINE = f'[2026-11-29T08:10:38Z] "GET /x HTTP/1.1" 200 0 4 4 1 "-" "curl/8" "{ID}" "api:8080" "127.0.0.1:8080"'


def trace(*ids: str) -> Trace:
    """Three hops, of which the last ones have these ids."""
    [found] = assemble(chain("1-a", 10, ("/x", "/x", "/x")), PLACES)
    hops = list(found.hops)
    for at, request_id in enumerate(ids, len(hops) - len(ids)):
        exchange = hops[at].exchange
        assert exchange.request is not None
        headers: Headers = (*exchange.request.headers, ("X-Request-Id", request_id))
        hops[at] = replace(hops[at], exchange=replace(exchange, request=replace(exchange.request, headers=headers)))
    return replace(found, hops=tuple(hops))


class Proxied:
    """A proxy that wrote these lines."""

    def __init__(self, *lines: str) -> None:
        self.engine = FakeEngine()
        self.engine.add_image("envoy:1")
        self.engine.behave("proxy", Behaviour(log=lines))
        self.engine.start(self.engine.create_container(ContainerSpec(name="proxy", image="envoy:1")))

    def joined(self, found: Trace) -> Trace:
        return with_access_logs(self.engine, [Writer("proxy", "api", "1a2b3c4d")], found)


def test_a_line_is_at_the_first_hop_with_its_id() -> None:
    proxied = Proxied("ready", LINE, LINE.replace(ID, "another-request"))
    hops = proxied.joined(trace(ID, ID)).hops
    assert [[one.line for one in hop.logged] for hop in hops] == [[], [LINE], []]
    assert (hops[1].logged[0].service, hops[1].logged[0].task) == ("api", "1a2b3c4d")


def test_it_is_shown_within_80_columns_and_for_programs() -> None:
    found = Proxied(LINE).joined(trace(ID))
    shown = list(block(found))
    assert max(map(len, shown)) <= 80
    assert f'"{ID}" "api:8080"' in "\n".join(shown)
    assert '"access_log": [{"service": "api"' in as_json(found, [])


def test_a_line_of_json_is_broken_where_it_has_to_be() -> None:
    line = f'{{"authority":"api:8080","path":"/{"x" * 90}","request_id":"{ID}"}}'
    shown = list(block(Proxied(line).joined(trace(ID))))
    assert max(map(len, shown)) <= 80
    assert line in "".join(part.strip() for part in shown)


def test_an_id_that_tells_nothing_apart_joins_nothing() -> None:
    found = trace("1")
    assert Proxied('x "1" y').joined(found) is found


def test_where_no_proxy_writes_one_nothing_is_asked() -> None:
    found = trace(ID)
    assert with_access_logs(FakeEngine(), [], found) is found
