"""What every test shares, in each process that runs tests."""

from __future__ import annotations

import signal

import pytest

pytest.register_assert_rewrite("tests.unit.engine.contract")

INHERITED = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)
"""Signals that a background job, `nohup` or a CI runner may have set to be ignored."""


def pytest_configure() -> None:
    """Gives ignored signals their default action, which the commands that tests start then inherit.

    A process started with an ignored SIGINT keeps ignoring it, and a test that sends Ctrl-C would wait in vain.
    """
    for number in INHERITED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
