from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.app.selection import Selection
from emulator.app.up_request import UpOptions, up_request
from emulator.errors import TrustNeeded
from emulator.events import Event
from emulator.runtime.planning.up_request import UpRequest

BACKEND = "name: api\ntype: Backend Service\nimage:\n  location: busybox:1.37\n  port: 8080\n"
AWS_FILES = {
    "credentials": "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = hush-default\n"
    "[prod]\naws_access_key_id = AKIAPROD\naws_secret_access_key = hush-prod\n",
}


class Clone:
    """A repository of another author, in the home folder of a developer who has AWS profiles."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        self.events: list[Event] = []

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def settings(self, text: str) -> None:
        self.write("copilot-local.toml", text)

    def manifest(self, more: str = "", service: str = "api", image: str = "") -> None:
        text = BACKEND.replace("name: api", f"name: {service}") + more
        self.write(
            f"copilot/{service}/manifest.yml", text.replace("  location: busybox:1.37\n", image) if image else text
        )

    def own_settings(self, text: str) -> None:
        file = self.home / ".config" / "copilot-local" / "copilot-local.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def up(self, selection: Selection | None = None, **options: Any) -> UpRequest:
        blockers = options.pop("blockers", None)
        given = UpOptions(**options)
        return up_request(selection or Selection(start=self.root), self.events.append, given, blockers=blockers)

    def refused(self, selection: Selection | None = None, **options: Any) -> str:
        """What `up` says where it refuses to go on: every permission, a line each."""
        with pytest.raises(TrustNeeded) as caught:
            self.up(selection, **options)
        return "\n".join(caught.value.output)

    @property
    def tasks_get(self) -> list[str]:
        return [event.message for event in self.events if event.subject == "tasks get"]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    home = tmp_path / "home"
    for name, text in AWS_FILES.items():
        (home / ".aws").mkdir(parents=True, exist_ok=True)
        (home / ".aws" / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    root = home / "src" / "clone"
    (root / ".git").mkdir(parents=True)
    found = Clone(root, home)
    found.manifest()
    monkeypatch.chdir(root)
    return found


Make = Callable[..., Clone]
