"""Templates as YAML: what is written is read back the same, by YAML 1.1 too, and looks as people write it."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from emulator.render.cloudformation.intrinsics import (
    Commented,
    Fn,
    GetAtt,
    Ref,
    Sub,
    from_long_form,
    import_value,
    join,
    long_form,
)
from emulator.render.cloudformation.writer import to_yaml
from tests.unit.render.golden import read_template

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
SCALARS = st.one_of(TEXT, st.integers(), st.booleans(), st.none())
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(TEXT.filter(lambda key: key != "Ref" and not key.startswith("Fn::")), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["A", "B", "Resources"]), TREES, min_size=1))
def test_any_tree_reads_back_as_it_was(tree: dict[str, object]) -> None:
    assert yaml.safe_load(to_yaml(tree)) == tree


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_separators_of_lines_are_escaped_in_keys_and_values(separator: str) -> None:
    tree = {"A": {separator: None, f"x{separator}y": f"a{separator}b", "block": f"one\ntwo{separator}three\n"}}
    assert yaml.safe_load(to_yaml(tree)) == tree


LOOKALIKES = (
    *(
        "yes",
        "on",
        "null",
        "~",
        "0123",
        "1_000",
        "12:30:45",
        "2012-10-17",
        "1.0",
        "0x1F",
        "",
        " x",
        "a: b",
        "a #b",
        "-",
    ),
    *("[x", "é", "!Ref", "*", "&a", "?", "=", "<<", "x:", "line\nline", "tab\tx", "\n", "a\n\n", " a\nb", "\x07"),
)


@pytest.mark.parametrize("text", LOOKALIKES)
def test_text_that_looks_like_something_else_stays_text(text: str) -> None:
    assert yaml.safe_load(to_yaml({"A": text, "B": [text], "C": {text or "k": 1}}))["A"] == text


def test_functions_are_written_as_short_tags_and_read_back() -> None:
    tree = {
        "Name": Sub("${App}-${Table.Arn}"),
        "Vpc": import_value("demo-VpcId"),
        "List": join(",", [Ref("A"), GetAtt("B", "Arn"), "c"]),
        "Choice": Fn("If", ["HasX", {"Type": "s3", "Value": Ref("X")}, Ref("AWS::NoValue")]),
        "Nested": Fn("ImportValue", Sub("${Env}-VpcId")),
        "Mapped": Sub("${a}", {"a": import_value("x")}),
    }
    text = to_yaml({"Resources": {"R": Commented("Why it is there", tree)}})
    for line in (
        "  # Why it is there",
        "    Name: !Sub '${App}-${Table.Arn}'",
        "    Vpc: !ImportValue demo-VpcId",
        "    List: !Join [',', [!Ref A, !GetAtt B.Arn, c]]",
        "    Choice: !If",
        "      - !Ref AWS::NoValue",
        "      Fn::ImportValue: !Sub '${Env}-VpcId'",
        "    Mapped: !Sub ['${a}', {a: !ImportValue x}]",
    ):
        assert line in text.splitlines()
    assert read_template(text) == long_form({"Resources": {"R": tree}})
    assert long_form(from_long_form(long_form(tree))) == long_form(tree)


SCRIPT = "#!/bin/bash\necho $A\n"


@pytest.mark.parametrize("argument", ["x" * 200, SCRIPT, SCRIPT.rstrip(), f" {SCRIPT}", f"{SCRIPT}\n\n", "a: b " * 40])
@pytest.mark.parametrize("name", ["Base64", "ImportValue"])
def test_a_function_of_a_long_text_is_written_and_read_back(name: str, argument: str) -> None:
    tree: dict[str, object] = {"A": {"B": Fn(name, argument), "C": [Fn(name, argument), {"D": Fn(name, argument)}]}}
    text = to_yaml(tree)
    assert read_template(text) == long_form(tree)
    assert f"!{name}" in text


def test_output_is_stable() -> None:
    tree = {"Resources": {"B": {"Type": "x"}, "A": {"Type": "y"}}}
    assert to_yaml(tree) == to_yaml(dict(tree))
    assert to_yaml(tree).index("B:") < to_yaml(tree).index("A:")
