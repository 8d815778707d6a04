"""How build arguments reach the `docker` command: not on its command line, which every user of the machine can read.

`--build-arg NAME` without a value takes it from the command's own variable NAME, which its user alone can read. But a
manifest chooses these names, and some variables make programs run or read what they name: those stay on the command
line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from emulator.redaction import sounds_secret

_OBEYED = re.compile(
    r"""(?xi)
      (?: LD | DYLD | GIT | SSH | GPG | GCONV | GLIBC | MALLOC | DOCKER | BUILDX | BUILDKIT | COMPOSE | MOBY | OTEL
        | XDG | CONTAINERD | PYTHON | PERL | RUBY | NODE | BASH | LC | AWS | GOOGLE | CLOUDSDK | AZURE | CURL | SSL
        | DBUS | SYSTEMD | GO | TERM | LANG | LOC | CLICOLOR ) .*
    | .*_?PROXY
    | PATH | HOME | ENV | SHELL | SHELLOPTS | IFS | TMP | TEMP | TMPDIR | TZ | NLSPATH | RES_OPTIONS | HOSTALIASES
    | EDITOR | VISUAL | PAGER | NO_COLOR | DEBUG | USER | LOGNAME | SOURCE_DATE_EPOCH
    """
)
"""Variables that the `docker` command, its plugins, its credential helpers, git or the C library may obey."""
_LEADS = re.compile(r"(?i).*_(?:FILE|URI|URL|PATH|ENDPOINT|CREDENTIALS|CONFIG)")
"""Of those that sound like a secret, the ones that name a file or an address."""


def variables_for(arguments: Mapping[str, str]) -> dict[str, str]:
    """The arguments that the command gets as variables, by name."""
    return {name: value for name, value in arguments.items() if _goes_by_variable(name, value)}


def _goes_by_variable(name: str, value: str) -> bool:
    if not name or "=" in name or "\0" in name + value:
        return False
    if os.environ.get(name) == value:
        return True
    obeyed = _OBEYED.fullmatch(name) is not None
    if sounds_secret(name):
        return not (obeyed and _LEADS.fullmatch(name))
    return not obeyed and name not in os.environ
