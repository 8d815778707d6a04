"""Who may ask on the port that is published on the host: programs of this machine, no page of another site.

A page in a browser can send requests to ports of 127.0.0.1, and with a name of its own that it points there
(DNS rebinding) read the answers. Browsers say so: with `Origin` or `Sec-Fetch-Site`, and the page's name in `Host`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from emulator.aws.checked import Application

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OWN_SITE = ("same-origin", "none")


def with_known_callers(application: Application, names: Sequence[str]) -> Application:
    """The application for callers that are no page of another site; the others get 403 and a line that says why.

    `names` are host names of the endpoint beside the loopback ones; names below any of these (a bucket's) and those of
    AWS count too.
    """
    known = (*_LOOPBACK, *names, "amazonaws.com")

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        reason = _refusal(environ, known)
        if reason is None:
            return application(environ, start_response)
        body = f"{reason}\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response("403 Forbidden", headers)
        return [body]

    return answer


def _refusal(environ: dict[str, Any], known: Sequence[str]) -> str | None:
    host = _without_port(environ.get("HTTP_HOST", "")).lower()
    if host and not any(host == name or host.endswith(f".{name}") for name in known):
        return f"the local AWS endpoint does not answer for the host {host}"
    if "HTTP_ORIGIN" in environ or environ.get("HTTP_SEC_FETCH_SITE", "none") not in _OWN_SITE:
        return "the local AWS endpoint does not answer pages in a browser"
    return None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
