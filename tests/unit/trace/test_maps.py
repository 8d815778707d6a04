"""What a `map` of nginx gives, in rows of which nginx 1.22 answered each as it stands here."""

from __future__ import annotations

import pytest

from emulator.trace.diagnosis.nginx import parse
from emulator.trace.diagnosis.routes import routes
from emulator.trace.diagnosis.variables import Asked, State, defined_in, filled

CONFIGURATION = r"""# configuration file /etc/nginx/nginx.conf:
http {
 map $http_x_kind $kind { default other; one 1; "" none; ONE_TWO 12; \~tilde tilde; \default word; "with blank" blank; }
 map $http_x_kind $or_nothing { a b; }
 map $http_x_path $moved { ~^/old/(.*)$ /new/$1; ~*^/Files/(?<file>[^/]+)$ /f/$file; ~^/o /first; ~/old/ /never; }
 map $http_x_host $site { hostnames; default none; .shop.test shop; *.api.shop.test api; www.* www; exact.test exact;
  ~^re reg; }
 map $kind$http_x_more $both { 1yes $kind-$http_x_more; default no; }
 map $uri $first { ~^/(\w+)/ $1; }
 map $uri $again { volatile; ~^/(\w+)/ $1; }
 map $own $own { default x; }
 map $http_x_kind $far { default $moved; }
 server { listen 80;
  location /early/ { set $x $first; rewrite ^/early/(.*)$ /late/$1 last; }
  location /late/ { return 200 $first; }
  location /captured/ { if ($uri ~ ^/captured/(.*)$) { set $y $moved; set $z $1; } return 200 $z; }
 }
}
"""


def read(text: str, target: str = "/a/b", **headers: str) -> str | None:
    asked = Asked("GET", target, "shop.test", headers, 80, defined_in(parse(CONFIGURATION)))
    return filled(State(asked, target, ""), text)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("one", "1"),
        ("ONE", "1"),
        ("one_two", "12"),
        ("two", "other"),
        ("", "none"),
        ("~tilde", "tilde"),
        ("default", "word"),
        ("with blank", "blank"),
    ],
)
def test_a_text_is_compared_without_case(kind: str, wanted: str) -> None:
    assert read("$kind", x_kind=kind) == wanted


@pytest.mark.parametrize(("kind", "wanted"), [("a", "b"), ("c", ""), ("", "")])
def test_what_fits_nothing_is_empty_where_there_is_no_default(kind: str, wanted: str) -> None:
    assert read("<$or_nothing>", x_kind=kind) == f"<{wanted}>"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("/old/a/b", "/new/a/b"), ("/files/x", "/f/x"), ("/other", "/first"), ("/x/old/", "/never"), ("/x", ""), ("", "")],
)
def test_the_first_expression_that_fits_counts(path: str, wanted: str) -> None:
    assert read("$moved", x_path=path) == wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("shop.test", "shop"),
        ("a.shop.test", "shop"),
        ("A.Shop.Test.", "shop"),
        ("x.api.shop.test", "api"),
        ("api.shop.test", "shop"),
        ("www.anything.example", "www"),
        ("www.shop.test", "shop"),
        ("exact.test", "exact"),
        ("re.x", "reg"),
        ("other", "none"),
        ("", "none"),
    ],
)
def test_masks_of_names_go_from_the_exact_to_the_longest(host: str, wanted: str) -> None:
    assert read("$site", x_host=host) == wanted


def test_a_map_may_ask_others() -> None:
    assert read("$both", x_kind="one", x_more="yes") == "1-yes"
    assert read("$both", x_kind="two", x_more="yes") == "no"
    assert read("$far", x_kind="k", x_path="/old/q") == "/new/q"


def test_one_that_asks_itself_is_not_known() -> None:
    assert read("$own") is None


def ends(target: str, **headers: str) -> list[tuple[str, ...]]:
    configuration = parse(CONFIGURATION)
    server = next(one for one in configuration[0].block if one.name == "server")
    found = routes(configuration, server, Asked("GET", target, "shop.test", headers, 80, defined_in(configuration)))
    return [(filled(one.state, "$first") or "?", filled(one.state, "$again") or "?") for one in found]


def test_what_a_rewrite_may_have_come_too_late_for_is_not_known() -> None:
    assert ends("/late/x") == [("late", "late")]
    assert ends("/early/x") == [("?", "late")]  # nginx keeps `early`, since it looked before


def test_an_expression_of_a_map_leaves_what_it_found() -> None:
    configuration = parse(CONFIGURATION)
    server = next(one for one in configuration[0].block if one.name == "server")
    asked = Asked("GET", "/captured/x", "shop.test", {"x_path": "/old/q"}, 80, defined_in(configuration))
    [way] = routes(configuration, server, asked)
    assert filled(way.state, "$y") == "/new/q"
    assert filled(way.state, "$z") is None  # nginx says `q`
    assert read("$moved$1", x_path="/old/q") is None
