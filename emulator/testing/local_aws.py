"""The verbs of `Environment` for the local AWS endpoint: a client, waiting for a message, and all of it as it began."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cached_property
from typing import Any

from emulator.errors import EngineError, InputError
from emulator.regions import LOCAL_KEY
from emulator.runtime.control.local_aws import Conversation, endpoint_url, followed
from emulator.runtime.lifecycle.sql import restore
from emulator.testing.failures import in_vain
from emulator.testing.lifecycle import Lifecycle
from emulator.testing.results import QueueMessage

WAIT_FOR_MESSAGE = 30.0
_OWN_VARIABLES = {"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)}
"""Settings of botocore that would otherwise come from the developer's own files."""

Match = str | re.Pattern[str] | Callable[[QueueMessage], bool]
"""A regular expression that is found in the message's text, or a function that says whether it is the one."""


class LocalAws(Lifecycle):
    """What tests do with the local AWS endpoint of their environment."""

    _conversation: Conversation | None = None

    @cached_property
    def _aws_clients(self) -> dict[tuple[str, str], Any]:
        """Clients by the endpoint's URL and the service."""
        return {}

    def aws(self, service: str) -> Any:
        """A boto3 client of one AWS service, such as `sqs` or `s3`, for the environment's local endpoint.

        It has the endpoint's keys and the region of the services, and nothing of the developer's own configuration.
        One client for each service is made, and given again. Needs boto3 (the extra `aws`). Raises `InputError`
        without it, and where no endpoint runs: no service has queues, topics or addons.
        """
        url = endpoint_url(self.engine, self.names)
        if (url, service) not in self._aws_clients:
            self._aws_clients[url, service] = self._aws_client(service, url)
        return self._aws_clients[url, service]

    def wait_for_message(
        self, queue: str, match: Match | None = None, timeout: float = WAIT_FOR_MESSAGE, *, dead: bool = False
    ) -> QueueMessage:
        """Returns the first message that is in a queue and matches; waits up to `timeout` seconds for it.

        `queue` is `SERVICE`, `SERVICE/TOPIC`, `SERVICE/LOGICAL_ID` of an addon, or AWS's name; `dead` means its dead
        letters. Without `match` any message will do. Looking changes nothing: the message stays for the services, and
        one in flight is seen too. One that a service deletes within a few hundredths of a second may be missed: wait
        for what the service does then. Raises `TaskError` with the last messages after the timeout, `InputError` for an
        unknown queue, and `ContainerFailed` as soon as an essential container dies.
        """
        matches = _matcher(match)
        others: list[str] = []
        deadline = time.monotonic() + timeout
        with closing(followed(self.engine, self.names, queue, dead=dead, timeout=timeout)) as messages:
            for found in messages:
                if found is not None:
                    message = QueueMessage.read(found)
                    if matches(message):
                        return message
                    others.append(message.text)
                self.check()
                if time.monotonic() > deadline:
                    break
        which = f"the dead letters of {queue}" if dead else queue
        what = f" that matches {match.pattern if isinstance(match, re.Pattern) else match!r}" if match else ""
        raise in_vain(f"no message{what} is in {which}", timeout, others)

    def reset(self) -> None:
        """Takes everything out of queues, tables and buckets, and puts the seed in again, where there is one; tables of
        databases that the seed has made get its rows again.

        They themselves stay, with subscriptions, secrets, other parameters and the connections to databases, and so do
        what a service holds in memory and the deduplication ids of FIFO queues. Call it between tests, when no service
        works on a message. Raises `InputError` where no endpoint runs, and `TaskError` where a database refuses.
        """
        self._ask("reset")
        restore(self.engine, self.names, self._up.state.databases)

    def stop(self) -> None:
        """Takes everything down, data included; with `reuse` leaves it running. Raises `EngineError`."""
        self._end_conversation()
        super().stop()

    def _ask(self, verb: str) -> Any:
        """The endpoint's answer; anew where it was started again since the last one."""
        if self._conversation is not None:
            with suppress(EngineError, OSError):
                return self._conversation.ask(verb)
            self._end_conversation()
        self._conversation = Conversation(self.engine, self.names)
        return self._conversation.ask(verb)

    def _end_conversation(self) -> None:
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            with suppress(EngineError, OSError):
                conversation.close()

    def _aws_client(self, service: str, url: str) -> Any:
        try:
            import boto3
            import botocore.session
            from botocore.config import Config
        except ImportError:
            raise InputError("boto3 is not installed", hint="pip install boto3") from None
        region = next(iter(self._up.state.services.values())).options.region
        session = botocore.session.Session(session_vars=_OWN_VARIABLES)
        session.set_credentials(LOCAL_KEY, LOCAL_KEY)
        own = Config(proxies={}, s3={"addressing_style": "path"}, retries={"max_attempts": 1})
        return boto3.Session(botocore_session=session, region_name=region).client(service, endpoint_url=url, config=own)


def _matcher(match: Match | None) -> Callable[[QueueMessage], bool]:
    if match is None:
        return lambda _: True
    if isinstance(match, str | re.Pattern):
        expression = re.compile(match)
        return lambda message: expression.search(message.text) is not None
    return match
