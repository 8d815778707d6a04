"""Values with a notation of their own: Go durations, ports with a protocol, CIDR blocks, ARNs."""

import ipaddress
import re
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Final, Literal, Self, TypeAlias, cast

from emulator.manifest.schema.base import Block

Protocol: TypeAlias = Literal["tcp", "udp", "tls"]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MICROSECONDS: Final = {
    "ns": Fraction(1, 1000), "us": Fraction(1), "µs": Fraction(1), "μs": Fraction(1),
    "ms": Fraction(1000), "s": Fraction(10**6), "m": Fraction(60 * 10**6), "h": Fraction(3600 * 10**6),
}  # fmt: skip
_PART = re.compile(r"(\d+\.?\d*|\.\d+)([a-zµμ]*)")
_MAX_NANOSECONDS = 2**63 - 1


def parse_duration(text: str) -> timedelta:
    """A duration in Go's notation (`10s`, `1h30m`, `250ms`, `-5s`, `1.5h`, `0`), to the microsecond.

    Raises ValueError with the reason: there is no unit of days, and a number needs a unit (Go, time.ParseDuration).
    """
    sign = -1 if text[:1] == "-" else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return timedelta(0)
    if not rest or len(rest) > 60:
        raise ValueError(f"{text!r} is not a duration")
    total, end = Fraction(0), 0
    while end < len(rest):
        part = _PART.match(rest, end)
        if part is None:
            raise ValueError(f"{text!r} is not a duration")
        number, unit = part.groups()
        if not unit:
            raise ValueError(f"duration {text!r} has no unit")
        if unit not in _MICROSECONDS:
            if unit in ("d", "w"):
                raise ValueError(f"duration {text!r}: there is no unit of days or weeks")
            raise ValueError(f"duration {text!r} has the unknown unit {unit!r}")
        total += Fraction(number) * _MICROSECONDS[unit]
        end = part.end()
    if total * 1000 > _MAX_NANOSECONDS:
        raise ValueError(f"duration {text!r} is too long")
    return timedelta(microseconds=int(total) * sign)


def format_duration(duration: timedelta) -> str:
    """A duration in Go's notation, in whole hours, minutes and seconds with milliseconds or microseconds below."""
    micro = (duration.days * 86400 + duration.seconds) * 10**6 + duration.microseconds
    sign, micro = ("-", -micro) if micro < 0 else ("", micro)
    parts = []
    for unit, size in (("h", 3600 * 10**6), ("m", 60 * 10**6), ("s", 10**6), ("ms", 1000), ("us", 1)):
        count, micro = divmod(micro, size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + "".join(parts) if parts else "0s"


def parse_cidr(text: str) -> Network:
    """A CIDR block (`10.0.0.0/16`; host bits may be set, as Go's net.ParseCIDR allows). Raises ValueError: a bare
    address is none."""
    if "/" not in text:
        raise ValueError(f"{text!r} is not a CIDR block")
    prefix = text.rpartition("/")[2]
    if not prefix.isascii() or not prefix.isdigit():
        raise ValueError(f"{text!r} is not a CIDR block")
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a CIDR block") from error


@dataclass(frozen=True, slots=True)
class Arn:
    """An Amazon Resource Name, in its six parts."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError where `text` has not the form `arn:partition:service:region:account:resource`."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
            raise ValueError(f"{text!r} is not an ARN")
        return cls(parts[1], parts[2], parts[3], parts[4], parts[5])


class Port(Block):
    """A port with an optional protocol: `80`, `80/udp`, `443/tls`.

    Source: Copilot, `ParsePortMapping` in internal/pkg/manifest/svc.go.
    """

    parsed = True
    parsed_only = True

    number: int
    """1 to 65535."""
    protocol: Protocol | None = None
    """Lower-case; None where the text names none, which means TCP."""

    @classmethod
    def parse(cls, text: str) -> Self:
        number, slash, protocol = text.partition("/")
        if "/" in protocol:
            raise ValueError(f"port {text!r} has more than one slash")
        if not number.isascii() or not number.isdigit() or not 1 <= int(number[:6]) <= 65535:
            raise ValueError(f"{number!r} is not a port number (1 to 65535)")
        if not slash:
            return cls.model_construct(number=int(number), protocol=None)
        lower = protocol.lower()
        if lower not in ("tcp", "udp", "tls"):
            raise ValueError(f"protocol {protocol!r} is not one of tcp, udp, tls")
        return cls.model_construct(number=int(number), protocol=cast("Protocol", lower))

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}" if self.protocol else str(self.number)
