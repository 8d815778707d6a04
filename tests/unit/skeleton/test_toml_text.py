"""Keys that are added to a settings file: nothing else in it changes."""

from __future__ import annotations

import tomllib

import pytest

from emulator.errors import InputError
from emulator.skeleton.toml_text import Entry, with_entries


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", '[values]\nA = ""\n', id="an empty file"),
        pytest.param("# mine\n", '# mine\n\n[values]\nA = ""\n', id="a file with a comment"),
        pytest.param('[values]\nB = "b"\n', '[values]\nB = "b"\nA = ""\n', id="a table"),
        pytest.param(
            '[values] # here\nB = "b"\n\n# of front\n[front]\nport = 1\n',
            '[values] # here\nB = "b"\nA = ""\n\n# of front\n[front]\nport = 1\n',
            id="a table before another one",
        ),
        pytest.param("[values]\n\n[[sync]]\n", '[values]\nA = ""\n\n[[sync]]\n', id="an empty table"),
        pytest.param('[values]\r\nB = "b"\r\n', '[values]\r\nB = "b"\r\nA = ""\r\n', id="other line ends"),
        pytest.param('["values"]\nB = "b"', '["values"]\nB = "b"\nA = ""\n', id="no line end at the end"),
        pytest.param('[values]\nA = "a"\n', '[values]\nA = "a"\n', id="a key that is there"),
        pytest.param('values.A = "a"\n', 'values.A = "a"\n', id="a key that is there in another form"),
        pytest.param('values = {A = ""}\n', 'values = {A = ""}\n', id="a key that is there and empty"),
    ],
)
def test_a_key_is_added_to_its_table(before: str, after: str) -> None:
    assert with_entries(before, "values", [Entry("A")], "x.toml")[0] == after


@pytest.mark.parametrize("before", ['values = {B = "b"}\n', 'text = """\n[values]\n"""\nvalues.B = "b"\n'])
def test_a_table_in_a_form_that_takes_no_line_is_left_alone(before: str) -> None:
    with pytest.raises(InputError, match=r"nothing can be added to \[values\] of x\.toml") as caught:
        with_entries(before, "values", [Entry("A b")], "x.toml")
    assert '[values]\n"A b" = ""' in caught.value.hint


def test_a_broken_file_is_named() -> None:
    with pytest.raises(InputError, match=r"x\.toml: not valid TOML"):
        with_entries("[values\n", "values", [Entry("A")], "x.toml")


def test_keys_and_comments_may_hold_anything() -> None:
    names = ["web/nginx", 'a"b', "ä", "123.dkr.ecr/x:1"]
    text, added = with_entries("", "images", [Entry(name, "one\ntwo\x1b") for name in names], "x.toml")
    assert added == names
    assert list(tomllib.loads(text)["images"]) == names
    assert text.count("# one two ") == len(names)
