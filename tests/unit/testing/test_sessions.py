"""Which environment a test session uses."""

from __future__ import annotations

from emulator.testing.sessions import chosen_options

VARIABLES = {"COPILOT_LOCAL_APP": "mine", "COPILOT_LOCAL_ENV": "", "HOME": "/root"}


def test_one_that_is_reused_is_that_of_the_command_line() -> None:
    assert chosen_options({"reuse": True, "time": {}}, VARIABLES) == {"reuse": True, "time": {}, "app": "mine"}
    both = {**VARIABLES, "COPILOT_LOCAL_ENV": "prod"}
    assert chosen_options({"reuse": True}, both) == {"reuse": True, "app": "mine", "environment": "prod"}


def test_what_the_suite_says_wins() -> None:
    assert chosen_options({"reuse": True, "app": "its"}, VARIABLES) == {"reuse": True, "app": "its"}


def test_one_of_its_own_has_the_names_of_the_workspace() -> None:
    assert chosen_options({"reuse": False}, VARIABLES) == {"reuse": False}
