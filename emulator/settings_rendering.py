"""Settings of what Copilot's store knows, for rendering: `[app]` and `[environments.<name>]`."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from emulator.model import FrozenModel

Need = Literal["public-load-balancer", "internal-load-balancer", "file-system", "nat"]
"""What services of other workspaces may need of an environment."""
ACCOUNT: Final = r"^[0-9]{12}$"
"""The id of an AWS account."""
REGION: Final = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"
"""The name of an AWS region."""
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN: Final = rf"^{_LABEL}(\.{_LABEL})*$"
"""The name of a DNS zone."""
CERTIFICATE: Final = r"^arn:aws[a-z-]*:(acm|iam):[a-z0-9-]*:[0-9]{12}:(server-)?certificate/\S+$"
"""The ARN of a certificate of ACM or IAM."""
Account = Annotated[str, Field(pattern=ACCOUNT)]
Region = Annotated[str, Field(pattern=REGION)]
Domain = Annotated[str, Field(pattern=DOMAIN)]
Certificate = Annotated[str, Field(pattern=CERTIFICATE)]


class AppSettings(FrozenModel):
    """`[app]`: what Copilot's store knows of the application, for rendering."""

    domain: Domain | None = None
    """The domain below which services have their names; HTTPS is on."""
    permissions_boundary: str | None = None
    """Name or ARN of the policy that bounds every role."""
    account: Account | None = None
    """The account of the application, 12 digits, where its repositories are; default: each environment's own."""


class EnvironmentSettings(FrozenModel):
    """`[environments.<name>]`: what Copilot's store knows of an environment, for rendering."""

    account: Account | None = None
    """The AWS account, 12 digits."""
    region: Region | None = None
    """The AWS region."""
    certificates: tuple[Certificate, ...] = ()
    """ARNs of the certificates of the public load balancer; HTTPS is on."""
    private_certificates: tuple[Certificate, ...] = ()
    """ARNs of the certificates of the internal load balancer."""
    discovery_endpoint: str | None = None
    """The private DNS namespace; default `<environment>.<app>.local`."""
    load_balancer: str | None = None
    """ARN or name of an existing load balancer that services are put behind."""
    retain: bool = False
    """Whether stacks of services keep what holds data or is known to others, by `Retain` policies."""
    load_balancer_https: bool | None = None
    """Whether an existing load balancer has an HTTPS listener; None: as the environment's own would have one."""
    needs: tuple[Need, ...] = ()
    """What services of other workspaces need of it."""
    images: Mapping[str, str] = {}
    """Container name to the address its image was pushed to."""
    parameters: Mapping[str, str] = {}
    """Defaults of parameters of rendered stacks, by name."""
