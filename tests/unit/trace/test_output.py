"""A trace as text of 80 columns, as JSON and as HAR; and the request that starts one."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from emulator.errors import Position, UsageError
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.output.export import as_har, as_json
from emulator.trace.output.text import block, to_https, verdict
from emulator.trace.requests.exchange import Exchange, Outcome
from emulator.trace.requests.hops import Trace, assemble
from emulator.trace.sending import prepare, send
from tests.unit.trace.environment import FRONT, HELLO, OTHER, PLACES, chain, exchange


def trace(*more: Exchange) -> Trace:
    seen = chain("1-a", 10, ("/api/x", "/api/x", "/x"), host="localhost:3000")
    [found] = assemble([*seen, *((HELLO, one) for one in more)], PLACES)
    return found


def tls() -> Exchange:
    return Exchange(
        *("172.30.0.3:50000", "203.0.113.9:443", 7, Outcome.TLS, 10.3),
        ended=10.4,
        server_name="api.example.com",
        sent=700,
        received=5000,
    )


def test_a_block_reads_from_the_client_to_the_last_hop() -> None:
    assert list(block(trace(tls()))) == [
        "GET /api/x: 200, 900.0 ms, 4 hops",
        "trace id 1-a",
        "1 client → front:8080                        200            900.0 ms",
        "  GET /api/x",
        "  Host: shop.test",
        "  2 front → nginx:80                         200            700.0 ms",
        "    GET /api/x",
        "    Host: shop.test",
        "    3 nginx → hello:3000                     200            500.0 ms",
        "      GET /x",
        "      ~ path: /api/x → /x",
        "      ~ Host: shop.test → localhost:3000",
        "      4 hello → 203.0.113.9:443              tls            100.0 ms",
        "        TLS to api.example.com: 700 bytes sent, 5000 received, not read",
        "        (joined by time and connection: it carries no trace id)",
    ]


def large(answer: tuple[tuple[str, str], ...]) -> Trace:
    """A request of which nginx drops the answer's headers."""
    seen = chain("1-a", 10)
    inner = seen[0][1]
    assert inner.response is not None
    seen[0] = (seen[0][0], replace(inner, response=replace(inner.response, headers=answer)))
    [found] = assemble(seen, PLACES)
    return found


def test_a_large_header_is_said_with_its_size_and_written_once() -> None:
    found = large((("X-Trail", "a" * 6000), ("Set-Cookie", "b=" + "c" * 300), ("X-Small", "d")))
    lines = [line.strip() for line in block(found)]
    assert lines[-3:] == ["- X-Trail (6000 bytes)", "- Set-Cookie (302 bytes)", "- X-Small"]
    written = as_json(found, ())
    assert written.count("a" * 6000) == 1
    [hop] = [one for one in json.loads(written)["hops"] if one["response_changes"]]
    assert hop["response_changes"][0] == {
        "kind": "removed",
        "name": "X-Trail",
        "before": None,
        "after": None,
        "before_bytes": 6000,
        "after_bytes": 0,
    }
    assert hop["response_head"]["largest"] == "X-Trail"


def test_sizes_of_heads_are_those_on_the_wire() -> None:
    found = large((("Set-Cookie", "b=" + "c" * 300),))
    entry = json.loads(as_har([found]))["log"]["entries"][2]
    assert entry["response"]["headersSize"] == len("HTTP/1.1 200 \r\nSet-Cookie: b=\r\n\r\n") + 300
    assert entry["request"]["headersSize"] > 0


def test_what_a_proxy_of_service_connect_sends_on_is_labelled() -> None:
    place = replace(HELLO, proxied_port=3000)
    into = exchange("172.30.0.4", "172.30.0.3:3000", 10, 11, trace="1-a")
    onward = exchange("127.0.0.1", "127.0.0.1:3000", 10.1, 10.9, trace="1-a")
    [found] = assemble([(place, into), (place, onward)], [place, OTHER])
    assert [(hop.client, hop.server) for hop in found.hops] == [
        ("other", "hello:3000"),
        ("service-connect", "hello:3000"),
    ]


def through_service_connect() -> Trace:
    """A request that goes through the proxies of two tasks; the main container of the first calls the second."""
    hello, other = replace(HELLO, proxied_port=80), replace(OTHER, ports={4000: "rates-api"}, proxied_port=4000)
    seen = [
        (FRONT, exchange("172.30.0.1", "172.30.0.2:8080", 10, 11, status=502, trace="1-a")),
        (hello, exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.9, status=502, trace="1-a")),
        (hello, exchange("127.0.0.1", "127.0.0.1:80", 10.2, 10.8, status=502, trace="1-a")),
        (
            hello,
            exchange(*("127.0.0.1", "127.0.0.1:3000", 10.3, 10.7), status=None, outcome=Outcome.NO_ANSWER, trace="1-a"),
        ),
        (other, exchange("172.30.0.3", "172.30.0.4:4000", 10.4, 10.6, "/latest")),
        (other, exchange("127.0.0.1", "127.0.0.1:4000", 10.45, 10.55, "/latest")),
    ]
    [found] = assemble(seen, [FRONT, hello, other])
    return found


def test_a_port_is_never_cut_off() -> None:
    heads = [line for line in block(through_service_connect(), 80) if " → " in line and "task" in line]
    assert [re.split(r"(?<=:\d\d) |(?<=:\d{4}) ", line.strip())[0] for line in heads] == [
        "2 front → nginx:80",
        "3 service-connect → nginx:80",
        "4 nginx → hello:3000",
        "5 hello → rates-api:4000",
        "6 service-connect → rates-api:4000",
    ]
    assert max(map(len, heads)) <= 80
    narrow = [line for line in block(through_service_connect(), 60) if " → " in line and "task" in line]
    assert re.search(r"6 ser\S*…\S* → \S+:4000 ", narrow[-1])


def test_the_pair_of_hops_at_a_proxy_of_service_connect_is_explained() -> None:
    lines = list(block(through_service_connect(), 80))
    place = next(number for number, line in enumerate(lines) if "3 service-connect → nginx:80" in line)
    assert lines[place + 1] == "      the request of hop 2, handed on by Service Connect's proxy"


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://localhost:8443/api/x", "GET https://localhost:8443/api/x"),
        ("https://localhost:8443/a?b=1&c=2", "GET 'https://localhost:8443/a?b=1&c=2'"),
        ("http://localhost:8080/api/x", ""),
    ],
)
def test_where_http_is_redirected_to_https_the_next_command_is_told(location: str, told: str) -> None:
    answer = (("Location", location),)
    asked = exchange("172.30.0.1", "172.30.0.2:8080", 10, 11, "/api/x", status=301, trace="1-a", answer=answer)
    [found] = assemble([(FRONT, asked)], PLACES)
    assert to_https(found) == told
    assert to_https(trace()) == ""


def test_long_values_are_cut_and_control_characters_do_not_reach_the_terminal() -> None:
    seen = chain("1-a", 10, (f"/{'a' * 200}",) * 2 + ("/\x1b[31mred",))
    [found] = assemble(seen, PLACES)
    lines = list(block(found, 60))
    assert max(map(len, lines)) <= 72  # the names' column is 44 wide, and the figures' follows
    assert not any("\x1b" in line for line in lines)


def test_a_verdict_wraps_without_breaking_what_is_to_be_copied() -> None:
    found = Diagnosis("word " * 20 + "`proxy_pass http://localhost:3000;`", "do this", 2, Position("/etc/x.conf", 3))
    lines = list(verdict(found, 60))
    assert lines[0].startswith("fault at hop 3: /etc/x.conf:3: word")
    assert lines[-1] == "  hint: do this"
    assert any("http://localhost:3000;" in line for line in lines)
    assert list(verdict(Diagnosis("so", "", 0, certain=False))) == ["perhaps at hop 1: so"]


def test_json_has_every_hop_with_what_changed() -> None:
    content = json.loads(as_json(trace(tls()), [Diagnosis("what", "do", 2)]))
    assert [hop["server"] for hop in content["hops"]] == ["front:8080", "nginx:80", "hello:3000", "203.0.113.9:443"]
    assert [hop["parent"] for hop in content["hops"]] == [None, 0, 1, 2]
    assert content["hops"][2]["request_changes"] == [
        {
            "kind": "changed",
            "name": "Host",
            "before": "shop.test",
            "after": "localhost:3000",
            "before_bytes": 9,
            "after_bytes": 14,
        }
    ]
    assert content["hops"][3]["tls_server_name"] == "api.example.com"
    assert content["diagnoses"] == [{"message": "what", "hint": "do", "hop": 2, "position": None, "certain": True}]


def test_har_has_what_its_readers_require_of_every_entry() -> None:
    log = json.loads(as_har([trace(tls())]))["log"]
    assert (log["version"], log["creator"]["name"], len(log["entries"])) == ("1.2", "copilot-local", 4)
    for entry in log["entries"]:
        assert entry.keys() >= {"startedDateTime", "time", "request", "response", "cache", "timings"}
        assert entry["request"].keys() >= {
            *("method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"),
        }
        assert entry["response"].keys() >= {
            *("status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL"),
            *("headersSize", "bodySize"),
        }
        assert entry["timings"].keys() == {"send", "wait", "receive"}
        assert abs(sum(entry["timings"].values()) - entry["time"]) < 1 or entry["request"]["method"] == ""
    assert [entry["request"]["url"] for entry in log["entries"]][2:] == [
        "http://localhost:3000/x",
        "https://api.example.com/",
    ]


def test_har_of_a_path_that_is_no_url_has_its_query() -> None:
    [found] = assemble([(HELLO, exchange("172.30.0.2", "172.30.0.3:80", 10, 11, "//[x?y=1#z"))], PLACES)
    [entry] = json.loads(as_har([found]))["log"]["entries"]
    assert entry["request"]["queryString"] == [{"name": "y", "value": "1"}]


@pytest.mark.parametrize("url", ["", "api", "http://", "x://y/z"])
def test_a_url_without_a_host_is_no_url(url: str) -> None:
    with pytest.raises(UsageError):
        prepare("GET", url)


def test_a_url_s_host_is_the_request_s_and_odd_characters_are_encoded() -> None:
    found = prepare("POST", "http://u:p@shop.test:81/a b?ü=%41", [("X", "y")], b"abc")
    assert found.target == "/a%20b?%C3%BC=%41"
    assert found.headers[:2] == (("Host", "shop.test:81"), ("X", "y"))
    assert ("Content-Length", "3") in found.headers
    assert prepare("GET", "http://a.test/", [("host", "b.test")]).headers == (("host", "b.test"),)


def test_the_request_is_sent_as_it_was_asked_for() -> None:
    got: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, dict(self.headers.items()), body))
            self.send_response(418)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        answer = send(server.server_port, prepare("PUT", "http://shop.test/a?b", [("X", "y")], b"abc"), 30)
        thread.join()
    assert answer.status == 418
    [(path, headers, body)] = got
    assert (path, body) == ("/a?b", b"abc")
    assert headers == {
        "Host": "shop.test",
        "X": "y",
        "Content-Length": "3",
        "Content-Type": "application/x-www-form-urlencoded",
    }


def test_a_port_without_a_listener_is_no_answer() -> None:
    answer = send(1, prepare("GET", "/"), 5)
    assert answer.status is None
    assert answer.fault
