"""The driver for ministack, the program that answers as AWS does, and what of it is not its interface: settings,
state, log groups.

Everything here is for the pinned version of requirements/aws.in; beside `permissions.described` and the modules whose
names begin with `ministack_` nothing else in this room knows the program.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from emulator.aws.asgi import Application
from emulator.aws.checked import with_rules
from emulator.aws.driver import Driver
from emulator.aws.ministack_rules import add_rules
from emulator.regions import LOCAL_KEY

SERVICES = (
    *("acm", "cloudwatch", "cognito-identity", "cognito-idp", "dynamodb", "dynamodbstreams", "events", "firehose"),
    *("iam", "kinesis", "kms", "logs", "s3", "scheduler", "secretsmanager", "ses", "sns", "sqs", "ssm", "states"),
    *("sts", "tagging"),
)
"""What is answered. Those that start programs or containers of their own (`lambda`, `ecs`, `rds`, …) are not."""
MESSAGES = "/_ministack/sqs/messages"
"""A path of the program's own: the messages of queues, of which nothing changes by looking at them."""


def driver(folder: Path, region: str, account: str, public_port: int) -> Driver:
    """The driver for the program, which has what AWS refuses refused in front of it. See `configure`."""
    configure(folder, region, account, public_port)
    return Driver(with_rules(application()), saver(), log_regions)


def configure(folder: Path, region: str, account: str, public_port: int) -> None:
    """Sets what the program reads when it is imported: to be called before `application`.

    `folder` keeps its state. `public_port` is in the URLs that it gives out: those of 127.0.0.1, which mean this
    endpoint on the host as in every task.
    """
    os.environ.update(
        {
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(public_port),
            "MINISTACK_REGION": region,
            "MINISTACK_ACCOUNT_ID": account,
            "AWS_ACCESS_KEY_ID": LOCAL_KEY,
            "AWS_SECRET_ACCESS_KEY": LOCAL_KEY,
            "SERVICES": ",".join(SERVICES),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(folder / "s3"),
            "LOG_LEVEL": "WARNING",
            # Each would listen on a port of its own, on every address.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
    )


def application() -> Application:
    """The program as an ASGI application. It loads its state when it starts and saves it when it ends."""
    from ministack.app import app

    add_rules()
    follow_port()
    return cast("Application", app)


class _Failures(logging.Handler):
    """The errors that the program logs in place of raising them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[Exception] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.found += [one for one in arguments if isinstance(one, Exception)]


def saver() -> Callable[[], None]:
    """What writes the state of all services down. It raises OSError where the volume has no room."""
    from ministack.app import _build_persistence_save_dict, save_all
    from ministack.core import persistence

    def save() -> None:
        failures = _Failures()
        persistence.logger.addHandler(failures)
        try:
            save_all(_build_persistence_save_dict())
        finally:
            persistence.logger.removeHandler(failures)
        for failure in failures.found:
            if isinstance(failure, OSError):
                raise failure

    return save


def log_regions() -> list[str]:
    """The regions that have log groups, which no call of AWS tells."""
    from ministack.services import cloudwatch_logs

    return sorted({region for _, region, _ in cloudwatch_logs._log_groups._data})


def follow_port() -> None:
    """Lets the program give kept queues the URLs of the port that it has now. To be called once, before it loads its
    state.

    It knows a queue by its URL. Under the one of an earlier port it would be found by no list, or, worse, lead to the
    endpoint of another environment, which has that port now.
    """
    from ministack.services import sqs

    restore = sqs.load_persisted_state

    def load(data: Any) -> None:
        restore(data)
        _move(sqs)

    sqs.load_persisted_state = load


def _move(sqs: Any) -> None:
    for key, queue in sqs._queues.all_items():
        account, *_, url = key
        now = sqs._queue_url_for_account(account, queue["name"])
        if now != url:
            queue["url"] = now
            sqs._queues._data[(*key[:-1], now)] = sqs._queues._data.pop(key)
    sqs._queue_name_to_url.clear()
    sqs._rebuild_queue_name_index()
