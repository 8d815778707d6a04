"""What does not run here is refused by name, never passed over."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from emulator.ecs.deployment import Deployment, LifecycleHook, TrafficShift
from emulator.errors import Position, Unsupported
from emulator.events import discard
from emulator.runtime.specs.unsupported_features import refuse_unsupported
from tests.unit.runtime.world import ROUTED, ROUTER, make_service

CONTAINER: dict[str, dict[str, Any]] = {
    "privileged": {"privileged": True},
    "takes volumes from db, which is not there": {"volumesFrom": [{"sourceContainer": "db"}]},
    "links": {"links": ["db"]},
    "hostname": {"hostname": "web"},
    "disableNetworking": {"disableNetworking": True},
    "dnsServers": {"dnsServers": ["1.1.1.1"]},
    "dnsSearchDomains": {"dnsSearchDomains": ["local"]},
    "extraHosts": {"extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.1"}]},
    "dockerSecurityOptions": {"dockerSecurityOptions": ["no-new-privileges"]},
    "sets vm.swappiness": {"systemControls": [{"namespace": "vm.swappiness", "value": "1"}]},
    "resourceRequirements": {"resourceRequirements": [{"type": "GPU", "value": "1"}]},
    "credentialSpecs": {"credentialSpecs": ["credentialspec:x"]},
    "linuxParameters.sharedMemorySize": {"linuxParameters": {"sharedMemorySize": 64}},
    "linuxParameters.tmpfs": {"linuxParameters": {"tmpfs": [{"containerPath": "/tmp", "size": 64}]}},
    "linuxParameters.devices": {"linuxParameters": {"devices": [{"hostPath": "/dev/fuse"}]}},
    "linuxParameters.maxSwap": {"linuxParameters": {"maxSwap": 1}},
}
TASK: dict[str, dict[str, Any]] = {
    "network mode bridge": {"networkMode": "bridge"},
    "volume data is a host path": {"volumes": [{"name": "data", "host": {"sourcePath": "/data"}}]},
    "volume data is a Docker volume": {
        "volumes": [{"name": "data", "dockerVolumeConfiguration": {"scope": "task"}}],
    },
    "WINDOWS_SERVER_2022_CORE": {"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}},
    "pidMode host": {"pidMode": "host"},
    "ipcMode": {"ipcMode": "task"},
}


@pytest.mark.parametrize("words", CONTAINER)
def test_a_container_that_cannot_run_here_is_refused_by_what_it_uses(words: str) -> None:
    with pytest.raises(Unsupported, match=rf"hello: container side .*{words}"):
        refuse_unsupported([make_service({"hello": {}, "side": CONTAINER[words]})], discard)


@pytest.mark.parametrize("words", TASK)
def test_a_task_that_cannot_run_here_is_refused_by_what_it_uses(words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        refuse_unsupported([make_service(**TASK[words])], discard)


def test_a_router_of_type_fluentd_is_refused_at_the_line_that_asks_for_it() -> None:
    router = {**ROUTER, "firelensConfiguration": {"type": "fluentd"}}
    service = make_service({"hello": ROUTED, "firelens_log_router": router})
    line = Position("copilot/hello/manifest.yml", 12, 3)
    service.positions = {"logging": Position("copilot/hello/manifest.yml", 4, 1), "taskdef_overrides[0]": line}
    with pytest.raises(Unsupported, match="a log router of type fluentd does not run locally") as caught:
        refuse_unsupported([service], discard)
    assert caught.value.position == line
    assert "firelens config" in caught.value.hint


def test_a_deployment_that_waits_for_a_lambda_function_is_refused_and_one_that_waits_for_the_user_is_not() -> None:
    service = make_service()
    pause = LifecycleHook(target="PAUSE", stages=["POST_SCALE_UP"])
    for hooks, refused in (([pause], False), ([pause, LifecycleHook(stages=["POST_SCALE_UP"])], True)):
        service.deployment = Deployment(shift=TrafficShift(strategy="BLUE_GREEN", hooks=hooks))
        with pytest.raises(Unsupported, match="a Lambda function") if refused else contextlib.nullcontext():
            refuse_unsupported([service], discard)


def test_what_runs_is_not_refused() -> None:
    fields = {
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"add": ["SYS_PTRACE"]}},
        "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 1024}],
        "readonlyRootFilesystem": True,
        "user": "app",
    }
    platform = {"operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64"}
    refuse_unsupported([make_service({"hello": fields}, runtimePlatform=platform, volumes=[{"name": "x"}])], discard)
