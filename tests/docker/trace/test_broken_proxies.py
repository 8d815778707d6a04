"""The three broken examples: `trace` names the fault of each and what to write instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docker.project import ROOT, Project, Result, docker, wait_until
from tests.docker.trace.conftest import CONFIGURATION, configure

pytestmark = pytest.mark.docker


def said(result: Result) -> str:
    """The fault and its hint, with its lines joined."""
    return re.sub(r"\s+", " ", result.out[result.out.index("fault at hop") :]).strip()


CASES = [
    (
        "wrong-port",
        "502 Bad Gateway",
        "/api/orders",
        f"fault at hop 3: {CONFIGURATION}:10: nginx passes to localhost:3001, where nothing listens (connection"
        " refused); in this task listen: nginx on 80, hello on 3000 hint: hello listens on 3000: write"
        " `proxy_pass http://localhost:3000;`, not `proxy_pass http://localhost:3001;`",
    ),
    (
        "trailing-slash",
        "there is nothing at /orders",
        "/api/orders",
        f"fault at hop 3: {CONFIGURATION}:9: nginx took /api off the path: it was asked for /api/orders and asked"
        " hello for /orders, which answered 404 hint: the slash at the end of `proxy_pass http://localhost:3000/;`"
        " takes the place of the location's prefix: with `proxy_pass http://localhost:3000;` the path stays as it"
        " is",
    ),
    (
        "wrong-server-block",
        "<center>nginx",
        "http://hello.example.com/api/orders",
        f"fault at hop 2: {CONFIGURATION}:2: nginx answered 404 itself, from the wrong server block: Host"
        " hello.example.com:PORT fits no server_name, so nginx takes its default server; hello.example.org"
        f" ({CONFIGURATION}:14) passes /api/orders on hint: ask with Host hello.example.org, or add"
        f" `hello.example.com` to the server_name at {CONFIGURATION}:14",
    ),
]


@pytest.mark.parametrize(("name", "answer", "url", "expected"), CASES, ids=[case[0] for case in CASES])
def test_the_fault_is_found(broken: Project, name: str, answer: str, url: str, expected: str) -> None:
    configure(broken, ROOT / "examples" / "broken-proxy" / name / "nginx" / "default.conf")
    wait_until(lambda: answer in broken.get("/api/orders").text, f"{answer!r} is answered")
    result = broken.run("trace", "GET", url, variables={"COLUMNS": "80"})
    assert result.code == 1, result.err
    assert said(result).replace(f":{broken.port}", ":PORT") == expected
    assert max(map(len, result.out.splitlines())) <= 80


def test_an_answer_that_nginx_has_no_room_for(broken: Project, tmp_path: Path) -> None:
    (tmp_path / "default.conf").write_text(
        "server {\n    listen 80;\n    location /health { return 200 ok; }\n    location /api {\n"
        "        proxy_pass http://localhost:3000;\n        proxy_buffer_size 40;\n    }\n}\n",
        encoding="utf-8",
    )
    configure(broken, tmp_path / "default.conf")
    wait_until(lambda: broken.get("/api/orders").status_code == 502, "nginx answers itself")
    expected = (
        rf"fault at hop 2: {CONFIGURATION}:6: nginx answered 502 although hello:3000 answered 200: the answer's headers"
        r" have \d+ bytes \([\w-]+ alone \d+\), and proxy_buffer_size is 40; its log: \"upstream sent too big header"
        r' while reading response header from upstream"'
        r" hint: write `proxy_buffer_size 8k; proxy_buffers 4 8k;`, not `proxy_buffer_size 40;`"
    )
    told: list[str] = []

    def all_is_told() -> bool:  # Docker may have nginx's line a moment after its answer
        result = broken.run("trace", "/api/orders", variables={"COLUMNS": "80"})
        assert result.code == 1, result.err
        told.append(said(result))
        return re.fullmatch(expected, told[-1]) is not None

    wait_until(all_is_told, lambda: told[-1])


def test_a_redirect_loop_in_a_file_that_is_included(broken: Project, tmp_path: Path) -> None:
    nginx = broken.container("nginx")
    configuration = (
        "server {\n    listen 80;\n    include /etc/nginx/snippets/*.conf;\n    location / { return 404; }\n}\n"
        "server {\n    listen 80;\n    server_name other.example.com;\n"
        "    location / { proxy_pass http://localhost:3000; }\n}\n"
    )
    snippet = "# our API\nlocation /api/ {\n    return 301 https://$host$request_uri;\n}\n"
    (tmp_path / "default.conf").write_text(configuration, encoding="utf-8")
    (tmp_path / "api.conf").write_text(snippet, encoding="utf-8")
    docker("exec", nginx, "mkdir", "-p", "/etc/nginx/snippets")
    docker("cp", str(tmp_path / "api.conf"), f"{nginx}:/etc/nginx/snippets/api.conf")
    configure(broken, tmp_path / "default.conf")
    wait_until(lambda: broken.get("/api/orders").status_code == 301, "nginx redirects")
    result = broken.run("trace", "/api/orders", variables={"COLUMNS": "80"})
    assert result.code == 1, result.err
    assert said(result).startswith("fault at hop 2: /etc/nginx/snippets/api.conf:3: redirect loop: nginx answers 301")
    assert "server block" not in said(result)
