from __future__ import annotations

from emulator.render.diff import changes


def shown(old: object, new: object) -> list[str]:
    return [str(change) for change in changes(old, new)]


def test_values_are_compared_not_lines() -> None:
    old = {"A": {"x": 1, "y": [1, 2]}, "Gone": True}
    new = {"A": {"y": [1, 3], "x": "1"}, "New": {"k": "v"}}
    assert shown(old, new) == ["~ A.y[1]: 2 → 3", '+ New: {"k": "v"}', "- Gone: true"]


def test_items_with_names_are_matched_by_them() -> None:
    old = [{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]
    new = [{"Name": "c", "Value": "3"}, {"Name": "b", "Value": "2"}, {"Name": "a", "Value": "9"}]
    assert shown({"E": old}, {"E": new}) == ['+ E[c]: {"Name": "c", "Value": "3"}', '~ E[a].Value: "1" → "9"']


def test_equal_documents_have_no_changes() -> None:
    assert shown({"a": [True, "80"]}, {"a": ["true", 80]}) == []
