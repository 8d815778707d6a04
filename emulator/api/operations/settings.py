"""Settings of the account and of clusters: kept on this machine and given back, without effect.

Source: the ECS API reference; texts of errors: moto's tests.
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.api.clusters import CLUSTERS, Clusters
from emulator.api.errors import invalid
from emulator.api.operations.capacity import refuse_unknown_providers
from emulator.api.operations.clusters import described
from emulator.api.paging import page
from emulator.api.shapes import Answer, Request

DOCUMENT = "account-settings"
CALLER = ""
"""The principal of a request that names none: no signature is checked, so it is not known, and no answer names it."""
NAMES = {
    "serviceLongArnFormat": "enabled",
    "taskLongArnFormat": "enabled",
    "containerInstanceLongArnFormat": "enabled",
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    "fargateFIPSMode": "disabled",
    "tagResourceAuthorization": "on",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "off",
    "defaultLogDriverMode": "non-blocking",
}
"""Each with its value where none was set."""
NAMES_OF_TEXT = (
    "serviceLongArnFormat",
    "taskLongArnFormat",
    "containerInstanceLongArnFormat",
    "containerLongArnFormat",
    "awsvpcTrunking",
    "containerInsights",
    "dualStackIPv6",
)
"""Those that ECS's text names for an unknown one. It names neither all of them nor only those that can be set."""


def put_account_setting(clusters: Clusters, asked: Request) -> Answer:
    """PutAccountSetting, of the caller or of another principal."""
    return _put(clusters, asked, asked.get("principalArn", CALLER))


def put_account_setting_default(clusters: Clusters, asked: Request) -> Answer:
    """PutAccountSettingDefault: of everyone in the account."""
    return _put(clusters, asked, _root(clusters))


def delete_account_setting(clusters: Clusters, asked: Request) -> Answer:
    """DeleteAccountSetting."""
    _known(asked["name"])
    principal = asked.get("principalArn", CALLER)
    with clusters.store.changing(DOCUMENT) as document:
        value = document.get(principal, {}).pop(asked["name"], NAMES[asked["name"]])
    return {"setting": _setting(asked["name"], value, principal)}


def list_account_settings(clusters: Clusters, asked: Request) -> Answer:
    """ListAccountSettings: what was set, or with `effectiveSettings` what holds."""
    name, value = asked.get("name"), asked.get("value")
    if name is not None:
        _known(name)
    principal = asked.get("principalArn", CALLER)
    document = clusters.store.read(DOCUMENT)
    own = document.get(principal, {})
    if asked.get("effectiveSettings"):
        own = {**NAMES, **document.get(_root(clusters), {}), **own}
    found = sorted(key for key in own if name in (None, key) and value in (None, own[key]))
    chosen = page("names", found, asked, default=10)
    settings = [_setting(key, own[key], principal) for key in chosen["names"]]
    return {"settings": settings, "nextToken": chosen.get("nextToken")}


def holds(clusters: Clusters, name: str) -> str:
    """The value of a setting for the caller."""
    document = clusters.store.read(DOCUMENT)
    return str({**NAMES, **document.get(_root(clusters), {}), **document.get(CALLER, {})}[name])


def put_cluster_capacity_providers(clusters: Clusters, asked: Request) -> Answer:
    """PutClusterCapacityProviders."""
    strategy = asked["defaultCapacityProviderStrategy"]
    names = asked["capacityProviders"]
    used = [one["capacityProvider"] for one in strategy]
    refuse_unknown_providers(clusters, names, strategy)
    if missing := [name for name in used if name not in names]:
        raise invalid(f"The default strategy names what is no capacity provider of the cluster: {', '.join(missing)}")
    kept = {"capacityProviders": asked["capacityProviders"], "defaultCapacityProviderStrategy": strategy}
    return {"cluster": _changed(clusters, asked, kept)}


def update_cluster(clusters: Clusters, asked: Request) -> Answer:
    """UpdateCluster."""
    members = ("settings", "configuration", "serviceConnectDefaults")
    return {"cluster": _changed(clusters, asked, {key: asked[key] for key in members if key in asked})}


def update_cluster_settings(clusters: Clusters, asked: Request) -> Answer:
    """UpdateClusterSettings."""
    return {"cluster": _changed(clusters, asked, {"settings": asked["settings"]})}


def discover_poll_endpoint(clusters: Clusters, _: Request) -> Answer:
    """DiscoverPollEndpoint: where an ECS agent would connect to; here nothing of it is served. ECS does
    not look at the cluster."""
    address = f"http://{clusters.sessions.address}/"
    return {"endpoint": address, "telemetryEndpoint": address, "serviceConnectEndpoint": address}


def _put(clusters: Clusters, asked: Request, principal: str) -> Answer:
    _known(asked["name"])
    with clusters.store.changing(DOCUMENT) as document:
        document.setdefault(principal, {})[asked["name"]] = asked["value"]
    return {"setting": _setting(asked["name"], asked["value"], principal)}


def _setting(name: str, value: str, principal: str) -> Answer:
    return {"name": name, "value": value, "principalArn": principal or None}


def _known(name: str) -> None:
    if name not in NAMES:
        raise invalid(f"{name} should be one of [{','.join(NAMES_OF_TEXT)}]")


def _root(clusters: Clusters) -> str:
    return f"arn:aws:iam::{clusters.account}:root"


def _changed(clusters: Clusters, asked: Request, values: Mapping[str, object]) -> Answer:
    """The cluster, once it has these values."""
    cluster = clusters.one(asked.get("cluster"))
    with clusters.store.changing(CLUSTERS) as document:
        document.setdefault(cluster.arn, {}).update(values)
    return described(clusters, cluster)
