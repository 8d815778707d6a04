"""AWS's query protocol: a form comes in, XML goes out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from emulator.api.errors import ApiError

Fields = Mapping[str, str]
"""Of a request: see `form`."""
EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def form(body: bytes) -> dict[str, str]:
    """The fields of a request; of one that is given twice the first."""
    pairs = parse_qs(body.decode("utf-8", errors="replace"), keep_blank_values=True)
    return {name: values[0] for name, values in pairs.items()}


def numbered(fields: Fields, name: str, part: str = "") -> list[str]:
    """A list, `VpcId.1` and so on; with `part` of each its field of that name (`Filter.1.Name`)."""
    found: list[str] = []
    while (value := fields.get(f"{name}.{len(found) + 1}{f'.{part}' if part else ''}")) is not None:
        found.append(value)
    return found


def members(fields: Fields, name: str, part: str = "") -> list[str]:
    """The same in the spelling of Elastic Load Balancing: `Names.member.1`, `Targets.member.1.Id`."""
    return numbered(fields, f"{name}.member", part)


def document(action: str, namespace: str, content: Mapping[str, Any], request_id: str) -> bytes:
    """The answer to an operation."""
    return (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{_xml(content)}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    ).encode()


def ec2_document(action: str, content: Mapping[str, Any], request_id: str) -> bytes:
    """The answer to an operation of EC2, whose lists have other names."""
    inside = _xml({"requestId": request_id, **content}, "item")
    return f'<{action}Response xmlns="{EC2}">{inside}</{action}Response>'.encode()


def error_document(error: ApiError, request_id: str) -> bytes:
    """An error."""
    kind = "Sender" if error.status < 500 else "Receiver"
    content = {"Error": {"Type": kind, "Code": error.code, "Message": error.message}, "RequestId": request_id}
    return f"<ErrorResponse>{_xml(content)}</ErrorResponse>".encode()


def _xml(content: object, each: str = "member") -> str:
    match content:
        case Mapping():
            return "".join(f"<{key}>{_xml(value, each)}</{key}>" for key, value in content.items() if value is not None)
        case list() | tuple():
            return "".join(f"<{each}>{_xml(one, each)}</{each}>" for one in content)
        case bool():
            return "true" if content else "false"
        case _:
            return escape(_NOT_XML.sub("\ufffd", str(content)))
