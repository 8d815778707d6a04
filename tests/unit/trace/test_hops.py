"""Exchanges become requests with their hops: by trace id, else by time, each once, however many captures saw it."""

from __future__ import annotations

from dataclasses import replace

from emulator.redaction import HIDDEN
from emulator.trace.output.export import as_har, as_json
from emulator.trace.output.text import block
from emulator.trace.requests.exchange import Exchange, Outcome
from emulator.trace.requests.hops import Trace, assemble
from tests.unit.trace.environment import FRONT, HELLO, OTHER, OUTSIDE, PLACES, chain, exchange


def line(trace: Trace) -> list[str]:
    return [f"{hop.client} → {hop.server}" for hop in trace.hops]


def test_a_request_goes_from_the_front_through_nginx_to_the_main_container() -> None:
    [found] = assemble(chain("1-a", 10), PLACES)
    assert line(found) == ["client → front:8080", "front → nginx:80", "nginx → hello:3000"]
    assert [hop.depth for hop in found.hops] == [0, 1, 2]
    assert [hop.by for hop in found.hops] == ["", "trace id", "trace id"]
    assert [hop.task for hop in found.hops] == ["", "aaaaaaaa", "aaaaaaaa"]
    assert found.trace_id == "1-a"


def test_requests_at_the_same_time_are_told_apart_by_their_ids() -> None:
    seen = chain("1-a", 10) + chain("1-b", 10.05) + chain("1-c", 10.1)
    found = assemble(seen, PLACES)
    assert [trace.trace_id for trace in found] == ["1-a", "1-b", "1-c"]
    assert {len(trace.hops) for trace in found} == {3}
    assert all({hop.exchange.request and hop.by for hop in trace.hops} == {"", "trace id"} for trace in found)


def test_without_an_id_time_and_connection_join_them() -> None:
    seen = chain("1-a", 10)
    seen.append((HELLO, exchange("127.0.0.1", "127.0.0.1:3000", 10.3, 10.4, "/again", host="localhost:3000")))
    seen.append((FRONT, exchange(OUTSIDE, "172.30.0.2:8080", 20, 21, "/later")))
    found = assemble(seen, PLACES)
    assert [len(trace.hops) for trace in found] == [4, 1]
    last = found[0].hops[-1]
    assert (last.path, last.by, last.client, last.fits) == ("/again", "time", "nginx", 1)


def test_a_service_that_asks_another_one() -> None:
    seen = chain("1-a", 10)
    onward = exchange("172.30.0.3", "172.30.0.4:8000", 10.3, 10.5, "/stock", trace="1-a", host="other.test.shop.local")
    seen += [(HELLO, onward), (OTHER, onward)]
    [found] = assemble(seen, PLACES)
    assert line(found)[-1] == "hello → app:8000"
    assert (found.hops[-1].service, found.hops[-1].task) == ("other", "bbbbbbbb")


def test_the_same_addresses_in_two_namespaces_are_two_connections() -> None:
    first = exchange("127.0.0.1", "127.0.0.1:3000", 10, 11)
    found = assemble([(HELLO, first), (OTHER, first)], PLACES)
    assert len(found) == 2


def test_health_checks_are_known_and_belong_to_nothing() -> None:
    checker = (("User-Agent", "ELB-HealthChecker/2.0"),)
    seen = chain("1-a", 10)
    seen.append((HELLO, exchange("172.30.0.2", "172.30.0.3:80", 10.2, 10.3, "/healthz", headers=checker)))
    found = assemble(seen, PLACES)
    assert [(trace.is_health_check, len(trace.hops)) for trace in found] == [(False, 3), (True, 1)]


def test_the_same_request_many_times_at_once_without_ids_is_told_apart_by_how_long_it_took() -> None:
    """As a benchmark does: eight clients ask for one thing again and again, and nginx leaves the id out."""
    seen = []
    for client in range(8):
        began = 10 + client / 1000
        for turn in range(20):
            took = 0.02 + 0.007 * ((client * 5 + turn * 3) % 11)
            outer = exchange(OUTSIDE, "172.30.0.2:8080", began, began + took, f"/{'a' if turn % 2 else 'b'}")
            inner = exchange(
                "172.30.0.2",
                "172.30.0.3:80",
                began + 0.0004,
                began + took - 0.0003,
                outer_path(outer),
                trace=f"1-{client}-{turn}",
            )
            seen += [(FRONT, outer), (HELLO, inner)]
            seen.append(
                (HELLO, exchange("127.0.0.1", "127.0.0.1:3000", began + 0.001, began + took - 0.001, outer_path(outer)))
            )
            began += took + 0.001
    found = assemble(seen, PLACES)
    assert len(found) == 160
    assert {len(trace.hops) for trace in found} == {3}


def test_a_hop_that_fits_two_requests_says_so() -> None:
    one = exchange(OUTSIDE, "172.30.0.3:80", 10, 11, "/a")
    other = exchange(OUTSIDE, "172.30.0.3:80", 10.1, 11.1, "/b")
    onward = exchange("172.30.0.3", "172.30.0.4:8000", 10.5, 10.6, "/c")
    found = assemble([(HELLO, one), (HELLO, other), (OTHER, onward)], PLACES)
    assert [hop.fits for trace in found for hop in trace.hops if hop.by == "time"] == [2]


def outer_path(outer: Exchange) -> str:
    assert outer.request is not None
    return outer.request.target


def test_what_was_announced_as_unfinished_gives_way_to_its_end() -> None:
    over = exchange(OUTSIDE, "172.30.0.2:8080", 10, 11)
    begun = replace(over, outcome=Outcome.UNFINISHED, ended=None, answered=None, response=None)
    for seen in ([(FRONT, begun), (FRONT, over)], [(FRONT, over), (FRONT, begun)]):
        [found] = assemble(seen, PLACES)
        assert found.hops[0].exchange.outcome is Outcome.ANSWERED


def test_an_end_counts_also_where_places_were_looked_up_again_meanwhile() -> None:
    over = exchange("172.30.0.2", "172.30.0.3:80", 10, 11)
    begun = replace(over, outcome=Outcome.UNFINISHED, ended=None, answered=None, response=None)
    anew = [replace(place) for place in PLACES]
    changed = [replace(place, members={}) for place in PLACES]
    for places in (anew, changed, [*changed, *PLACES]):
        for seen in ([(HELLO, begun), (HELLO, over)], [(FRONT, begun), (HELLO, over)], [(HELLO, begun), (FRONT, over)]):
            [found] = assemble(seen, places)
            assert found.hops[0].exchange.outcome is Outcome.ANSWERED


def test_an_address_that_a_task_has_left_is_another_one_s() -> None:
    over = exchange(OUTSIDE, "172.30.0.3:8000", 10, 11)
    newer = replace(OTHER, address=HELLO.address)
    [found] = assemble([(newer, over)], [FRONT, HELLO, newer])
    assert (found.hops[0].service, found.hops[0].server) == ("other", "app:8000")


def test_an_id_that_the_load_balancer_replaced_because_of_long_headers() -> None:
    long = (("X-A", "x" * 9000),)
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 11, trace="1-mine", headers=long)
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.9, trace="1-its", headers=long)
    [found] = assemble([(FRONT, first), (HELLO, second)], PLACES)
    assert (len(found.hops), found.hops[1].by, found.trace_id) == (2, "time", "1-mine")
    short = [
        replace(one, request=replace(one.request, headers=one.request.headers[:2]))
        for one in (first, second)
        if one.request
    ]
    assert len(assemble([(FRONT, short[0]), (HELLO, short[1])], PLACES)) == 2


def test_the_path_and_the_headers_that_changed() -> None:
    seen = chain("1-a", 10, ("/api/x", "/api/x", "/x"), host="localhost:3000")
    [found] = assemble(seen, PLACES)
    last = found.hops[-1]
    assert (found.hops[1].path, last.path) == ("/api/x", "/x")
    [change] = last.request_changes
    assert (change.kind, change.name, change.before, change.after) == ("changed", "Host", "shop.test", "localhost:3000")


def test_secrets_are_hidden_unless_asked_for_and_their_change_is_not() -> None:
    secret = (("Authorization", "Bearer s3cret"), ("Cookie", "sid=s3cret; odd"), ("X-Api-Key", "s3cret"))
    cookies = (("Set-Cookie", "sid=s3cret; Path=/"), ("Set-Cookie", "t=s3cret"))
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 11, trace="1-a", headers=secret, answer=cookies)
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.9, trace="1-a", headers=(("Authorization", "s3cret 2"),))
    seen = [(FRONT, first), (HELLO, second)]
    [hidden] = assemble(seen, PLACES)
    assert "s3cret" not in repr(hidden)
    assert hidden.hops[0].exchange.request is not None
    assert (("Cookie", f"sid={HIDDEN}; {HIDDEN}")) in hidden.hops[0].exchange.request.headers
    assert "Authorization" in [change.name for change in hidden.hops[1].request_changes]
    [shown] = assemble(seen, PLACES, secrets=True)
    assert "Bearer s3cret" in repr(shown)


def test_tokens_in_urls_are_hidden_as_in_headers() -> None:
    sent = (("Referer", "https://u:s3cret@shop.test/x?code=s3cret"), ("X-Vault-Token", "s3cret"))
    answer = (("Location", "/next?access_token=s3cret&page=2"), ("Link", "<https://x.test/?sig=s3cret>; rel=next"))
    target = "/cb?state=1&id_token=s3cret"
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 11, target, trace="1-a", headers=sent, answer=answer)
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.9, f"/api{target}", trace="1-a", headers=sent[:1])
    seen = [(FRONT, first), (HELLO, second)]
    [hidden] = assemble(seen, PLACES)
    assert hidden.hops[0].path == f"/cb?state=1&id_token={HIDDEN}"
    for printed in (as_json(hidden, ()), as_har([hidden]), "\n".join(block(hidden)), repr(hidden)):
        assert "s3cret" not in printed
        assert "page=2" in printed
    [shown] = assemble(seen, PLACES, secrets=True)
    assert "id_token=s3cret" in as_har([shown])


def test_what_came_over_tls_is_shown_below_its_connection_each_request_for_itself() -> None:
    connection = Exchange(*(f"{OUTSIDE}:50000", "172.30.0.2:8443", 7, Outcome.TLS, 9.9), ended=12)
    seen = [(FRONT, connection)]
    for root, began in (("1-a", 10.0), ("1-b", 11.0)):
        seen += chain(root, began)[:-1]
    found = assemble(seen, PLACES)
    assert [trace.trace_id for trace in found] == ["1-a", "1-b"]
    for trace in found:
        assert line(trace) == ["client → front:8443", "front → nginx:80", "nginx → hello:3000"]
        assert [hop.depth for hop in trace.hops] == [0, 1, 2]
        assert trace.asked is trace.hops[1]
    assert [len(trace.hops) for trace in assemble(seen[:1], PLACES)] == [1]


def test_a_port_that_no_definition_maps_is_called_by_its_number() -> None:
    refused = exchange("127.0.0.1", "127.0.0.1:3001", 10.2, 10.2, outcome=Outcome.REFUSED)
    [found] = assemble([*chain("1-a", 10)[1:], (HELLO, refused)], PLACES)
    assert line(found)[-1] == "nginx → localhost:3001"


def test_a_thousand_requests_at_once_are_sorted_in_a_moment() -> None:
    seen = [pair for number in range(1000) for pair in chain(f"1-{number}", 10 + number / 10_000)]
    found = assemble(seen, PLACES)
    assert {len(trace.hops) for trace in found} == {3}
    assert len(found) == 1000
