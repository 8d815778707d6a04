"""The access log: what HAProxy sends of each request, and the line that an Application Load Balancer writes of it.

HAProxy's records go through a ring buffer to the listener on `ACCESS_LOG_SOCKET` (a stream socket in the front's
folder that HAProxy's user may write to); each is a line of JSON. Nothing goes to the front's standard
output: that would halve its throughput.

Source of the line: the user guide on access logs for Application Load Balancers, and recorded lines.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from emulator.errors import EngineError
from emulator.frontdoor.balancers import Balancer, Listener, read_frontend_name
from emulator.frontdoor.haproxy.actions import listener_port
from emulator.frontdoor.options import ACCESS_LOG_SOCKET, FOLDER, FrontOptions
from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_HASHED = re.compile(r"#([0-9A-F]{2})")
_KEY = re.compile(rb'"worker":\s*"?(\d+)"?,\s*"number":\s*"?([0-9A-Fa-f]+)')

TRANSFORM_SUCCESS = "TransformSuccess"
"""What the access log says of transforms that changed a request."""
RING_BYTES = 8 * 1024 * 1024
"""How much is kept while nothing listens; then the oldest goes."""

_FORMAT = " ".join(
    (
        "%(second)Ts",
        "%(created)[request_date(us)]",
        "%(frontend)ft",
        "%(client)ci",
        "%(client_port)cp",
        "%(target)si",
        "%(target_port)sp",
        "%(source_port)bp",
        "%(queue)Tw",
        "%(connect)Tc",
        "%(respond)Tr",
        "%(active)Ta",
        "%(status)ST",
        "%(received)U",
        "%(sent)B",
        "%(end)tsc",
        "%(method)HM",
        "%(uri)HU",
        "%(version)HV",
        "%(host)[var(txn.host)]",
        "%(agent)[var(txn.agent)]",
        "%(rule)[var(txn.rule)]",
        "%(group)[var(txn.group)]",
        "%(trace)[var(txn.trace_id)]",
        "%(target_status)[var(txn.target_status)]",
        "%(location)[var(txn.location)]",
        "%(grpc)[var(txn.grpc)]",
        "%(worker)pid",
        "%(number)rt",
    )
)
_TLS_FORMAT = "%(cipher)sslc %(tls)sslv %(sni)[ssl_fc_sni,field(1,\\n)]"
"""Left out where there is no TLS: half of what a record costs HAProxy is writing its fields. A server name may hold the
end of a line, which is the end of a record; nothing else may that clients or targets send."""

_TRANSFORM_FORMAT = "%(to_host)[var(txn.to_host)] %(to_uri)[var(txn.to_uri)] %(transform)[var(txn.transform)]"
"""Only where a rule has transforms. Both texts are valid as a host and as a URL, or are not logged."""


def ring_lines() -> list[str]:
    """The section that carries the records to the listener."""
    return [
        "",
        "ring access",
        "  format raw",
        "  maxlen 65535",
        f"  size {RING_BYTES}",
        "  timeout connect 1s",
        "  timeout server 10s",
        f"  server listener unix@{FOLDER}/{ACCESS_LOG_SOCKET} log-proto legacy",
    ]


def frontend_log_lines(*, secure: bool, transforms: bool = False) -> list[str]:
    """The lines of a frontend that log; `secure` where it speaks TLS, `transforms` where a rule changes requests.

    What a record needs of a request's headers is copied: they are gone by then.
    """
    more = (_TLS_FORMAT if secure else "", _TRANSFORM_FORMAT if transforms else "")
    fields = " ".join(filter(None, (_FORMAT, *more)))
    return [
        "log ring@access len 65535 format raw local0",
        f"log-format '%{{+json}}o {fields}'",
        "http-request set-var(txn.agent) req.fhdr(user-agent)",
        "http-request set-var(txn.grpc) bool(true) if { req.hdr(content-type) -m beg application/grpc }",
        "http-response set-var(txn.target_status) status",
    ]


LOCATION_LINE = (
    "http-after-response set-var(txn.location) res.fhdr(location)"
    " if { status 301 302 } !{ var(txn.target_status) -m found }"
)


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One request. Times in milliseconds, -1 where it did not come that far; sizes in bytes; texts empty where there is
    nothing."""

    created: datetime
    listener: Listener
    balancer: Balancer
    inside: bool
    """It came from the environment's network, to port 80 or 443."""
    client: str
    client_port: int
    target: str
    """Address and port of the target; empty where the request went to none."""
    source_port: int
    """Where the front asked the target from; 0 where it did not."""
    request_time: int
    target_time: int
    active_time: int
    status: int
    target_status: int | None
    received: int
    sent: int
    method: str
    uri: str
    """Path and query as they were sent; empty where the request could not be read."""
    version: str
    host: str
    user_agent: str
    cipher: str
    tls_version: str
    server_name: str
    rule_priority: int | None
    """None: answered before rules were looked at. 0: the default action."""
    service: str
    target_group: str
    trace_id: str
    location: str
    grpc: bool
    transformed_host: str = ""
    """The host that the target is asked for, where a transform changed it."""
    transformed_uri: str = ""
    """The same of path and query."""
    transform_status: str = ""
    """How transforms went: `TransformSuccess`, or why the load balancer answered 500. Empty where nothing changed."""

    @property
    def type(self) -> str:
        """The protocol, as the log names it."""
        secure = self.listener == "HTTPS"
        if self.status == 101:
            return "wss" if secure else "ws"
        if self.version == "HTTP/2.0":
            return "grpcs" if self.grpc else "h2"
        return "https" if secure else "http"

    @property
    def action(self) -> str:
        """The action that was taken; empty before a rule was chosen."""
        if self.rule_priority is None or self.transform_status not in ("", TRANSFORM_SUCCESS):
            return ""
        if self.location and not self.target:
            return "redirect"
        return "forward" if self.target_group or self.rule_priority == 0 else "fixed-response"


def parse_record(line: bytes) -> AccessRecord:
    """One record as HAProxy sent it. EngineError where it cannot be read."""
    try:
        return record_of(parse_fields(line.decode("latin-1")))
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"a record of the front's access log cannot be read: {line[:200]!r}") from error


def parse_fields(line: str) -> dict[str, object]:
    """The fields of a record, a character for each byte that HAProxy sent: it escapes quotes and backslashes, and
    passes on whatever else clients send. ValueError where it is none."""
    fields = json.loads(line, strict=False)
    if not isinstance(fields, dict):
        raise ValueError("no record")
    return fields


def created_at(fields: Mapping[str, object]) -> int:
    """When the request came, in microseconds since 1970. Where there was no request there is only the second in which
    the connection came. ValueError or KeyError where it does not say."""
    created = fields["created"]
    return int(str(fields["second"])) * 1_000_000 if created in (None, "") else int(str(created))


def record_key(line: bytes) -> tuple[int, bytes]:
    """The worker that a record comes from, by its process id, and which of the worker's records it is."""
    found = _KEY.search(line)
    return (int(found[1]), found[2]) if found else (0, b"")


def record_of(fields: Mapping[str, object]) -> AccessRecord:
    """One record from the fields that HAProxy sent. ValueError, KeyError or TypeError where it is none."""

    def text(name: str) -> str:
        value = fields[name]
        return "" if value is None else str(value)

    def optional(name: str) -> str:
        return text(name) if name in fields else ""

    def number(name: str) -> int:
        return int(text(name))

    service, _, group = text("group").partition(":")
    queue, connect = number("queue"), number("connect")
    listener, balancer, inside = read_frontend_name(text("frontend"))
    aborted = text("end").startswith("CH")
    readable = text("method") not in ("", "<BADREQ>")
    return AccessRecord(
        created=datetime.fromtimestamp(created_at(fields) / 1_000_000, UTC),
        listener=listener,
        balancer=balancer,
        inside=inside,
        client=text("client"),
        client_port=number("client_port"),
        target=f"{text('target')}:{text('target_port')}" if text("target") else "",
        source_port=int(optional("source_port") or 0) if text("target") else 0,
        request_time=-1 if connect < 0 else max(queue, 0) + connect,
        target_time=number("respond"),
        active_time=max(number("active"), 0),
        # The client went away while the target was at work: a status of its own, which was not received.
        status=460 if aborted else number("status"),
        target_status=int(text("target_status")) if text("target_status") else None,
        received=number("received"),
        sent=number("sent"),
        method=text("method") if readable else "",
        # HAProxy writes a few characters as #22; a # itself is never part of a request.
        # Of a request over HTTP/2 it writes the whole URL.
        uri=_ABSOLUTE.sub("", _HASHED.sub(lambda found: chr(int(found[1], 16)), text("uri")), count=1)
        if readable
        else "",
        version=text("version") if readable else "",
        host=text("host"),
        user_agent=text("agent"),
        cipher=optional("cipher"),
        tls_version=optional("tls"),
        server_name=optional("sni"),
        rule_priority=int(text("rule")) if text("rule") else None,
        service=service,
        target_group=group,
        trace_id=text("trace"),
        location=text("location"),
        grpc=text("grpc") not in ("", "0", "False", "false"),
        transformed_host=optional("to_host") if optional("transform") == TRANSFORM_SUCCESS else "",
        transformed_uri=optional("to_uri") if optional("transform") == TRANSFORM_SUCCESS else "",
        transform_status=optional("transform"),
    )


@dataclass(frozen=True, slots=True)
class LoadBalancerName:
    """What ARNs in the log are made of."""

    app: str
    environment: str
    region: str = DEFAULT_REGION
    account: str = LOCAL_ACCOUNT

    def load_balancer(self, balancer: Balancer) -> str:
        """The `elb` field."""
        suffix = "-internal" if balancer is Balancer.INTERNAL else ""
        name = f"{self.app}-{self.environment}{suffix}"
        return f"app/{name}/{_hash(name)}"

    def target_group_arn(self, service: str, target_group: str) -> str:
        """The ARN of a target group."""
        name = f"{self.app}-{self.environment}-{service}-{target_group}"
        prefix = f"arn:aws:elasticloadbalancing:{self.region}:{self.account}"
        return f"{prefix}:targetgroup/{name[:32].rstrip('-')}/{_hash(name)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def alb_line(record: AccessRecord, name: LoadBalancerName, options: FrontOptions) -> str:
    """The record as an Application Load Balancer logs it: 33 fields. `options` are those of its load balancer."""
    forwarded = record.action == "forward"
    arn = name.target_group_arn(record.service, record.target_group) if record.target_group else ""
    if forwarded and not arn:
        arn = name.target_group_arn("default", "http")
    answered = record.target_status is not None
    finished = record.created + timedelta(milliseconds=record.active_time)
    priority = "-" if record.rule_priority is None else str(record.rule_priority)
    fields = [
        record.type,
        _time(finished),
        name.load_balancer(record.balancer),
        f"{record.client}:{record.client_port}",
        record.target or "-",
        _seconds(record.request_time if record.target else -1),
        _seconds(record.target_time if record.target and answered else -1),
        "0.000" if record.target and answered else "-1",
        str(record.status),
        str(record.target_status) if answered else "-",
        str(record.received),
        str(record.sent),
        _quoted(_request_line(record, options)),
        _quoted(record.user_agent),
        record.cipher or "-",
        record.tls_version or "-",
        arn or "-",
        _quoted(record.trace_id),
        _quoted(record.server_name),
        '"-"',
        priority,
        _time(record.created),
        _quoted(record.action),
        _quoted(record.location if record.action == "redirect" else ""),
        '"-"',
        _quoted(record.target),
        _quoted(str(record.target_status) if answered else ""),
        '"-"',
        '"-"',
        f"TID_{hashlib.sha256(f'{record.client}:{record.client_port}'.encode()).hexdigest()[:32]}",
        _quoted(record.transformed_host),
        _quoted(record.transformed_uri),
        _quoted(record.transform_status),
    ]
    return " ".join(fields)


def as_json(record: AccessRecord, name: LoadBalancerName, options: FrontOptions) -> dict[str, object]:
    """The record under the names of the load balancer's log fields; what is not there is left out."""
    fields: dict[str, object] = {
        "type": record.type,
        "time": _time(record.created + timedelta(milliseconds=record.active_time)),
        "elb": name.load_balancer(record.balancer),
        "client": f"{record.client}:{record.client_port}",
        "target": record.target,
        "request_processing_time": record.request_time / 1000 if record.target else None,
        "target_processing_time": record.target_time / 1000 if record.target_time >= 0 else None,
        "elb_status_code": record.status,
        "target_status_code": record.target_status,
        "received_bytes": record.received,
        "sent_bytes": record.sent,
        "request": _request_line(record, options),
        "user_agent": record.user_agent,
        "ssl_cipher": record.cipher,
        "ssl_protocol": record.tls_version,
        "service": record.service,
        "target_group": record.target_group,
        "trace_id": record.trace_id,
        "domain_name": record.server_name,
        "matched_rule_priority": record.rule_priority,
        "request_creation_time": _time(record.created),
        "actions_executed": record.action,
        "redirect_url": record.location if record.action == "redirect" else "",
        "transformed_host": record.transformed_host,
        "transformed_uri": record.transformed_uri,
        "request_transform_status": record.transform_status,
    }
    return {key: value for key, value in fields.items() if value not in (None, "")}


def _request_line(record: AccessRecord, options: FrontOptions) -> str:
    """Method, whole URL with its port, version; dashes where the request could not be read."""
    port = listener_port(record.listener, options.as_inside() if record.inside else options)
    base = f"{record.listener.lower()}://{record.host or 'localhost'}:{port}"
    if not record.method:
        return f"- {base}- -"
    return f"{record.method} {base}{record.uri} {record.version}"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds(milliseconds: int) -> str:
    return "-1" if milliseconds < 0 else f"{milliseconds / 1000:.3f}"


def _quoted(text: str) -> str:
    """In quotes, with what would break the line escaped the way nginx does."""
    if not text:
        return '"-"'
    safe = "".join(
        character if " " <= character <= "~" and character not in '"\\' else _escaped(character) for character in text
    )
    return f'"{safe}"'


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02X}" for byte in character.encode("latin-1", "replace"))
