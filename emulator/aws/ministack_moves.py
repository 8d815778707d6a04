"""Dead letters that are moved back by AWS's own calls, which the program of `ministack_app` lacks.

A move ends before its call is answered, whatever speed it asks for. Source: the Amazon SQS API reference,
StartMessageMoveTask, ListMessageMoveTasks, CancelMessageMoveTask and ListDeadLetterSourceQueues.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

_Data = dict[str, Any]
_MOST = 10
"""Moves that are told of for each queue."""


def add_moves() -> None:
    """Adds the calls to the program. To be called once, before the first request."""
    from ministack.services import sqs

    moves = _Moves(sqs)
    sqs._HANDLERS.update(
        {
            "ListDeadLetterSourceQueues": moves.sources,
            "StartMessageMoveTask": moves.start,
            "ListMessageMoveTasks": moves.listed,
            "CancelMessageMoveTask": moves.cancel,
        }
    )


class _Moves:
    """The calls, over the program's queues. Moves are forgotten when the endpoint ends."""

    def __init__(self, sqs: Any) -> None:
        self._sqs = sqs
        self._ended: dict[str, list[_Data]] = {}
        """By the ARN of the queue of dead letters, the last first."""

    def sources(self, data: _Data, url: str) -> _Data:
        """The queues whose dead letters go to a queue."""
        queue = self._sqs._get_q(data.get("QueueUrl", url))
        return {"queueUrls": [one["url"] for one in self._queues_before(queue["attributes"]["QueueArn"])]}

    def start(self, data: _Data, _url: str) -> _Data:
        """Moves what is visible in a queue of dead letters."""
        source_arn = str(data.get("SourceArn", ""))
        source = self._sqs._queue_by_arn(source_arn)
        if source is None:
            raise self._error(
                "ResourceNotFoundException", "The resource that you specified for SourceArn doesn't exist."
            )
        if not self._queues_before(source_arn):
            what = "Source queue must be configured as a Dead Letter Queue."
            raise self._error("InvalidParameterValue", what)
        given = data.get("DestinationArn")
        if given and self._sqs._queue_by_arn(given) is None:
            what = "The resource that you specified for DestinationArn doesn't exist."
            raise self._error("ResourceNotFoundException", what)
        moved, left = 0, []
        now = time.time()
        for message in source["messages"]:
            came_from = given or message.get("sys", {}).get("DeadLetterQueueSourceArn", "")
            target = self._sqs._queue_by_arn(came_from) if came_from else None
            if target is None or message["visible_at"] > now:
                left.append(message)
                continue
            again = {"receipt_handle": None, "visible_at": now, "receive_count": 0, "first_receive_at": None}
            target["messages"].append({**message, **again})
            moved += 1
        source["messages"] = left
        one = {"Status": "COMPLETED", "SourceArn": source_arn, "StartedTimestamp": int(now * 1000)}
        counts = {"ApproximateNumberOfMessagesMoved": moved, "ApproximateNumberOfMessagesToMove": moved + len(left)}
        asked = {"DestinationArn": given} if given else {}
        self._ended[source_arn] = [{**one, **asked, **counts}, *self._ended.get(source_arn, [])][:_MOST]
        return {"TaskHandle": str(uuid.uuid4())}

    def listed(self, data: _Data, _url: str) -> _Data:
        """The moves out of a queue, the last first."""
        return {"Results": self._ended.get(str(data.get("SourceArn", "")), [])[: int(data.get("MaxResults") or 1)]}

    def cancel(self, _data: _Data, _url: str) -> _Data:
        """Every move has ended."""
        raise self._error("ResourceNotFoundException", "The specified task is not running.")

    def _queues_before(self, arn: str) -> list[_Data]:
        found = []
        for queue in self._sqs._queues.values():
            policy = queue["attributes"].get("RedrivePolicy")
            if policy and json.loads(policy).get("deadLetterTargetArn") == arn:
                found.append(queue)
        return found

    def _error(self, code: str, message: str) -> Exception:
        error: Exception = self._sqs._Err(code, message)
        return error
