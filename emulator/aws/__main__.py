"""The endpoint: `python3 -m emulator.aws SHARED_FOLDER OWN_FOLDER NAME…`, inside the `aws` container.

TLS on port 443 for Fluent Bit's plugins, which speak nothing else; plain HTTP on port 5000 for tools on the host.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.logs.models import logs_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

from emulator.aws.callers import with_known_callers
from emulator.aws.certificates import ensure_certificates
from emulator.aws.checked import Application, with_rules
from emulator.aws.ports import LOG_REGIONS, PLAIN_PORT, TLS_PORT


def with_request_ids(application: Application) -> Application:
    """Adds the header x-amzn-RequestId, which AWS always sends, in exactly this spelling.

    Without it Fluent Bit, which looks for these very letters, takes each PutLogEvents for failed and sends it again.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            others = [(name, value) for name, value in headers if name.lower() != "x-amzn-requestid"]
            return start_response(status, [*others, ("x-amzn-RequestId", str(uuid.uuid4()))], *more)

        return application(environ, start)

    return answer


def with_log_regions(application: Application) -> Application:
    """Answers one path of our own: the regions that have log groups, as JSON. AWS has no such question."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != LOG_REGIONS:
            return application(environ, start_response)
        accounts = list(logs_backends.values())
        regions = sorted({region for account in accounts for region, backend in account.items() if backend.groups})
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(regions).encode()]

    return answer


def main(shared: Path, own: Path, names: list[str]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # all of it is in memory: there is nothing to save
    certificate, key = ensure_certificates(shared, own, names)
    application = with_log_regions(with_request_ids(with_rules(DomainDispatcherApplication(create_backend_app))))
    published = with_known_callers(application, names)
    plain = threading.Thread(
        target=run_simple, args=("0.0.0.0", PLAIN_PORT, published), kwargs={"threaded": True}, daemon=True
    )
    plain.start()
    run_simple("0.0.0.0", TLS_PORT, application, threaded=True, ssl_context=(str(certificate), str(key)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
