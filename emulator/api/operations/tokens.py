"""Client tokens of RunTask: SDKs make one for each request and send it again where no answer came in time, so that the
same request does not start its tasks twice.

Source: the ECS API reference (Ensuring idempotency).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.api.clusters import Clusters
from emulator.api.errors import ApiError

DOCUMENT = "run-tokens"
MOST = 100
"""Tokens that are remembered."""


def claimed(clusters: Clusters, asked: Mapping[str, Any], tasks: Sequence[str]) -> list[str]:
    """The ids of the tasks that a request stands for: `tasks`, or those of an earlier request with its token. Raises
    `ApiError` where that request was another one."""
    token = asked.get("clientToken")
    if not token:
        return list(tasks)
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    with clusters.store.changing(DOCUMENT) as document:
        known: dict[str, Any] = document.setdefault(_key(clusters, token), {"request": digest, "tasks": list(tasks)})
        for oldest in list(document)[:-MOST]:
            del document[oldest]
    if known["request"] != digest:
        raise ApiError(
            "ConflictException",
            "The clientToken is already in use with a different RunTask request. The tasks of that one: "
            f"{', '.join(known['tasks'])}.",
        )
    return list(known["tasks"])


def forget(clusters: Clusters, asked: Mapping[str, Any]) -> None:
    """Lets the token of a request that failed be used again."""
    if token := asked.get("clientToken"):
        with clusters.store.changing(DOCUMENT) as document:
            document.pop(_key(clusters, token), None)


def _key(clusters: Clusters, token: str) -> str:
    """A request in another region is another one, although it names a cluster of the same name."""
    return f"{clusters.region}/{token}"
