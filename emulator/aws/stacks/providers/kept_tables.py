"""What becomes of a table that is there when its template changes.

It becomes what the template says. What CloudFormation refuses, or makes the table anew for, is refused, before
anything is changed. A kept table does not tell what its template said before, so what goes with a change is told.

Source: CloudFormation, AWS::DynamoDB::Table ("Update requires" of its properties) and its refusals; DynamoDB API,
UpdateTable and UpdateTimeToLive.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Resource

_Index = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """The view type of a table's stream, and the attribute by which its items expire; empty where there is none."""

    stream: str
    expiry: str


def require_same_keys(name: str, present: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raises Problem where the template has keys or local indexes that only another table can have."""
    types, asked = (
        {item["AttributeName"]: item["AttributeType"] for item in side.get("AttributeDefinitions", [])}
        for side in (present, wanted)
    )
    keys, local = _keys(present), "LocalSecondaryIndexes"
    other = ""
    if {index: _shape(one) for index, one in _by_name(present, local).items()} != {
        index: _shape(one) for index, one in _by_name(wanted, local).items()
    }:
        other = "local indexes"
    if (
        keys != _keys(wanted)
        or any(key not in asked for key, _ in keys)
        or any(types[attribute] != asked[attribute] for attribute in types.keys() & asked.keys())
    ):
        other = "keys"
    if other:
        raise Problem(
            f"the table {name} has other {other} than the template: made anew, its data would go",
            f"keep the {other}, give the table another name, or delete it: "
            f"copilot-local aws dynamodb delete-table --table-name {name}",
        )


def set_expiry(clients: Clients, name: str, attribute: str, *, on: bool) -> None:
    """Turns a table's time to live by an attribute on or off."""
    specification = {"Enabled": on, "AttributeName": attribute}
    clients.call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=specification)


class Kept:
    """A table that is there, with the keys of its template."""

    def __init__(self, context: Context, resource: Resource, name: str, present: dict[str, Any]) -> None:
        self._context, self._resource = context, resource
        self._clients, self._name, self._present = context.clients, name, present

    def become(self, wanted: dict[str, Any], settings: Settings) -> dict[str, Any]:
        """Makes the table what the template says; its description then. Raises Problem where CloudFormation would not
        do it, with nothing changed."""
        there, asked = (_by_name(side, "GlobalSecondaryIndexes") for side in (self._present, wanted))
        expiry = self._expiry()
        self._require_same_indexes(there, asked)
        self._require_same_expiry(expiry, settings.expiry)
        self._change_indexes(there, asked, wanted)
        self._change_expiry(expiry, settings.expiry)
        self._change_stream(settings.stream)
        return self._present

    def _require_same_indexes(self, there: dict[str, _Index], asked: dict[str, _Index]) -> None:
        for index in there.keys() & asked.keys():
            if _shape(there[index]) != _shape(asked[index]):
                deletion = json.dumps([{"Delete": {"IndexName": index}}])
                raise Problem(
                    f"the index {index} of the table {self._name} has another key or projection than the template: "
                    "CloudFormation refuses to change it",
                    "give the index another name, or delete it here, to have it made anew: copilot-local aws dynamodb "
                    f"update-table --table-name {self._name} --global-secondary-index-updates '{deletion}'",
                )

    def _require_same_expiry(self, present: str, wanted: str) -> None:
        if present and wanted and present != wanted:
            raise Problem(
                f"the table {self._name} expires items by {present}, and the template says {wanted}: "
                "CloudFormation refuses to change it",
                "deploy, and bring up, with Enabled: false under TimeToLiveSpecification first, then with the new name",
            )

    def _change_indexes(self, there: dict[str, _Index], asked: dict[str, _Index], wanted: dict[str, Any]) -> None:
        gone = [index for index in there if index not in asked]
        new = [index for index in asked if index not in there]
        if len([*gone, *new]) > 1:
            self._warn(
                f"gets or loses the indexes {', '.join([*gone, *new])}: CloudFormation takes one such change at a time"
            )
        for index in gone:
            self._warn(f"had the index {index}, and has it no more: its template has none of this name")
            self._update(GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": index}}])
        for index in new:
            self._update(
                AttributeDefinitions=wanted["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[{"Create": asked[index]}],
            )

    def _expiry(self) -> str:
        found = self._clients.call("dynamodb", "DescribeTimeToLive", TableName=self._name)["TimeToLiveDescription"]
        on = found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        return str(found.get("AttributeName", "")) if on else ""

    def _change_expiry(self, present: str, wanted: str) -> None:
        if present and not wanted:
            self._warn(f"expired items by {present}, and does no more: its template has no time to live")
            set_expiry(self._clients, self._name, present, on=False)
        if wanted and not present:
            set_expiry(self._clients, self._name, wanted, on=True)

    def _change_stream(self, wanted: str) -> None:
        stream = self._present.get("StreamSpecification") or {}
        present = str(stream.get("StreamViewType", "")) if stream.get("StreamEnabled") else ""
        if present == wanted:
            return
        if present:  # DynamoDB does not change the view of a stream: another one begins
            self._update(StreamSpecification={"StreamEnabled": False})
        if wanted:
            self._update(StreamSpecification={"StreamEnabled": True, "StreamViewType": wanted})
        else:
            self._warn("had a stream, and has none any more: its template has none")

    def _update(self, **changes: Any) -> None:
        answer = self._clients.call("dynamodb", "UpdateTable", TableName=self._name, **changes)
        self._present = answer["TableDescription"]

    def _warn(self, text: str) -> None:
        self._context.warn(self._resource, f"the table {self._name} {text}")


def _by_name(side: dict[str, Any], kind: str) -> dict[str, _Index]:
    return {index["IndexName"]: index for index in side.get(kind) or []}


def _shape(index: _Index) -> tuple[object, ...]:
    """What of an index cannot change."""
    projection = index.get("Projection") or {}
    return _keys(index), projection.get("ProjectionType"), sorted(projection.get("NonKeyAttributes") or [])


def _keys(side: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key["AttributeName"], key["KeyType"]) for key in side.get("KeySchema", [])]
