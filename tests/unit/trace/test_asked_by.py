"""Which line of nginx's configuration let it ask a port that nothing listens on."""

from __future__ import annotations

import pytest

from emulator.trace.diagnosis import nginx
from emulator.trace.diagnosis.diagnose import diagnose
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import assemble
from tests.unit.trace.environment import FRONT, HELLO, OUTSIDE, PLACES, exchange

FILE = "# configuration file /etc/nginx/conf.d/default.conf:\n"
LISTENING = ("0.0.0.0:80", "127.0.0.11:41007", "127.0.0.1:3000")


def refused(path: str, configuration: str, server: str = "127.0.0.1:3001") -> Diagnosis:
    """What is said where nginx passes a path on to an address at which nothing listens."""
    first = exchange(OUTSIDE, "172.30.0.2:8080", 10, 10.9, path, status=502, trace="1-a")
    second = exchange("172.30.0.2", "172.30.0.3:80", 10.1, 10.8, path, status=502, trace="1-a")
    third = exchange("127.0.0.1", server, 10.2, 10.2, outcome=Outcome.REFUSED, listening=LISTENING)
    [trace] = assemble([(FRONT, first), (FRONT, second), (HELLO, second), (HELLO, third)], PLACES)
    directives = nginx.parse(FILE + configuration)
    [fault] = diagnose(trace, lambda container: directives if container == "cl-hello-nginx" else ())
    return fault


CHOICES = r"""server { listen 80;
 location /a/ {
  location /a/b/ { proxy_pass http://localhost:3000/; }
 }
 location ~ \.php$ { proxy_pass http://localhost:3001; }
 location /my-api/ { proxy_pass http://localhost:3001/v1/; }
 location / { proxy_pass http://localhost:3000; }
}"""


@pytest.mark.parametrize(
    ("path", "line", "written"),
    [
        ("/a/b/x.php", 5, "http://localhost:3001"),
        ("//my-api/x", 6, "http://localhost:3001/v1/"),
        ("/x/../my-api/x", 6, "http://localhost:3001/v1/"),
        ("/my%2Dapi/x", 6, "http://localhost:3001/v1/"),
    ],
)
def test_the_line_is_that_of_the_location_which_nginx_takes(path: str, line: int, written: str) -> None:
    fault = refused(path, CHOICES)
    assert str(fault.position) == f"/etc/nginx/conf.d/default.conf:{line}"
    right = written.replace("3001", "3000")
    assert fault.hint == f"hello listens on 3000: write `proxy_pass {right};`, not `proxy_pass {written};`"
