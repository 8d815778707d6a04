"""nginx's choice of a server block and a location, from its configuration as `nginx -T` prints it."""

from __future__ import annotations

import pytest

from emulator.trace.diagnosis.nginx import Directive, parse
from emulator.trace.diagnosis.routes import routes
from emulator.trace.diagnosis.servers import choose_server, server_names
from emulator.trace.diagnosis.variables import Asked

DUMP = r"""# configuration file /etc/nginx/nginx.conf:
events { worker_connections 512; }
http {
    log_format main '$remote_addr - "$request" {}; # not a comment';
    include /etc/nginx/conf.d/*.conf;
}

# configuration file /etc/nginx/conf.d/default.conf:
# first
server {
    listen 80;
    server_name first.test;
    return 404;
}
server {
    listen 80;
    listen [::]:8081 default_server;
    server_name shop.test *.shop.test ~^shop-(\d+)\.test$;
    location /api/ {
        location /api/admin { proxy_pass http://localhost:4000; }
        proxy_pass http://localhost:3000/;
    }
    location = /api/exact { proxy_pass http://localhost:5000; }
    location ^~ /static/ { root "/var/www"; }
    location ~* \.(png|jpg)$ { proxy_pass http://images; }
}
server { listen 127.0.0.1:9000; server_name ""; }
"""


def passing(dump: str, path: str) -> tuple[Directive | None, Directive]:
    """What a path is passed on by, if it is, and its location."""
    configuration = parse(dump)
    chosen = choose_server(configuration, "shop.test", 80)
    assert chosen is not None
    way, *_ = routes(configuration, chosen.server, Asked("GET", path, "shop.test"))
    return way.end, way.blocks[-1]


def first_name(host: str, port: int = 80) -> tuple[str, bool] | None:
    chosen = choose_server(parse(DUMP), host, port)
    return (server_names(chosen.server)[0], chosen.matched) if chosen else None


@pytest.mark.parametrize(
    ("host", "port", "name", "matched"),
    [
        ("shop.test", 80, "shop.test", True),
        ("SHOP.test:8080", 80, "shop.test", True),
        ("www.shop.test", 80, "shop.test", True),
        ("shop-12.test", 80, "shop.test", True),
        ("elsewhere.test", 80, "first.test", False),
        ("elsewhere.test", 8081, "shop.test", False),
    ],
)
def test_the_name_chooses_else_the_first_or_the_default(host: str, port: int, name: str, matched: bool) -> None:
    assert first_name(host, port) == (name, matched)


def test_no_block_for_a_port_that_none_listens_on() -> None:
    assert first_name("shop.test", 81) is None


LISTENERS = r"""# configuration file /etc/nginx/nginx.conf:
server { listen 80; server_name any.test shop.test; }
server { listen 127.0.0.1:80; server_name inside.test; }
server { listen localhost:80; server_name ~^(?<tenant>[^.]+)\.inside\.test$; }
server { listen 8000-8010 default_server; server_name range.test *.example.test; }
server { listen 8000-8005; server_name shop.*  .wild.example.test; }
server { listen [::]:81; server_name six.test; }
server { listen 82; server_name ~(*ANYCRLF)x known.test; }
server { listen 82; server_name ~^second; }
server { listen 83; server_name four.test; }
server { listen myself:83; server_name mine.test; }
server { listen 84; server_name shop.test; }
server { listen 84; }
server { listen 85; server_name shop.test *.both.test; }
server { listen 85; server_name .shop.test .both.test; }
server { listen 85; server_name *.test; }
"""


@pytest.mark.parametrize(
    ("address", "port", "host", "name", "matched", "known"),
    [
        ("172.30.0.3", 80, "x.test", "any.test", False, True),
        ("172.30.0.3", 80, "inside.test", "any.test", False, True),
        ("172.30.0.3", 80, "shop.test.", "any.test", True, True),
        ("127.0.0.1", 80, "shop.test", "inside.test", False, True),
        ("127.0.0.1", 80, "t1.inside.test:80", r"~^(?<tenant>[^.]+)\.inside\.test$", True, True),
        ("172.30.0.3", 8005, "a.b.example.test", "range.test", True, True),
        ("172.30.0.3", 8005, "wild.example.test", "shop.*", True, True),
        ("172.30.0.3", 8005, "a.wild.example.test", "shop.*", True, True),
        ("172.30.0.3", 8005, "x.test", "range.test", False, True),
        ("172.30.0.3", 8010, "shop.test", "range.test", False, True),
        ("172.30.0.3", 81, "x.test", "six.test", False, True),
        # Whether the first expression matches is not known, so the second one may come too late.
        ("172.30.0.3", 82, "second.test", "~(*ANYCRLF)x", True, False),
        ("172.30.0.3", 82, "known.test", "~(*ANYCRLF)x", True, True),
        # What address a name is, is not known either.
        ("172.30.0.3", 83, "mine.test", "four.test", False, False),
        ("172.30.0.3", 84, "", "", True, True),
        # nginx ignores the whole of a name of which it has a part already.
        ("172.30.0.3", 85, "www.shop.test", "*.test", True, True),
        ("172.30.0.3", 85, "both.test", "*.test", True, True),
    ],
)
def test_the_address_the_port_and_the_name_choose(
    address: str, port: int, host: str, name: str, matched: bool, known: bool
) -> None:
    chosen = choose_server(parse(LISTENERS), host, port, address)
    assert chosen is not None
    assert ((chosen.names or ("",))[0], chosen.matched, chosen.known) == (name, matched, known)


def test_a_range_of_ports_is_no_port_80() -> None:
    assert choose_server(parse("# configuration file /a:\nserver { listen 8000-8010; }"), "x", 80) is None


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/x?y=/static/", "http://localhost:3000/"),
        ("/api/admin/x", "http://localhost:4000"),
        ("/api/exact", "http://localhost:5000"),
        ("/a.PNG", "http://images"),
        ("/static/a.png", None),
        ("/elsewhere", None),
    ],
)
def test_the_location_of_a_path(path: str, target: str | None) -> None:
    found, _ = passing(DUMP, path)
    assert (found.arguments[0] if found else None) == target


def test_directives_know_their_file_and_line() -> None:
    chosen = choose_server(parse(DUMP), "shop.test", 80)
    assert chosen is not None
    assert str(chosen.server.position) == "/etc/nginx/conf.d/default.conf:7"
    _, location = passing(DUMP, "/api/x")
    assert str(location.position) == "/etc/nginx/conf.d/default.conf:11"


INCLUDING = """nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
# configuration file /etc/nginx/nginx.conf:
http {
    include mime.types;
    include conf.d/*.conf;
}
# configuration file /etc/nginx/mime.types:
types { text/html html; }

# configuration file /etc/nginx/conf.d/default.conf:
server {
    listen 80;
    include /etc/nginx/snippets/[a-b]*.conf;
    location /own { return 404; }
}
# configuration file /etc/nginx/snippets/api.conf:
location /api/ {
    include "/etc/nginx/proxy params.conf";
}
# configuration file /etc/nginx/proxy params.conf:
proxy_set_header Host $host;
proxy_pass http://localhost:3000/;
# configuration file /etc/nginx/conf.d/deeper/other.conf:
server { listen 80 default_server; }
"""


def test_includes_are_followed_wherever_they_stand_and_each_line_keeps_its_file() -> None:
    chosen = choose_server(parse(INCLUDING), "x.test", 80)
    assert chosen is not None
    assert str(chosen.server.position) == "/etc/nginx/conf.d/default.conf:1"
    directive, location = passing(INCLUDING, "/api/x")
    assert str(location.position) == "/etc/nginx/snippets/api.conf:1"
    assert directive is not None
    assert str(directive.position) == "/etc/nginx/proxy params.conf:2"
    assert chosen.others == ()  # a star crosses no slash


def test_a_file_that_includes_itself_ends() -> None:
    text = "# configuration file /a.conf:\nserver { listen 80; include /a.conf; }"
    assert choose_server(parse(text), "x", 80) is not None


def test_what_is_no_configuration_has_no_servers() -> None:
    assert choose_server(parse("}}} {{{ ; 'open"), "x", 80) is None
    assert choose_server(parse(""), "x", 80) is None
