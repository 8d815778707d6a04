"""Rules of tables that DynamoDB has and the program of `ministack_app` does not, put into it.

Everything here is for the pinned version, as `ministack_app` is. Source: the API reference and the developer guide of
Amazon DynamoDB, expressions; `docs/fidelity/aws-endpoint.md` has the checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_Data = dict[str, Any]


def add_tables() -> None:
    """Puts the rules in. To be called once, before the first request."""
    from ministack.services import dynamodb

    def refused(problem: str) -> Any:
        return dynamodb.error_response_json("ValidationException", problem, 400)

    def before(name: str, problem_of: Callable[[_Data], str]) -> None:
        act = getattr(dynamodb, name)

        def checked(data: _Data) -> Any:
            answer = act(data) if name in ("_query", "_scan") else None  # what it refuses itself comes first
            if answer is not None and answer[0] != _FINE:
                return answer
            problem = problem_of(data)
            return refused(problem) if problem else answer or act(data)

        setattr(dynamodb, name, checked)

    def reading(data: _Data) -> str:
        problem = _sign_problem(data) or _key_problem(data)
        return problem or _filter_problem(dynamodb, data) or _selection_problem(dynamodb, data)

    before("_query", reading)
    before("_scan", lambda data: _selection_problem(dynamodb, data) or _sign_problem(data))
    before("_update_item", lambda data: _sign_problem(data) or _update_problem(data))
    before("_put_item", _sign_problem)
    before("_delete_item", _sign_problem)
    before("_transact_write_items", _transaction_problem)


_FINE = 200
_WORD = re.compile(r"(?<![\w#:.\]])(#\w+|[A-Za-z_]\w*)(?!\w*\s*\()")
_SECTION = re.compile(r"(?<![\w#:.])(SET|REMOVE|ADD|DELETE)\s", re.IGNORECASE)


_CONDITIONS = ("ConditionExpression", "FilterExpression", "KeyConditionExpression")
_NO_KEY_OPERATOR = re.compile(r"<>|\b(?:OR|NOT|IN)\b|\b(?:contains|size|attribute_\w+)(?=\s*\()", re.IGNORECASE)


def _sign_problem(data: _Data) -> str:
    """Why a condition is refused: not equal is written `<>`."""
    for kind in _CONDITIONS:
        if "!=" in str(data.get(kind) or ""):
            return f'Invalid {kind}: Syntax error; token: "!", near: "!="'
    return ""


def _key_problem(data: _Data) -> str:
    """Why a condition on keys is refused: it compares a key once, joined by AND alone."""
    between = re.sub(r"[#:]\w+", "", str(data.get("KeyConditionExpression") or ""))
    found = _NO_KEY_OPERATOR.search(between)
    return f"Invalid operator used in KeyConditionExpression: {found[0]}" if found else ""


def _transaction_problem(data: _Data) -> str:
    """Why a transaction is refused as a whole: what one of its parts says is none."""
    parts = [part for one in data.get("TransactItems") or () for part in one.values() if isinstance(part, dict)]
    return next((problem for part in parts if (problem := _sign_problem(part) or _update_problem(part))), "")


def _filter_problem(dynamodb: Any, data: _Data) -> str:
    """Why a query's filter is refused: it may not name the keys that the query is by."""
    table = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName"))) or {}
    index = dynamodb._index_def(table, data["IndexName"]) if data.get("IndexName") else None
    keys = {one["AttributeName"] for one in (index or table).get("KeySchema", [])}
    names = data.get("ExpressionAttributeNames") or {}
    asked = [names.get(word, word) for word in _WORD.findall(data.get("FilterExpression") or "")]
    named = next((name for name in asked if name in keys), "")
    rule = "Filter Expression can only contain non-primary key attributes"
    return f"{rule}: Primary key attribute: {named}" if named else ""


def _selection_problem(dynamodb: Any, data: _Data) -> str:
    """Why all attributes cannot be read by a global index, which has not all of them."""
    table = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName"))) or {}
    for index in table.get("GlobalSecondaryIndexes", []):
        part = index.get("Projection", {}).get("ProjectionType", "ALL") != "ALL"
        if part and index["IndexName"] == data.get("IndexName") and data.get("Select") == "ALL_ATTRIBUTES":
            return (
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global"
                f" secondary index {index['IndexName']} because its projection type is not ALL"
            )
    return ""


def _update_problem(data: _Data) -> str:
    """Why an update is refused: a section that comes twice, what is no assignment, one place that is changed twice."""
    expression, seen = data.get("UpdateExpression") or "", set[str]()
    names = data.get("ExpressionAttributeNames") or {}
    paths: list[tuple[str, ...]] = []
    for section, action in _actions(expression):
        if section in seen and action is None:
            return f'Invalid UpdateExpression: The "{section}" section can only be used once in an update expression;'
        seen.add(section)
        if action is None:
            continue
        if section == "SET" and (action.count("=") != 1 or not action.partition("=")[2].strip()):
            near = " ".join(re.findall(r"[^\s=]+|=", action)[1:3])
            return f'Invalid UpdateExpression: Syntax error; token: "=", near: "{near}"'
        if section == "SET" and (kind := _added_kind(action, data.get("ExpressionAttributeValues") or {})):
            rule = "Incorrect operand type for operator or function"
            return f"Invalid UpdateExpression: {rule}; operator or function: {kind[0]}, operand type: {kind[1]}"
        written = (action.partition("=")[0] if section == "SET" else action.split()[0]).strip()
        path = tuple(names.get(part, part) for part in re.findall(r"#?\w+|\[\d+\]", written))
        for other in paths:
            if other[: len(path)] == path[: len(other)]:
                one, two = (", ".join(each) for each in (other, path))
                rule = "Two document paths overlap with each other; must remove or rewrite one of these paths"
                return f"Invalid UpdateExpression: {rule}; path one: [{one}], path two: [{two}]"
        paths.append(path)
    return ""


def _added_kind(action: str, values: _Data) -> tuple[str, str] | None:
    """The sign and the type of a value that is added or taken off, and is no number."""
    sum_ = re.fullmatch(r"[^=]+=\s*(\S+)\s*([+-])\s*(\S+)", action)
    for word in (sum_[1], sum_[3]) if sum_ else ():
        kind = next(iter(values.get(word) or {"N": ""}))
        if sum_ and kind != "N":
            return sum_[2], kind
    return None


def _actions(expression: str) -> Iterator[tuple[str, str | None]]:
    """The sections of an update (each with None first), and what each does."""
    parts = _SECTION.split(expression)[1:]
    for section, body in zip(parts[::2], parts[1::2], strict=True):
        yield section.upper(), None
        depth, action = 0, ""
        for character in body + ",":
            depth += (character == "(") - (character == ")")
            if character != "," or depth > 0:
                action += character
            elif action.strip():
                yield section.upper(), action.strip()
                action = ""
