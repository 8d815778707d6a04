"""Stacks of Static Sites, by CloudFormation's own schemas."""

from __future__ import annotations

from dataclasses import replace

from emulator.render.proposals.static_site import StaticSite, render_static_site
from tests.stacks.linting import findings

SITE = StaticSite("shop", "prod", "site", ("www.example.com",), "arn:aws:acm:us-east-1:123456789012:certificate/a")


def test_templates_are_clean() -> None:
    for site in (SITE, replace(SITE, certificate=None), replace(SITE, aliases=())):
        assert [str(it) for it in findings(render_static_site(site))] == []
