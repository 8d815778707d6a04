"""Every operation is answered or refused, and none fails, where nothing runs: with the members that it must have, and
with all that botocore knows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.session import Session

from emulator.api.clusters import Clusters
from emulator.api.host import Host
from emulator.api.operations.registry import OPERATIONS
from emulator.api.serve import serving
from emulator.engine.fake import FakeEngine
from emulator.setup.store import Store

ENDING = ("DeleteService", "DeleteCluster")
PREFIX = "AmazonEC2ContainerServiceV20141113"


class Caller:
    """Calls operations with made-up input, but for the names of what is there: a cluster, a service, a task."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._model: dict[str, Any] = Session().get_component("data_loader").load_service_model("ecs", "service-2")
        self.there: dict[str, Any] = {
            "cluster": "empty",
            "clusterName": "empty",
            "family": "plain",
            "service": "s",
            "services": ["s"],
            "serviceName": "s",
            "taskDefinition": "plain",
        }

    def call(self, operation: str, body: object) -> tuple[int, dict[str, Any]]:
        headers = {"X-Amz-Target": f"{PREFIX}.{operation}"}
        answer = httpx.post(self._url, headers=headers, content=json.dumps(body).encode())
        return answer.status_code, answer.json()

    def input(self, operation: str, *, everything: bool) -> dict[str, Any]:
        """With the members that are required, and the cluster where there is one; or with all."""
        shape = self._model["shapes"][self._model["operations"][operation]["input"]["shape"]]
        keys = {*shape["members"]} if everything else {*shape.get("required", ()), "cluster"} & {*shape["members"]}
        return {key: self._value(key, shape["members"][key]["shape"]) for key in sorted(keys)}

    def _value(self, name: str, shape_name: str) -> Any:
        if name in self.there:
            return self.there[name]
        shape = self._model["shapes"][shape_name]
        match shape["type"]:
            case "structure":
                return {key: self._value(key, shape["members"][key]["shape"]) for key in shape.get("required", ())}
            case "list":
                return [self._value("", shape["member"]["shape"])]
            case "map":
                return {}
            case "string":
                return shape.get("enum", ["text"])[0]
            case "boolean":
                return True
            case _:
                return 1


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Over a cluster that is no environment, with a service and a task."""
    folder, engine = tmp_path_factory.mktemp("api"), FakeEngine()
    clusters = Clusters(engine, Host(engine, Path(folder)), Store(folder / "ecs"), runs=False)
    with serving(clusters, 0) as port:
        found = Caller(f"http://127.0.0.1:{port}")
        definition = {"family": "plain", "containerDefinitions": [{"name": "a", "image": "a:1", "memory": 128}]}
        for operation, body in (
            ("CreateCluster", {"clusterName": "empty"}),
            ("RegisterTaskDefinition", definition),
            ("CreateService", {"cluster": "empty", "serviceName": "s", "taskDefinition": "plain", "desiredCount": 1}),
        ):
            assert found.call(operation, body)[0] == 200
        run = {"cluster": "empty", "taskDefinition": "plain", "launchType": "FARGATE"}
        [task] = found.call("RunTask", run)[1]["tasks"]
        found.there |= {"task": task["taskArn"], "tasks": [task["taskArn"]]}
        yield found


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name not in ENDING])
def test_is_answered_or_refused(caller: Caller, operation: str, everything: bool) -> None:
    status, answer = caller.call(operation, caller.input(operation, everything=everything))
    assert status in (200, 400), answer
    assert answer.get("__type") != "ServerException", answer
