"""Messages as tests see them."""

from __future__ import annotations

import json
import re

import pytest

from emulator.testing.local_aws import Match, _matcher
from emulator.testing.results import QueueMessage

ENVELOPE = json.dumps({"Type": "Notification", "Message": '{"id": 7}', "TopicArn": "arn"})


def message(body: str) -> QueueMessage:
    return QueueMessage("1", body, {}, None, 0, True)


@pytest.mark.parametrize(
    ("body", "text"),
    [("plain", "plain"), ('{"id": 7}', '{"id": 7}'), (ENVELOPE, '{"id": 7}'), ('{"Message": "x"}', '{"Message": "x"}')],
)
def test_the_text_is_what_was_published(body: str, text: str) -> None:
    assert message(body).text == text


def test_the_text_may_be_json() -> None:
    assert message(ENVELOPE).json() == {"id": 7}
    with pytest.raises(ValueError, match="Expecting value"):
        message("plain").json()


@pytest.mark.parametrize(
    ("match", "holds"),
    [
        (None, True),
        ('"id": 7', True),
        ("^8", False),
        (re.compile("ID", re.IGNORECASE), True),
        (lambda found: found.json()["id"] == 7, True),
        (lambda found: found.received > 0, False),
    ],
)
def test_a_message_is_looked_for_by_its_text_or_by_a_function(match: Match | None, holds: bool) -> None:
    assert _matcher(match)(message(ENVELOPE)) is holds
