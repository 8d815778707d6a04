"""Reads and rewrites configurations of collectors. Not in the agent's image, which has no YAML."""

from __future__ import annotations

import yaml

from emulator.errors import Unsupported
from emulator.traces.wire import PORT

AGENT = f"http://169.254.170.2:{PORT}"
"""Where collectors export to that run themselves."""


def with_exports_here(text: str, name: str) -> str:
    """A collector's configuration whose exporters all lead to the agent: `awsxray` by its endpoint, every other one
    replaced by OTLP. A connector leads to another pipeline, and stays. Raises Unsupported for a text that is none."""
    try:
        content = yaml.safe_load(text)
        exporters: dict[str, object] = dict.fromkeys(content["exporters"])
        pipelines = content["service"]["pipelines"]
        connectors = content.get("connectors") or {}
        for exporter in exporters:
            if exporter.partition("/")[0] == "awsxray":
                given = content["exporters"][exporter] or {}
                exporters[exporter] = {**given, "endpoint": AGENT, "local_mode": True, "role_arn": ""}
        for pipeline in pipelines.values():
            through = [one for one in pipeline["exporters"] if one in connectors]
            out = [one for one in pipeline["exporters"] if one not in connectors]
            kept = [one for one in out if exporters.get(one)] or (["otlphttp/copilot-local"] if out else [])
            pipeline["exporters"] = [*kept, *through]
        here = {"otlphttp/copilot-local": {"endpoint": AGENT, "tls": {"insecure": True}}}
        content["exporters"] = {**{one: value for one, value in exporters.items() if value}, **here}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unsupported(f"{name}: AOT_CONFIG_CONTENT is no configuration of a collector: {error!r}") from None
    return str(yaml.safe_dump(content, sort_keys=False))


def receivers_of(text: str) -> set[str]:
    """The receivers that a collector's configuration has: `otlp` of `otlp/2`."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return set()
    section = content.get("receivers") if isinstance(content, dict) else None
    return {str(key).partition("/")[0] for key in section} if isinstance(section, dict) else set()
