"""The logins of registries in Docker's config.json, which the SDK reads for each client."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.engine.docker.endpoint import Endpoint
from emulator.engine.docker.transport import SdkClient
from emulator.errors import EngineUnavailable


@pytest.mark.parametrize("auth", ["!!notbase64", "bm9jb2xvbg==", "/w==", "é"])
def test_one_that_cannot_be_read_is_an_error_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    file = tmp_path / "config.json"
    file.write_text(f'{{"auths": {{"registry.test": {{"auth": "{auth}"}}}}}}', encoding="utf-8")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(EngineUnavailable, match=r"an entry of `auths` cannot be read") as caught:
        SdkClient(Endpoint("unix:///nowhere.sock"), "1.41")
    assert str(file) in caught.value.message
    assert caught.value.hint
