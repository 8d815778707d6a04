"""Envoy's configuration for Service Connect, as ECS has it. Pure.

What leaves a task goes to the tasks behind a name, what comes in goes to the container on 127.0.0.1.

A task's own part is its bootstrap. The rest is the same in all tasks of an environment, and comes from files that Envoy
reads again when they are renamed into their folder: clusters, the listener of what leaves, and the tasks of each name.

Source: Amazon ECS, "Service Connect components" (retries, outlier detection, time-outs); aws/amazon-ecs-agent and
aws/amazon-vpc-cni-plugins (redirects, addresses); Envoy v3 API.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence

from emulator.service_connect.access_log import AccessLog, loggers
from emulator.service_connect.model import Endpoint, Protocol, Served
from emulator.service_connect.ports import EGRESS_PORT, FIRST_INGRESS_PORT

Json = dict[str, object]

FOLDER = "/copilot-local/service-connect"
"""Where a proxy has the files."""
ADMIN_SOCKET = "/tmp/admin.sock"
EJECTIONS_LOG = "/tmp/ejections.jsonl"
"""Where Envoy writes down when it begins and ends to avoid a task."""
BASE_EJECTION = 30
LONGEST_EJECTION = 300
"""Seconds for which a task is avoided: the first, times how often it was; and at most."""
CLUSTERS_FILE = "clusters.json"
LISTENERS_FILE = "listeners.json"

_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_ROUTER = {
    "name": "envoy.filters.http.router",
    "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"},
}
_SELDOM: Json = {"miss_timeout": "60s", "megamiss_timeout": "60s"}
"""Envoy's threads look after each other ten times a second each, which only wakes an idle machine here."""
NOWHERE = "nowhere"
"""The cluster of what no name has."""
_CONNECT_TIMEOUT = "1s"
_RETRIES: Json = {
    "retry_on": "connect-failure,refused-stream,retriable-status-codes",
    "retriable_status_codes": [503],
    "num_retries": 2,
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": f"{_EXTENSIONS}.retry.host.previous_hosts.v3.PreviousHostsPredicate"},
        }
    ],
    "host_selection_retry_max_attempts": 5,
}
"""ECS: two retries, of any method, on a connection that fails or a 503; the next one goes to another task."""
_GRPC_UNAVAILABLE = "unavailable"
"""What a 503 is in gRPC, whose answers have the HTTP status 200 whatever happened."""
_OUTLIERS: Json = {
    "consecutive_5xx": 5,
    "interval": "10s",
    "base_ejection_time": f"{BASE_EJECTION}s",
    "max_ejection_time": f"{LONGEST_EJECTION}s",
    "always_eject_one_host": True,
}
"""ECS: a task of which five in a row failed is avoided for 30 to 300 s. How many at the same time, it does not
say: one of a few, since Envoy's default is a tenth."""
_MOST_CONNECTIONS: Json = {
    "thresholds": [
        {"max_connections": 65536, "max_pending_requests": 65536, "max_requests": 65536, "max_retries": 65536}
    ]
}


def endpoint_file(name: str) -> str:
    """The name of the file with the tasks behind an endpoint."""
    return f"endpoint-{name}.json"


def ingress_port(served: Served) -> int:
    """Where a proxy listens for what comes in for a served port: never on that port itself."""
    return FIRST_INGRESS_PORT + (served.port == FIRST_INGRESS_PORT)


def listeners_file(log: AccessLog | None) -> str:
    """The name of the file with the listener of what leaves the tasks with that access log."""
    return LISTENERS_FILE if log is None else f"listeners-{log.kind}.json"


def bootstrap(task: str, service: str, served: Served | None, log: AccessLog | None = None) -> Json:
    """The configuration that the proxy of a task starts with."""
    return {
        "node": {"id": task, "cluster": service},
        "admin": {"address": {"pipe": {"path": ADMIN_SOCKET}}},
        "stats_flush_interval": "1s",  # until then times of calls are not told
        "watchdogs": {"main_thread_watchdog": _SELDOM, "worker_watchdog": _SELDOM},
        "cluster_manager": {"outlier_detection": {"event_log_path": EJECTIONS_LOG}},
        "dynamic_resources": {
            "cds_config": _file_source(CLUSTERS_FILE),
            "lds_config": _file_source(listeners_file(log)),
        },
        "static_resources": {
            "listeners": [] if served is None else [_ingress(served, log)],
            "clusters": [] if served is None else [_application(served)],
        },
    }


def listeners(endpoints: Collection[Endpoint], log: AccessLog | None = None) -> Json:
    """The listener of what leaves a task: for each endpoint a chain of its virtual address and port."""
    listener: Json = {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "egress",
        "traffic_direction": "OUTBOUND",
        "address": _address("0.0.0.0", EGRESS_PORT),
        "listener_filters": [
            {
                "name": "envoy.filters.listener.original_dst",
                "typed_config": {"@type": f"{_EXTENSIONS}.filters.listener.original_dst.v3.OriginalDst"},
            }
        ],
        "filter_chains": [
            {
                "name": one.name,
                "filter_chain_match": {
                    "prefix_ranges": [{"address_prefix": one.address, "prefix_len": 32}],
                    "destination_port": one.port,
                },
                "filters": [_egress(one, log)],
            }
            for one in endpoints
        ],
        # An address or port that no endpoint has: the connection is closed, as when deployed.
        "default_filter_chain": {"name": NOWHERE, "filters": [_tcp(NOWHERE, 0, {})]},
    }
    return {"resources": [listener]}


def clusters(endpoints: Collection[Endpoint]) -> Json:
    """What the tasks behind each endpoint are balanced by."""
    nowhere: Json = {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": NOWHERE,
        "type": "STATIC",
        "load_assignment": {"cluster_name": NOWHERE, "endpoints": []},
    }
    return {"resources": [*(_cluster(one) for one in endpoints), nowhere]}


def assignment(name: str, addresses: Sequence[tuple[str, int]]) -> Json:
    """The tasks behind an endpoint: address and container port of each."""
    found: Json = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(*one)}} for one in addresses]}],
    }
    return {"resources": [found]}


def files(
    endpoints: Sequence[Endpoint],
    behind: Mapping[str, Sequence[tuple[str, int]]],
    logs: Collection[AccessLog | None] = (),
) -> dict[str, str]:
    """Every file that proxies read, by its name, in the order in which they are written: none names another one that
    is not there yet. `behind`: the tasks of each endpoint; `logs`: the access logs that proxies write."""
    found = {endpoint_file(one.name): assignment(one.name, behind.get(one.name, ())) for one in endpoints}
    found[CLUSTERS_FILE] = clusters(endpoints)
    for log in (*(one for one in logs if one is not None), None):
        found[listeners_file(log)] = listeners(endpoints, log)
    return {name: _as_text(content) for name, content in found.items()}


def _as_text(resources: Json) -> str:
    """A file, with a version that changes with its content."""
    content = json.dumps(resources, separators=(",", ":"))
    version = hashlib.sha256(content.encode()).hexdigest()[:12]
    return json.dumps({"version_info": version, **resources}, separators=(",", ":"))


def _cluster(one: Endpoint) -> Json:
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": one.name,
        "type": "EDS",
        "connect_timeout": _CONNECT_TIMEOUT,
        "lb_policy": "ROUND_ROBIN",
        "eds_cluster_config": {"eds_config": _file_source(endpoint_file(one.name))},
        "outlier_detection": _OUTLIERS,
        "circuit_breakers": _MOST_CONNECTIONS,
        # A task that is withdrawn keeps the requests that it has, and gets no new ones.
        "ignore_health_on_host_removal": True,
        **_upstream(one.protocol),
    }


def _application(served: Served) -> Json:
    name = f"app-{served.port}"
    host = {"endpoint": {"address": _address("127.0.0.1", served.port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": _CONNECT_TIMEOUT,
        "circuit_breakers": _MOST_CONNECTIONS,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [host]}]},
        **_upstream(served.protocol),
    }


def _ingress(served: Served, log: AccessLog | None) -> Json:
    name, extra = f"app-{served.port}", loggers(log, served.protocol)
    filter = _tcp(name, 0, extra) if served.protocol == "tcp" else _http(name, 0, 0, extra)
    return {
        "name": f"ingress-{served.port}",
        "traffic_direction": "INBOUND",
        "address": _address("0.0.0.0", ingress_port(served)),
        "filter_chains": [{"filters": [filter]}],
    }


def _egress(one: Endpoint, log: AccessLog | None) -> Json:
    """What balances that name."""
    extra = loggers(log, one.protocol)
    if one.protocol == "tcp":
        return _tcp(one.name, one.idle_timeout, extra, attempts=3)
    retries = _RETRIES
    if one.protocol == "grpc":
        retries = {**_RETRIES, "retry_on": f"{_RETRIES['retry_on']},{_GRPC_UNAVAILABLE}"}
    return _http(one.name, one.idle_timeout, one.request_timeout, extra, retries)


def _tcp(cluster: str, idle: int, extra: Json, attempts: int = 1) -> Json:
    return {
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": f"{_EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": cluster,
            "cluster": cluster,
            "idle_timeout": f"{idle}s",
            "max_connect_attempts": attempts,
            **extra,
        },
    }


def _http(cluster: str, idle: int, request: int, extra: Json, retries: Json | None = None) -> Json:
    route: Json = {"cluster": cluster, "timeout": f"{request}s"}
    if retries:
        route["retry_policy"] = retries
    host = {"name": cluster, "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": cluster,
            "codec_type": "AUTO",
            "common_http_protocol_options": {"idle_timeout": f"{idle}s"},
            "stream_idle_timeout": f"{idle}s",
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "http_filters": [_ROUTER],
            "route_config": {"name": cluster, "virtual_hosts": [host]},
            **extra,
        },
    }


def _upstream(protocol: Protocol) -> Json:
    """How a cluster speaks with its tasks."""
    if protocol not in ("http2", "grpc"):
        return {}
    options = {
        "@type": f"{_EXTENSIONS}.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    return {"typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options}}


def _file_source(name: str) -> Json:
    path = {"path": f"{FOLDER}/{name}", "watched_directory": {"path": FOLDER}}
    return {"resource_api_version": "V3", "path_config_source": path}


def _address(address: str, port: int) -> Json:
    return {"socket_address": {"address": address, "port_value": port}}
