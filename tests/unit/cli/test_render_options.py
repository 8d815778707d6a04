"""`render`: where options stand, and those that name nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(
    "options",
    [("--env", "test"), ("-a", "shop"), ("--logs", "capture"), ("-o", "out"), ("--diff", "previous", "-o", "out")],
)
def test_options_may_follow_the_service(run: Run, workspace: Path, options: tuple[str, ...]) -> None:
    run("render", "compose", "-o", "out", "hello")
    before = run("render", "compose", *options, "hello")
    assert before.code == 0, before.err
    assert run("render", "compose", "hello", *options) == before


def test_options_of_a_verb_are_not_those_of_another_group(run: Run, workspace: Path) -> None:
    """`config` refuses --quiet with a hint of its own; `firelens config` is another verb."""
    ended = run("firelens", "config", "--quiet")
    assert ended.code == 2
    assert "copilot-local validate" not in ended.err
    assert "hint: `copilot-local firelens config --help` shows what it takes" in ended.err


@pytest.mark.parametrize("verb", ["taskdef", "cloudformation"])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--image", "helo=x"), "--image helo=…: there is no container helo\n\nhint: did you mean hello?"),
        (("--image", "nginx=x"), "--image nginx=…: the image of nginx is not built, but named in the manifest"),
        (("--image", "hello=a b"), "--image hello='a b': this is no image's address"),
        (("--account", "12"), "--account '12' is no account's id"),
        (("--region", "nowhere"), "--region 'nowhere' is no region's name"),
        (
            ("--account", "123456789012", "--region", "eu-west-1", "--tag", "a b"),
            "--tag 'a b' is no tag of an image",
        ),
    ],
)
def test_options_that_name_nothing_are_refused(
    run: Run, workspace: Path, verb: str, options: tuple[str, ...], told: str
) -> None:
    ended = run("render", verb, *options)
    assert (ended.code, ended.out) == (2, "")
    assert f"error: {told}" in ended.err


def test_a_compose_file_takes_an_image_for_any_container_and_no_other_name(run: Run, workspace: Path) -> None:
    ended = run("render", "compose", "--image", "helo=x")
    assert (ended.code, ended.out) == (2, "")
    assert "error: --image helo=…: there is no container helo\n\nhint: did you mean hello?" in ended.err
    assert "this is no image's address" in run("render", "compose", "--image", "hello=a b").err
    ended = run("render", "compose", "--image", "nginx=x:1", "--image", "pause=p:2", "--image", "hello=z:3")
    assert ended.code == 0
    assert {f"image: {image}" for image in ("x:1", "p:2", "z:3")} <= {it.strip() for it in ended.out.splitlines()}


@pytest.mark.parametrize("verb", ["cloudformation", "environment"])
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--domain", "exa mple"), "--domain 'exa mple' is no domain's name"),
        (("--certificate", "nonsense"), "--certificate 'nonsense' is no certificate of ACM or IAM"),
        (("--private-certificate", "arn:aws:s3:::x"), "--private-certificate 'arn:aws:s3:::x' is no certificate"),
    ],
)
def test_domains_and_certificates_that_are_none_are_refused(
    run: Run, workspace: Path, verb: str, options: tuple[str, ...], told: str
) -> None:
    ended = run("render", verb, *options)
    assert (ended.code, ended.out) == (2, "")
    assert f"error: {told}" in ended.err


@pytest.mark.parametrize(
    "settings",
    [
        '[app]\ndomain = "exa mple"\n',
        '[environments.test]\nregion = "nowhere"\n',
        '[environments.test]\ncertificates = ["nonsense"]\n',
        '[environments.test]\nprivate_certificates = ["nonsense"]\n',
    ],
)
def test_settings_are_refused_as_options_are(run: Run, workspace: Path, settings: str) -> None:
    (workspace / "copilot-local.toml").write_text(settings)
    ended = run("render", "cloudformation")
    assert (ended.code, ended.out) == (1, "")
    assert "copilot-local.toml:2" in ended.err


def test_regions_and_certificates_of_every_partition_are_taken(run: Run, workspace: Path) -> None:
    for region in ("us-gov-west-1", "cn-north-1", "ap-southeast-5", "us-isob-east-1", "eusc-de-east-1"):
        assert run("render", "cloudformation", "--region", region).code == 0
    for certificate in (
        "arn:aws-cn:acm:cn-north-1:123456789012:certificate/1",
        "arn:aws:iam::123456789012:server-certificate/path/name",
    ):
        ended = run("render", "cloudformation", "--certificate", certificate)
        assert ended.code == 0, ended.err
