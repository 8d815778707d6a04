"""Where the values of secrets come from on this machine.

In this order: the shell and the variables' file (`--env-file`, else `.env`), by the name of the variable;
`.copilot-local/secrets.env`, by the secret's own name or ARN, else by that of the variable; then the user at
the terminal, or AWS, where one of the two is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from emulator.errors import UsageError
from emulator.runtime.secrets.content import part_of
from emulator.runtime.secrets.failures import FILE, secrets_error
from emulator.runtime.secrets.wanted import Wanted
from emulator.settings import SecretSettings

SOURCES = ("local", "ask", "aws")

Ask = Callable[[Wanted], str]
"""Asks the user for a secret, without echo."""


@dataclass(slots=True)
class SecretChoice:
    """What a command says of secrets, and the answers so far: the user is asked once for each."""

    source: str | None = None
    """`local`, `ask` or `aws`; None: what the settings say."""
    ask: Ask | None = None
    """None where there is no terminal to ask at."""
    kept: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False)


class SecretValues:
    """Finds values. `variables` are the shell's and those of its file, `file` is what stands in `secrets.env`."""

    def __init__(
        self,
        variables: Mapping[str, str],
        file: Mapping[str, str] | None = None,
        settings: SecretSettings | None = None,
        choice: SecretChoice | None = None,
    ) -> None:
        self._variables = variables
        self._file = file or {}
        self._choice = choice or SecretChoice()
        self.asked_aws = False
        """Whether AWS was asked for one."""
        self._profile = (settings or SecretSettings()).profile
        self.source = self._choice.source or (settings or SecretSettings()).source
        if self.source not in SOURCES:
            raise UsageError(f"--secrets does not know {self.source!r}", hint=f"one of {', '.join(SOURCES)}")

    def find(self, wanted: Sequence[Wanted]) -> dict[Wanted, str]:
        """The value of each. Raises SecretsError, which tells of every one that has none."""
        found, without = self.look(wanted)
        if without:
            raise secrets_error(dict.fromkeys(without, ""), hint=self._cannot_ask())
        return found

    def look(
        self, wanted: Sequence[Wanted], also_without: Sequence[Wanted] = (), *, may_ask: bool = True
    ) -> tuple[dict[Wanted, str], list[Wanted]]:
        """The values that there are, and those that have none here.

        `also_without` are needed later: where others have no value they are in the second part too, if they have none.
        Unless it `may_ask`, those that the user or AWS would be asked for are in neither part. Raises SecretsError for
        secrets that have a wrong value, or that AWS refuses.
        """
        found: dict[Wanted, str] = {}
        failed: dict[Wanted, str] = {}
        rest: list[Wanted] = []
        for one in wanted:
            value, why = self._local(one)
            if value is not None:
                found[one] = value
            elif why:
                failed[one] = why
            else:
                rest.append(one)
        if not may_ask and (self.source == "aws" or self.asks_user):
            rest = []
        further, refused = self._further(rest)
        without = [one for one, why in refused.items() if not why]
        failed |= {one: why for one, why in refused.items() if why}
        if failed:
            reasons = failed | dict.fromkeys(without, "")
            raise secrets_error({one: reasons[one] for one in wanted if one in reasons}, hint=self._cannot_ask())
        if without and self.source == "local":
            without += [one for one in also_without if self._local(one) == (None, "")]
        return found | further, without

    def local(self, wanted: Wanted) -> str | None:
        """The value that stands on this machine; None where none does, or not one that can be used."""
        return self._local(wanted)[0]

    def has(self, wanted: Wanted) -> bool:
        """Whether something stands on this machine for it, be it wrong."""
        return self._local(wanted) != (None, "")

    def whole(self, wanted: Wanted) -> str | None:
        """The content of the secret that it is a part of, where `secrets.env` has that."""
        return next(
            (self._file[one] for one in (wanted.name.aliases if wanted.name else ()) if one in self._file), None
        )

    @property
    def lines(self) -> Mapping[str, str]:
        """What stands in `secrets.env`, by name."""
        return self._file

    def _local(self, wanted: Wanted) -> tuple[str | None, str]:
        """The value that stands on this machine, or why what stands there is none."""
        for name in wanted.variables:
            if name in self._variables:
                return self._variables[name], ""
        for alias in (wanted.text, *(wanted.name.aliases if wanted.name else ())):
            if alias in self._file:
                content = self._file[alias]
                return (content, "") if alias == wanted.text else part_of(wanted, content)
        for name in wanted.variables:
            if name in self._file:
                return self._file[name], ""
        return None, ""

    def _further(self, wanted: Sequence[Wanted]) -> tuple[dict[Wanted, str], dict[Wanted, str]]:
        if not wanted:
            return {}, {}
        if self.source == "aws":
            from emulator.runtime.secrets.aws import fetch

            self.asked_aws = True
            return fetch(wanted, self._variables, self._profile, self._choice.kept)
        found: dict[Wanted, str] = {}
        for one in wanted:
            key = ("asked", one.text, one.variable if one.name is None else "")
            if key not in self._choice.kept and self.source == "ask" and self._choice.ask is not None:
                self._choice.kept[key] = self._choice.ask(one)
            if key in self._choice.kept:
                found[one] = self._choice.kept[key]
        return found, {one: "" for one in wanted if one not in found}

    @property
    def asks_user(self) -> bool:
        """Values are typed at the terminal."""
        return self.source == "ask" and self._choice.ask is not None

    @property
    def lacks_terminal(self) -> bool:
        """Values are to be typed, and there is no terminal to type them at."""
        return self.source == "ask" and self._choice.ask is None

    def _cannot_ask(self) -> str:
        if not self.lacks_terminal:
            return ""
        return f"asking takes a terminal, and there is none: write the values into {FILE} beside copilot/"
