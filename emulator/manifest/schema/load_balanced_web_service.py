"""`type: Load Balanced Web Service`."""

from typing import Literal

from emulator.manifest.schema.routing import Http, Nlb
from emulator.manifest.schema.workload import ListeningService


class LoadBalancedWebService(ListeningService):
    """A service behind a public load balancer. Source: Copilot, `LoadBalancedWebServiceConfig`."""

    type: Literal["Load Balanced Web Service"]
    http: Http | None = None
    """The application load balancer; None where it is switched off by `http: false`."""
    nlb: Nlb | None = None
    """The network load balancer."""
