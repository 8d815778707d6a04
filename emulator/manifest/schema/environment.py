"""`copilot/environments/<name>/manifest.yml` and `copilot/pipelines/<name>/manifest.yml`, for the fields that matter to
workloads."""

from __future__ import annotations

from typing import Annotated, Literal

from emulator.manifest.schema.base import Block, Key
from emulator.manifest.schema.values import Network
from emulator.model import JsonValue


class Ingress(Block, kw_only=True, frozen=True):
    """Who may reach the public load balancer."""

    cdn: bool | None = None
    """Only CloudFront."""
    source_ips: list[Network] = []
    """CIDR blocks; empty: everybody."""


class PublicHttp(Block, kw_only=True, frozen=True):
    """The public load balancer."""

    certificates: list[str] = []
    """ARNs of imported certificates; where there is one, HTTPS is on and Copilot makes no DNS records."""
    access_logs: JsonValue = None
    """Where the load balancer logs; nothing here uses it."""
    ingress: Ingress | None = None
    """Who may reach it."""
    security_groups: JsonValue = None
    """Older form of `ingress`."""
    ssl_policy: str | None = None
    """The TLS policy of the HTTPS listener."""


class PrivateHttp(Block, kw_only=True, frozen=True):
    """The internal load balancer."""

    certificates: list[str] = []
    """ARNs of imported certificates; where there is one, HTTPS is on."""
    subnets: list[str] = []
    """Subnets it is put into."""
    ingress: JsonValue = None
    """Who may reach it."""
    security_groups: JsonValue = None
    """Older form of `ingress`."""
    ssl_policy: str | None = None
    """The TLS policy of the HTTPS listener."""


class EnvironmentHttp(Block, kw_only=True, frozen=True):
    """The environment's load balancers."""

    public: PublicHttp = PublicHttp()
    """The public one."""
    private: PrivateHttp = PrivateHttp()
    """The internal one."""


class EnvironmentNetwork(Block, kw_only=True, frozen=True):
    """The environment's network; nothing here uses it."""

    vpc: JsonValue = None
    """The VPC."""


class EnvironmentObservability(Block, kw_only=True, frozen=True):
    """Monitoring of the cluster; nothing here uses it."""

    container_insights: bool | None = None
    """Whether Container Insights is on."""


class EnvironmentManifest(Block, kw_only=True, frozen=True):
    """An environment. Source: Copilot, `EnvironmentConfig` in internal/pkg/manifest/env.go."""

    name: str
    """The environment's name, which is the name of its folder."""
    type: Literal["Environment"]
    """Always `Environment`."""
    network: EnvironmentNetwork | None = None
    """The network."""
    cdn: JsonValue = None
    """CloudFront."""
    http: EnvironmentHttp = EnvironmentHttp()
    """The load balancers."""
    observability: EnvironmentObservability | None = None
    """Monitoring."""


class PipelineSource(Block, kw_only=True, frozen=True):
    """Where a pipeline's commits come from."""

    provider: str
    """GitHub, GitHubV1, CodeCommit or Bitbucket."""
    properties: dict[str, JsonValue] = {}
    """What the provider needs."""


class PipelineStage(Block, kw_only=True, frozen=True):
    """One environment of a pipeline."""

    name: str
    """The environment."""
    requires_approval: Annotated[bool | None, Key(legacy=("require_approval",))] = None
    """Whether somebody must agree first."""
    test_commands: list[str] = []
    """Commands run after the deployment."""
    deployments: JsonValue = None
    """Which workloads, in which order."""
    pre_deployments: JsonValue = None
    """Builds before."""
    post_deployments: JsonValue = None
    """Builds after."""


class PipelineManifest(Block, kw_only=True, frozen=True):
    """A pipeline. Recognised so that a folder can be checked; nothing here runs it."""

    name: str
    """The pipeline's name, 100 characters at most."""
    version: str | None = None
    """The version of the format."""
    source: PipelineSource
    """Where commits come from."""
    build: JsonValue = None
    """How it builds."""
    stages: list[PipelineStage] = []
    """The environments, in order."""
