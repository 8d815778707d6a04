"""Scalars by the rules of yaml.v3."""

from __future__ import annotations

import math
from typing import Any

import pytest

from emulator.manifest.yaml import scalars
from emulator.manifest.yaml.nodes import Scalar


def scalar(text: str, style: str | None = None, tag: str = "") -> Scalar:
    return Scalar(text, style, tag, 1, 1)


@pytest.mark.parametrize(
    "text",
    ["80", "true", "on", "yes", "1.0", "0x1F", "0123", "1_000", "12:30:45", "2020-01-01", "-05:00", "2000/udp", ".5"],
)
def test_text_fields_keep_the_source_text(manifests: Any, text: str) -> None:
    assert manifests.good(variables=f"{{A: {text}}}").variables["A"].value == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80), ("010", 8), ("0o10", 8), ("0x10", 16), ("0b11", 3), ("1_000", 1000), ("+5", 5), ("-5", -5),
        ("0", 0), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), (".inf", math.inf), ("-.inf", -math.inf),
        ("true", True), ("False", False), ("~", None), ("", None), ("null", None),
        ("on", "on"), ("yes", "yes"), ("y", "y"), ("08", 8.0), ("0x", "0x"), ("12:30:45", "12:30:45"),
        ("2020-01-01", "2020-01-01"), ("-", "-"), ("1.2.3", "1.2.3"), ("_1", "_1"),
    ],
)  # fmt: skip
def test_untyped_scalars(text: str, value: object) -> None:
    resolved = scalars.resolve(scalar(text))
    assert resolved == value
    assert type(resolved) is type(value)


def test_a_quoted_scalar_is_text() -> None:
    assert scalars.resolve(scalar("80", '"')) == "80"
    assert scalars.resolve(scalar("true", "'")) == "true"
    assert scalars.resolve(scalar("", '"')) == ""


def test_explicit_tags_win() -> None:
    core = "tag:yaml.org,2002:"
    assert scalars.resolve(scalar("80", '"', core + "int")) == 80
    assert scalars.resolve(scalar("80", None, core + "str")) == "80"
    assert scalars.resolve(scalar("80", None, core + "float")) == 80.0
    assert scalars.resolve(scalar("true", '"', core + "bool")) is True
    assert scalars.resolve(scalar("x", None, core + "null")) is None
    assert scalars.resolve(scalar("80", None, "!")) == "80"


@pytest.mark.parametrize("text", ["80", "8080.0", "0x50", "0o120", "0120", "8_0"])
def test_integers_of_every_notation_fit_an_integer_field(manifests: Any, text: str) -> None:
    assert manifests.good(image=f"{{location: nginx, port: {text}}}").image.port in (80, 8080)


def test_a_quoted_number_does_not_fit_an_integer_field(manifests: Any) -> None:
    text = manifests.text(cpu='"256"')
    (finding,) = manifests.findings(text)
    assert (finding.code, finding.path, finding.hint) == ("CL103", "cpu", "remove the quotes")


@pytest.mark.parametrize("text", ["-1", "65536", "99999999999999999999999999999999999999999999", ".inf", ".nan"])
def test_a_number_that_does_not_fit_its_go_type(manifests: Any, text: str) -> None:
    assert ("CL103", "image.port") in manifests.bad(image=f"{{location: nginx, port: {text}}}")


def test_a_fraction_is_cut_off_by_copilot(manifests: Any) -> None:
    assert manifests.bad(cpu="256.7") == [("CL104", "cpu")]
    assert manifests.lenient(cpu="256.7").cpu == 256


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "yes", "Yes", "on", "y", "'on'"])
def test_words_that_are_true_in_a_boolean_field(manifests: Any, text: str) -> None:
    assert manifests.good(http=f"{{path: /, stickiness: {text}}}").http.stickiness is True


@pytest.mark.parametrize("text", ["false", "no", "off", "n", "OFF"])
def test_words_that_are_false_in_a_boolean_field(manifests: Any, text: str) -> None:
    assert manifests.good(http=f"{{path: /, stickiness: {text}}}").http.stickiness is False


@pytest.mark.parametrize("text", ["'true'", "1", "enabled"])
def test_what_is_no_boolean(manifests: Any, text: str) -> None:
    assert manifests.bad(storage=f"{{readonly_fs: {text}}}") == [("CL103", "storage.readonly_fs")]
