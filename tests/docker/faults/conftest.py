"""Faults are brought about in projects of a folder of their own, as the end-to-end tests have them."""

from __future__ import annotations

from tests.docker.e2e.conftest import make_project, make_shared_project

__all__ = ["make_project", "make_shared_project"]
