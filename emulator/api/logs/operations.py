"""Operations of CloudWatch Logs. Source: the CloudWatch Logs API reference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from emulator.api.clusters import Clusters
from emulator.api.errors import invalid
from emulator.api.logs.patterns import matcher
from emulator.api.logs.streams import LogEvent, LogGroup, LogStream, after, found_group, found_stream, groups
from emulator.api.shapes import Answer, Request

Key = tuple[int, int]

MOST_EVENTS = 10_000
MOST_BYTES = 1 << 20
"""Of the messages of one page."""
MOST_DESCRIBED = 50
_TOKEN = re.compile(r"([fb])/(\d{20})(\d{12})")
_FILTER_TOKEN = re.compile(r"(\d{20})(\d{12})/(.+)", re.DOTALL)


def describe_log_groups(clusters: Clusters, asked: Request) -> Answer:
    """DescribeLogGroups."""
    prefix, pattern = asked.get("logGroupNamePrefix", ""), asked.get("logGroupNamePattern", "")
    if prefix and pattern:
        raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    found = [
        _group(one)
        for one in groups(clusters).values()
        if one.name.startswith(prefix) and pattern.lower() in one.name.lower()
    ]
    return _page("logGroups", found, asked, "logGroupName")


def describe_log_streams(clusters: Clusters, asked: Request) -> Answer:
    """DescribeLogStreams."""
    group = found_group(clusters, _group_name(asked))
    prefix, by_time = asked.get("logStreamNamePrefix", ""), asked.get("orderBy") == "LastEventTime"
    if prefix and by_time:
        raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    found = [_stream(group, one) for one in group.streams.values() if one.name.startswith(prefix)]
    found.sort(
        key=lambda one: (one.get("lastEventTimestamp", 0) if by_time else 0, one["logStreamName"]),
        reverse=bool(asked.get("descending")),
    )
    return _page("logStreams", found, asked, "logStreamName")


def get_log_events(clusters: Clusters, asked: Request) -> Answer:
    """GetLogEvents: the last events, or with `startFromHead` the first; a token again gives what has come since."""
    stream = found_stream(found_group(clusters, _group_name(asked)), asked["logStreamName"])
    events = _between(stream, asked)
    most = _limit(asked, MOST_EVENTS)
    if token := asked.get("nextToken"):
        parsed = _TOKEN.fullmatch(token)
        if parsed is None:
            raise invalid("The specified nextToken is invalid.")
        key = (int(parsed[2]), int(parsed[3]))
        place = after(events, key)
        shown = _fitting(events[place:], most) if parsed[1] == "f" else _last(events[:place], most)
        begin, end = _edges(shown, key)
    else:
        shown = _fitting(events, most) if asked.get("startFromHead") else _last(events, most)
        begin, end = _edges(shown, events[-1].key if events else (0, 0))
    return {
        "events": [
            {"timestamp": one.milliseconds, "message": one.message, "ingestionTime": one.milliseconds} for one in shown
        ],
        "nextForwardToken": _token("f", end),
        "nextBackwardToken": _token("b", begin),
    }


def filter_log_events(clusters: Clusters, asked: Request) -> Answer:
    """FilterLogEvents: events of several streams by time, of those that match."""
    group = found_group(clusters, _group_name(asked))
    names, prefix = asked.get("logStreamNames"), asked.get("logStreamNamePrefix")
    if names and prefix:
        raise invalid("Cannot specify both logStreamNames and logStreamNamePrefix.")
    streams = [found_stream(group, name) for name in names] if names else list(group.streams.values())
    matches = matcher(asked.get("filterPattern", ""))
    found = sorted(
        (
            (event, stream)
            for stream in streams
            if stream.name.startswith(prefix or "")
            for event in _between(stream, asked)
            if matches(event.message)
        ),
        key=lambda one: (one[0].key, one[1].name),
    )
    if token := asked.get("nextToken"):
        parsed = _FILTER_TOKEN.fullmatch(token)
        if parsed is None:
            raise invalid("The specified nextToken is invalid.")
        place = ((int(parsed[1]), int(parsed[2])), parsed[3])
        found = [one for one in found if (one[0].key, one[1].name) > place]
    shown = found[: len(_fitting([event for event, _ in found], _limit(asked, MOST_EVENTS)))]
    answer: Answer = {
        "events": [
            {
                "logStreamName": stream.name,
                "timestamp": event.milliseconds,
                "message": event.message,
                "ingestionTime": event.milliseconds,
                "eventId": stream.event_id(event),
            }
            for event, stream in shown
        ],
        "searchedLogStreams": [],
    }
    if len(shown) < len(found):
        event, stream = shown[-1]
        answer["nextToken"] = f"{event.milliseconds:020d}{event.number:012d}/{stream.name}"
    return answer


def _between(stream: LogStream, asked: Request) -> list[LogEvent]:
    """From `startTime`; `endTime` is not part of it."""
    start, end = asked.get("startTime"), asked.get("endTime")
    return [event for event in stream.events(start) if end is None or event.milliseconds < end]


def _fitting(events: Sequence[LogEvent], most: int) -> list[LogEvent]:
    """The first ones, no more than a page holds."""
    found: list[LogEvent] = []
    size = 0
    for event in events[:most]:
        size += len(event.message.encode()) + 26
        if size > MOST_BYTES and found:
            break
        found.append(event)
    return found


def _last(events: Sequence[LogEvent], most: int) -> list[LogEvent]:
    return _fitting(events[::-1], most)[::-1]


def _edges(shown: Sequence[LogEvent], otherwise: Key) -> tuple[Key, Key]:
    """What the next tokens name: the last event before this page, and its last one."""
    if not shown:
        return otherwise, otherwise
    first, last = shown[0].key, shown[-1].key
    before = (first[0], first[1] - 1) if first[1] else (first[0] - 1, 10**12 - 1)
    return before, last


def _token(direction: str, key: tuple[int, int]) -> str:
    return f"{direction}/{max(key[0], 0):020d}{key[1]:012d}"


def _limit(asked: Request, most: int) -> int:
    limit = int(asked.get("limit", most))
    if not 1 <= limit <= most:
        raise invalid(f"limit must be between 1 and {most}")
    return limit


def _page(key: str, found: list[Answer], asked: Request, name: str) -> Answer:
    """One page; the token is the name of its last entry."""
    if token := asked.get("nextToken"):
        place = next((at for at, one in enumerate(found) if one[name] == token), None)
        if place is None:
            raise invalid("The specified nextToken is invalid.")
        found = found[place + 1 :]
    shown = found[: _limit(asked, MOST_DESCRIBED)]
    return {key: shown, **({"nextToken": shown[-1][name]} if len(shown) < len(found) else {})}


def _group_name(asked: Request) -> str:
    name = asked.get("logGroupName") or asked.get("logGroupIdentifier")
    if not name:
        raise invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")
    return str(name)


def _group(group: LogGroup) -> Answer:
    return {
        "logGroupName": group.name,
        "creationTime": group.created,
        "retentionInDays": group.retention,
        "metricFilterCount": 0,
        "arn": f"{group.arn}:*",
        "logGroupArn": group.arn,
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
    }


def _stream(group: LogGroup, stream: LogStream) -> Answer:
    events = stream.events()
    times = {}
    if events:
        first, last = events[0].milliseconds, events[-1].milliseconds
        times = {"firstEventTimestamp": first, "lastEventTimestamp": last, "lastIngestionTime": last}
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        **times,
        "uploadSequenceToken": "",
        "arn": f"{group.arn}:log-stream:{stream.name}",
        "storedBytes": 0,
    }


OPERATIONS: Final = {
    "DescribeLogGroups": describe_log_groups,
    "DescribeLogStreams": describe_log_streams,
    "FilterLogEvents": filter_log_events,
    "GetLogEvents": get_log_events,
}
