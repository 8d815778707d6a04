"""Assertions in shared suites are explained like those in test files."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.unit.engine.contract")
