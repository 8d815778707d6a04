"""Every image that the set-up provides really runs and is laid out as the project relies on. No network is needed."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable

import pytest

from emulator.setup.images import AGENT_BASE_IMAGE, FRONT_IMAGE, PAUSE_IMAGE, ROUTER_IMAGE, ensure_agent_image

pytestmark = pytest.mark.docker

Docker = Callable[..., str]
Image = Callable[[str], str]
Start = Callable[..., str]
Eventually = Callable[[Callable[[], str]], str]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def published(docker: Docker, container: str, port: int) -> str:
    return docker("port", container, str(port)).split()[0]


def test_pause_can_sleep_and_route_and_under_an_init_stops_at_once(
    docker: Docker, image: Image, start: Start, eventually: Eventually
) -> None:
    container = start("--init", "--cap-add", "NET_ADMIN", image(PAUSE_IMAGE), "sleep", "1000")

    def both_processes() -> str:
        found = docker("top", container, "-o", "pid")
        assert len(found.split()) == 3
        return found

    eventually(both_processes)  # an init takes no signal before it has started what it is for
    script = "ip route add 169.254.170.2/32 dev eth0 && ip route show 169.254.170.2 && sleep 0 && id -un"
    output = docker("exec", container, "sh", "-c", script)
    assert "169.254.170.2 dev eth0" in output
    assert output.endswith("root\n")
    docker("stop", "--time", "60", container)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).strip() == "143"


def test_the_front_is_haproxy_3_and_serves_port_80_without_root(
    docker: Docker, image: Image, start: Start, eventually: Eventually
) -> None:
    answer = "http-request return status 200 content-type text/plain string hi"
    config = f"frontend f\\n bind :80\\n mode http\\n timeout client 5s\\n {answer}\\n"
    script = (
        f"haproxy -v && id -u && printf '{config}' > /tmp/haproxy.cfg "
        "&& exec docker-entrypoint.sh haproxy -f /tmp/haproxy.cfg"
    )
    container = start("--publish", "127.0.0.1::80", "--entrypoint", "sh", image(FRONT_IMAGE), "-c", script)
    address = published(docker, container, 80)
    assert eventually(lambda: get(f"http://{address}/")) == "hi"
    output = docker("logs", container)
    version = re.search(r"version (\d+)\.(\d+)", output)
    assert version is not None
    assert (int(version[1]), int(version[2])) >= (3, 0)
    assert "99" in output.splitlines()


CONFIGURATIONS = (
    "parse-json",
    "minimize-log-loss",
    "output-metrics-healthcheck",
    "plugin-metrics-to-cloudwatch",
    "plugin-and-storage-metrics-to-cloudwatch",
)


def test_the_router_is_fluent_bit_in_the_layout_of_aws_and_its_own_configurations_load(
    docker: Docker, image: Image
) -> None:
    files = (
        "/entrypoint.sh",
        "/fluent-bit/configs/parse-json.conf",
        "/fluent-bit/etc/fluent-bit.conf",
        "/fluent-bit/parsers/parsers.conf",
    )
    variables = ("-e", "FLUENT_BIT_METRICS_LOG_REGION=us-west-2", "-e", "FLUENT_BIT_METRICS_LOG_GROUP=metrics")
    load = "/fluent-bit/bin/fluent-bit --dry-run -c /fluent-bit/configs/$name.conf 2>&1"
    script = (
        f'for name in {" ".join(CONFIGURATIONS)}; do echo "$name: $({load} | tail -n 1)"; done; '
        f"/fluent-bit/bin/fluent-bit --version && ls {' '.join(files)}"
    )
    output = docker("run", "--rm", *variables, "--entrypoint", "/bin/sh", image(ROUTER_IMAGE), "-c", script)
    good = {line.partition(":")[0] for line in output.splitlines() if "configuration test is successful" in line}
    assert good == set(CONFIGURATIONS), output
    assert re.search("^Fluent Bit v", output, re.MULTILINE)
    assert tuple(output.splitlines()[-4:]) == files


def test_a_record_passes_through_the_router(docker: Docker, image: Image, start: Start, eventually: Eventually) -> None:
    options = ("-i", "dummy", "-o", "stdout", "-f", "1", "-F", "grep", "-m", "*", "-p", "regex=message ^dummy$")
    container = start("--entrypoint", "/fluent-bit/bin/fluent-bit", image(ROUTER_IMAGE), *options)

    def record() -> str:
        output = docker("logs", container)
        assert "dummy.0" in output
        return output

    assert '"message"=>"dummy"' in eventually(record)


def test_the_router_says_which_version_it_is(
    docker: Docker, image: Image, start: Start, eventually: Eventually
) -> None:
    container = start("--init", image(ROUTER_IMAGE))

    def output() -> str:
        text = docker("logs", container)
        assert "[engine] started" in text
        return text

    assert "AWS for Fluent Bit Container Image Version " in eventually(output)


def test_nginx_serves_its_templates_and_logs(
    docker: Docker, image: Image, start: Start, eventually: Eventually
) -> None:
    template = "server { listen 8080; location / { return 200 '${GREETING} $host'; } }"
    script = (
        "mkdir -p /etc/nginx/templates; printf '%s' \"$TEMPLATE\" > /etc/nginx/templates/x.conf.template; "
        "exec /docker-entrypoint.sh nginx -g 'daemon off;'"
    )
    container = start(
        *("--publish", "127.0.0.1::80", "--publish", "127.0.0.1::8080"),
        *("-e", "GREETING=hello", "-e", f"TEMPLATE={template}", "--entrypoint", "sh"),
        *(image("nginx:1.27"), "-c", script),
    )
    page = published(docker, container, 80)
    greeting = published(docker, container, 8080)
    assert "nginx" in eventually(lambda: get(f"http://{page}/"))
    assert get(f"http://{greeting}/") == "hello 127.0.0.1"

    def logged() -> str:
        printed = docker("logs", container)
        assert '"GET / HTTP/1.1" 200' in printed
        return printed

    eventually(logged)  # nginx writes it after the answer
    docker("stop", "--time", "60", container)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", container).strip() == "0"


def test_the_agents_base_is_python_3_13(docker: Docker, image: Image) -> None:
    script = "python --version && python3 --version"
    output = docker("run", "--rm", image(AGENT_BASE_IMAGE), "sh", "-c", script)
    assert [line.startswith("Python 3.13.") for line in output.splitlines()] == [True, True]


def test_the_agents_image_is_built_once_and_imports_the_package_which_is_compiled(docker: Docker) -> None:
    first = ensure_agent_image()
    made = docker("image", "inspect", "--format", "{{.Id}}", first)
    assert ensure_agent_image() == first
    assert docker("image", "inspect", "--format", "{{.Id}}", first) == made
    code = (
        "import msgpack, pydantic, emulator.errors, emulator.engine, emulator.runtime, emulator.agent, sys;"
        "print(sys.version_info[:2], emulator.__file__, pydantic.BaseModel.__name__)"
    )
    compiled = "/opt/copilot-local/emulator/__pycache__/errors.cpython-313.pyc"
    script = f"ls {compiled} && ip -V > /dev/null && python3 -c '{code}'"
    output = docker("run", "--rm", "--network", "none", "--entrypoint", "sh", first, "-c", script)
    assert output.split() == [compiled, "(3,", "13)", "/opt/copilot-local/emulator/__init__.py", "BaseModel"]
