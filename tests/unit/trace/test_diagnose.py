"""What is said of a fault between two hops: the fault, the line it stands on, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from emulator.runtime.health.reasons import Code, Reason
from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis, eaten_prefix
from emulator.trace.requests.exchange import Exchange, Outcome
from emulator.trace.requests.hops import Place, assemble
from tests.unit.trace.environment import FRONT, HELLO, OTHER, OUTSIDE, PLACES, chain, exchange

FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"
LISTENING = ("0.0.0.0:80", "127.0.0.11:41007", "127.0.0.1:3000")


def reading(**configurations: str) -> dict[str, Sequence[nginx.Directive]]:
    return {f"cl-hello-{name}": nginx.parse(FILE + text) for name, text in configurations.items()}


def found_in(
    seen: list[tuple[Place, Exchange]], configurations: dict[str, Sequence[nginx.Directive]] | None = None
) -> list[Diagnosis]:
    [trace] = assemble(seen, PLACES)
    return diagnose(trace, lambda container: (configurations or {}).get(container, ()))


def test_a_healthy_request_has_no_fault() -> None:
    assert found_in(chain("1-a", 10)) == []
    assert found_in(chain("1-a", 10, ("/api/x", "/api/x", "/x"))) == []


def test_a_refused_port_names_those_that_listen_and_the_line_to_change() -> None:
    refused = exchange("127.0.0.1", "127.0.0.1:3001", 10.2, 10.2, outcome=Outcome.REFUSED, listening=LISTENING)
    configuration = reading(nginx="server { listen 80;\n location /api {\n proxy_pass http://localhost:3001;\n } }")
    [fault] = found_in([*chain("1-a", 10, status=502)[1:], (HELLO, refused)], configuration)
    assert fault.message == (
        "nginx passes to localhost:3001, where nothing listens (connection refused); in this task listen: nginx on 80,"
        " hello on 3000"
    )
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:3"
    assert fault.hint == (
        "hello listens on 3000: write `proxy_pass http://localhost:3000;`, not `proxy_pass http://localhost:3001;`"
    )
    assert fault.hop == 2


def test_a_path_behind_the_wrong_port_stays_and_what_service_connect_listens_on_is_left_out() -> None:
    listening = (*LISTENING, "0.0.0.0:62001", "0.0.0.0:62010")
    refused = exchange("127.0.0.1", "127.0.0.1:3001", 10.2, 10.2, outcome=Outcome.REFUSED, listening=listening)
    configuration = reading(nginx="server { listen 80; location /api/ { proxy_pass http://localhost:3001/; } }")
    [fault] = found_in([*chain("1-a", 10, status=502)[1:], (HELLO, refused)], configuration)
    assert fault.message.endswith("in this task listen: nginx on 80, hello on 3000")
    assert fault.hint == (
        "hello listens on 3000: write `proxy_pass http://localhost:3000/;`, not `proxy_pass http://localhost:3001/;`"
    )


@pytest.mark.parametrize(("port", "who"), [(3000, "hello"), (3005, "a container of the task")])
def test_a_program_that_listens_on_another_loopback_address(port: int, who: str) -> None:
    listening = ("0.0.0.0:80", f"127.0.0.2:{port}")
    refused = exchange("127.0.0.1", f"127.0.0.1:{port}", 10.2, 10.2, outcome=Outcome.REFUSED, listening=listening)
    configuration = reading(nginx=f"server {{ listen 80;\n location / {{ proxy_pass http://localhost:{port}; }} }}")
    [fault] = found_in([*chain("1-a", 10, status=502)[1:], (HELLO, refused)], configuration)
    assert fault.message == f"nginx was refused at localhost:{port}: {who} listens on 127.0.0.2:{port} alone"
    assert fault.hint.endswith(f" listen on 0.0.0.0:{port}")
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"


def test_a_program_on_its_tasks_own_address_alone_is_named_with_it() -> None:
    """As one does that listens on its host name."""
    listening = ("0.0.0.0:80", "172.26.0.4:3000", "127.0.0.11:40123")
    refused = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.2, outcome=Outcome.REFUSED, listening=listening)
    [fault] = found_in([*chain("1-a", 10, status=502)[1:], (HELLO, refused)])
    assert fault.message == "nginx was refused at localhost:3000: hello listens on 172.26.0.4:3000 alone"
    assert fault.hint == "let hello listen on 0.0.0.0:3000"


def test_a_program_that_listens_only_afterwards_is_not_said_to_be_missing() -> None:
    listening = ("0.0.0.0:80", "0.0.0.0:3000")
    refused = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.2, outcome=Outcome.REFUSED, listening=listening)
    [fault] = found_in([*chain("1-a", 10, status=502)[1:], (HELLO, refused)])
    assert fault.message == "nginx was refused at localhost:3000: hello began to listen on 3000 afterwards"


def test_a_refused_port_without_nginx_s_configuration() -> None:
    refused = exchange("127.0.0.1", "127.0.0.1:3001", 10.2, 10.2, outcome=Outcome.REFUSED, listening=LISTENING)
    [fault] = found_in([*chain("1-a", 10, status=502)[1:], (HELLO, refused)])
    assert fault.message.startswith("nginx connects to localhost:3001, where nothing listens")
    assert fault.hint == "hello listens on 3000: write http://localhost:3000"


def test_a_container_that_listens_on_loopback_alone() -> None:
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 10.5, status=503, trace="1-a")
    refused = exchange(
        "172.30.0.2", "172.30.0.3:3000", 10.1, 10.1, outcome=Outcome.REFUSED, listening=("127.0.0.1:3000",)
    )
    [fault] = found_in([(FRONT, first), (FRONT, refused), (HELLO, refused)])
    assert fault.message == "front was refused at hello:3000: hello listens on 127.0.0.1:3000 alone"
    assert fault.hint == "let hello listen on 0.0.0.0:3000"


def test_a_slash_that_eats_the_prefix() -> None:
    configuration = reading(nginx="server {\n location /api/ { proxy_pass http://localhost:3000/; }\n}")
    [fault] = found_in(chain("1-a", 10, ("/api/x", "/api/x", "/x"), status=404), configuration)
    assert fault.message == (
        "nginx took /api off the path: it was asked for /api/x and asked hello for /x, which answered 404"
    )
    assert "`proxy_pass http://localhost:3000;`" in fault.hint
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"


def test_what_counts_as_an_eaten_prefix() -> None:
    assert eaten_prefix("/api/x", "/x") == "/api"
    assert eaten_prefix("/api/x?y=1", "//x?y=1") == "/api"
    assert eaten_prefix("/api", "/") == "/api"
    assert eaten_prefix("/api/x", "/api/x") == ""
    assert eaten_prefix("/api/x", "/other/x") == ""
    assert eaten_prefix("/x", "/api/x") == ""


def test_a_host_that_fits_no_server_block() -> None:
    first, second = (pair for pair in reversed(chain("1-a", 10, status=404)[2:]))
    configuration = reading(
        nginx="server { listen 80; return 404; }\n"
        "server {\n listen 80; server_name shop.example; location /api { proxy_pass http://localhost:3000; } }"
    )
    [fault] = found_in([first, second, (HELLO, second[1])], configuration)
    assert fault.certain
    assert fault.message == (
        "nginx answered 404 itself, from the wrong server block: Host shop.test fits no server_name, so nginx takes its"
        " default server; shop.example (/etc/nginx/conf.d/default.conf:2) passes /api/x on"
    )
    assert fault.hint.startswith("ask with Host shop.example, or add `shop.test` to the server_name")
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:1"


def test_a_host_that_the_proxy_replaced_and_the_next_nginx_does_not_know() -> None:
    hello = "server { listen 3000; return 404; } server { listen 3000; server_name shop.test; return 200; }"
    configuration = reading(
        nginx="server { location / { proxy_pass http://localhost:3000; } }",
        hello=hello,
    )
    [fault] = found_in(chain("1-a", 10, status=404, host="localhost:3000"), configuration)
    assert fault.certain
    assert "Host localhost:3000 (nginx sent it in place of shop.test) fits no server_name" in fault.message
    assert fault.hint == "let nginx pass the Host on: `proxy_set_header Host $host;`"


def test_a_host_that_the_proxy_replaced_is_a_guess_where_the_next_server_is_unknown() -> None:
    [fault] = found_in(chain("1-a", 10, status=404, host="localhost:3000"))
    assert not fault.certain
    assert fault.hint == "if it chooses by Host, pass the Host on; in nginx: `proxy_set_header Host $host;`"
    [fault] = found_in(chain("1-a", 10, status=404, host="localhost:3000"), reading(nginx="server { listen 8080; }"))
    assert fault.hint == "if it chooses by Host, pass the Host on: `proxy_set_header Host $host;`"


def test_a_request_that_the_load_balancer_answers_itself() -> None:
    [fault] = found_in([(FRONT, exchange(OUTSIDE, "172.30.0.2:8080", 10, 11, "/elsewhere", status=503))])
    assert fault.message == "the load balancer answered 503 itself; no container was asked"
    assert "copilot-local route GET /elsewhere" in fault.hint


def test_of_a_chain_that_waits_the_last_one_is_named() -> None:
    seen = [
        (place, replace(one, outcome=Outcome.UNFINISHED, ended=None, answered=None, response=None))
        for place, one in chain("1-a", 10)
    ]
    [fault] = found_in(seen)
    assert fault.message == "hello had not answered nginx's request when the trace ended"
    assert fault.hint == "`copilot-local logs -c hello` has what it said"
    assert fault.hop == 2


def test_a_main_container_that_closes_without_an_answer() -> None:
    seen = chain("1-a", 10, status=502)[1:]
    dead = exchange(
        "127.0.0.1", "127.0.0.1:3000", 10.2, 10.3, trace="1-a", status=None, outcome=Outcome.NO_ANSWER, note="gone"
    )
    [fault] = found_in([*seen, (HELLO, dead)])
    assert fault.message == "hello:3000 gave nginx no whole answer: gone"
    assert fault.hint == "`copilot-local logs -c hello` has what it said"


def through_nginx(answer: Exchange, *, https: bool = False) -> list[tuple[Place, Exchange]]:
    """A request that nginx answers itself, over HTTPS if asked for."""
    assert answer.request is not None
    if https:
        connection = Exchange(f"{OUTSIDE}:50000", "172.30.0.2:8443", 7, Outcome.TLS, 9.9, ended=12)
        return [(FRONT, connection), (HELLO, answer)]
    request = replace(answer.request, headers=answer.request.headers[:2])
    first = replace(answer, client=f"{OUTSIDE}:40000", server="172.30.0.2:8080", began=9.9, ended=12, request=request)
    return [(FRONT, first), (HELLO, answer)]


def asked_nginx(location: str, *, proto: str = "https", path: str = "/api/x", host: str = "shop.test:8443") -> Exchange:
    return exchange(
        *("172.30.0.2", "172.30.0.3:80", 10, 11, path),
        status=301,
        trace="1-a",
        host=host,
        headers=(("X-Forwarded-Proto", proto),),
        answer=(("Location", location),),
    )


OTHER_BLOCK = "server {\n listen 80; server_name shop.example; location / { proxy_pass http://localhost:3000; } }"


def test_a_redirect_to_https_behind_a_load_balancer_that_ends_tls_is_a_loop() -> None:
    configuration = reading(nginx="server { listen 80;\n return 301 https://$host$request_uri;\n}\n" + OTHER_BLOCK)
    answer = asked_nginx("https://shop.test/api/x")
    [fault] = found_in(through_nginx(answer, https=True), configuration)
    assert fault.certain
    assert fault.message == (
        "redirect loop: nginx answers 301 with Location https://shop.test/api/x, which is what the client asked for;"
        " TLS ends at the load balancer, so every request comes as plain HTTP, and X-Forwarded-Proto (https) is not"
        " looked at"
    )
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"
    assert fault.hint == (
        "redirect only what came over HTTP: `if ($http_x_forwarded_proto = http) {"
        " return 301 https://$host$request_uri; }`"
    )


@pytest.mark.parametrize(
    ("block", "loops"),
    [
        ("return 301 https://$host$request_uri;", True),
        ("if ($scheme = http) { return 301 https://$host$request_uri; }", True),
        ("if ($https != on) { rewrite ^ https://$host$request_uri permanent; }", True),
        ("if ($http_x_forwarded_proto = http) { return 301 https://$host$request_uri; }", False),
        ("location /api { return 301 https://$host$request_uri; }", True),
        # Variables of the configuration's own, of a `map` for instance: what they are is not known.
        ("if ($https_redirect) { return 301 https://$host$request_uri; }", False),
        ("if ($scheme_asked = http) { return 301 https://$host$request_uri; }", False),
    ],
)
def test_a_redirect_from_http_is_a_loop_where_https_gets_it_too(block: str, loops: bool) -> None:
    configuration = reading(nginx=f"server {{ listen 80; {block} }} {OTHER_BLOCK}")
    answer = asked_nginx("https://shop.test/api/x", proto="http", host="shop.test")
    faults = found_in(through_nginx(answer), configuration)
    assert [fault.message.partition(":")[0] for fault in faults] == (["redirect loop"] if loops else [])


def test_a_redirect_elsewhere_is_none_of_a_loop_and_blames_no_server_block() -> None:
    configuration = reading(nginx="server { listen 80; return 301 https://www.shop.test/; }\n" + OTHER_BLOCK)
    assert found_in(through_nginx(asked_nginx("https://www.shop.test/"), https=True), configuration) == []
    assert found_in(through_nginx(asked_nginx("/login"), https=True), configuration) == []


def test_a_location_that_is_no_url_is_named_and_ends_no_trace() -> None:
    [fault] = found_in(through_nginx(asked_nginx("http://[::1/x")))
    assert fault.message == ("nginx answers 301 with Location http://[::1/x, which is no URL: no client can follow it")


def test_a_redirect_to_an_address_inside_the_task() -> None:
    [fault] = found_in(through_nginx(asked_nginx("http://localhost:3000/api/x/"), https=True))
    assert fault.message.startswith("nginx redirects to http://localhost:3000/api/x/: port 3000 is inside the task")
    assert fault.hint.endswith("or pass the Host on; in nginx: `proxy_set_header Host $http_host;`")
    [fault] = found_in(through_nginx(asked_nginx("http://shop.test/api/x/"), https=True))
    assert "from HTTPS to HTTP" in fault.message


def test_a_loop_of_the_main_container_whose_proxy_hid_the_scheme() -> None:
    location = "location / {\n proxy_set_header X-Forwarded-Proto $scheme;\n proxy_pass http://localhost:3000;\n}"
    configuration = reading(nginx=f"server {{ {location} }}")
    first = asked_nginx("https://shop.test/api/x")
    second = exchange(
        *("127.0.0.1", "127.0.0.1:3000", 10.2, 10.8),
        status=301,
        trace="1-a",
        host="shop.test:8443",
        headers=(("X-Forwarded-Proto", "http"),),
        answer=(("Location", "https://shop.test/api/x"),),
    )
    [fault] = found_in([*through_nginx(first, https=True), (HELLO, second)], configuration)
    assert "redirect loop: hello answers 301" in fault.message
    assert "nginx put X-Forwarded-Proto: http in place of https" in fault.message
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"
    assert "`proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto;`" in fault.hint


def own_call(path: str, *, proto: str = "http", status: int = 200) -> list[tuple[Place, Exchange]]:
    """A request that nginx passes on to the main container, which calls another service for a path of its own."""
    told = (("X-Forwarded-Proto", proto), ("X_Tenant", "1"))
    first = exchange("172.30.0.2", "172.30.0.3:80", 10, 11, "/api/rates", trace="1-a", headers=told)
    second = exchange("127.0.0.1", "127.0.0.1:3000", 10.1, 10.9, "/rates", trace="1-a", headers=told)
    agent = (("User-Agent", "Python-urllib/3.13"),)
    third = exchange("172.30.0.3", "172.30.0.4:8000", 10.2, 10.8, path, headers=agent, status=status)
    return [(HELLO, first), (HELLO, second), (OTHER, third)]


@pytest.mark.parametrize("proto", ["http", "https"])
@pytest.mark.parametrize(("path", "status"), [("/latest", 200), ("/rates", 200), ("/", 404)])
def test_a_program_s_own_call_is_no_request_passed_on(path: str, proto: str, status: int) -> None:
    assert found_in(own_call(path, proto=proto, status=status), {}) == []


def test_plain_http_without_its_header_is_plain_http() -> None:
    """A proxy that drops the scheme changes nothing for a client that used HTTP, and hides that another used HTTPS."""
    second = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.8, trace="1-a")
    plain, secure = (
        exchange("172.30.0.2", "172.30.0.3:80", 10, 11, trace="1-a", headers=(("X-Forwarded-Proto", proto),))
        for proto in ("http", "https")
    )
    assert found_in([(HELLO, plain), (HELLO, second)]) == []
    [fault] = found_in([(HELLO, secure), (HELLO, second)])
    assert fault.message == (
        "nginx left out X-Forwarded-Proto: https, so hello takes the client's request for plain HTTP"
    )


def test_faults_stand_before_what_is_perhaps_one() -> None:
    first = exchange("172.30.0.2", "172.30.0.3:80", 10, 11, status=502, trace="1-a", headers=(("X_Api", "1"),))
    second = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.8, trace="1-a")
    faults = found_in([(HELLO, first), (HELLO, second)])
    assert [(fault.hop, fault.certain) for fault in faults] == [(0, True), (1, False)]


def test_headers_that_nginx_leaves_out_because_of_their_names() -> None:
    first = exchange("172.30.0.2", "172.30.0.3:80", 10, 11, trace="1-a", headers=(("X_Api", "1"), ("X-Other", "1")))
    second = exchange("127.0.0.1", "127.0.0.1:3000", 10.2, 10.8, trace="1-a")
    seen = [(HELLO, first), (HELLO, second)]
    passing = "location / { proxy_pass http://localhost:3000; }"
    [fault] = found_in(seen, reading(nginx=f"server {{ {passing} }}"))
    assert fault.message.startswith("nginx did not pass on X_Api: nginx does so")
    assert "`underscores_in_headers on;`" in fault.hint
    assert not fault.certain
    assert found_in(seen, reading(nginx=f"http {{ underscores_in_headers on; server {{ {passing} }} }}")) == []


def test_a_body_above_the_limit_of_nginx() -> None:
    answer = exchange(
        *("172.30.0.2", "172.30.0.3:80", 10, 11), status=413, trace="1-a", headers=(("Content-Length", "5000000"),)
    )
    [fault] = found_in(
        [(HELLO, answer)], reading(nginx="http {\n client_max_body_size 2m; server { listen 80; location / { } } }")
    )
    assert fault.message == "nginx answered 413 itself: the body has 5000000 bytes, and the limit is 2m"
    assert str(fault.position) == "/etc/nginx/conf.d/default.conf:2"
    [fault] = found_in([(HELLO, answer)])
    assert fault.message == "nginx answered 413 itself: the body has 5000000 bytes, more than it takes"


@pytest.mark.parametrize(
    ("location", "limit"),
    [
        ("location / { try_files $uri @app; } location @app { client_max_body_size 50m; }", ", and the limit is 2m"),
        ("location / { location /api/ { client_max_body_size 3m; } }", ", and the limit is 3m"),
        ("location ~ (?|a|b) { client_max_body_size 3m; }", ", more than it takes"),
    ],
)
def test_the_limit_of_a_body_is_that_of_the_first_location(location: str, limit: str) -> None:
    answer = exchange(
        *("172.30.0.2", "172.30.0.3:80", 10, 11), status=413, trace="1-a", headers=(("Content-Length", "5000000"),)
    )
    [fault] = found_in([(HELLO, answer)], reading(nginx=f"server {{ client_max_body_size 2m; {location} }}"))
    assert fault.message == f"nginx answered 413 itself: the body has 5000000 bytes{limit}"


def test_plain_http_where_nginx_takes_tls() -> None:
    answer = exchange("172.30.0.2", "172.30.0.3:80", 10, 11, status=400, trace="1-a")
    [fault] = found_in([(HELLO, answer)], reading(nginx="server {\n listen 80 ssl; }"))
    assert fault.message == ("nginx answered 400 itself: it takes TLS alone on 80, and front asks in plain HTTP")


def test_a_request_that_no_container_was_asked_for_says_why_none_is_healthy() -> None:
    [trace] = assemble([(FRONT, exchange(OUTSIDE, "172.30.0.2:8080", 10, 11, status=503))], PLACES)
    reason = Reason(Code.WRONG_PORT, "hello listens on 3000, not 3001", hint="write `image.port: 3000`")
    [fault] = diagnose(trace, why_unanswered=lambda _: [reason, reason])
    assert fault.message == (
        "the load balancer answered 503 itself; no container was asked, since none is healthy: hello listens on 3000,"
        " not 3001"
    )
    assert fault.hint == "write `image.port: 3000`"


def test_a_target_that_refuses_says_where_its_container_listens() -> None:
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 10.5, status=502, trace="1-a")
    refused = exchange("172.30.0.2", "172.30.0.3:3001", 10.1, 10.1, outcome=Outcome.REFUSED, listening=LISTENING)
    [trace] = assemble([(FRONT, first), (FRONT, refused), (HELLO, refused)], PLACES)
    reason = Reason(Code.WRONG_PORT, "hello listens on 3000, not 3001")
    [fault] = diagnose(trace, why_unanswered=lambda _: [reason])
    assert fault.message == "front was refused at hello:3001: hello listens on 3000, not 3001"
