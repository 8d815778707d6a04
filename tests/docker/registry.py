"""An image registry on loopback that wants a login, for tests of pulling."""

from __future__ import annotations

import http.client
import time

USER, PASSWORD = "reader", "open-sesame"
# The password above, hashed by bcrypt with the fewest rounds that a registry takes.
HTPASSWD = b"reader:$2b$04$kK0Edxdt8KHwpbBfpXqLY.febbl.VDdo.Fg.gonZt.c1y91711n6u\n"
SETTINGS = {
    "REGISTRY_AUTH": "htpasswd",
    "REGISTRY_AUTH_HTPASSWD_REALM": "test",
    "REGISTRY_AUTH_HTPASSWD_PATH": "/htpasswd",
}
COMMAND = ("serve", "/etc/docker/registry/config.yml")


def until_it_answers(address: str) -> None:
    """Waits until the registry asks for a login."""
    end = time.monotonic() + 20
    while True:
        connection = http.client.HTTPConnection(address, timeout=5)
        try:
            connection.request("GET", "/v2/")
            assert connection.getresponse().status == 401
            return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)
        finally:
            connection.close()
