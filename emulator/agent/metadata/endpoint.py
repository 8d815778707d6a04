"""What is answered at 169.254.170.2: the routes.

Source: the ECS agent's task metadata server. Errors of metadata are JSON strings, those of credentials and of the agent
API objects; a path that is not there gets plain text, one with a slash too many at the end too.
"""

from __future__ import annotations

import logging
import posixpath
import re
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qs, unquote, urlsplit

from emulator.agent.metadata.agent_api import task_protection
from emulator.agent.metadata.answers import NOT_FOUND, Answer, Handler, Request, json_answer
from emulator.agent.metadata.collector import StatsCollector
from emulator.agent.metadata.credentials import Credentials
from emulator.agent.metadata.fault_requests import KINDS
from emulator.agent.metadata.faults import Faults
from emulator.agent.metadata.protection import Protection
from emulator.agent.metadata.tasks import Tasks
from emulator.agent.metadata.versions import Version2, version_3, version_4

log = logging.getLogger(__name__)


class Endpoint:
    """Answers requests."""

    def __init__(
        self, tasks: Tasks, stats: StatsCollector, credentials: Credentials, protection: Protection, faults: Faults
    ) -> None:
        self._credentials = credentials
        two = Version2(tasks, stats)
        routes: list[tuple[str, Handler]] = [
            (r"/v2/metadata(?:/([^/]*))?", two.metadata),
            (r"/v2/stats(?:/([^/]*))?", two.stats),
            (r"/v2/credentials/([^/]*)", self._credentials_v2),
            (r"/v1/credentials", self._credentials_v1),
            (r"/api/([^/]*)/task-protection/v1/state", partial(task_protection, tasks, protection)),
            (rf"/api/([^/]*)/fault/v1/(?:{'|'.join(KINDS)})/(?:start|stop|status)", faults.answer),
        ]
        for version in (version_3(tasks, stats), version_4(tasks, stats)):
            base = f"/{version.name.lower()}/([^/]*)"
            routes += [
                (base, version.container),
                (f"{base}/task", version.task),
                (f"{base}/stats", version.container_stats),
                (f"{base}/task/stats", version.task_stats),
            ]
        self._routes = [(re.compile(pattern), handler) for pattern, handler in routes]

    def answer(self, request: Request) -> Answer:
        """Answers one request; never raises."""
        path, _, query = request.target.partition("?")
        path = unquote(path)
        if (clean := _clean(path)) != path:
            location = clean + (f"?{query}" if query else "")
            body = f'<a href="{location}">Moved Permanently</a>.\n\n'
            return Answer(301, body.encode(), "text/html; charset=utf-8", location)
        for pattern, handler in self._routes:
            if found := pattern.fullmatch(path):
                id = found[1] if pattern.groups else ""
                try:
                    return handler(replace(request, id=id or ""))
                except Exception:
                    log.exception("answering %s failed", _safe(path))
                    return json_answer(500, "Internal server error")
        return NOT_FOUND

    def _credentials_v2(self, request: Request) -> Answer:
        return json_answer(*self._credentials.answer(request.id, request.address))

    def _credentials_v1(self, request: Request) -> Answer:
        id = parse_qs(urlsplit(request.target).query).get("id", [""])[0]
        return json_answer(*self._credentials.answer(id, request.address, "V1"))


def _clean(path: str) -> str:
    """The path without doubled slashes and dot segments; a slash at the end stays."""
    clean = "/" + posixpath.normpath(path or "/").lstrip("/")
    return clean + "/" if path.endswith("/") and clean != "/" else clean


def _safe(path: str) -> str:
    """A path for the log: the id of credentials is as good as the credentials."""
    return "/v2/credentials/…" if path.startswith("/v2/credentials/") else path
