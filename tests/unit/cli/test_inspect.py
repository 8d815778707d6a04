"""Which tasks and services `inspect` prints."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.cli.observe.inspect import chosen
from emulator.errors import InputError

WEB, API, JOB = "0123456789", "0199999999", "a000000000"


def task(id: str, group: str) -> dict[str, Any]:
    return {"taskArn": f"arn:aws:ecs:eu-west-1:000000000000:task/shop/{id}", "group": group}


CONTENT = {
    "tasks": [task(WEB, "service:web"), task(API, "service:api"), task(JOB, "family:shop-test-job")],
    "services": [{"serviceName": "web"}, {"serviceName": "api"}],
}


def ids(*wanted: str) -> list[str]:
    return [one["taskArn"].rpartition("/")[2] for one in chosen(CONTENT, wanted)["tasks"]]


def test_tasks_are_chosen_by_the_beginning_of_their_ids_or_by_their_service() -> None:
    assert ids("012") == [WEB]
    assert ids("01") == [WEB, API]
    assert ids("web", "a0") == [WEB, JOB]
    assert chosen(CONTENT, ["web"])["services"] == [{"serviceName": "web"}]
    assert "services" not in chosen(CONTENT, ["012"])


def test_what_is_neither_is_named_with_what_was_meant() -> None:
    with pytest.raises(InputError, match=r"^no such task or service: wep, 7") as raised:
        chosen(CONTENT, ["web", "wep", "7"])
    assert "web" in raised.value.hint
    assert "`copilot-local ps -a` shows the ids of tasks" in raised.value.hint
