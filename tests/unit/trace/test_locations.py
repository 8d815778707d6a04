"""nginx's choice of a location, in rows that nginx 1.22 answered as they stand here."""

from __future__ import annotations

import pytest

from emulator.trace.diagnosis.locations import located, name_of, normalized
from emulator.trace.diagnosis.nginx import Directive, parse

FILE = "# configuration file /etc/nginx/nginx.conf:\n"
LOCATIONS = r"""server { listen 80;
 location / { return 200; }
 location /a/ { location /a/b/ { return 200; } }
 location ^~ /st/ { location ~ \.js$ { return 200; } return 200; }
 location ~ ^/re/ { location ~ \.css$ { return 200; } return 200; }
 location /api/ { return 200; }
 location "/my files/" { return 200; }
 location = /exact { return 200; }
 location ~* "\.(?<kind>php)$" { return 200; }
 location ~^/glued/ { return 200; }
 location =/equal { return 200; }
 location ^~/firm/ { return 200; }
 location /firm/x/ { return 200; }
 location /pass/ { proxy_pass http://127.0.0.1:1; }
 location /nested/ { location ^~ /nested/firm/ { return 200; } location = /nested/x.php { return 200; } }
 location ~ "^/a[[:digit:]]{2}$" { return 200; }
 location @named { return 200; }
 location /ü/ { return 200; }
}
"""


def server(text: str = LOCATIONS) -> Directive:
    [found] = parse(FILE + text)
    return found


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/", "/"),
        ("/a/b/x", "/a/b/"),
        ("/a/b/x.php", r"\.(?<kind>php)$"),
        ("/a/b/x.PHP", r"\.(?<kind>php)$"),
        ("/st/x.js", r"\.js$"),
        ("/st/x.php", "/st/"),
        ("/re/x.css", r"\.css$"),
        ("/re/x.php", "^/re/"),
        ("/re/x/y.css", r"\.css$"),
        ("//api/x", "/api/"),
        ("/x/../api/y", "/api/"),
        ("/api/..", "/"),
        ("/api/./x?y=/st/", "/api/"),
        ("/my%20files/x", "/my files/"),
        ("/%65xact", "/exact"),
        ("/exact/", "/"),
        ("/%2fapi%2Fx", "/api/"),
        ("/api%3F/x", "/"),
        ("/glued/x", "^/glued/"),
        ("/equal", "/equal"),
        ("/equal/x", "/"),
        ("/firm/x.php", "/firm/"),
        ("/firm/x/y.php", r"\.(?<kind>php)$"),
        ("/nested/firm/x.php", r"\.(?<kind>php)$"),
        ("/nested/x.php", "/nested/x.php"),
        ("/nested/y.php", r"\.(?<kind>php)$"),
        ("/a12", "^/a[[:digit:]]{2}$"),
        ("/@named", "/"),
        ("/..", None),
        ("/%zz", None),
        ("/%C3%BC/x", "/ü/"),
        ("http://elsewhere.test/api/x", "/api/"),
    ],
)
def test_the_location_of_a_path(target: str, name: str | None) -> None:
    path = normalized(target)
    found = located(server(), path) if path is not None else []
    assert [name_of(one.blocks[-1]) for one in found] == ([] if name is None else [name])
    assert not any(one.slash for one in found)


def test_a_slash_that_is_missing_is_redirected_to() -> None:
    [found] = located(server(), "/pass")
    assert (name_of(found.blocks[-1]), found.slash) == ("/pass/", True)
    [found] = located(server("server { location /pass { } location /pass/ { proxy_pass http://x; } }"), "/pass")
    assert (name_of(found.blocks[-1]), found.slash) == ("/pass", False)


def test_slashes_stay_where_they_are_not_merged() -> None:
    assert normalized("//api/x", merge_slashes=False) == "//api/x"


def test_an_expression_that_cannot_be_read_leaves_both_ways_open() -> None:
    block = server(r"server { location / { } location ~ (?|a|b) { } location ~ \.js$ { } location ~ x { } }")
    assert [name_of(one.blocks[-1]) for one in located(block, "/x.js")] == ["(?|a|b)", r"\.js$"]
    assert [name_of(one.blocks[-1]) for one in located(block, "/y")] == ["(?|a|b)", "/"]


LUA = r"""server {
 location /lua { content_by_lua_block { -- it's "{ a brace
   ngx.say("}") --[[ } ]] if x then y = {} end
 } }
 location ~ "\\.php$" { return 200; }
 location ~ ^/x}y { return 200; }
}"""


def test_what_stands_in_a_block_of_lua_is_none_of_nginx_s() -> None:
    block = server(LUA)
    assert [name_of(one) for one in block.all("location")] == ["/lua", r"\.php$", "^/x}y"]
    assert [str(one.position) for one in block.all("location")][1:] == [
        "/etc/nginx/nginx.conf:5",
        "/etc/nginx/nginx.conf:6",
    ]
