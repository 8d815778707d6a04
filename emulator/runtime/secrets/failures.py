"""What is said of secrets that cannot be had: in ECS's words, all at once, with what to do."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.errors import SecretsError
from emulator.runtime.secrets.wanted import Wanted

PREFIX = "ResourceInitializationError: unable to pull secrets or registry auth: "
"""What a task on Fargate says in its stoppedReason; what follows is the agent's own."""

FROM_ASM = "execution resource retrieval failed: unable to retrieve secret from asm: "
FROM_SSM = "execution resource retrieval failed: unable to retrieve secrets from ssm: "
LOGIN_FROM_ASM = "execution resource retrieval failed: unable to get registry auth from asm: "
FILE = ".copilot-local/secrets.env"


def secrets_error(failed: Mapping[Wanted, str], *, hint: str = "") -> SecretsError:
    """The error about these; each with why, or with an empty text where nothing here gives it a value."""
    without = [wanted for wanted, why in failed.items() if not why]
    reasons = list(dict.fromkeys(why for why in failed.values() if why))
    if without:
        reasons.append(f"{len(without)} {'secret has' if len(without) == 1 else 'secrets have'} no value here")
    return SecretsError(
        PREFIX + "; ".join(reasons),
        hint=hint or _hint(without),
        position=next((wanted.position for wanted in failed if wanted.position), None),
        output=[_line(wanted) for wanted in failed],
    )


def _line(wanted: Wanted) -> str:
    where = f"{wanted.position.file}:{wanted.position.line}: " if wanted.position else ""
    return f"{where}{wanted}: {wanted.text}"


def _hint(without: list[Wanted]) -> str:
    if not without:
        return ""
    logins = [wanted for wanted in without if wanted.kind == "login"]
    others = [wanted for wanted in without if wanted.kind != "login"]
    parts = []
    if others:
        name = (others[0].variables or ("NAME",))[-1]
        parts.append(
            f"set {name} in your shell, or write {name}=value into {FILE}, .env (both beside copilot/) or the file of"
            " --env-file; --secrets ask asks for it, --secrets aws reads it from AWS"
        )
    if logins:
        parts.append(
            f'write {logins[0].text}={{"username": "…", "password": "…"}} into {FILE} beside copilot/, or set the'
            f" same text as the variable {logins[0].variable}; or pull the image yourself: one that is here needs none"
        )
    return "\n".join(parts)
