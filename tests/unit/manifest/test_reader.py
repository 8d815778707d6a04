"""Reading files: syntax, places, anchors, and what is refused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import Finding, FindingsError, InputError
from emulator.manifest.yaml import reader
from emulator.manifest.yaml.nodes import Mapping, Scalar
from emulator.manifest.yaml.reader import parse, read


def refused(text: str) -> Finding:
    with pytest.raises(FindingsError) as error:
        parse(text, "m.yml")
    return error.value.findings[0]


def test_every_node_knows_its_line_and_column() -> None:
    root = parse("a: 1\nb:\n  - x\n  - {c: 'y'}\n", "m.yml").root
    b = root.entries["b"]
    assert (b.key.line, b.key.column) == (2, 1)
    item = b.value.items[1]  # type: ignore[union-attr]
    assert isinstance(item, Mapping)
    value = item.entries["c"].value
    assert isinstance(value, Scalar)
    assert (value.line, value.column, value.text, value.style) == (4, 9, "y", "'")


def test_keys_are_text() -> None:
    root = parse("on: 1\nyes: 2\n80: 3\n1.0: 4\n", "m.yml").root
    assert list(root.entries) == ["on", "yes", "80", "1.0"]


def test_a_syntax_error_has_its_place_and_says_where_it_began(manifests: Any) -> None:
    (finding,) = manifests.findings("name: web\ntype: [\nimage: {}\n")
    assert finding.code == "CL100"
    assert finding.position.line == 3
    assert "begins on line 2" in finding.message


def test_a_tab_is_called_a_tab() -> None:
    finding = refused("a:\n\tb: 1\n")
    assert finding.position is not None
    assert finding.position.line == 2
    assert "tab" in finding.hint


def test_an_unquoted_colon_is_explained() -> None:
    assert "quotes" in refused("command: a: b\n").hint


def test_every_duplicate_key_is_an_error() -> None:
    with pytest.raises(FindingsError) as error:
        parse("a: 1\nb: {c: 1, c: 2}\na: 3\n", "m.yml")
    assert [str(finding) for finding in error.value.findings] == [
        "m.yml:2:11: error[CL105]: key 'c' is already defined on line 2",
        "m.yml:3:1: error[CL105]: key 'a' is already defined on line 1",
    ]


def test_anchors_aliases_and_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nagain: *b\nmany: {<<: [*b, {z: 4}]}\n'<<': plain\n"
    root = parse(text, "m.yml").root
    use, many = root.get("use"), root.get("many")
    assert isinstance(use, Mapping)
    assert isinstance(many, Mapping)
    assert {key: value.text for key, value in ((k, use.get(k)) for k in use.entries)} == {"y": "3", "x": "1"}  # type: ignore[union-attr]
    assert list(many.entries) == ["x", "y", "z"]
    assert root.get("again") is root.get("base")
    assert isinstance(root.get("<<"), Scalar)


def test_an_alias_that_leads_nowhere_or_to_itself() -> None:
    assert "no anchor &a" in refused("x: *a\n").message or "undefined alias" in refused("x: *a\n").message
    assert "contains itself" in refused("x: &a [*a]\n").message


def test_merging_something_else_than_a_map() -> None:
    assert "merges a map" in refused("a: &a 1\nb: {<<: *a}\n").message


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "just text\n", "- a\n- b\n"])
def test_a_manifest_is_a_map(text: str) -> None:
    finding = refused(text)
    assert finding.code == "CL100"
    assert "name" in finding.hint


def test_a_key_that_is_a_map() -> None:
    assert "key must be text" in refused("? {a: b}\n: 1\n").message


def test_a_second_document_is_not_read(manifests: Any) -> None:
    text = manifests.text() + "---\nname: other\n"
    (finding,) = manifests.findings(text)
    assert (finding.code, finding.position.line, finding.copilot_accepts) == ("CL114", 5, True)


def test_nested_aliases_cannot_stand_for_billions_of_values() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.monotonic()
    finding = refused("\n".join(lines))
    assert time.monotonic() - started < 5
    assert "aliases are expanded" in finding.message


def test_deep_nesting_is_refused() -> None:
    assert "nested deeper" in refused("a: " + "[" * 5000).message
    assert "nested deeper" in refused("a: " + "{a: " * 5000).message


def test_a_large_file_is_refused_without_being_parsed(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_bytes(b"a: " + b"x" * 10_000_000)
    with pytest.raises(FindingsError) as error:
        read(path)
    assert "larger than 1,000,000 bytes" in error.value.findings[0].message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x7fELF\0\0\0", "binary"),
        ("name: x\n".encode("utf-16"), "UTF-16"),
        ("name: x\n".encode("utf-32"), "UTF-32"),
        (b"name: web\ntype: caf\xe9\n", "byte 0xe9 is not UTF-8"),
    ],
)
def test_wrong_encodings_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "manifest.yml"
    path.write_bytes(data)
    with pytest.raises(FindingsError) as error:
        read(path)
    assert message in error.value.findings[0].message


def test_a_byte_that_is_not_utf8_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_bytes(b"name: web\ntype: caf\xe9\n")
    with pytest.raises(FindingsError) as error:
        read(path)
    assert str(error.value.findings[0].position) == f"{path}:2:10"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_bytes(b"\xef\xbb\xbfname: web\n")
    assert read(path) == "name: web\n"


def test_a_control_character_has_its_line() -> None:
    finding = refused("a: 1\nb: \x07\n")
    assert finding.position is not None
    assert (finding.position.line, "U+0007" in finding.message) == (2, True)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(InputError, match="there is no manifest"):
        read(tmp_path / "nothing.yml")
    loop = tmp_path / "loop.yml"
    loop.symlink_to(loop)
    with pytest.raises(InputError, match="circle"):
        read(loop)
    with pytest.raises(InputError, match="not a regular file"):
        read(Path("/dev/null"))


def test_the_c_parser_is_used_where_it_is_there() -> None:
    import yaml

    assert reader.LOADER is (yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader)


def test_the_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    text = "a: &x {b: 'c', d: [1, 2.0]}\non: *x\ne: |\n  text\n"
    fast = parse(text, "m.yml").root
    monkeypatch.setattr(reader, "LOADER", yaml.SafeLoader)
    slow = parse(text, "m.yml").root
    assert list(fast.entries) == list(slow.entries)
    assert repr(fast.get("e")) == repr(slow.get("e"))
    assert (fast.entries["e"].key.line, fast.entries["e"].key.column) == (3, 1)
