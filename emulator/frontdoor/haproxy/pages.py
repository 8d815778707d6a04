"""The pages that an ALB sends by itself, byte for byte where they are known (line ends, sizes).

Sources: recorded responses and the sizes in access logs, as the conformance tests list them. The reasons of 4xx codes
that no recording shows are those of nginx, whose pages these are.
"""

from __future__ import annotations

from collections.abc import Iterable

SERVER = "awselb/2.0"

REASONS: dict[int, str] = {
    301: "Moved Permanently",
    302: "Found",
    400: "Bad Request",
    401: "Authorization Required",
    403: "Forbidden",
    405: "Not Allowed",
    408: "Request Time-out",
    413: "Request Entity Too Large",
    414: "Request-URI Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
    505: "HTTP Version Not Supported",
}


def page(title: str) -> str:
    """The page with that title."""
    lines = [
        "<html>",
        f"<head><title>{title}</title></head>",
        "<body>",
        f"<center><h1>{title}</h1></center>",
        "</body>",
        "</html>",
    ]
    return "".join(f"{line}\r\n" for line in lines)


UNREACHABLE_PAGE = "pages/unreachable.html"

# HAProxy says 503 where a target cannot be connected to; its termination state tells why: `SC` refused, `sC` timed out.
_UNREACHABLE_TITLE = (
    "%[txn.sess_term_state"
    f",regsub(^SC.*,502 {REASONS[502]})"
    f",regsub(^sC.*,504 {REASONS[504]})"
    f",regsub(^[^5].*,503 {REASONS[503]})]"
)


def page_path(code: int) -> str:
    """Where the page of a status code stands, relative to the front's folder."""
    return f"pages/{code}.html"


def error_pages() -> dict[str, bytes]:
    """The page files, by path relative to the front's folder."""
    files = {page_path(code): page(f"{code} {reason}").encode() for code, reason in REASONS.items()}
    files[UNREACHABLE_PAGE] = page(_UNREACHABLE_TITLE).encode()
    return files


def answer_path(code: int) -> str:
    """Where a whole answer with a status code stands, relative to the front's folder."""
    return f"pages/{code}.http"


def error_answers(codes: Iterable[int]) -> dict[str, bytes]:
    """Whole answers, by path relative to the front's folder. Their `Date` is added when they are sent."""
    return {answer_path(code): _answer(code).encode() for code in codes}


def _answer(code: int) -> str:
    body = page(f"{code} {REASONS[code]}")
    lines = [
        f"HTTP/1.1 {code} {REASONS[code]}",
        f"Server: {SERVER}",
        "Content-Type: text/html",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "",
    ]
    return "".join(f"{line}\r\n" for line in lines) + body
