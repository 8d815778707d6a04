"""Where the values of secrets come from on this machine.

In this order: the shell and the variables' file (`--env-file`, else `.env`), by the name of the variable;
`.copilot-local/secrets.env`, by the secret's own name or ARN, else by that of the variable; then whoever sits at the
terminal, or AWS, where one of the two is asked for.
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
"""Asks whoever sits there for a secret, without showing what is typed."""


@dataclass(slots=True)
class SecretChoice:
    """What a command says of secrets, and what it was told so far: nobody is asked twice while it runs."""

    source: str | None = None
    """`local`, `ask` or `aws`; None: what the settings say."""
    ask: Ask | None = None
    """None where nobody can be asked."""
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

    def find(self, wanted: Sequence[Wanted], also_without: Sequence[Wanted] = ()) -> dict[Wanted, str]:
        """The value of each. Raises SecretsError, which tells of every one that has none.

        `also_without` are told of too where it is raised, if they have none here: they are needed later.
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
        further, refused = self._further(rest)
        failed |= refused
        if failed:
            if self.source == "local":
                failed |= {one: "" for one in also_without if self._local(one) == (None, "")}
            in_order = {one: failed[one] for one in (*wanted, *also_without) if one in failed}
            raise secrets_error(in_order, hint=self._cannot_ask())
        return found | further

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

    def _cannot_ask(self) -> str:
        if self.source != "ask" or self._choice.ask is not None:
            return ""
        return f"nobody can be asked here, which takes a terminal: write the values into {FILE} beside copilot/"
