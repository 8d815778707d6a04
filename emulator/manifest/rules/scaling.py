"""Rules for `count`, `platform` and the task size."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from emulator.limits.task_sizes import TASK_SIZES
from emulator.manifest.rules.at import At
from emulator.manifest.schema.containers import Platform
from emulator.manifest.schema.scaling import Count, QueueDelayTarget, Range, ScalingTarget
from emulator.manifest.schema.workload import Workload
from emulator.spelling import suggestion

_WEB = ("cpu_percentage", "memory_percentage", "requests", "response_time")
_METRICS: Final[dict[str, tuple[str, ...]]] = {
    "Load Balanced Web Service": _WEB,
    "Backend Service": _WEB,
    "Worker Service": ("cpu_percentage", "memory_percentage", "queue_delay"),
    "Scheduled Job": (),
}
_WINDOWS: Final = (
    "windows",
    "windows_server_2019_core",
    "windows_server_2019_full",
    "windows_server_2022_core",
    "windows_server_2022_full",
)
_ARCHITECTURES: Final = {"linux": ("amd64", "x86_64", "arm", "arm64"), **dict.fromkeys(_WINDOWS, ("amd64", "x86_64"))}


def count(count: Count, at: At) -> None:
    """Copilot: `AdvancedCount.validate`."""
    if not at.node.entries:
        if count.value is not None and count.value < 0:
            at.add("CL107", f"{count.value} is not a number of tasks", copilot_accepts=True)
        return
    metrics = _METRICS[at.workload]
    if not metrics:
        at.add("CL130", f"a {at.workload} has no autoscaling and no spot tasks", hint="remove count")
        return
    given = [name for name in (*_WEB, "queue_delay") if name in at.node.entries]
    for name in given:
        if name not in metrics:
            at.add("CL130", f"a {at.workload} cannot scale on {name}", name, hint="it can on " + ", ".join(metrics))
    if count.spot is not None:
        if count.range is not None or given:
            at.add("CL120", "spot is a fixed number; it cannot be given with a range or metrics", "spot",
                   hint="use range.spot_from to run tasks on Fargate Spot while scaling")  # fmt: skip
        elif count.spot < 0:
            at.add("CL107", f"{count.spot} is not a number of tasks", "spot", copilot_accepts=True)
    elif given and count.range is None and not at.given("range"):
        at.add("CL121", f"{given[0]} needs range", given[0], hint="for example range: 1-10")
    elif count.range is not None and not given:
        at.add("CL121", "range needs a metric to scale on", "range", hint="one of " + ", ".join(metrics))
    if count.cooldown is not None and not given:
        at.add("CL121", "cooldown needs a metric to scale on", "cooldown", hint="one of " + ", ".join(metrics))
    for name in _WEB:
        if (metric := getattr(count, name)) is not None and metric.value is None:
            message = f"{name} has no value to hold, so Copilot scales on something else or not at all"
            at.add("CL121", message, name, hint="give value beside cooldown", copilot_accepts=True)
    for name in ("cpu_percentage", "memory_percentage"):
        target: ScalingTarget | None = getattr(count, name)
        if target is not None and target.value is not None and not 0 <= target.value <= 100:
            keys = (name, "value")
            at.add("CL107", f"{target.value} is not a percentage (0 to 100)", *keys)
    if count.requests is not None and count.requests.value is not None and count.requests.value < 0:
        at.add("CL107", f"{count.requests.value} is not a number of requests", "requests", copilot_accepts=True)


def range_(range_: Range, at: At) -> None:
    if range_.min is None or range_.max is None:
        at.add("CL106", "a range needs min and max")
        return
    numbers = (("min", range_.min), ("max", range_.max), ("spot_from", range_.spot_from or 0))
    for name, number in numbers:
        if number < 0:
            at.add("CL107", f"{number} is not a number of tasks", name)
    if range_.min > range_.max:
        at.add("CL107", f"min {range_.min} is greater than max {range_.max}", "min")


def queue_delay(target: QueueDelayTarget, at: At) -> None:
    latency, time = target.acceptable_latency, target.msg_processing_time
    if latency is None and time is None:
        at.add("CL106", "needs acceptable_latency and msg_processing_time")
    elif latency is None or time is None:
        given, missing = ("msg_processing_time", "acceptable_latency")[:: 1 if latency is None else -1]
        at.add("CL121", f"{given} needs {missing}", given)
    elif latency <= timedelta(0):
        at.add("CL107", "must be longer than 0", "acceptable_latency")
    elif time <= timedelta(0):
        at.add("CL107", "must be longer than 0", "msg_processing_time")
    elif time > latency:
        at.add("CL107", "cannot be longer than acceptable_latency", "msg_processing_time")


def platform(platform: Platform, at: At) -> None:
    osfamily, architecture = (platform.osfamily or "").lower(), (platform.architecture or "").lower()
    if not osfamily or not architecture:
        at.add("CL121", "needs osfamily and architecture", hint="or write platform: linux/arm64")
        return
    short = not at.node.entries
    known = ("linux", "windows") if short else tuple(_ARCHITECTURES)
    if osfamily not in known:
        hint = suggestion(osfamily, known, "one of " + ", ".join(known))
        if short and osfamily in _ARCHITECTURES:
            hint = f"write platform: {{osfamily: {osfamily}, architecture: {architecture}}}"
        at.add("CL131", f"{osfamily!r} is not an operating system of Fargate", "osfamily", hint=hint)
        return
    allowed = _ARCHITECTURES[osfamily]
    if architecture not in allowed:
        message = f"{architecture!r} is not an architecture of {osfamily} on Fargate"
        at.add("CL131", message, "architecture", hint="one of " + ", ".join(allowed))


def spot_on_arm(workload: Workload, at: At) -> None:
    """Copilot: `validateARM`. Fargate Spot has no ARM capacity for Copilot's services."""
    count = workload.count
    if workload.platform is None or not workload.platform.is_arm:
        return
    message = "Fargate Spot is not there for ARM"
    if count.spot is not None:
        at.add("CL132", message, "count", "spot", hint="use count: <number>, or platform: linux/x86_64")
    elif count.range is not None and count.range.spot_from is not None:
        at.add("CL132", message, "count", "range", "spot_from", hint="remove it, or use platform: linux/x86_64")


def task_size(workload: Workload, at: At) -> None:
    """Copilot never looks; ECS answers `No Fargate configuration exists for given values`."""
    cpu, memory = workload.cpu, workload.memory
    if cpu not in TASK_SIZES:
        near = min(TASK_SIZES, key=lambda units: abs(units - cpu))
        message = f"Fargate has no {cpu} CPU units"
        hint = f"one of {', '.join(map(str, TASK_SIZES))}; {near} is the nearest"
        at.add("CL150", message, "cpu", hint=hint, copilot_accepts=True)
        return
    fitting = TASK_SIZES[cpu]
    if memory not in fitting:
        steps = f"{fitting[0]} to {fitting[-1]} in steps of {fitting[1] - fitting[0]}"
        sizes = "512, 1024 or 2048" if cpu == 256 else steps
        place = "memory" if "memory" in at.node.entries else "cpu"
        message = f"Fargate has no {memory} MiB with {cpu} CPU units"
        at.add("CL150", message, place, hint=f"with {cpu} CPU units: {sizes} MiB", copilot_accepts=True)
    if workload.platform is not None and workload.platform.is_windows and cpu not in (1024, 2048, 4096):
        message = f"Windows on Fargate has no {cpu} CPU units"
        at.add("CL150", message, "cpu", hint="one of 1024, 2048, 4096", copilot_accepts=True)
