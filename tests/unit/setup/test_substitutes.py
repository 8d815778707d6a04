from __future__ import annotations

import tomllib

from emulator.setup import substitutes


def test_what_is_written_is_read_back_and_is_toml() -> None:
    table = {"nginx:1.27": "copilot-local/nginx:abc", 'odd"name\\': "copilot-local/odd:1"}
    substitutes.write(table)
    assert substitutes.read() == table
    text = substitutes.stand_ins_file().read_text(encoding="utf-8")
    assert tomllib.loads(text) == {"substitute": table}


def test_an_unchanged_table_leaves_the_file_alone() -> None:
    substitutes.write({"a": "b"})
    before = substitutes.stand_ins_file().stat()
    substitutes.write({"a": "b"})
    after = substitutes.stand_ins_file().stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_an_empty_table_removes_the_file() -> None:
    substitutes.write({"a": "b"})
    substitutes.write({})
    assert not substitutes.stand_ins_file().exists()
    substitutes.write({})  # twice is fine


def test_a_file_that_does_not_parse_is_written_anew() -> None:
    path = substitutes.stand_ins_file()
    path.parent.mkdir(parents=True)
    path.write_text("[substitute", encoding="utf-8")
    assert substitutes.read() == {}
    substitutes.write({"a": "b"})
    assert substitutes.read() == {"a": "b"}


def test_no_other_file_is_left_behind() -> None:
    substitutes.write({"a": "b"})
    substitutes.write({"a": "c"})
    assert [path.name for path in substitutes.stand_ins_file().parent.iterdir()] == ["stand-ins.toml"]
