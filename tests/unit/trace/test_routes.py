"""The ways of a request through nginx, in rows of which nginx 1.22 answered those with one end as they stand here."""

from __future__ import annotations

import pytest

from emulator.trace.diagnosis.nginx import parse
from emulator.trace.diagnosis.routes import Route, routes
from emulator.trace.diagnosis.variables import Asked, defined_in

CONFIGURATION = r"""# configuration file /etc/nginx/nginx.conf:
http {
 map $http_x_forwarded_proto $mapped { default 0; http 1; }
 server { listen 80; server_name shop.test;
  if ($http_x_away) { return 301 https://away.test; }
  set $gone no;
  if ($request_method = DELETE) { set $gone yes; }
  rewrite ^/old/(.*)$ /new/$1;
  rewrite ^/moved/ /new/x permanent;
  rewrite ^/elsewhere/(.*)$ $scheme://other.test/$1;
  location / { return 200 root; }
  location /new/ { if ($gone = yes) { return 200 gone; } return 200 new; }
  location /last/ { rewrite ^/last/(\w+)$ /new/$1 last; return 200 last; }
  location /break/ { rewrite ^/break/(\w+)$ /new/$1 break; return 200 break; }
  location /on/ { rewrite ^/on/ /new/; return 200 on; }
  location /stays/ { rewrite ^/stays/(.*)$ /new/$1; break; return 200 never; }
  location /v1/ { if ($uri ~ ^/v1/(?<what>\w+)$) { set $part $1; }
   if ($part = $what) { return 200 $part; } return 200 no; }
  location /args/ { if ($arg_a = 1) { return 200 one; } if ($is_args = "") { return 200 none; } return 200 other; }
  location /not/ { if ($https != on) { return 200 plain; } return 200 tls; }
  location /header/ { if ($http_x_kind !~* "^(a|b)$") { return 200 neither; } return 200 either; }
  location /if/ { if ($host = shop.test) { set $seen 1; } if ($seen) { return 200 seen; } return 200 unseen; }
  location /inside/ { internal; return 200 inside; }
  location /error/ { error_page 404 /new/x; return 404; }
  location /twice/ { error_page 404 @named; return 404; }
  location @named { return 200 named; }
  location /slash/ { proxy_pass http://127.0.0.1:1; }
  location /mapped/ { if ($mapped) { return 200 mapped; } return 200 unmapped; }
  location /files/ { try_files $uri @named; }
  location /spa/ { try_files $uri $uri/ /new/x?y=1; }
  location /code/ { try_files /none =404; }
  location /cookie/ { if ($http_cookie ~ x) { return 200 cookie; } return 200 plain; }
  location /lua/ { access_by_lua_block { ngx.exit(403) } proxy_pass http://127.0.0.1:1; }
  location /index/ { root /srv; }
  location = /index/index.html { return 200 index; }
  location /loop/ { rewrite ^ /loop/x; }
  location /both/ { limit_except GET { proxy_pass http://127.0.0.1:2; } proxy_pass http://127.0.0.1:1; }
 }
}
"""


def ways(target: str, method: str = "GET", **headers: str | None) -> list[Route]:
    configuration = parse(CONFIGURATION)
    server = next(one for one in configuration[0].block if one.name == "server")
    asked = Asked(method, target, "shop.test", headers, 80, defined_in(configuration))
    return routes(configuration, server, asked)


def ends(found: list[Route]) -> list[str]:
    """What each way ends at; `?`: not known, `-`: a file."""
    return [
        "?" if one.unknown else "-" if one.end is None else " ".join((one.end.name, *one.end.arguments))
        for one in found
    ]


@pytest.mark.parametrize(
    ("target", "end"),
    [
        ("/x", "return 200 root"),
        ("/old/y", "return 200 new"),
        ("/moved/y", "rewrite ^/moved/ /new/x permanent"),
        ("/elsewhere/y", "rewrite ^/elsewhere/(.*)$ $scheme://other.test/$1"),
        ("/last/y", "return 200 new"),
        ("/last/y.z", "return 200 last"),
        ("/break/y", "-"),
        ("/on/y", "return 200 on"),
        ("/stays/y", "-"),
        ("/v1/x", "return 200 $part"),
        ("/args/?a=1", "return 200 one"),
        ("/args/", "return 200 none"),
        ("/args/?b=1", "return 200 other"),
        ("/not/", "return 200 plain"),
        ("/header/", "return 200 neither"),
        ("/if/", "return 200 seen"),
        ("/inside/x", "-"),
    ],
)
def test_a_way_without_a_choice(target: str, end: str) -> None:
    assert ends(ways(target)) == [end]


def test_the_method_and_headers_decide() -> None:
    assert ends(ways("/new/x", "DELETE")) == ["return 200 gone"]
    assert ends(ways("/header/", http_x_kind="c", x_kind="B")) == ["return 200 either"]
    assert ends(ways("/x", x_away="1")) == ["return 301 https://away.test"]
    [slash] = ways("/slash")
    assert (slash.status, slash.redirects) == (301, True)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/error/x", ["return 404", "return 200 new"]),
        ("/twice/x", ["return 404", "return 200 named"]),
        ("/mapped/", ["return 200 unmapped"]),
        ("/files/x", ["-", "return 200 named"]),
        ("/spa/x", ["-", "return 200 new"]),
        ("/code/x", ["-", "try_files /none =404"]),
        ("/lua/x", ["proxy_pass http://127.0.0.1:1", "?"]),
        ("/index/", ["-", "return 200 index"]),
        ("/loop/", ["?"]),
        ("/both/x", ["proxy_pass http://127.0.0.1:1", "proxy_pass http://127.0.0.1:2"]),
    ],
)
def test_what_is_not_known_leaves_every_way_open(target: str, found: list[str]) -> None:
    assert ends(ways(target)) == found
    on_error = [one.on_error for one in ways(target)]
    assert any(on_error) == target.startswith(("/error", "/twice"))


def test_a_header_that_is_not_known_leaves_both_ways_open() -> None:
    assert ends(ways("/cookie/")) == ["return 200 plain"]
    assert ends(ways("/cookie/", cookie=None)) == ["return 200 cookie", "return 200 plain"]


def test_a_secret_in_a_path_or_a_query_is_not_compared() -> None:
    assert ends(ways("/new/(redacted)/x"))[-1] == "?"
    assert ends(ways("/args/?a=(redacted)")) == ["return 200 one", "return 200 none", "return 200 other"]
    assert ends(ways("/new/x?a=(redacted)")) == ["return 200 new"]


def test_more_ways_than_anyone_asks_for_end_in_one_that_is_not_known() -> None:
    conditions = "".join(f"if (-f /{number}) {{ set $v{number} 1; }}" for number in range(30))
    [server] = parse(f"# configuration file /a:\nserver {{ {conditions} location / {{ return 404; }} }}")
    assert ends(routes([server], server, Asked("GET", "/", "x"))) == ["return 404", "?"]
