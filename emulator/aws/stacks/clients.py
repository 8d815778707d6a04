"""AWS API calls to the endpoint: clients that are made once, values of templates in the types that the API takes."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import botocore
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator.aws.client import client
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.values import Value, is_true, text

_making = threading.Lock()
"""A session makes one client at a time."""


class Refused(Problem):
    """The endpoint refused a call; `code` is AWS's. Its text is AWS's own, without who gave it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}", "see the message of AWS's API; the local endpoint gave it")
        self.code, self.message = code, f"the local endpoint refused it: {self}"


class Clients:
    """Clients of the endpoint for one region. Safe for threads."""

    def __init__(self, url: str, region: str) -> None:
        self._url, self._region = url, region

    def call(self, service: str, operation: str, /, **arguments: Any) -> dict[str, Any]:
        """Calls an operation such as `CreateQueue`. Raises Refused where the endpoint does."""
        with _explained(operation):
            answer: dict[str, Any] = getattr(self._client(service), botocore.xform_name(operation))(**arguments)
        return answer

    def attempt(
        self, expected: Collection[str], service: str, operation: str, /, **arguments: Any
    ) -> dict[str, Any] | None:
        """As `call`; None where the endpoint refuses with one of the `expected` codes."""
        try:
            return self.call(service, operation, **arguments)
        except Refused as error:
            if error.code not in expected:
                raise
            return None

    def listed(self, service: str, operation: str, member: str, /, **arguments: Any) -> Iterator[Any]:
        """What an operation such as `ListQueues` lists as `member` of its answers, of all pages. Raises as `call`."""
        with _explained(operation):
            for page in self._client(service).get_paginator(botocore.xform_name(operation)).paginate(**arguments):
                yield from page.get(member, ())

    def arguments(self, service: str, operation: str, properties: dict[str, Value]) -> dict[str, Any]:
        """Properties of a resource as arguments of an operation: those that it takes, numbers and booleans as such."""
        shape = self._client(service).meta.service_model.operation_model(operation).input_shape
        found = _typed(shape, properties)
        return found if isinstance(found, dict) else {}

    def _client(self, service: str) -> Any:
        with _making:
            return client(service, self._region, self._url)


@contextmanager
def _explained(operation: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        found = error.response.get("Error", {})
        raise Refused(str(found.get("Code", "")), str(found.get("Message", ""))) from error
    except BotoCoreError as error:
        raise Problem(f"{operation}: {error}", "correct the property, or see whether the local endpoint runs") from None


def _typed(shape: Shape, value: Value) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {
            name: _typed(shape.members[name], item)
            for name, item in value.items()
            if name in shape.members and item is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_typed(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _typed(shape.value, item) for name, item in value.items()}
    if shape.type_name == "boolean":
        return is_true(value)
    if shape.type_name in ("integer", "long") and isinstance(value, str):
        return _number(value, int)
    if shape.type_name in ("float", "double") and isinstance(value, str):
        return _number(value, float)
    if shape.type_name == "string" and not isinstance(value, str | list | dict | None):
        return text(value)
    return value


def _number(value: str, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(value)
    except ValueError:
        raise Problem(f"{value!r} is no number", "give a number") from None
