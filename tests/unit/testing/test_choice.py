"""Which container a name means."""

from __future__ import annotations

import pytest

from emulator.testing.choice import chooser


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        (None, [("web", "nginx"), ("web", "web"), ("api", "nginx")]),
        ("nginx", [("web", "nginx"), ("api", "nginx")]),
        ("web/nginx", [("web", "nginx")]),
        ("other/nginx", []),
    ],
)
def test_containers_are_named_alone_or_with_their_service(name: str | None, meant: list[tuple[str, str]]) -> None:
    every = [("web", "nginx"), ("web", "web"), ("api", "nginx")]
    chosen = chooser(name)
    assert [pair for pair in every if chosen(*pair)] == meant
