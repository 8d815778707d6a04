"""ECS Exec without a container: messages byte by byte, sessions, and who may open a data channel."""

from __future__ import annotations

import hashlib
import json
import socket
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, RejectConnection, Request, TextMessage

from emulator.api.exec.messages import (
    BadMessage,
    ChannelMessage,
    Payload,
    acknowledgement,
    decoded,
    terminal_size,
)
from emulator.api.exec.sessions import OPEN_FOR, Session, Sessions
from emulator.engine.fake import FakeEngine
from tests.unit.agent.rig import Rig
from tests.unit.api.conftest import Api, answering
from tests.unit.runtime.world import make_service

ID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")


class TestMessages:
    def test_byte_by_byte(self) -> None:
        data = ChannelMessage("input_stream_data", b"ls", 7, Payload.OUTPUT, 1, ID).encoded()
        assert data[:4].hex() == "00000074"
        assert data[4:36] == b"input_stream_data               "
        assert data[36:40].hex() == "00000001"
        assert data[48:56].hex() == "0000000000000007"
        assert data[56:64].hex() == "0000000000000001"
        assert data[64:80].hex() == "8899aabbccddeeff0011223344556677", "the low half of the UUID comes first"
        assert data[80:112] == hashlib.sha256(b"ls").digest()
        assert data[112:].hex() == "00000001" + "00000002" + b"ls".hex()
        found = decoded(data)
        assert (found.kind, found.payload, found.sequence, found.id) == ("input_stream_data", b"ls", 7, ID)

    @pytest.mark.parametrize("change", [slice(0, 1), slice(80, 81), slice(119, 120), slice(121, 122)])
    def test_what_is_no_message(self, change: slice) -> None:
        data = bytearray(ChannelMessage("input_stream_data", b"ls").encoded())
        data[change] = b"\xff"
        with pytest.raises(BadMessage):
            decoded(bytes(data))
        with pytest.raises(BadMessage):
            decoded(bytes(data[:100]))

    def test_an_acknowledgement_names_its_message(self) -> None:
        content = json.loads(acknowledgement(ChannelMessage("input_stream_data", b"", 7, id=ID)).payload)
        assert content["AcknowledgedMessageId"] == str(ID)
        assert (content["AcknowledgedMessageType"], content["AcknowledgedMessageSequenceNumber"]) == (
            "input_stream_data",
            7,
        )

    @pytest.mark.parametrize("payload", [b"", b"[]", b'{"cols": 80}', b'{"cols": 0, "rows": 1}', b'{"cols": "x"}'])
    def test_a_size_that_is_none(self, payload: bytes) -> None:
        with pytest.raises(BadMessage):
            terminal_size(payload)


class TestSessions:
    def test_open_once_by_their_token_and_for_a_minute(self) -> None:
        now = 100.0
        sessions = Sessions(lambda: now)
        sessions.address = "127.0.0.1:4510"
        first, second = (Session(FakeEngine(), "c", ("sh",)) for _ in range(2))
        url = sessions.begin(first)
        assert url == f"ws://127.0.0.1:4510/v1/data-channel/{first.id}?role=publish_subscribe"
        sessions.begin(second)
        assert sessions.take(first.id, second.token) is None
        assert sessions.take(first.id, first.token) is first
        assert sessions.take(first.id, first.token) is None
        now += OPEN_FOR
        assert sessions.take(second.id, second.token) is None
        assert second.token not in repr(second)


class Client:
    """A WebSocket to the API."""

    def __init__(self, api: Api, path: str, **headers: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", api.port), timeout=20)
        self.web = WSConnection(ConnectionType.CLIENT)
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.send(Request(host=f"127.0.0.1:{api.port}", target=path, extra_headers=extra))

    def send(self, event: Any) -> None:
        self.socket.sendall(self.web.send(event))

    def next(self) -> Any:
        """The next event that is no part of another."""
        while True:
            for event in self.web.events():
                return event
            self.web.receive_data(self.socket.recv(65536) or None)

    def close(self) -> None:
        self.socket.close()


class TestDataChannel:
    @pytest.mark.parametrize("headers", [{"origin": "https://example.com"}, {"sec-fetch-site": "cross-site"}])
    def test_no_web_page_opens_one(self, api: Api, headers: dict[str, str]) -> None:
        client = Client(api, "/v1/data-channel/x", **headers)
        event = client.next()
        assert isinstance(event, RejectConnection)
        assert event.status_code == 403
        client.close()

    @pytest.mark.parametrize("first", ['{"TokenValue": "guessed"}', "{}", "[]", "no JSON", b"bytes"])
    def test_none_opens_without_its_token(self, api: Api, first: str | bytes) -> None:
        client = Client(api, "/v1/data-channel/ecs-execute-command-0123456789abcdefg")
        assert isinstance(client.next(), AcceptConnection)
        client.send(TextMessage(data=first) if isinstance(first, str) else BytesMessage(data=first))
        event = client.next()
        assert isinstance(event, CloseConnection)
        assert event.code == 1008
        client.close()

    def test_nothing_else_is_there(self, api: Api) -> None:
        client = Client(api, "/")
        event = client.next()
        client.close()
        assert isinstance(event, RejectConnection)
        assert event.status_code == 404


def test_a_task_that_does_not_allow_it(api: Api) -> None:
    ecs = api.client()
    [task, _] = ecs.list_tasks(cluster="demo-test")["taskArns"]
    with pytest.raises(ClientError, match="execute command was not enabled when the task was run"):
        ecs.execute_command(cluster="demo-test", task=task, command="sh", interactive=True)


def test_a_program_that_runs_on_this_machine(rig: Rig, tmp_path: Path) -> None:
    service = make_service(cpu="256", memory="512").model_copy(update={"execute_command": True})
    with answering(rig, tmp_path, service, native=True) as api:
        ecs = api.client()
        [task] = ecs.list_tasks(cluster="demo-test")["taskArns"]
        with pytest.raises(ClientError, match=r"runs on this machine \(up --native\), not in a container"):
            ecs.execute_command(cluster="demo-test", task=task, command="sh", interactive=True)


class Terminal:
    """A client of a session over a container that gives back what is typed."""

    def __init__(self, api: Api) -> None:
        ecs = api.client()
        [task] = ecs.list_tasks(cluster="demo-test")["taskArns"]
        answer = ecs.execute_command(cluster="demo-test", task=task, command="cat", interactive=True)
        self.session = answer["session"]
        url = urlsplit(self.session["streamUrl"])
        assert (url.hostname, url.port) == ("127.0.0.1", api.port)
        self.client = Client(api, f"{url.path}?{url.query}")
        assert isinstance(self.client.next(), AcceptConnection)
        self.client.send(TextMessage(data=json.dumps({"TokenValue": self.session["tokenValue"]})))

    def send(self, sequence: int, kind: Payload, payload: bytes) -> None:
        message = ChannelMessage("input_stream_data", payload, sequence, kind)
        self.client.send(BytesMessage(data=message.encoded()))

    def until(self, kind: str, payload_type: int) -> tuple[ChannelMessage, list[str]]:
        """The next message of that kind, and the kinds of all that came until then."""
        kinds = []
        while True:
            event = self.client.next()
            assert isinstance(event, BytesMessage), event
            message = decoded(bytes(event.data))
            kinds.append(message.kind)
            if (message.kind, message.payload_type) == (kind, payload_type):
                return message, kinds


def test_a_session_from_its_token_to_its_end(rig: Rig, tmp_path: Path) -> None:
    service = make_service(cpu="256", memory="512").model_copy(update={"execute_command": True})
    with answering(rig, tmp_path, service) as api:
        terminal = Terminal(api)
        request, _ = terminal.until("output_stream_data", Payload.HANDSHAKE_REQUEST)
        [action] = json.loads(request.payload)["RequestedClientActions"]
        assert action["ActionParameters"]["SessionType"] == "InteractiveCommands"
        terminal.send(0, Payload.HANDSHAKE_RESPONSE, b"{}")
        terminal.until("output_stream_data", Payload.HANDSHAKE_COMPLETE)
        for sequence in (1, 1):  # what is not acknowledged in time comes again
            terminal.send(sequence, Payload.OUTPUT, b"typed")
        terminal.send(2, Payload.SIZE, b'{"cols": 100, "rows": 30}')
        printed, acknowledged = b"", 0
        while printed != b"typed100x30" or acknowledged < 3:
            event = terminal.client.next()
            message = decoded(bytes(event.data))
            printed += message.payload if message.kind == "output_stream_data" else b""
            acknowledged += message.kind == "acknowledge"
        terminal.client.close()
    assert any("kill -HUP" in " ".join(words) for _, words in rig.engine.execs), "nothing is left behind"
