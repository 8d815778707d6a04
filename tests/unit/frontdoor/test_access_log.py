"""Records of the access log: framing, reading, and the line of a load balancer."""

from __future__ import annotations

import json

import pytest

from emulator.errors import EngineError
from emulator.frontdoor.access_log import LoadBalancerName, alb_line, parse_record
from emulator.frontdoor.balancers import Balancer
from emulator.frontdoor.options import FrontOptions, Https

NAME = LoadBalancerName("app", "test", "eu-west-1", "123456789012")


def record(**fields: object) -> bytes:
    """A record as HAProxy writes it, of a forwarded request."""
    plain: dict[str, object] = {
        "second": 1790000000,
        "created": 1790000000123456,
        "frontend": "http",
        "client": "172.18.0.1",
        "client_port": 41000,
        "target": "172.18.0.5",
        "target_port": "80",
        "queue": 0,
        "connect": 1,
        "respond": 55,
        "active": 57,
        "status": 200,
        "received": 360,
        "sent": 199,
        "end": "----",
        "method": "GET",
        "uri": "/api/x",
        "version": "HTTP/1.1",
        "host": "h.test",
        "agent": "curl/8.5.0",
        "rule": "1",
        "group": "hello:default",
        "trace": "Root=1-6aabca80-27aaf3f93f32ff1f5a67dc16",
        "target_status": 200,
        "location": "",
        "grpc": "",
    }
    return json.dumps(plain | fields).encode()


def test_a_line_field_by_field() -> None:
    line = alb_line(parse_record(record()), NAME, FrontOptions())
    arn = NAME.target_group_arn("hello", "default")
    connection = line.split(" ")[-4]
    assert line == (
        f"http 2026-09-21T14:13:20.180456Z {NAME.load_balancer(Balancer.PUBLIC)} 172.18.0.1:41000 172.18.0.5:80"
        ' 0.001 0.055 0.000 200 200 360 199 "GET http://h.test:8080/api/x HTTP/1.1" "curl/8.5.0" - - '
        f'{arn} "Root=1-6aabca80-27aaf3f93f32ff1f5a67dc16" "-" "-" 1 2026-09-21T14:13:20.123456Z "forward" "-" "-"'
        f' "172.18.0.5:80" "200" "-" "-" {connection} "-" "-" "-"'
    )
    assert arn.startswith("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/app-test-hello-default/")
    assert connection.startswith("TID_")
    assert len(connection) == 36


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "http"),
        ({"frontend": "https"}, "https"),
        ({"frontend": "https~"}, "https"),
        ({"frontend": "https", "version": "HTTP/2.0"}, "h2"),
        ({"frontend": "https", "version": "HTTP/2.0", "grpc": 1}, "grpcs"),
        ({"status": 101}, "ws"),
        ({"status": 101, "frontend": "https"}, "wss"),
    ],
)
def test_types(fields: dict[str, object], kind: str) -> None:
    assert parse_record(record(**fields)).type == kind


def test_https_has_cipher_name_and_its_own_port() -> None:
    raw = record(frontend="https", cipher="TLS_AES_128_GCM_SHA256", tls="TLSv1.3", sni="h.test")
    options = FrontOptions(https=Https({}, listener_port=8443))
    line = alb_line(parse_record(raw), NAME, options)
    assert '"GET https://h.test:8443/api/x HTTP/1.1"' in line
    assert " TLS_AES_128_GCM_SHA256 TLSv1.3 " in line
    assert ' "h.test" "-" 1 ' in line


@pytest.mark.parametrize(
    ("fields", "end", "action"),
    [
        ({"to_uri": "/y?a=1", "transform": "TransformSuccess"}, '"-" "/y?a=1" "TransformSuccess"', "forward"),
        (
            {"to_host": "b.test", "to_uri": None, "transform": "TransformSuccess"},
            '"b.test" "-" "TransformSuccess"',
            "forward",
        ),
        ({"to_uri": "x", "transform": "TransformInvalidPath", "group": ""}, '"-" "-" "TransformInvalidPath"', ""),
    ],
)
def test_transforms_are_told_at_the_end(fields: dict[str, object], end: str, action: str) -> None:
    made = parse_record(record(**fields))
    line = alb_line(made, NAME, FrontOptions())
    assert line.endswith(f" {end}")
    assert '"GET http://h.test:8080/api/x HTTP/1.1"' in line
    assert made.action == action


def test_a_client_that_went_away_is_a_460() -> None:
    raw = record(end="CH--", status=400, target_status="", respond=-1)
    fields = alb_line(parse_record(raw), NAME, FrontOptions()).split(" ")
    assert fields[4:10] == ["172.18.0.5:80", "0.001", "-1", "-1", "460", "-"]


def test_what_would_break_the_line_is_escaped() -> None:
    raw = record(agent='a "b" \\ \n\t').replace(b"/api/x", "/ü".encode("latin-1"))
    line = alb_line(parse_record(raw), NAME, FrontOptions())
    assert r'"a \x22b\x22 \x5C \x0A\x09"' in line
    assert r"/\xFC HTTP/1.1" in line


@pytest.mark.parametrize("line", [b"{", b"{}", b"[]", b"GET / HTTP/1.1", record(status="x")])
def test_a_broken_record_is_an_error(line: bytes) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        parse_record(line)


def test_a_whole_url_is_written_once() -> None:
    secure = record(frontend="https", version="HTTP/2.0", uri="https://h.test:8443/x?y=https://z/", host="h.test")
    line = alb_line(parse_record(secure), NAME, FrontOptions(https=Https({}, 8443)))
    assert '"GET https://h.test:8443/x?y=https://z/ HTTP/2.0"' in line
