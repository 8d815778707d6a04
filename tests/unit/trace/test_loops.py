"""Which of nginx's directives makes a redirect loop, and when a redirect is certainly none."""

from __future__ import annotations

import pytest

from tests.unit.trace.test_diagnose import asked_nginx, found_in, reading, through_nginx

FILE = "/etc/nginx/conf.d/default.conf"
ASKED = "https://shop.test/api/x"
TO_HTTPS = "return 301 https://$host$request_uri;"


@pytest.mark.parametrize(
    ("block", "line"),
    [
        (f"rewrite ^/old/(.*)$ /new/$1 permanent;\nlocation / {{\n {TO_HTTPS} }}", 4),
        (f"if ($host = www.shop.test) {{ return 301 https://shop.test$request_uri; }}\n{TO_HTTPS}", 3),
        (f"if ($host ~ ^www\\.(?<rest>.*)$) {{ return 301 https://$rest/; }}\n{TO_HTTPS}", 3),
        (f"location /api/ {{\n location ~ x$ {{\n {TO_HTTPS} }} }}\nlocation / {{ {TO_HTTPS} }}", 4),
        ("rewrite ^/api/(.*)$ /v1/$1;\nlocation /v1/ {\n rewrite ^/v1/(.*)$ https://$host/api/$1 permanent; }", 4),
        ("location / {\n rewrite ^/(.*)$ $scheme://$host/$1 permanent; }", 3),
        (f"set $to $scheme;\nif ($to = http) {{\n {TO_HTTPS} }}", 4),
        (f"location / {{ try_files $uri @app; }}\nlocation @app {{\n {TO_HTTPS} }}", 4),
    ],
)
@pytest.mark.parametrize("client", ["http", "https"])
def test_the_directive_that_redirects_is_the_one_that_nginx_runs(block: str, line: int, client: str) -> None:
    configuration = reading(nginx=f"server {{ listen 80;\n{block}\n}}")
    answer = asked_nginx(ASKED, proto=client, host="shop.test")
    faults = found_in(through_nginx(answer, https=client == "https"), configuration)
    if client == "http" and "try_files" in block:
        assert faults == []  # there may be such a file, with which the loop would end
        return
    [fault] = faults
    assert fault.message.startswith("redirect loop: nginx answers 301")
    assert str(fault.position) == f"{FILE}:{line}"
    assert "{ return 301" in fault.hint or "{ rewrite ^" in fault.hint


MAP = "map $http_x_forwarded_proto $https_redirect { default 0; http 1; }\n"


@pytest.mark.parametrize(
    "block",
    [
        f"if ($https_redirect) {{ {TO_HTTPS} }}",
        f"if ($http_x_forwarded_proto !~* ^https$) {{ {TO_HTTPS} }}",
        f"if ($http_x_forwarded_port = 80) {{ {TO_HTTPS} }}",
        f"set $to 0; if ($http_x_forwarded_proto = http) {{ set $to 1; }} if ($to) {{ {TO_HTTPS} }}",
        f"server_rewrite_by_lua_block {{ ngx.exit(403) }} location / {{ {TO_HTTPS} }}",
        f"if ($cookie_seen = 1) {{ {TO_HTTPS} }} if (-f /on) {{ {TO_HTTPS} }}",
    ],
)
def test_a_redirect_that_an_https_request_may_not_get_is_no_loop(block: str) -> None:
    configuration = reading(
        nginx=f"{MAP}server {{ listen 80; {block} location /x {{ proxy_pass http://localhost; }} }}"
    )
    assert found_in(through_nginx(asked_nginx(ASKED, proto="http", host="shop.test")), configuration) == []


def test_a_loop_of_directives_that_are_not_certain_names_none_of_them() -> None:
    block = f"if ($cookie_seen = 1) {{ {TO_HTTPS} }}\nif (-f /on) {{ {TO_HTTPS} }}"
    configuration = reading(nginx=f"server {{ listen 80;\n{block} }}")
    [fault] = found_in(through_nginx(asked_nginx(ASKED), https=True), configuration)
    assert fault.message.startswith("redirect loop: nginx answers 301")
    assert fault.position is None


SERVER_NAME = "return 301 https://$server_name$request_uri;"


@pytest.mark.parametrize(
    ("name", "location", "what"),
    [
        ("", "https:///api/x", "which names no host"),
        ("server_name _;", "https://_/api/x", "which names _ as its host"),
        ("server_name *.shop.test;", "https://*.shop.test/api/x", "which names *.shop.test as its host"),
    ],
)
def test_a_redirect_to_the_name_of_a_server_block_that_is_none(name: str, location: str, what: str) -> None:
    configuration = reading(nginx=f"server {{ listen 80; {name}\n{SERVER_NAME}\n}}")
    [fault] = found_in(through_nginx(asked_nginx(location)), configuration)
    assert fault.message == f"nginx answers 301 with Location {location}, {what}: no client can follow it"
    assert fault.hint.endswith("write `$host`, which is what the client asked for")
    assert (str(fault.position), fault.certain) == (f"{FILE}:2", True)
    [fault] = found_in(through_nginx(asked_nginx(location)))
    assert fault.hint == "let it redirect to a path alone, or to the request's Host"


@pytest.mark.parametrize(
    "location", ["//cdn.shop.test/x", "https://my_shop.test/", "https://_dmarc.shop.test/", "/login"]
)
def test_a_redirect_to_another_host_or_to_a_path_names_one(location: str) -> None:
    assert found_in(through_nginx(asked_nginx(location))) == []
