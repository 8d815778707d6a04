"""What happens on this machine to each destination of a log router: captured, sent to local AWS, or really sent.

A policy is chosen by the name of a container (or `output-<n>`, an output of the user's own configuration file), by the
name of an output plugin, in which case does not count, or by `*`; the first of these that is there counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.ecs.identity import TaskIdentity
from emulator.errors import Unsupported
from emulator.firelens.local_aws import AWS_PLUGINS, CORE_PLUGINS, equivalent_output, local_aws_output
from emulator.firelens.output import OutputSection, plugin_kind

if TYPE_CHECKING:
    from emulator.settings import LogPolicy

DEFAULT_POLICY: LogPolicy = "capture"
EVERY = "*"


@dataclass(frozen=True, slots=True)
class Destinations:
    """The policies that were chosen, and what the router's image has."""

    policies: Mapping[str, LogPolicy] = field(default_factory=dict)
    go_plugins: frozenset[str] | None = None
    """Output plugins written in Go that the router's image ships: `cloudwatch`, `firehose`, `kinesis`. None where no
    image was looked at."""

    def policy(self, stream: str, plugin: str) -> LogPolicy:
        """What happens to the output of a stream. Raises Unsupported where local AWS has nothing like it."""
        kind = plugin_kind(plugin)
        by_plugin = next((name for name in self.policies if name.lower() == kind), "")
        for name in (stream, by_plugin):
            if name in self.policies:
                if self.policies[name] == "local-aws" and kind not in AWS_PLUGINS:
                    raise Unsupported(
                        f"the log output {plugin} of {stream} cannot go to local AWS: it is no plugin of AWS",
                        hint=f'set [logs.destinations] "{name}" to "capture" or "live"; AWS has {_listed()}',
                    )
                return self.policies[name]
        policy = self.policies.get(EVERY, DEFAULT_POLICY)
        return DEFAULT_POLICY if policy == "local-aws" and kind not in AWS_PLUGINS else policy

    def unknown_names(self, outputs: Iterable[LocalOutput]) -> list[str]:
        """The names that are neither `*` nor of one of the outputs: a typing error, or another service's."""
        streams, plugins = {EVERY}, set[str]()
        for output in outputs:
            streams.add(output.stream)
            plugins |= output.plugin_names
        return [name for name in self.policies if name not in streams and name.lower() not in plugins]


@dataclass(frozen=True, slots=True)
class LocalOutput:
    """An output of the router as it is here. `stream` is a container's name or `output-<n>`."""

    stream: str
    plugin: str
    """Its own name, however it is written."""
    policy: LogPolicy
    options: Mapping[str, str] = field(default_factory=dict)
    """The plugin's options where records leave the container: for `local-aws` and `live`."""
    match: tuple[tuple[str, str], ...] = ()
    """Its `Match` and `Match_Regex` entries."""

    @property
    def plugin_names(self) -> set[str]:
        """The names of plugins by which a policy for it may be chosen."""
        return {self.plugin, *(go for go, core in CORE_PLUGINS.items() if core == self.plugin)}

    @property
    def target(self) -> str:
        """Where records go, for people: the plugin and the options that say where."""
        where = [f"{key} {self.options[key]}" for key in _WHERE if key in self.options]
        return ", ".join([self.plugin, *where])


_WHERE = (
    "host", "Host", "port", "uri", "URI", "region", "log_group_name", "delivery_stream", "stream", "bucket", "endpoint"
)  # fmt: skip


def changed_output(
    section: OutputSection, stream: str, destinations: Destinations, identity: TaskIdentity
) -> tuple[OutputSection, LocalOutput, str]:
    """The section that runs here in place of an output that is not captured, what it is, and the reason."""
    policy = destinations.policy(stream, section.plugin)
    ships = None if destinations.go_plugins is None else section.kind in destinations.go_plugins
    if policy == "local-aws":
        changed, reason = local_aws_output(section, identity, ships=ships)
    elif ships or section.kind not in CORE_PLUGINS:
        changed, reason = section, "the plugin's name is written out, which a variable of the router says"
    else:
        changed, reason = equivalent_output(section, identity, ships=ships)
    return changed, LocalOutput(stream, section.kind, policy, dict(changed.entries), section.match), reason


def _listed() -> str:
    return ", ".join(sorted(AWS_PLUGINS))
