"""Logins of private image registries: the secrets that `image.credentials` and `credentialsParameter` name.

They are looked up when an image has to be pulled and not before: one that is here needs none. They are used for that
pull alone, and kept nowhere. Source: the ECS developer guide, "Using non-AWS container images in Amazon ECS".
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from emulator.engine.interface import RegistryAuth
from emulator.runtime.secrets.content import LOGIN_FORMAT, login_of
from emulator.runtime.secrets.failures import LOGIN_FROM_ASM, secrets_error
from emulator.runtime.secrets.sources import SecretValues
from emulator.runtime.secrets.wanted import Wanted


class RegistryLogins:
    """The logins of the containers of some services."""

    def __init__(self, wanted: Sequence[Wanted] = (), values: SecretValues | None = None) -> None:
        self._wanted = {(login.service, login.container): login for login in wanted}
        self._values = values or SecretValues({})
        self._found: dict[Wanted, RegistryAuth] = {}
        self._lock = threading.Lock()

    def secret(self, service: str, container: str) -> Wanted | None:
        """Which secret holds the login for a container's image."""
        return self._wanted.get((service, container))

    def require(self, wanted: Iterable[Wanted]) -> None:
        """Looks these up. Raises SecretsError, which tells of every one that cannot be had or read."""
        with self._lock:
            missing = [login for login in dict.fromkeys(wanted) if login not in self._found]
            unreadable: dict[Wanted, str] = {}
            for login, text in self._values.find(missing).items():
                auth = login_of(text)
                if auth is None:
                    unreadable[login] = f"{LOGIN_FROM_ASM}the secret {login.text} does not hold {LOGIN_FORMAT}"
                else:
                    self._found[login] = auth
            if unreadable:
                raise secrets_error(unreadable, hint=f"the value of the secret is JSON: {LOGIN_FORMAT}")

    def get(self, wanted: Wanted) -> RegistryAuth:
        """User name and password. Raises SecretsError where they cannot be had."""
        self.require([wanted])
        return self._found[wanted]
