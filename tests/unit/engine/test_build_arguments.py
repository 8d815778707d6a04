"""Build arguments are kept off the command line, and do not steer the programs that build."""

from __future__ import annotations

import pytest

from emulator.engine.docker.builds.arguments import variables_for


@pytest.mark.parametrize(
    "name", ["NPM_TOKEN", "GIT_TOKEN", "DB_PASSWORD", "VERSION", "GREETING", "AWS_SECRET_ACCESS_KEY"]
)
def test_values_go_by_variables(name: str) -> None:
    assert variables_for({name: "hush"}) == {name: "hush"}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "GIT_SSH_COMMAND",
            "GIT_CONFIG_COUNT",
            "DOCKER_HOST",
            "DOCKER_CONFIG",
            "PATH",
        ),
        *(
            "HOME",
            "HTTPS_PROXY",
            "https_proxy",
            "BUILDX_CONFIG",
            "PYTHONPATH",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ),
        *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "GOOGLE_APPLICATION_CREDENTIALS", "SSL_CERT_FILE", "a=b", ""),
    ],
)
def test_what_programs_obey_does_not(name: str) -> None:
    assert variables_for({name: "./evil"}) == {}


def test_a_variable_of_the_user_is_not_changed_unless_it_has_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITION", "mine")
    monkeypatch.setenv("HTTPS_PROXY", "http://u:hush@proxy")
    assert variables_for({"EDITION": "theirs", "HTTPS_PROXY": "http://u:hush@proxy"}) == {
        "HTTPS_PROXY": "http://u:hush@proxy"
    }
