"""HTTPS, HTTP/2, gRPC, WebSocket, TCP, TLS and UDP, through what `up` starts."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import httpx
import pytest

from tests.docker.listeners.conftest import NAME, Shop
from tests.docker.listeners.http2 import Client
from tests.docker.project import wait_until

pytestmark = pytest.mark.docker


class TestHttps:
    @pytest.mark.parametrize("host", [NAME, f"{NAME}.localhost", "www.example.com", "localhost"])
    def test_answers_under_every_name_with_a_certificate_for_it(self, shop: Shop, host: str) -> None:
        seen = shop.get("/cart?x=1", host).raise_for_status().json()
        assert (seen["service"], seen["path"]) == ("shop", "/cart?x=1")
        assert seen["headers"]["host"] == f"{host}:{shop.https_port}"
        assert seen["headers"]["x-forwarded-proto"] == "https"
        assert seen["headers"]["x-forwarded-port"] == str(shop.https_port)

    def test_it_is_not_trusted_unasked(self, shop: Shop) -> None:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://localhost:{shop.https_port}/")

    def test_other_names_are_not_the_services(self, shop: Shop) -> None:
        answer = httpx.get(f"https://127.0.0.1:{shop.https_port}/", headers={"Host": "x.test"}, verify=shop.context())
        assert answer.status_code == 503

    def test_plain_http_is_sent_there_to_its_port_on_this_machine(self, shop: Shop) -> None:
        answer = shop.plain("/cart?x=1", Host=f"{NAME}:{shop.http_port}")
        assert answer.status_code == 301
        assert answer.headers["Location"] == f"https://{NAME}:{shop.https_port}/cart?x=1"

    def test_a_service_without_a_name_stays_on_http(self, shop: Shop) -> None:
        assert shop.plain("/plain/x").json()["service"] == "plain"
        assert shop.get("/plain/x").json()["service"] == "shop"

    def test_a_client_keeps_its_task_with_the_cookie(self, shop: Shop) -> None:
        first = shop.get("/")
        assert {cookie.split("=")[0] for cookie in first.headers.get_list("Set-Cookie")} == {"AWSALB", "AWSALBCORS"}
        kept = {"Cookie": f"AWSALB={first.cookies['AWSALB']}"}
        assert {shop.get("/", **kept).json()["task"] for _ in range(8)} == {first.json()["task"]}
        wait_until(lambda: shop.get("/").json()["task"] != first.json()["task"], "the other task answers too")

    def test_http_2(self, shop: Shop) -> None:
        client = Client(shop.https_port, shop.context(), NAME)
        for number in range(3):
            answer = client.request("POST", f"/h2/{number}", {"content-length": "4"}, b"body")
            seen = json.loads(answer.body)
            assert (answer.status, seen["method"], seen["path"], seen["body"]) == (200, "POST", f"/h2/{number}", "body")
        client.close()

    def test_grpc_reaches_its_container_over_http_2_and_nothing_else_does(self, shop: Shop) -> None:
        client = Client(shop.https_port, shop.context(), NAME)
        called = client.request("POST", "/greeter.Greeter/Hello", {"content-type": "application/grpc"}, b"\0\0\0\0\0")
        assert (called.status, called.headers["grpc-status"]) == (200, "12")
        assert called.headers["grpc-message"] == "2.0,/greeter.Greeter/Hello"
        assert client.request("GET", "/greeter.Greeter/Hello").status == 464
        client.close()
        assert shop.get("/greeter.Greeter/Hello", NAME).status_code == 464

    def test_a_websocket(self, shop: Shop) -> None:
        with (
            socket.create_connection(("127.0.0.1", shop.https_port), timeout=20) as plain,
            shop.context().wrap_socket(plain, server_hostname=NAME) as connection,
        ):
            connection.sendall(
                f"GET /ws HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += connection.recv(1)
            assert head.startswith(b"HTTP/1.1 101 ")
            connection.sendall(b"through the tunnel")
            assert connection.recv(100) == b"through the tunnel"


class TestNetworkLoadBalancer:
    def test_tcp_connections_go_to_all_tasks(self, shop: Shop) -> None:
        def answer() -> bytes:
            with socket.create_connection(("127.0.0.1", shop.tcp_port), timeout=20) as connection:
                connection.sendall(b"hello\n")
                return connection.makefile("rb").readline()

        tasks = {answer().split()[0] for _ in range(24)}
        assert answer().endswith(b" hello\n")
        assert len(tasks) == 2

    def test_tls_ends_at_the_load_balancer(self, shop: Shop) -> None:
        with (
            socket.create_connection(("127.0.0.1", shop.tls_port), timeout=20) as plain,
            shop.context().wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            connection.sendall(b"secret\n")
            assert connection.makefile("rb").readline().endswith(b" secret\n")

    def test_udp_goes_to_the_task_and_to_the_one_that_replaces_it(self, shop: Shop) -> None:
        first = self._datagram(shop)
        shop.project.run("restart", "clock").ok()
        second = self._datagram(shop)
        assert first
        assert second
        assert first != second

    def test_udp_is_balanced_over_tasks_and_a_client_keeps_its_own(self, shop: Shop) -> None:
        shop.project.run("scale", "clock=2").ok()
        try:
            both: set[bytes] = set()

            def seen() -> bool:
                both.add(self._datagram(shop))
                return len(both) == 2

            wait_until(seen, "both tasks answer")
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(5)
                client.connect(("127.0.0.1", shop.udp_port))
                answers = set()
                for _ in range(20):
                    client.send(b"time?")
                    answers.add(client.recv(1000))
            assert len(answers) == 1
        finally:
            shop.project.run("scale", "clock=1").ok()
        assert self._datagram(shop) in both

    def test_targets_of_udp_are_checked(self, shop: Shop) -> None:
        found = [target for target in shop.project.ps()["targets"] if target["service"] == "clock"]
        assert [(target["target_group"], target["state"]) for target in found] == [("nlb", "healthy")]

    def _datagram(self, shop: Shop) -> bytes:
        """Who answered; datagrams may be lost while the server starts."""
        answers: list[bytes] = []

        def asked() -> bool:
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(1)
                client.sendto(b"time?", ("127.0.0.1", shop.udp_port))
                try:
                    answers.append(client.recv(1000))
                except OSError:
                    return False
            return answers[-1].endswith(b" time?")

        wait_until(asked, "a datagram comes back")
        return answers[-1].split()[0]


class TestWhereItAnswers:
    def test_everything_is_published_on_loopback_alone(self, shop: Shop) -> None:
        found = shop.project.inspected()
        ports = [bound for one in found.values() for bound in one["NetworkSettings"]["Ports"].values() if bound]
        published = [one["HostIp"] for bound in ports for one in bound]
        assert len(published) == 5
        assert set(published) == {"127.0.0.1"}

    def test_port(self, shop: Shop) -> None:
        assert shop.project.run("port", "443", "-n", "shop").ok().out == f"127.0.0.1:{shop.tls_port}\n"

    def test_ps(self, shop: Shop) -> None:
        printed = shop.project.run("ps").ok().out
        assert f"https://localhost:{shop.https_port}\n" in printed
        assert f"tls://localhost:{shop.tls_port} is port 443/tls of shop" in printed

    def test_open_prints_urls_that_lead_there(self, shop: Shop) -> None:
        assert shop.project.run("open", "shop", "--print").ok().out == f"https://localhost:{shop.https_port}/\n"
        url = shop.project.run("open", "-n", "plain", "--print").ok().out.strip()
        assert httpx.get(url).json()["service"] == "plain"


class TestTrust:
    def test_the_key_is_the_users_alone(self, authority: Path) -> None:
        assert authority.with_name("ca.key").stat().st_mode & 0o777 == 0o600
        assert authority.parent.stat().st_mode & 0o077 == 0

    def test_no_container_is_given_a_key_where_docker_shows_it(self, shop: Shop) -> None:
        assert "PRIVATE KEY" not in str(shop.project.inspected())
