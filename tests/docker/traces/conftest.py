"""Services that send traces with unmodified SDKs: one environment for all tests of this folder."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.engine.connect import connect
from emulator.setup.agent_image import fetch_wheels, pinned_closure, unpack_wheels
from emulator.setup.paths import cache_dir
from emulator.testing import Environment
from tests.docker.project import build_once, built_for

APP = Path(__file__).parent / "app"
NODE = Path(__file__).parent / "node"
REAL = Path(__file__).parent / "collector"
UNREAD = ("esm", "esnext", "*.ts", "*.map", "*.md")
"""Of Node.js' packages what it does not read: three files of four."""
PACKAGES = (
    "aws-xray-sdk",
    "opentelemetry-exporter-otlp-json-http",
    "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-instrumentation-wsgi",
    "opentelemetry-propagator-aws-xray",
    "opentelemetry-sdk-extension-aws",
)
SERVICE = """\
name: {name}
type: {type}
image: {{build: {{dockerfile: app/Dockerfile, context: app}}, port: 8080}}
cpu: 256
memory: 512
"""
WEB = "Load Balanced Web Service"
COLLECTOR = "observability: {tracing: awsxray}\n"
IDLE = """command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]\n"""
SERVICES = {
    # X-Ray's SDK with the daemon as sidecar, the way of AWS's own sample.
    "shop": SERVICE.format(name="shop", type=WEB)
    + "http: {path: /, healthcheck: /}\n"
    + 'variables: {SDK: xray, NEXT: "http://pay.test.${COPILOT_APPLICATION_NAME}.local:8080/charge"}\n'
    + "sidecars: {xray: {port: 2000/udp, image: amazon/aws-xray-daemon}}\n",
    # OpenTelemetry as Copilot's documentation has it.
    "pay": SERVICE.format(name="pay", type="Backend Service")
    + COLLECTOR
    + "variables: {SDK: otel-grpc, OTEL_PROPAGATORS: xray, OTEL_PYTHON_ID_GENERATOR: xray, OTEL_SERVICE_NAME: pay,"
    + ' OTEL_EXPORTER_OTLP_INSECURE: "true"}\n',
    # OpenTelemetry with its defaults, which a deployment would lose: OTLP in JSON, and in protobuf.
    "web": SERVICE.format(name="web", type=WEB)
    + "http: {path: /web, healthcheck: /web, additional_rules: [{path: /proto, healthcheck: /web}]}\n"
    + COLLECTOR
    + "variables: {SDK: otel-http, OTEL_SERVICE_NAME: web}\n",
    # X-Ray's SDK where nothing listens when deployed.
    "deaf": SERVICE.format(name="deaf", type=WEB)
    + "http: {path: /deaf, healthcheck: /deaf}\n"
    + COLLECTOR
    + "variables: {SDK: xray}\n",
    # Node.js: X-Ray's SDK, and OpenTelemetry with each of its exporters.
    "node": SERVICE.format(name="node", type=WEB).replace("app", "node").replace("256", "1024").replace("512", "2048")
    + COLLECTOR
    + 'variables: {NEXT: "http://pay.test.${COPILOT_APPLICATION_NAME}.local:8080/charge"}\n'
    + "http:\n  path: /node\n  healthcheck: /\n  additional_rules:\n"
    + "".join(f"    - {{path: /node-{one}, target_port: 8081, healthcheck: /}}\n" for one in ("grpc", "proto", "http")),
    # A collector that is not essential.
    "loose": "name: loose\ntype: Backend Service\nimage: {location: busybox:1.37}\ncpu: 256\nmemory: 512\n"
    + IDLE
    + "sidecars: {xray: {image: amazon/aws-xray-daemon, essential: false}}\n",
    # Collectors that run themselves: a program of ours in their place.
    "forwards": SERVICE.format(name="forwards", type="Backend Service")
    + IDLE
    + """\
sidecars:
  real-xray: {image: example/aws-xray-daemon}
  real-otel:
    image: example/aws-otel-collector
    variables: &given
      AOT_CONFIG_CONTENT: |
        receivers: {otlp: {protocols: {http: }}}
        exporters: {datadog: {api: {key: secret}}}
        service: {pipelines: {traces: {receivers: [otlp], exporters: [datadog]}}}
  live-otel: {image: example/aws-otel-collector, variables: *given}
""",
}
SETTINGS = """\
[traces.collectors]
real-xray = "real"
real-otel = "real"
live-otel = "live"

[substitute]
"example/aws-xray-daemon" = "./collector"
"example/aws-otel-collector" = "./collector"
"""


def write_workspace(folder: Path) -> Path:
    """Writes the services, and an image with their SDKs; that of Node.js lacks them."""
    (folder / "copilot").mkdir(parents=True)
    (folder / "copilot" / ".workspace").write_text("application: traces\n")
    for name, manifest in SERVICES.items():
        (folder / "copilot" / name).mkdir()
        (folder / "copilot" / name / "manifest.yml").write_text(manifest)
    (folder / "copilot-local.toml").write_text(SETTINGS)
    for source in (APP, NODE, REAL):
        shutil.copytree(source, folder / source.name)
    engine = connect()
    wheels = fetch_wheels(pinned_closure(PACKAGES), engine.info().architecture, "sdk")
    engine.close()
    unpack_wheels(wheels, folder / "app" / "site")
    for data in (folder / "app" / "site" / "botocore" / "data").iterdir():
        if data.is_dir() and data.name != "xray":  # of botocore's, what X-Ray's SDK needs
            shutil.rmtree(data)
    return folder


def fetch_node_modules(folder: Path) -> None:
    """Puts there what package.json asks for: npm fetches it once, and it is kept as wheels are."""
    wanted = (folder / "package.json").read_bytes()
    kept = cache_dir() / "npm" / hashlib.sha256(wanted).hexdigest()[:12]
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".fetching-") as fetching:
            Path(fetching, "package.json").write_bytes(wanted)
            command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent", "--prefer-offline"]
            subprocess.run([*command, "--prefix", fetching], check=True, timeout=200)
            modules = Path(fetching, "node_modules")
            for unread in UNREAD:
                for found in list(modules.rglob(unread)):
                    shutil.rmtree(found) if found.is_dir() else found.unlink()
            with contextlib.suppress(OSError):  # another worker was faster
                modules.rename(kept)
    shutil.copytree(kept, folder / "node_modules", symlinks=True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    workspace = write_workspace(tmp_path_factory.mktemp("traces") / "traces")
    fetch_node_modules(workspace / "node")
    image = build_once(workspace / "app", built_for(f"traces-{uuid.uuid4().hex[:8]}"))
    services = ("shop", "pay", "web", "deaf", "forwards")
    with Environment(workspace, images=dict.fromkeys(services, image)) as found:
        yield found
