"""What should run in an environment: one document, written whole to the agent's volume. It never holds a secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection

from pydantic import Field

from emulator.ecs.addons.model import Addons
from emulator.ecs.addons.types import Kind, resource_type
from emulator.ecs.service import Service
from emulator.frontdoor.balancers import Balancer, balancer_of
from emulator.model import FrozenModel, JsonValue, Model, to_plain
from emulator.runtime.state.aws_way import AwsWay
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.task_role import TaskRole
from emulator.service_connect.access_log import AccessLog
from emulator.service_connect.model import endpoint, virtual_numbers
from emulator.settings import LocalOptions, TimeSettings
from emulator.settings_services import is_url


class DesiredService(Model):
    """A service that should run, with the options of this machine."""

    service: Service
    options: LocalOptions
    count: int | None = None
    """Asked for since it came up (`scale`, `stop`); None: what the service says."""
    deployments: int = 0
    """How often a new deployment was forced (`restart`)."""
    revision: int = 1
    """Of the task definition; one more each time it changes."""
    registered: bool = False
    """The task definition was registered through the ECS API, which gave it its revision."""
    from_api: bool = False
    """The ECS API has created the service; no manifest describes it."""
    echoed: dict[str, JsonValue] = {}
    """What the ECS API was given of it that has no effect here, and gives back."""
    schedule_made: str = ""
    """Of a job that runs on its schedule here: when its rule was made, in ISO 8601; empty where it does not."""
    equal_hashes: list[str] = []
    """What tasks may carry in place of `config_hash`: containers of theirs were replaced until they were equal."""
    known_names: list[str] | None = None
    """Names of Service Connect that were there when it was deployed last; None: those that there are now."""
    private_names: dict[str, list[str]] = {}
    """Container to the names of the variables in it that are private: what a restarted agent looks for."""

    @property
    def desired_count(self) -> int:
        """Number of tasks that should run."""
        return self.service.desired_count if self.count is None else self.count

    @property
    def proxied(self) -> bool:
        """Whether each of its tasks has a proxy of Service Connect."""
        return self.service.connect is not None and self.options.connect_proxy == "envoy"

    @property
    def access_log(self) -> AccessLog | None:
        """The access log that the proxies of its tasks write."""
        return AccessLog.of(self.options.connect_log) if self.proxied else None

    @property
    def needs_aws(self) -> bool:
        """Whether its tasks need something of the local AWS endpoint: queues, topics or resources of addons."""
        service = self.service
        here = self.desired_count > 0 or service.schedule is not None
        asked = self.options.aws == "always" or is_url(self.options.aws) or self.options.aws_names
        wants = bool(service.queues or service.topics) or self.needs_addons or self.needs_environment_addons or asked
        return here and self.options.aws != "none" and wants

    @property
    def needs_addons(self) -> bool:
        """Whether its addon templates have something that is made here. Not where `[values]` gives all of their outputs
        that a task gets, or where they are policies alone."""
        addons = self.service.addons
        if addons is None or self.options.aws == "none":
            return False
        outputs = addons.section("Outputs").keys() - {one.name for one in self.service.task_role_policies}
        if outputs and outputs <= self.options.values.keys():
            return False
        return _makes_something(addons)

    @property
    def needs_environment_addons(self) -> bool:
        """Whether the addon templates of its environment have something that is made here."""
        addons = self.service.environment_addons
        return addons is not None and self.options.aws != "none" and _makes_something(addons)

    @property
    def is_attended(self) -> bool:
        """Whether a person is at work in its task, who may stop its program for long: it is not given up for that."""
        return bool(self.options.debug) or self.options.native is not None

    @property
    def one_task_at_a_time(self) -> bool:
        """Two tasks could not run beside each other: both would publish a port of this machine, or the deployment may
        not run more tasks than desired (`recreate`)."""
        return self.is_attended or self.service.deployment.maximum_percent <= 100

    def with_options(self, **update: object) -> DesiredService:
        """The service with other values of these options of this machine."""
        return self.model_copy(update={"options": self.options.model_copy(update=update)})

    def config_hash(self) -> str:
        """Identifies everything a task of this service is made from; a task with another one is replaced."""
        plain = to_plain(self)  # whole: each shape that is written by itself has its schema built
        if not self.options.aws_names:  # what is not asked for replaces no task of an earlier version
            del plain["options"]["aws_names"]
        if not self.options.variables:
            del plain["options"]["variables"]
        plain["options"]["router_plugins"] = [*(self.options.router_plugins or ())]
        unused = TimeSettings()  # what only says how long to wait makes no other task
        plain["options"]["time"] = to_plain(unused.model_copy(update={"stop_timeout": self.options.time.stop_timeout}))
        del plain["options"]["connect_names"]
        if not self.proxied:
            del plain["options"]["connect_proxy"]
        if self.access_log is None:
            del plain["options"]["connect_log"]
        content: dict[str, object] = {
            "task": plain["service"]["task_definition"],
            "options": plain["options"],
            "deployments": self.deployments,
            "connect": plain["service"]["connect"],
        }
        if self.registered:  # as in ECS, another revision of the same content is another deployment
            content["revision"] = self.revision
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def accepted_hashes(self) -> frozenset[str]:
        """The configuration hashes of tasks that are up to date."""
        return frozenset({self.config_hash(), *self.equal_hashes})


def _makes_something(addons: Addons) -> bool:
    types = (one.get("Type") for one in addons.section("Resources").values() if isinstance(one, dict))
    return any(resource_type(str(type)).kind in (Kind.MADE, Kind.PROGRAM, Kind.REFUSED) for type in types)


_LISTENER_PORTS = {
    "front_port": (Balancer.PUBLIC, None),
    "https_port": (Balancer.PUBLIC, "HTTPS"),
    "internal_port": (Balancer.INTERNAL, None),
    "internal_https_port": (Balancer.INTERNAL, "HTTPS"),
}
"""Each with the load balancer and the rules that it is there for; None: any."""


class NetworkPort(FrozenModel):
    """Where a listener of a network load balancer is published."""

    service: str
    port: int
    protocol: str
    host_port: int


class DesiredState(Model):
    """Everything that should run in one environment."""

    app: str
    """As it stands in the names of Docker's objects: the application, or the name of a copy of it."""
    environment: str
    services: dict[str, DesiredService] = {}
    front_port: int
    """Host port of the public load balancer's HTTP listener on 127.0.0.1; 0 where nothing is on it."""
    https_port: int = 0
    """The same of its HTTPS listener; 0 where there is none."""
    internal_port: int = 0
    """Host port of the internal load balancer's HTTP listener; 0 where nothing is on it."""
    internal_https_port: int = 0
    network_ports: list[NetworkPort] = []
    pause_image: str
    front_image: str
    front_image_name: str = ""
    """What a person knows that image by."""
    agent_image: str
    log_limit: int = 1024
    """MiB that the log store may take; 0: that is not known yet, and nothing is removed."""
    aws_image: str = ""
    """Of the local AWS endpoint; empty where nothing needs one."""
    aws_port: int = 0
    """Where tasks and this machine reach the endpoint on 127.0.0.1; 0: it is there for log routers alone."""
    aws_way: AwsWay | None = None
    """Where the endpoint is another one, `[aws] endpoint = "URL"`: how its container reaches that."""
    proxy_image: str = ""
    """Of Service Connect's proxies; empty where no task has one."""
    virtual_numbers: dict[str, int] = {}
    """Of names of Service Connect, which of the virtual addresses each has, as long as the environment runs."""
    databases: list[DesiredDatabase] = []
    """Those that addon templates describe."""
    jwks: dict[str, dict[str, str]] = {}
    """Public keys that load balancers validate tokens with: PEM by id, by the endpoint that a rule names."""
    acting: bool = False
    """The agent is in charge: a restarted one goes on at once instead of waiting for the command that made it."""
    own_cluster: str = ""
    """The name of the ECS cluster, where the ECS API has created it; empty: after application and environment."""

    @property
    def cluster(self) -> str:
        """The name of the ECS cluster that tasks say they run in. It is Copilot's also where `app` is not the
        application but a copy of it: what a container sees does not depend on how many copies there are."""
        app = next((desired.service.app for desired in self.services.values()), self.app)
        return self.own_cluster or f"{app}-{self.environment}"

    def connect_numbers(self) -> dict[str, int]:
        """By name of Service Connect, which of the virtual addresses it has."""
        endpoints = (endpoint(desired.service, 0) for desired in self.services.values())
        return virtual_numbers(self.virtual_numbers, (one.name for one in endpoints if one is not None))

    def findable_names(self, service: str) -> frozenset[str]:
        """The names of Service Connect that tasks of a service find, in lower case."""
        there = self.connect_numbers().keys()
        desired = self.services.get(service)
        if desired is None or desired.options.connect_names == "all" or desired.known_names is None:
            return frozenset(there)
        return frozenset(desired.known_names) & there

    def with_known_names(self) -> dict[str, DesiredService]:
        """Its services, each with the names that it finds as long as it is not deployed again."""
        names = sorted(self.connect_numbers())
        return {
            name: desired if desired.known_names is not None else desired.model_copy(update={"known_names": names})
            for name, desired in self.services.items()
        }

    def merged_with(self, wanted: DesiredState, forced: Collection[str] = ()) -> DesiredState:
        """What runs plus what is asked for; a changed task definition gets the next revision, which is at least the one
        that is asked for.

        `forced` are services whose tasks are replaced even though nothing in their definition changed.
        """
        services = self.with_known_names()
        for name, desired in wanted.services.items():
            before = services.get(name)
            if before is not None:
                free = desired.revision
                deployments = before.deployments + (1 if name in forced else 0)
                revision = desired.revision if desired.registered else before.revision
                desired = desired.model_copy(update={"deployments": deployments, "revision": revision})
                if (
                    before.schedule_made
                    and desired.schedule_made
                    and before.service.schedule == desired.service.schedule
                ):
                    desired = desired.model_copy(update={"schedule_made": before.schedule_made})
                if before.config_hash() == desired.config_hash():
                    same = {"equal_hashes": before.equal_hashes, "known_names": before.known_names}
                    desired = desired.model_copy(update=same)
                elif not desired.registered:
                    desired = desired.model_copy(update={"revision": max(before.revision + 1, free)})
            services[name] = desired
        ports = [*wanted.network_ports, *(port for port in self.network_ports if port.service not in wanted.services)]
        update: dict[str, object] = {"services": services, "acting": self.acting, "network_ports": ports}
        update["virtual_numbers"] = virtual_numbers(self.connect_numbers(), wanted.connect_numbers())
        update["own_cluster"] = self.own_cluster
        update["jwks"] = {**self.jwks, **wanted.jwks}
        update["proxy_image"] = wanted.proxy_image or self.proxy_image
        for key in ("aws_image", "aws_port"):  # the endpoint stays until `down`: it holds what it was sent
            update[key] = getattr(wanted, key) or getattr(self, key)
        update["aws_way"] = wanted.aws_way if wanted.aws_image else self.aws_way
        described = {database.key for database in wanted.databases}
        kept = [database for database in self.databases if database.key not in described]
        update["databases"] = [*wanted.databases, *kept]  # they hold data
        # A listener that no rule is on any more goes, as after `up --no-https`.
        rules = {
            (balancer_of(desired.service), rule.listener)
            for desired in services.values()
            for rule in desired.service.listener_rules
        }
        here = {
            key: (getattr(wanted, key) or getattr(self, key))
            if any(balancer is where and listener in (None, on) for where, on in rules)
            else 0
            for key, (balancer, listener) in _LISTENER_PORTS.items()
        }
        return wanted.model_copy(update={**update, **here})

    def with_services_of(self, previous: DesiredState, names: Collection[str]) -> DesiredState:
        """The same, with these services as they were before, and without those that were not there."""
        rest = {name: desired for name, desired in self.services.items() if name not in names}
        back = {name: previous.services[name] for name in names if name in previous.services}
        ports = {key: getattr(previous, key) for key in (*_LISTENER_PORTS, "network_ports")}
        return self.model_copy(update={**ports, "services": {**rest, **back}})


class Private(Model):
    """Values that are never written down: variables from secrets and environment files, by container name.

    They reach containers as variables through the API, and live in the agent's memory. So do the AWS credentials that
    tasks ask the agent for.
    """

    services: dict[str, dict[str, dict[str, str]]] = Field(default={}, repr=False)
    """Service to container to variable to value."""
    task_roles: dict[str, TaskRole] = {}
    """Service to the source of its tasks' credentials."""
    certificates: dict[str, str] = Field(default={}, repr=False)
    """Service to the certificate and key that listeners with TLS show for its names, PEM."""

    def of_service(self, service: str) -> dict[str, dict[str, str]]:
        """The values of every container of a service that has any."""
        return {container: values for container, values in self.services.get(service, {}).items() if values}

    def of(self, service: str, container: str) -> dict[str, str]:
        """The values for one container: variable to value; empty where there are none."""
        return self.services.get(service, {}).get(container, {})

    def updated(self, newer: Private) -> Private:
        """These values with those of the services that `newer` is about in place of their own."""
        kept = {name: role for name, role in self.task_roles.items() if name not in newer.services}
        return Private(
            services={**self.services, **newer.services},
            task_roles={**kept, **newer.task_roles},
            certificates={**self.certificates, **newer.certificates},
        )
