"""Values of JSON secrets, as a task on ECS sees them."""

from __future__ import annotations

import pytest

from emulator.runtime.secrets.go_format import decode, go_format


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        ('"text"', "text"),
        ('""', ""),
        ("true", "true"),
        ("false", "false"),
        ("null", "<nil>"),
        ("0", "0"),
        ("-0", "-0"),
        ("5432", "5432"),
        ("100000", "100000"),
        ("999999", "999999"),
        ("1000000", "1e+06"),
        ("1234567", "1.234567e+06"),
        ("123456789", "1.23456789e+08"),
        ("-1e100", "-1e+100"),
        ("1.50", "1.5"),
        ("0.1", "0.1"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("0.000012", "1.2e-05"),
        ("12345.678", "12345.678"),
        ("9007199254740993", "9.007199254740992e+15"),
        ("[]", "[]"),
        ('[1, "a b", null, [true]]', "[1 a b <nil> [true]]"),
        ("{}", "map[]"),
        ('{"b": 2, "a": {"c": 1e6}}', "map[a:map[c:1e+06] b:2]"),
    ],
)
def test_a_value_is_formatted_as_go_does(json: str, expected: str) -> None:
    assert go_format(decode(json)) == expected


@pytest.mark.parametrize("text", ["", "plain", "{", "NaN", "1e999"])
def test_what_go_cannot_decode_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(text)
