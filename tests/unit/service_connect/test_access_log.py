"""The access log of proxies: who asks for it, and that it has ECS's formats."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.ecs.addons.model import TemplatePatch
from emulator.ecs.service import Service
from emulator.service_connect.access_log import AccessLog, Kind, deployed_log, loggers
from emulator.service_connect.envoy import LISTENERS_FILE, bootstrap, files, listeners_file
from emulator.service_connect.model import Endpoint, Protocol, Served
from tests.unit.runtime.world import connected

CONFIGURATION = ["Resources", "Service", "Properties", "ServiceConnectConfiguration"]
LOG = [*CONFIGURATION, "AccessLogConfiguration"]


def patched(*patches: tuple[str, list[str], object]) -> Service:
    made = [TemplatePatch.model_validate({"op": op, "path": path, "value": value}) for op, path, value in patches]
    return connected("api", serves="api").model_copy(update={"template_patches": made})


@pytest.mark.parametrize(
    ("patches", "expected"),
    [
        ([], None),
        ([("add", LOG, {"Format": "TEXT"})], AccessLog("text")),
        ([("add", LOG, {"Format": "JSON", "IncludeQueryParameters": "ENABLED"})], AccessLog("json", query=True)),
        ([("add", LOG, {"Format": "JSON", "IncludeQueryParameters": "DISABLED"})], AccessLog("json")),
        ([("add", LOG, {"Format": "JSON"}), ("replace", [*LOG, "Format"], "TEXT")], AccessLog("text")),
        ([("add", LOG, {"Format": "JSON"}), ("remove", LOG, None)], None),
        (
            [("replace", CONFIGURATION, {"Enabled": True, "AccessLogConfiguration": {"Format": "TEXT"}})],
            AccessLog("text"),
        ),
        ([("add", LOG, {"Format": "JSON"}), ("replace", CONFIGURATION, {"Enabled": True})], None),
        ([("add", LOG, {"Format": "JSON"}), ("replace", CONFIGURATION[:-1], {"DesiredCount": 1})], None),
        ([("replace", CONFIGURATION[:-1], {CONFIGURATION[-1]: {LOG[-1]: {"Format": "TEXT"}}})], AccessLog("text")),
        ([("add", LOG, {"Format": {"Ref": "Format"}})], None),
        ([("add", ["Resources", "Other", *LOG[2:]], {"Format": "TEXT"})], None),
    ],
)
def test_a_template_patch_asks_for_it(patches: list[Any], expected: AccessLog | None) -> None:
    assert deployed_log(patched(*patches)) == expected


@pytest.mark.parametrize("kind", ["text", "text-query", "json", "json-query"])
def test_a_word_stands_for_one(kind: Kind) -> None:
    found = AccessLog.of(kind)
    assert found is not None
    assert found.kind == kind
    assert AccessLog.of("") is None


def format_of(log: AccessLog, protocol: Protocol) -> Any:
    found: Any = loggers(log, protocol)
    [logger] = found["access_log"]
    return logger["typed_config"]["log_format"]


def test_a_line_is_as_ecs_documents_it() -> None:
    assert format_of(AccessLog("text", query=True), "http")["text_format_source"]["inline_string"] == (
        '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %BYTES_RECEIVED%'
        ' %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"'
        ' "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n'
    )
    grpc = format_of(AccessLog("text"), "grpc")["text_format_source"]["inline_string"]
    assert "%RESPONSE_CODE% %GRPC_STATUS()% %BYTES_RECEIVED%" in grpc
    assert grpc.endswith(' "%STREAM_ID%"\n')
    tcp = format_of(AccessLog("text"), "tcp")["text_format_source"]["inline_string"]
    assert tcp.startswith("[%START_TIME%] %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_PORT% ")


COMMON = ("start_time", "bytes_received", "bytes_sent")
HTTP = (
    *("method", "path", "protocol", "response_code", "upstream_service_time", "forwarded_for", "user_agent"),
    *("request_id", "authority", "upstream_host"),
)


@pytest.mark.parametrize(
    ("protocol", "keys"),
    [
        ("http", {*HTTP, "duration_ms"}),
        ("http2", {*HTTP, "duration", "stream_id"}),
        ("grpc", {*HTTP, "duration", "stream_id", "grpc_status"}),
        (
            "tcp",
            {
                *("downstream_remote_address", "downstream_remote_port", "duration"),
                *("connection_termination_details", "connection_id"),
            },
        ),
    ],
)
def test_json_has_the_keys_that_ecs_documents(protocol: Protocol, keys: set[str]) -> None:
    assert format_of(AccessLog("json"), protocol)["json_format"].keys() == {*COMMON, *keys}


def test_query_parameters_are_left_out_unless_they_are_asked_for() -> None:
    without, whole = format_of(AccessLog("json"), "http"), format_of(AccessLog("json", query=True), "http")
    assert "WITHOUT_QUERY" in without["json_format"]["path"]
    assert without["formatters"]
    assert whole["json_format"]["path"] == "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"
    assert "formatters" not in whole


def test_tasks_with_another_log_read_another_listener() -> None:
    log = AccessLog("json")
    found = files([Endpoint("api", 1, 80, "http", 300, 15)], {}, [None, log])
    assert list(found)[-2:] == [listeners_file(log), LISTENERS_FILE], "what a proxy waits for comes last"
    assert "access_log" in found[listeners_file(log)]
    assert "access_log" not in found[LISTENERS_FILE]
    text = str(bootstrap("t", "api", Served(80, "http"), log))
    assert listeners_file(log) in text
    assert "access_log" in text
