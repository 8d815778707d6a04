"""AWS's output plugins against the local AWS endpoint of the environment, instead of AWS.

The plugins written in Go (`cloudwatch`, `firehose`, `kinesis`), which only the image of AWS ships, become the plugins
of Fluent Bit itself (`cloudwatch_logs`, `kinesis_firehose`, `kinesis_streams`) where the router's image lacks them.
Source: the documentation of both kinds of plugins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from emulator.ecs.identity import TaskIdentity
from emulator.errors import Unsupported
from emulator.firelens.output import OutputSection

ENDPOINT = "local-aws.internal"
"""The local AWS endpoint's name on the environment's network; it speaks TLS on port 443."""
FOLDER = "/copilot-local/aws"
"""Where the endpoint's certificate authority is mounted in the router."""
CA_FILE = f"{FOLDER}/ca.pem"
GO_VARIABLES = {"SSL_CERT_DIR": FOLDER}
"""What the Go plugins trust, beside the certificates of their image."""

CORE_PLUGINS: Mapping[str, str] = {
    "cloudwatch": "cloudwatch_logs",
    "firehose": "kinesis_firehose",
    "kinesis": "kinesis_streams",
}
"""Plugins in Go to their equivalents in Fluent Bit."""
AWS_PLUGINS = frozenset({*CORE_PLUGINS, *CORE_PLUGINS.values(), "s3"})

_TEMPLATE = re.compile(r"\$\(([^)]*)\)")
_COMMON = {"region", "role_arn", "endpoint", "sts_endpoint", "external_id", "auto_retry_requests", "log_key"}
_KINESIS = {"time_key", "time_key_format"}
_KNOWN: Mapping[str, set[str]] = {
    "cloudwatch_logs": {
        *_COMMON, "log_group_name", "log_stream_name", "log_stream_prefix", "log_format", "auto_create_group",
        "log_retention_days", "metric_namespace", "metric_dimensions", "extra_user_agent",
    },
    "kinesis_firehose": {*_COMMON, *_KINESIS, "delivery_stream"},
    "kinesis_streams": {*_COMMON, *_KINESIS, "stream"},
}  # fmt: skip
_ROLE = {"role_arn", "external_id", "sts_endpoint"}
"""The endpoint takes any keys, and the router's network leads to no STS that would give those of a role."""
_FLUENT_BIT = {"alias", "retry_limit", "log_level", "workers", "storage.total_limit_size"}
"""Options that every output of Fluent Bit takes."""


def local_aws_output(
    section: OutputSection, identity: TaskIdentity, *, ships: bool | None
) -> tuple[OutputSection, str]:
    """The output that sends to the local endpoint, and the reason for what is different.

    `ships`: whether the router's image has the very plugin, as `equivalent_output` has it. Raises Unsupported as that.
    """
    core = section.kind in CORE_PLUGINS
    reason = "the real plugin sends to the local AWS endpoint of this environment, not to AWS"
    if role := [key for key, _ in section.entries if key.lower() in _ROLE]:
        section = replace(section, entries=_without(section.entries, _ROLE))
        reason += f"; it assumes no role: without {', '.join(role)}"
    own = [("endpoint", ENDPOINT), ("tls", "On"), ("tls.ca_file", CA_FILE)]
    if core and ships:
        own = [("endpoint", f"https://{ENDPOINT}")]
    section = replace(section, entries=_without(section.entries, {key for key, _ in own}))
    if core and not ships:
        section, replaced = equivalent_output(section, identity, ships=ships)
        reason = f"{reason}; {replaced}"
    return replace(section, entries=(*section.entries, *own)), reason


def equivalent_output(
    section: OutputSection, identity: TaskIdentity, *, ships: bool | None
) -> tuple[OutputSection, str]:
    """A Go plugin's output as Fluent Bit's own, which sends the same to the same places, and the reason.

    `ships`: None where no image was looked at. Raises Unsupported, once one was, for a name that is made from each
    record, which only the plugin in Go can.
    """
    core = CORE_PLUGINS[section.kind]
    kept, dropped = _core_entries(section)
    reason = f"the router's image here has no plugin {section.plugin}: Fluent Bit's own {core} takes its place"
    if dropped:
        reason += f", without {', '.join(dropped)}, which it does not know"
    entries = [(key, _filled(section.plugin, key, value, identity, refuse=ships is not None)) for key, value in kept]
    return OutputSection(core, section.match, tuple(entries)), reason


def core_output(section: OutputSection) -> OutputSection:
    """The output as Fluent Bit itself knows it: a Go plugin as its equivalent, without the options that this lacks.

    To be checked, not to be sent to: names are as they are written.
    """
    if section.kind not in CORE_PLUGINS:
        return section
    return OutputSection(CORE_PLUGINS[section.kind], section.match, tuple(_core_entries(section)[0]))


def _core_entries(section: OutputSection) -> tuple[list[tuple[str, str]], list[str]]:
    """The options of a Go plugin's output that its equivalent takes, and the names of the others."""
    kept, dropped = [], []
    known = _KNOWN[CORE_PLUGINS[section.kind]]
    for key, value in section.entries:
        lower = key.lower()
        if lower in known or lower in _FLUENT_BIT or lower.startswith(("net.", "tls.")):
            kept.append((key, value))
        else:
            dropped.append(key)
    return kept, dropped


def _without(entries: tuple[tuple[str, str], ...], names: set[str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for key, value in entries if key.lower() not in names)


def _filled(plugin: str, key: str, value: str, identity: TaskIdentity, *, refuse: bool) -> str:
    """A value with the `$(…)` of the Go plugin replaced that are the same for every record of a task."""
    known = {
        "ecs_task_id": identity.task_id,
        "ecs_cluster": identity.cluster,
        "ecs_task_arn": identity.task_arn,
    }

    def fill(match: re.Match[str]) -> str:
        if match[1] not in known and refuse:
            raise Unsupported(
                f"{plugin}: {key} {value} is made from each record, which the plugin that runs here cannot",
                hint="leave this destination at `capture`, or use a router image that ships the plugin",
            )
        return known.get(match[1], match[0])

    return _TEMPLATE.sub(fill, value)
