"""`copilot-local trust`: how to make programs accept the certificates of HTTPS listeners on this machine."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from emulator.cli.shell.options import Format, OutputFormat
from emulator.errors import UsageError

_HOW = """\
The certificate authority of this user, which signs for HTTPS listeners on this machine:

  {path}
  valid until {expires:%Y-%m-%d}, SHA-256 {fingerprint}

Nothing here changes what your system trusts. It is good for loopback addresses and for names that belong
to no site ({domains}, and all below them), and for no others:
the key beside it ({key}), which only you can read, is enough to impersonate one of these.

one command
  curl        curl --cacert "$(copilot-local trust --path)" https://localhost:8443/
  Python      SSL_CERT_FILE="$(copilot-local trust --path)" python …        (ssl, httpx)
              REQUESTS_CA_BUNDLE="$(copilot-local trust --path)" python …   (requests)
  Node.js     NODE_EXTRA_CA_CERTS="$(copilot-local trust --path)" node …

the whole system
  Debian, Ubuntu    sudo cp "$(copilot-local trust --path)" /usr/local/share/ca-certificates/copilot-local.crt
                    sudo update-ca-certificates
  Fedora, RHEL      sudo cp "$(copilot-local trust --path)" /etc/pki/ca-trust/source/anchors/copilot-local.pem
                    sudo update-ca-trust
  macOS             sudo security add-trusted-cert -d -r trustRoot \\
                      -k /Library/Keychains/System.keychain "$(copilot-local trust --path)"
  Windows           certutil -user -addstore Root ca.pem         (a copy of the file above, from WSL too)

browsers
  Safari, Edge, and Chrome on macOS and Windows use the system's store.
  Chrome on Linux   certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n copilot-local -i "$(copilot-local trust --path)"
                    (certutil is in libnss3-tools)
  Firefox           Settings, Privacy & Security, Certificates, View Certificates, Authorities, Import

To take it back, remove the file and run the same update, or delete the entry copilot-local there."""


def trust(
    path: Annotated[bool, typer.Option("--path", help="Print the file of the authority's certificate alone.")] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Print how programs, browsers and systems are made to trust the local HTTPS certificates."""
    from emulator.setup.authority import KEY_FILE, ensure_authority
    from emulator.setup.certified_names import DOMAINS

    if path and format is OutputFormat.JSON:
        raise UsageError("--path cannot be combined with --format json")
    authority = ensure_authority()
    if path:
        typer.echo(authority.path)
    elif format is OutputFormat.JSON:
        found = {"path": str(authority.path), "sha256": authority.fingerprint, "expires": authority.expires.isoformat()}
        typer.echo(json.dumps(found, indent=2))
    else:
        key = authority.path.with_name(KEY_FILE).name
        typer.echo(
            _HOW.format(
                path=authority.path,
                expires=authority.expires,
                fingerprint=authority.fingerprint,
                key=key,
                domains=", ".join(DOMAINS),
            )
        )
