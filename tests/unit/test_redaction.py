"""What looks like a secret is taken out of text, and little else."""

from __future__ import annotations

import pytest

from emulator.redaction import redact_forms, redact_url, sounds_secret


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("postgres://app:p%40ss@db:5432/x", "postgres://app:(redacted)@db:5432/x"),
        ("redis://:hush@cache/0", "redis://:(redacted)@cache/0"),
        ("mongodb://u:p@a,b/x", "mongodb://u:(redacted)@a,b/x"),
        ("amqp://u:a:b@h", "amqp://u:(redacted)@h"),
        ("get https://x.test/a?token=abc&page=2", "get https://x.test/a?token=(redacted)&page=2"),
        ("/a?page=2&access_token=abc HTTP/1.1", "/a?page=2&access_token=(redacted) HTTP/1.1"),
        ("/a?%74oken=abc", "/a?%74oken=(redacted)"),
        ("/cb#id_token=abc", "/cb#id_token=(redacted)"),
        ("/cb?code=abc;api_key=x", "/cb?code=(redacted);api_key=(redacted)"),
        ("/s3?X-Amz-Signature=a&X-Amz-Date=b", "/s3?X-Amz-Signature=(redacted)&X-Amz-Date=b"),
        ("/go?to=https%3A%2F%2Fx%2F%3Ftoken%3Dabc", "/go?to=https%3A%2F%2Fx%2F%3Ftoken%3D(redacted)"),
    ],
)
def test_of_urls_passwords_and_telling_parameters(text: str, without: str) -> None:
    assert redact_url(text) == without


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abc123def", "abc123def"),
        ('{"authorization": "Basic dXNlcjpwYXNz"}', "dXNlcjpwYXNz"),
        ("    Header Authorization Splunk 12-34-56", "12-34-56"),
        ("curl -H 'Authorization: token zzz'", "zzz"),
        ("pushed with ghp_" + "a1" * 12, "ghp_"),
        ("AKIA" + "A1" * 8, "AKIA"),
        ("https://ghp_" + "a1" * 12 + "@github.com/x", "ghp_"),
        ("sk_live_" + "a1" * 8, "sk_live"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIx.abc", "eyJ"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\nabc\n-----END PRIVATE KEY-----\n", "MIIE"),
    ],
)
def test_of_what_its_form_tells(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redact_forms(text)


@pytest.mark.parametrize(
    "text",
    [
        "authorization fails often",
        "the bearer tokens are counted",
        "basic features",
        "http://localhost:3000/a?page=2&sort=name",
        "12:30:01 user@example.com",
        "git@github.com:acme/shop.git",
        "Key_File key.pem",
        "[::1]:8080 /a/b",
        "a = b; c = d",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert redact_forms(text) == text


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *((name, True) for name in ("http_passwd", "licenseKey", "shared_key", "MYSQL_PWD", "SENTRY_DSN", "x-api-key")),
        *((name, False) for name in ("log_key", "partition_key", "AUTHOR", "time_key", "COMPASS", "SHIPPING")),
    ],
)
def test_names_that_tell(name: str, secret: bool) -> None:
    assert sounds_secret(name) is secret
