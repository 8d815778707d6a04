"""What FireLens's log router needs for itself, and what it cannot hold."""

from __future__ import annotations

from typing import Any

import pytest

ROUTER = "{destination: {Name: http}}"


@pytest.mark.parametrize("port", [24224, 8877])
@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"image": "{location: x, port: PORT}"}, "image.port"),
        ({"sidecars": "{a: {image: x, port: PORT}}"}, "sidecars.a.port"),
        ({"sidecars": "{a: {image: x, port: PORT/udp}}"}, "sidecars.a.port"),
        ({"http": "{path: /, target_port: PORT}"}, "http.target_port"),
        ({"nlb": "{port: 443/tcp, target_port: PORT}"}, "nlb.port"),
    ],
)
def test_the_log_routers_ports_are_taken(manifests: Any, blocks: dict[str, str], path: str, port: int) -> None:
    placed = {key: text.replace("PORT", str(port)) for key, text in blocks.items()}
    assert manifests.bad(**placed, logging=ROUTER) == [("CL123", path)]
    manifests.good(**placed)


def test_the_port_of_its_counters_is_taken_here_alone(manifests: Any) -> None:
    text = manifests.text(image="{location: x, port: 24220}", logging=ROUTER)
    [finding] = manifests.findings(text)
    assert (finding.code, finding.severity, finding.path) == ("CL123", "warning", "image.port")
    assert "here" in finding.message


@pytest.mark.parametrize(
    "path",
    [
        "/fluent-bit/etc/fluent-bit.conf",
        "//fluent-bit/etc/./fluent-bit.conf",
        "/x/../fluent-bit/etc/fluent-bit.conf",
        "fluent-bit.conf",
        "/fluentd/etc/fluent.conf",
    ],
)
def test_the_path_of_firelens_own_file_is_found(manifests: Any, path: str) -> None:
    logging = f"{{destination: {{Name: http}}, configFilePath: {path}}}"
    assert manifests.bad(logging=logging) == [("CL159", "logging.configFilePath")]
    manifests.good(logging="{destination: {Name: http}, configFilePath: /fluent-bit/etc/own.conf}")


@pytest.mark.parametrize("value", [r'"a\nb"', r'"a\r"', r'"\e[2J"', '""', '" "'])
def test_an_option_that_the_file_cannot_hold_is_found(manifests: Any, value: str) -> None:
    found = manifests.bad(logging=f"{{destination: {{Name: http, Host: {value}}}}}")
    assert found == [("CL159", "logging.destination.Host")]
