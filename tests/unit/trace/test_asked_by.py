"""Which line of nginx's configuration let it ask a port that nothing listens on."""

from __future__ import annotations

import pytest

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import assemble
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, PLACES, chain, exchange

FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"
LISTENING = ("0.0.0.0:80", "127.0.0.11:41007", "127.0.0.1:3000")


def refused(path: str, configuration: str, server: str = "127.0.0.1:3001") -> Diagnosis:
    """What is said where nginx passes a path on to an address at which nothing listens."""
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 10.9, path, status=502, trace="1-a")
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.8, path, status=502, trace="1-a")
    third = exchange("127.0.0.1", server, 10.2, 10.2, outcome=Outcome.REFUSED, listening=LISTENING)
    [trace] = assemble([(FRONT, first), (FRONT, second), (HELLO, second), (HELLO, third)], PLACES)
    directives = nginx.parse(FILE + configuration)
    [fault] = diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())
    return fault


CHOICES = r"""server { listen 80;
 location /a/ {
  location /a/b/ { proxy_pass http://localhost:3000/; }
 }
 location ~ \.php$ { proxy_pass http://localhost:3001; }
 location /my-api/ { proxy_pass http://localhost:3001/v1/; }
 location / { proxy_pass http://localhost:3000; }
}"""


@pytest.mark.parametrize(
    ("path", "line", "written"),
    [
        ("/a/b/x.php", 5, "http://localhost:3001"),
        ("//my-api/x", 6, "http://localhost:3001/v1/"),
        ("/x/../my-api/x", 6, "http://localhost:3001/v1/"),
        ("/my%2Dapi/x", 6, "http://localhost:3001/v1/"),
    ],
)
def test_the_line_is_that_of_the_location_which_nginx_takes(path: str, line: int, written: str) -> None:
    fault = refused(path, CHOICES)
    assert str(fault.position) == f"/etc/nginx/conf.d/default.conf:{line}"
    right = written.replace("3001", "3000")
    assert fault.hint == f"hello listens on 3000: write `proxy_pass {right};`, not `proxy_pass {written};`"


PLACES_OF_ADDRESSES = [
    (
        "upstream app {\n server localhost:3001 backup;\n keepalive 8;\n}",
        "http://app",
        2,
        "server",
        " backup",
    ),
    ("upstream app {\n server localhost:3000;\n server localhost:3001;\n}", "http://app", 3, "server", ""),
]


@pytest.mark.parametrize(("upstream", "target", "line", "name", "rest"), PLACES_OF_ADDRESSES)
def test_a_server_of_an_upstream_is_the_line_to_change(
    upstream: str, target: str, line: int, name: str, rest: str
) -> None:
    fault = refused("/x", f"{upstream}\nserver {{ listen 80; location / {{ proxy_pass {target}; }} }}")
    assert str(fault.position) == f"/etc/nginx/conf.d/default.conf:{line}"
    assert fault.hint == (
        f"hello listens on 3000: write `{name} localhost:3000{rest};`, not `{name} localhost:3001{rest};`"
    )


@pytest.mark.parametrize(
    ("block", "line", "right", "wrong"),
    [
        (
            "set $backend localhost:3001;\nlocation / { proxy_pass http://$backend; }",
            *(2, "set $backend localhost:3000;", "set $backend localhost:3001;"),
        ),
        (
            "set $port 3001;\nlocation / { proxy_pass http://localhost:$port$request_uri; }",
            *(2, "set $port 3000;", "set $port 3001;"),
        ),
        (
            "set $host localhost;\nlocation / { proxy_pass http://$host:3001$request_uri; }",
            *(3, "proxy_pass http://$host:3000$request_uri;", "proxy_pass http://$host:3001$request_uri;"),
        ),
        (
            "location / {\n proxy_pass http://localhost:3001$request_uri; }",
            *(3, "proxy_pass http://localhost:3000$request_uri;", "proxy_pass http://localhost:3001$request_uri;"),
        ),
        (
            "location / { try_files $uri @app; }\nlocation @app { proxy_pass http://localhost:3001; }",
            *(3, "proxy_pass http://localhost:3000;", "proxy_pass http://localhost:3001;"),
        ),
        (
            "location / {\n grpc_pass grpc://localhost:3001; }",
            *(3, "grpc_pass grpc://localhost:3000;", "grpc_pass grpc://localhost:3001;"),
        ),
        (
            "location / { if ($http_x_new) { proxy_pass http://localhost:3000; }\n proxy_pass http://localhost:3001; }",
            *(3, "proxy_pass http://localhost:3000;", "proxy_pass http://localhost:3001;"),
        ),
        (
            "location / { auth_request /auth; proxy_pass http://localhost:3000; }\nlocation = /auth { internal;\n"
            "proxy_pass http://localhost:3001; }",
            *(4, "proxy_pass http://localhost:3000;", "proxy_pass http://localhost:3001;"),
        ),
        (
            "location / { error_page 502 = @spare; proxy_pass http://localhost:3000; }\n"
            "location @spare { proxy_pass http://localhost:3001; }",
            *(3, "proxy_pass http://localhost:3000;", "proxy_pass http://localhost:3001;"),
        ),
    ],
)
def test_the_line_to_change_is_where_the_address_is_written(block: str, line: int, right: str, wrong: str) -> None:
    fault = refused("/x", f"server {{ listen 80;\n{block}\n}}")
    assert str(fault.position) == f"/etc/nginx/conf.d/default.conf:{line}"
    assert fault.hint == f"hello listens on 3000: write `{right}`, not `{wrong}`"
    assert fault.message.startswith("nginx passes to localhost:3001, where nothing listens")


@pytest.mark.parametrize(
    ("lines", "target", "line", "right", "wrong"),
    [
        (
            "default localhost:3001;\n/y localhost:3000;",
            "http://$to",
            2,
            "default localhost:3000",
            "default localhost:3001",
        ),
        ("default localhost:3000;\n/x localhost:3001;", "http://$to", 3, "/x localhost:3000", "/x localhost:3001"),
        ("default 1;\n~^/(x|z) 3001;", "http://localhost:$to", 3, "~^/(x|z) 3000", "~^/(x|z) 3001"),
        ("default 1;\n/X http://$http_host:3001;", "$to", 3, "/X http://$http_host:3000", "/X http://$http_host:3001"),
    ],
)
def test_a_line_of_a_map_is_the_one_to_change(lines: str, target: str, line: int, right: str, wrong: str) -> None:
    fault = refused("/x", f"map $uri $to {{\n{lines}\n}}\nserver {{ location / {{ proxy_pass {target}; }} }}")
    assert str(fault.position) == f"/etc/nginx/conf.d/default.conf:{line}"
    assert fault.hint == f"hello listens on 3000: write `{right};`, not `{wrong};`"


def test_an_address_that_is_not_known_is_not_said_to_be_written_wrong() -> None:
    fault = refused(
        "/x", "map $cookie_to $to { default localhost:3001; }\nserver {\n location / { proxy_pass http://$to; } }"
    )
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:3"
    assert fault.hint == "hello listens on 3000: let `proxy_pass http://$to;` lead to localhost:3000"


def test_of_two_lines_that_may_have_asked_none_is_blamed() -> None:
    either = "if (-f /x) { proxy_pass http://localhost:3001; } proxy_pass http://localhost:3001/;"
    fault = refused("/x", f"server {{ location / {{ {either} }} }}")
    assert fault.position is None
    assert fault.hint == "hello listens on 3000: write http://localhost:3000"


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("http://other:80", 2),
        ("http://172.30.0.4:8001", 2),
        ("http://172.30.0.4:8000", None),
        ("http://localhost", None),
    ],
)
def test_a_name_of_service_connect_may_lead_to_another_port(target: str, line: int | None) -> None:
    configuration = f"server {{ listen 80;\n location / {{ proxy_pass {target}; }} }}"
    position = refused("/x", configuration, "172.30.0.4:8001").position
    assert (position.line if position else None) == line


REWRITE = "rewrite ^/api/(.*)$ /$1 break;"
SLASH = "proxy_pass http://localhost:3000/;"


@pytest.mark.parametrize(
    ("block", "line", "hint"),
    [
        (
            f"location /api/ {{\n {REWRITE}\n proxy_pass http://localhost:3000;\n }}",
            *(3, f"`{REWRITE}` takes it off: without it the path stays as it is"),
        ),
        (
            f"location /api/ {{\n {REWRITE}\n {SLASH}\n }}",
            *(3, f"`{REWRITE}` takes it off: without it the path stays as it is"),
        ),
        (
            f"rewrite ^/(.*)$ /v1/$1;\nlocation /v1/api/ {{ {SLASH} }}",
            *(3, f"the slash at the end of `{SLASH}` takes the place of the location's prefix"),
        ),
    ],
)
def test_a_rewrite_that_eats_the_prefix_is_the_line_to_change(block: str, line: int, hint: str) -> None:
    [trace] = assemble(chain("1-a", 10, ("/api/x", "/api/x", "/x"), status=404), PLACES)
    directives = nginx.parse(f"{FILE}server {{ listen 80;\n{block} }}")
    [fault] = diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())
    assert str(fault.position) == f"/etc/nginx/conf.d/default.conf:{line}"
    assert fault.hint.partition(": with ")[0] == hint


def test_a_maintenance_page_is_told_by_its_return() -> None:
    first = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.8, status=503, trace="1-a")
    [trace] = assemble([(HELLO, first)], PLACES)
    block = "if (-f /etc/nginx/maintenance) { return 503; }\nlocation / { proxy_pass http://localhost:3000; }"
    directives = nginx.parse(f"{FILE}server {{ listen 80;\n{block} }}")
    [fault] = diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())
    assert fault.message == "nginx answered 503 itself; it asked no other container, as `return 503;` says"
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"
    limited = nginx.parse(f"{FILE}http {{ limit_req zone=all; server {{ listen 80;\n{block} }} }}")
    [fault] = diagnose(trace, lambda container: limited if container == "cl-hello-nginx" else ())
    assert "return 503" not in fault.message
