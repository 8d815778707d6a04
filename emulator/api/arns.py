"""How a request names a resource: by its name, its ARN, or its ARN of the format without the cluster.

Source: the ECS developer guide (Amazon Resource Names and IDs). An ARN of another service, partition, region, account,
cluster or kind names something else, although it may end with the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any


def short(arn_or_name: str) -> str:
    """The last part of an ARN, or a name as it is."""
    return arn_or_name.rpartition("/")[2]


def short_arn(arn: str) -> str:
    """An ARN of a service or task in the format without the cluster; another ARN as it is."""
    head, _, path = arn.rpartition(":")
    return f"{head}:{path.partition('/')[0]}/{short(path)}"


def means(text: str, arn: str) -> bool:
    """Whether `text` names the resource of this ARN."""
    return text in (arn, short(arn), short_arn(arn))


def named(found: Iterable[Mapping[str, Any]], member: str, text: str) -> dict[str, Any] | None:
    """The one of these resources that `text` names; `member` holds their ARNs. None where there is none."""
    return next((dict(one) for one in found if means(text, str(one[member]))), None)


def sought(
    found: Collection[Mapping[str, Any]], member: str, texts: Iterable[str], arn_of: Callable[[str], str]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Those of these resources that `texts` name, and failures for the others; `arn_of` makes an ARN of a name."""
    pairs = [(text, named(found, member, text)) for text in texts]
    missing = [text if ":" in text else arn_of(text) for text, one in pairs if one is None]
    return [one for _, one in pairs if one is not None], [{"arn": arn, "reason": "MISSING"} for arn in missing]
