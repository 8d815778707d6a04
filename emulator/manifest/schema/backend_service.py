"""`type: Backend Service`."""

from typing import ClassVar, Literal

from emulator.manifest.schema.routing import Http
from emulator.manifest.schema.workload import ListeningService


class InternalHttp(Http):
    """The internal application load balancer. Source: Copilot, `HTTP`, a plain struct: no boolean form, and type errors
    are reported."""

    switch: ClassVar[bool] = False
    swallows: ClassVar[bool] = False
    empty_is_none: ClassVar[bool] = True


class BackendService(ListeningService):
    """A service that only its application reaches. Source: Copilot, `BackendServiceConfig`."""

    type: Literal["Backend Service"]
    http: InternalHttp | None = None
    """The internal application load balancer; None: there is none."""
