"""When an answer comes from the wrong one of nginx's server blocks, and when that is not certain."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Exchange
from emulator.trace.requests.hops import Place, assemble
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, PLACES, exchange

FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"
Seen = Sequence[tuple[Place, Exchange]]


def answered(path: str, status: int, host: str = "shop.test") -> Seen:
    """nginx answers a request by itself."""
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 10.9, path, status=status, trace="1-a", host=host)
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.8, path, status=status, trace="1-a", host=host)
    return [(FRONT, first), (FRONT, second), (HELLO, second)]


def found(seen: Seen, configuration: str) -> list[Diagnosis]:
    [trace] = assemble(seen, PLACES)
    directives = nginx.parse(FILE + configuration)
    return diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())


NAMED = r"""server { listen 80 default_server; return 404; }
server { listen 80; server_name %s; location /api/ { proxy_pass http://localhost:3000; } }
server { listen 80; server_name admin.test; location / { proxy_pass http://localhost:3000; } }"""


@pytest.mark.parametrize(
    ("name", "certain"),
    [(r"~^(?<tenant>[^.]+)\.shop\.test$", [False]), (r"~^(?|t(\d)|u(\d))\.shop\.test$", []), ("x.test", [True])],
)
def test_a_name_that_an_expression_fits_or_may_fit_is_certainly_in_no_wrong_block(
    name: str, certain: list[bool]
) -> None:
    faults = found(answered("/missing", 404, "t1.shop.test"), NAMED % name)
    assert [fault.certain for fault in faults] == certain
    assert [("fits no server_name" in fault.message) for fault in faults] == certain


LISTENS = """server { listen 80; server_name shop.test; location / { return 404; } }
server { listen %s; server_name admin.test; location / { proxy_pass http://localhost:3000; } }"""


@pytest.mark.parametrize(
    ("listen", "host", "certain"),
    [
        ("80", "other.test", [True]),
        ("80", "shop.test.", [False]),  # nginx does not look at the dot
        ("8000-8010", "other.test", []),
        ("127.0.0.1:80", "other.test", []),
    ],
)
def test_a_block_that_this_request_never_gets_was_not_meant(listen: str, host: str, certain: list[bool]) -> None:
    faults = found(answered("/status", 404, host), LISTENS % listen)
    assert [fault.certain for fault in faults] == certain


OTHERS = "\nserver { listen 80; server_name admin.test; location / { proxy_pass http://localhost:3000; } }"
LEAVING = """server { listen 80 default_server;
 location / { try_files $uri @app; }
 location @app { proxy_pass http://nosuch:3000; }
 location /old/ { rewrite ^/old/(.*)$ /new/$1 last; }
 location /new/ { proxy_pass http://nosuch:3000; }
 location /asked/ { if ($request_method = GET) { proxy_pass http://nosuch:3000; } }
 location /wait/ { error_page 418 = @app; return 418; }
 location /lua/ { content_by_lua_block { ngx.exit(502) } }
}"""


@pytest.mark.parametrize(
    ("path", "status", "line"),
    [("/x", 502, 3), ("/old/x", 502, 5), ("/asked/x", 502, 6), ("/wait/x", 502, 3), ("/new", 502, None)],
)
def test_a_request_that_leaves_its_location_is_told_where_it_is_passed_on(
    path: str, status: int, line: int | None
) -> None:
    faults = found(answered(path, status), LEAVING + OTHERS)
    assert not any("wrong server block" in fault.message for fault in faults)
    [fault] = faults
    where = f"/etc/nginx/conf.d/default.conf:{line}" if line else None
    assert (str(fault.position) if fault.position else None) == where
    assert ("is `proxy_pass http://nosuch:3000;` right?" in fault.hint) == (line is not None)


def test_a_file_that_does_not_take_a_method_is_in_no_wrong_block() -> None:
    assert found(answered("/index.html", 405), LEAVING + OTHERS) == []
    assert found(answered("/lua/x", 404), LEAVING + OTHERS) == []


PHP = """server { listen 80 default_server;
 location / { try_files $uri /index.php$is_args$args; }
 location ~ \\.php$ { fastcgi_pass unix:/run/php-fpm.sock; }
}"""


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_an_answer_of_a_program_behind_a_socket_of_files_is_its_own(status: int) -> None:
    """No hop shows it."""
    assert found(answered("/orders/77", status), PHP + OTHERS) == []
    [fault] = found(answered("/orders/77", 502), PHP + OTHERS)
    assert "wrong server block" not in fault.message


@pytest.mark.parametrize("block", ["root /srv;", "location / { try_files $uri $uri/ =404; }"])
def test_a_file_that_a_default_server_does_not_have_may_be_missing_there_alone(block: str) -> None:
    faults = found(answered("/x", 404), f"server {{ listen 80 default_server; {block} }}{OTHERS}")
    assert [fault.certain for fault in faults] == [False]
