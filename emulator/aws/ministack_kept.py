"""Queues that the program of `ministack_app` kept while it did not run: they have the URLs of the port that it has now.

The program knows a queue by its URL. Under the one of an earlier port it would be found by no list, or, worse, lead to
the endpoint of another environment, which has that port now.
"""

from __future__ import annotations

from typing import Any


def follow_port() -> None:
    """Lets the program give kept queues their URLs anew. To be called once, before it loads its state."""
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
