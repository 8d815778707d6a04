"""Every filter plugin of Fluent Bit, all behind one router, and the lines that each of their containers prints: one for
those that look at each record by itself, one after the other, and one for each that makes more or fewer records."""

from __future__ import annotations

import json
from dataclasses import dataclass

LINES = 500
LAST = "the last line"
AFTER_LAST = "after the last line"
"""Completes the one before in a filter that joins lines."""
THROTTLED = 200

NOT_TRIED = {
    "aws": "asks an EC2 instance's metadata service, on ECS too, and passes records on as they are without it",
    "ecs": "asks the ECS agent of an EC2 instance",
    "log_to_metrics": "makes metrics, no records",
    "nightfall": "asks a service in the internet",
    "sysinfo": "adds facts of the machine",
    "tensorflow": "needs a model",
    "type_converter": "Fluent Bit 2 and later, no state: as modify",
    "wasm": "needs a compiled program",
}
"""Filter plugins that are left out, and why."""


CHAIN = "chain"
"""The container whose records go through several filters."""


@dataclass(frozen=True)
class Filter:
    """A filter plugin on the lines of its own container, or of one that it shares."""

    plugin: str
    options: tuple[str, ...]
    variant: str = ""
    count: int = 0
    """How many records come out, where the last line does not."""
    tags: tuple[tuple[str, str], ...] = ()
    """Tags that it gives to some of the records, and how their lines start: each tag has an output of its own."""
    chained: bool = False

    @property
    def container(self) -> str:
        return CHAIN if self.chained else f"{self.plugin.replace('_', '-')}{self.variant}"

    def section(self) -> str:
        """Its part of the router's configuration file."""
        entries = (f"Name {self.plugin}", f"Match {self.container}-firelens*", *self.options)
        return "[FILTER]\n" + "".join(f"    {entry}\n" for entry in entries)


FILTERS = (
    Filter("alter_size", ("add 1",)),
    Filter("checklist", ("file /extra/list", "lookup_key log", "mode partial", "record listed yes"), chained=True),
    Filter("expect", ("key_exists source", "action warn"), chained=True),
    Filter(
        "geoip2",
        ("database /extra/geo.mmdb", "lookup_key log", "record country log %{country.iso_code}"),
        chained=True,
    ),
    Filter("kubernetes", ("dummy_meta on", "merge_log on", "merge_log_key merged", "buffer_size 0")),
    Filter("lua", ("script /extra/count.lua", "call count"), chained=True),
    Filter("modify", ("condition key_value_matches log ^\\{", "add kind json", "copy source from"), chained=True),
    Filter("multiline", ("multiline.key_content log", "multiline.parser trace", "buffer off"), "-off"),
    Filter(
        "multiline",
        (
            "multiline.key_content log",
            "multiline.parser trace",
            "buffer on",
            "emitter_mem_buf_limit 100M",
            "flush_ms 600000",  # not in the middle of a trace, however busy the machine is
        ),
        "-on",
    ),
    Filter("multiline", ("multiline.key_content log", "multiline.parser java", "buffer off"), "-java"),
    Filter("nest", ("operation nest", "wildcard ecs_*", "nest_under ecs", "remove_prefix ecs_"), chained=True),
    Filter("parser", ("key_name log", "parser json", "reserve_data on", "preserve_key on"), chained=True),
    Filter("record_modifier", ("record added yes", "remove_key source"), chained=True),
    Filter("grep", ("exclude log audit",), chained=True),
    Filter(
        "rewrite_tag",
        ("rule $log ^audit audited false", "rule $log ^\\{ parsed true", "emitter_mem_buf_limit 100M"),
        tags=(("audited", "audit"), ("parsed", "{")),
    ),
    Filter("stdout", (), chained=True),
    Filter("throttle", (f"rate {THROTTLED // 2}", "window 2", "interval 1h"), count=THROTTLED),
)

CONTAINERS = {one.container: one for one in FILTERS}
"""By their names."""


def lines() -> list[str]:
    """What each container prints: JSON, plain text, stack traces, addresses, more than ASCII, empty and long lines."""
    found: list[str] = []
    number = 0
    while len(found) < LINES - 2:
        number += 1
        found += [
            f"audit {number}",
            f"web {number} GET /orders/{number} 200",
            json.dumps({"level": "info", "number": number, "text": "größer ☃", "nested": {"a": [1, None]}}),
            f'{{"level": "broken", "number": {number}',
            f"10.0.{number // 250}.{number % 250}",
            "",
            "java.lang.IllegalStateException: no order",
            "\tat com.example.Orders.find(Orders.java:42)",
            "\tat com.example.Main.main(Main.java:7)",
            f'naïve 𝄞 {number} \x1b[31mred\x1b[0m \\ "quoted"',
        ]
        if number % 20 == 0:
            found.append(f"long {number} " + "x" * (16_000 + 400 * (number // 20)))
    return [*found[: LINES - 2], LAST, AFTER_LAST]


def files() -> dict[str, str | bytes]:
    """The router's own configuration file, /extra/user.conf, and those that its filters read."""
    outputs = "".join(
        f"\n[OUTPUT]\n    Name http\n    Match {tag}\n    Host logs.example.com\n"
        for one in FILTERS
        for tag, _ in one.tags
    )
    parsers = ("/extra/parsers.conf", "/fluent-bit/parsers/parsers.conf")
    service = "[SERVICE]\n    flush 1\n" + "".join(f"    parsers_file {path}\n" for path in parsers)
    return {
        "/extra/user.conf": "\n".join((service, *(one.section() for one in FILTERS))) + outputs,
        "/extra/parsers.conf": (
            "[MULTILINE_PARSER]\n    name trace\n    type regex\n    flush_timeout 600000\n"
            '    rule "start_state" "/^\\S/" "cont"\n    rule "cont" "/^\\s+at /" "cont"\n'
        ),
        "/extra/count.lua": (
            "number = 0\nfunction count(tag, time, record)\n    number = number + 1\n"
            '    record["counted"] = number\n    return 2, time, record\nend\n'
        ),
        "/extra/list": "audit 1\nnaïve\n",
        "/extra/geo.mmdb": geo_database(),
    }


def geo_database() -> bytes:
    """A MaxMind database in which every address below 128.0.0.0 is in the country XX."""

    def text(value: str) -> bytes:
        return bytes((0x40 + len(value),)) + value.encode()

    tree = bytes((0, 0, 17, 0, 0, 1))  # one node: the data's first byte, or nothing
    data = b"\xe1" + text("country") + b"\xe1" + text("iso_code") + text("XX")
    entries = {
        "node_count": b"\xc1\x01",
        "record_size": b"\xa1\x18",
        "ip_version": b"\xa1\x04",
        "database_type": text("test"),
        "languages": b"\x00\x04",
        "binary_format_major_version": b"\xa1\x02",
        "binary_format_minor_version": b"\xa0",
        "build_epoch": b"\x01\x02\x01",
        "description": b"\xe0",
    }
    described = bytes((0xE0 + len(entries),)) + b"".join(text(key) + value for key, value in entries.items())
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + described
