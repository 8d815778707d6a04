"""Figures of FireLens: lines a second from a container to the log store, against Docker and Fluent Bit alone."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.setup import substitutes
from tests.bench.harness import Figure

APP = "bench-firelens"
COMMAND = Path(sys.executable).with_name("copilot-local")
MANIFEST = """\
name: hello
type: Backend Service
image:
  location: busybox:1.37
cpu: 2048
memory: 4096
logging:
  destination:
    Name: cloudwatch
    region: us-west-2
    log_group_name: /copilot/bench
    log_stream_prefix: copilot/
"""
ROUTER_IMAGE = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"
LINES = 40_000
ROUNDS = 9
PRINTER = f"while :; do if [ -e /tmp/go ]; then rm /tmp/go; seq {LINES}; echo done; fi; sleep 0.1; done"
"""One burst each time that it is asked for."""
_RECORD = re.compile(r"^[^:]+: \[(\d+\.\d+), ")


@dataclass(frozen=True)
class LogPath:
    """A way from a container's output to a file: who prints, which router writes, and where."""

    printer: str
    router: str
    file: str

    def rate(self) -> float:
        """Lines a second of one burst, from when Docker read the first line to when it read the last."""
        _docker("exec", self.router, "sh", "-c", f": > {self.file}")
        _docker("exec", self.printer, "touch", "/tmp/go")
        deadline = time.monotonic() + 120
        while '"log":"done"' not in self._edge("tail"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.printer}: the burst did not arrive")
            time.sleep(0.2)
        first, last = (_RECORD.match(self._edge(side)) for side in ("head", "tail"))
        count = int(_docker("exec", self.router, "wc", "-l", self.file).split()[0])
        if first is None or last is None or count != LINES + 1:
            raise RuntimeError(f"{self.printer}: {count} records of {LINES + 1} lines")
        return LINES / (float(last[1]) - float(first[1]))

    def _edge(self, side: str) -> str:
        return _docker("exec", self.router, side, "-n", "1", self.file)

    def peak_memory(self) -> float:
        """The most memory that the router has had, MB."""
        for path in ("memory.peak", "memory/memory.max_usage_in_bytes"):
            found = _docker("exec", self.router, "sh", "-c", f"cat /sys/fs/cgroup/{path} 2> /dev/null || true").strip()
            if found:
                return int(found) / 1e6
        return 0.0


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        manifest = workspace / "copilot" / "hello" / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(f"{MANIFEST}command: ['sh', '-c', {json.dumps(PRINTER)}]\n")
        # One file a burst: the store would rotate it at a sixteenth of its limit.
        (workspace / "copilot-local.toml").write_text("[logs]\nlimit = 16384\n")
        try:
            ours = _ours(workspace)
            yield from _measure(ours, _bare(ours, labels=False), _bare(ours, labels=True))
        finally:
            _docker("rm", "-f", *_docker("ps", "-aq", "--filter", f"label={APP}").split(), check=False)
            _docker("volume", "rm", *_docker("volume", "ls", "-q", "--filter", f"label={APP}").split(), check=False)
            _run("down", "-v", "-t", "1", cwd=workspace)


def _measure(ours: LogPath, bare: LogPath, labelled: LogPath) -> Iterator[Figure]:
    for path in (ours, bare, labelled):
        path.rate()  # the first burst is for the caches
    rates: dict[LogPath, list[float]] = {ours: [], bare: [], labelled: []}
    for number in range(ROUNDS):
        order = list(rates)
        for path in order[number % 3 :] + order[: number % 3]:  # who comes first changes
            rates[path].append(path.rate())
    theirs = statistics.median(rates[bare])
    # The median of what each round compares: whatever else the machine does hits one round, not one side.
    mine, named = (
        theirs * statistics.median(a / b for a, b in zip(rates[path], rates[bare], strict=True))
        for path in (ours, labelled)
    )
    peaks = f"the router's peak {ours.peak_memory():.0f} MB, bare {bare.peak_memory():.0f} MB"
    note = f"{ROUNDS} bursts of {LINES} lines each; {peaks}"
    against = "the same Fluent Bit, file and mode, Docker's driver alone"
    yield Figure("FireLens, lines from a container to the log store", mine, theirs, "/s", against, 0.95, True, note)
    note = "Fargate's container_id and container_name come from the log driver: no filter"
    yield Figure("records named as on Fargate", named, theirs, "/s", "records named as by Docker", 0.9, True, note)


def _ours(workspace: Path) -> LogPath:
    _run("up", "-d", cwd=workspace)
    rows = _docker(
        "ps", "--filter", f"label=copilot-local.app={APP}", "--format", "{{.Names}} {{.Labels}}"
    ).splitlines()
    names = {
        match[1]: row.split()[0] for row in rows if (match := re.search(r"copilot-local\.container=([\w-]+)", row))
    }
    router = names["firelens_log_router"]
    file = _docker("exec", router, "sh", "-c", "ls /copilot-local/logs/*.hello 2> /dev/null || true").split()
    task = re.search(r"com\.amazonaws\.ecs\.task-arn=[^,]*/([0-9a-f]{32})", "\n".join(rows))
    assert task is not None
    return LogPath(names["hello"], router, file[0] if file else f"/copilot-local/logs/hello.{task[1]}.hello")


def _bare(ours: LogPath, *, labels: bool) -> LogPath:
    """Docker's driver and the router of `ours`, its very file and limits, without us: two containers and a volume."""
    name = f"{APP}-{'labels' if labels else 'bare'}"
    table = substitutes.read()
    mark = ("--label", APP)
    _docker("volume", "create", *mark, f"{name}-run")
    mounts = ("-v", f"{name}-run:/var/run", "--tmpfs", "/copilot-local/none")
    keys = ("-e", "AWS_ACCESS_KEY_ID=none", "-e", "AWS_SECRET_ACCESS_KEY=none")
    image = table.get(ROUTER_IMAGE, ROUTER_IMAGE)
    _docker("volume", "create", *mark, f"{name}-logs")
    store = ("-v", f"{name}-logs:/copilot-local/logs")
    limits = _limits(ours.router)
    _docker("create", "--name", f"{name}-router", *mark, *limits, *mounts, *store, *keys, image)
    with tempfile.TemporaryDirectory() as folder:
        path = "/fluent-bit/etc/fluent-bit.conf"
        _docker("cp", f"{ours.router}:{path}", f"{folder}/fluent-bit.conf")
        _docker("cp", f"{folder}/fluent-bit.conf", f"{name}-router:{path}")
    _docker("start", f"{name}-router")
    socket = f"{_docker('volume', 'inspect', '-f', '{{.Mountpoint}}', f'{name}-run').strip()}/fluent.sock"
    tag = Path(ours.file).name.split(".")[1]
    options = [f"fluentd-address=unix://{socket}", f"tag=hello-firelens-{tag}", "fluentd-sub-second-precision=true"]
    options.append("mode=blocking")  # as ours, whose copy in Docker is whole
    named: tuple[str, ...] = ()
    if labels:
        options.append("labels=container_id,container_name")
        named = ("--label", f"container_id={tag}-1335831723", "--label", "container_name=hello")
    driver = ("--log-driver", "fluentd", *(word for option in options for word in ("--log-opt", option)))
    for attempt in range(50):  # until the router listens
        busybox = table.get("busybox:1.37", "busybox:1.37")
        _docker("rm", "-f", f"{name}-printer", check=False)
        limits = _limits(ours.printer)
        run = ("run", "-d", "--name", f"{name}-printer", *mark, *limits, *named, *driver, busybox, "sh", "-c", PRINTER)
        if _docker(*run, check=attempt == 49):
            break
        time.sleep(0.2)
    return LogPath(f"{name}-printer", f"{name}-router", ours.file)


def _limits(container: str) -> tuple[str, ...]:
    """The options that give a container the resources of one of ours: it goes into the same task's control group, where
    there is one. Beside it, each container would have the weight that our two have together, and win on a busy machine.
    """
    names = ("CgroupParent", "CpuShares", "NanoCpus", "Memory")
    template = " ".join(f"{{{{json .HostConfig.{name}}}}}" for name in names)
    parent, shares, cpus, memory = map(json.loads, _docker("inspect", "-f", template, container).split())
    found = ["--cgroup-parent", parent] if parent else []
    found += ["--cpu-shares", str(shares)] if shares else []
    found += ["--cpus", str(cpus / 1e9)] if cpus else []
    return (*found, *(["--memory", str(memory)] if memory else []))


def _run(*words: str, cwd: Path) -> None:
    verb, *rest = words
    subprocess.run([str(COMMAND), verb, "-a", APP, *rest], cwd=cwd, check=True, capture_output=True, timeout=180)


def _docker(*words: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=120, check=False)
    if check and done.returncode:
        raise RuntimeError(f"docker {' '.join(words[:3])}: {done.stderr.strip()}")
    return done.stdout if done.returncode == 0 else ""
