"""The editor's settings: the schema goes in, and what stands there stays."""

from __future__ import annotations

import json

import pytest

from emulator.skeleton.editor import MANIFESTS, SCHEMA_FILE, with_schema


@pytest.mark.parametrize(
    "before",
    [
        "",
        "{}",
        '{\n\t"editor.tabSize": 2\n}\n',
        '{"yaml.schemas": {}}',
        '{\n  "yaml.schemas": {\n    "other.json": "*.yml"\n  },\n  "a": 1\n}',
    ],
)
def test_the_schema_is_added(before: str) -> None:
    after = with_schema(before)
    assert after is not None
    content = json.loads(after)
    assert content["yaml.schemas"].pop(SCHEMA_FILE) == [MANIFESTS]
    assert {"yaml.schemas": {}, **json.loads(before or "{}")} == content
    assert with_schema(after) == after
    assert all(line in after for line in before.strip("{}").splitlines())


@pytest.mark.parametrize("before", ['{\n  // mine\n  "a": 1\n}', "[]", '{"yaml.schemas": []}', '{"a": 1,}'])
def test_what_cannot_be_added_to_is_left_alone(before: str) -> None:
    assert with_schema(before) is None
