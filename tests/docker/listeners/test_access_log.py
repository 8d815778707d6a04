"""The access log of a running front, as `logs --access` prints it."""

from __future__ import annotations

import re
import socket
import ssl
import uuid
from typing import Any

import pytest

from tests.docker.listeners.conftest import NAME, Shop
from tests.docker.project import docker, wait_until

pytestmark = pytest.mark.docker

# A user guide's own order of fields, with what a line of ours says in each.
LINE = re.compile(
    r"(?P<type>\S+) (?P<time>\S+Z) app/\S+ (?P<client>\S+:\d+) (?P<target>\S+) \S+ \S+ \S+ (?P<elb>\d+) (?P<status>\S+)"
    r' \d+ \d+ "(?P<request>[^"]*)" "(?P<agent>[^"]*)" (?P<cipher>\S+) (?P<tls>\S+) (?P<group>\S+) "Root=[^"]+"'
    r' "(?P<sni>[^"]*)" "[^"]*" (?P<priority>\S+) \S+Z "(?P<action>[^"]*)" "(?P<redirect>[^"]*)" "-" "[^"]*" "[^"]*"'
    r' "-" "-" TID_[0-9a-f]{32} "-" "-" "-"'
)


def agent() -> str:
    """A user agent that no other request has."""
    return f"test-{uuid.uuid4().hex}"


def logged(shop: Shop, agent: str, *arguments: str, count: int = 1) -> list[dict[str, Any]]:
    """The requests of one agent, once there are so many."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [request for request in shop.access("--grep", agent, *arguments) if request["user_agent"] == agent]
        return len(found) >= count

    wait_until(there, f"a request of {agent} is logged")
    return found


def test_lines_in_the_load_balancers_own_format(shop: Shop) -> None:
    mine = agent()
    shop.get("/cart?x=1", NAME, **{"User-Agent": mine})
    shop.plain("/cart", Host="localhost", **{"User-Agent": mine})
    assert len(logged(shop, mine, count=2)) == 2
    lines = shop.project.run("logs", "--access", "--grep", mine).ok().out.splitlines()
    secure, plain = (LINE.fullmatch(line) for line in lines)
    assert secure, lines[0]
    assert plain, lines[1]
    assert (secure["type"], secure["elb"], secure["status"], secure["action"]) == ("https", "200", "200", "forward")
    assert secure["request"] == f"GET https://{NAME}:{shop.https_port}/cart?x=1 HTTP/1.1"
    assert (secure["tls"], secure["sni"], secure["priority"]) == ("TLSv1.3", NAME, "50000")
    assert "targetgroup/" in secure["group"]
    assert (plain["type"], plain["elb"], plain["status"], plain["target"]) == ("http", "301", "-", "-")
    assert (plain["action"], plain["redirect"]) == ("redirect", f"https://localhost:{shop.https_port}/cart")


def test_the_requests_of_one_service_and_of_a_time(shop: Shop) -> None:
    mine = agent()
    for path in ("/plain/1", "/nowhere"):
        shop.plain(path, Host="nobody.test", **{"User-Agent": mine})
    assert [request["elb_status_code"] for request in logged(shop, mine, count=2)] == [200, 503]
    assert [request["service"] for request in logged(shop, mine, "plain")] == ["plain"]
    assert shop.access("--grep", mine, "--until", "1h") == []


def test_following(shop: Shop) -> None:
    mine = agent()
    following = shop.project.start("logs", "--access", "-f", "--grep", mine)
    for number in range(3):
        shop.plain(f"/plain/{number}", **{"User-Agent": mine})
        following.wait_for(f"/plain/{number} ")
    assert following.process.poll() is None


def test_a_server_name_with_the_end_of_a_line_breaks_no_record(shop: Shop) -> None:
    mine = agent()
    context = shop.context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", shop.https_port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=f'{NAME}\n{{"second": 1') as connection,
    ):
        connection.sendall(
            f"GET /cart HTTP/1.1\r\nHost: {NAME}\r\nUser-Agent: {mine}\r\nConnection: close\r\n\r\n".encode()
        )
        while connection.recv(4096):
            pass
    [request] = logged(shop, mine)
    assert request["domain_name"] == NAME


def test_what_comes_while_the_agent_is_dead_is_logged_once(shop: Shop) -> None:
    """HAProxy sends what it logged to the next agent, and what the killed one had not stored is in its ring."""
    mine, container = agent(), f"cl-{shop.project.app}-test-agent"
    paths = [f"/while-dead-{number:02}" for number in range(10)]
    shop.get(paths[0], **{"User-Agent": mine})
    docker("kill", container)
    try:
        for path in paths[1:]:
            shop.get(path, **{"User-Agent": mine})
    finally:
        docker("start", container)
    wait_until(lambda: len(shop.access("--grep", mine)) >= len(paths), "all requests in the access log")
    found = sorted(request["request"].split()[1].rpartition("/")[2] for request in shop.access("--grep", mine))
    assert found == [path.removeprefix("/") for path in paths]
