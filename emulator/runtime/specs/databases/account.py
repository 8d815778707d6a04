"""A database's user, password and first database, as statements for its superuser.

What is there already is made so again: a password that changed in the template is changed here, and data stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.engine.interface import File
from emulator.runtime.specs.databases.programs import PROGRAMS

_FILE = "account"
_POSTGRES = "psql -X -q -v ON_ERROR_STOP=1 -U postgres -d postgres -f"


@dataclass(frozen=True, slots=True)
class Account:
    """Files to put into a folder of the container, for root alone, and the script that uses and removes them."""

    folder: str
    files: tuple[File, ...]
    script: str
    password: str
    """Not to be shown, whatever the script prints."""


def account(program: str, answer: Mapping[str, Any]) -> Account | None:
    """The account of a database as the local AWS endpoint has it; None for a program that has none."""
    give = _GIVERS.get(program)
    return give(answer) if give is not None else None


def _postgres(answer: Mapping[str, Any]) -> Account:
    user, password, database = answer["username"] or "postgres", answer["password"], answer["dbname"]
    role, name = _quoted(user, '"'), _literal(user)
    there = f"SELECT FROM pg_roles WHERE rolname = {name}"
    lines = [
        "SET log_min_error_statement = panic;",
        f"SELECT {_literal(f'CREATE ROLE {role}')} WHERE NOT EXISTS ({there}) \\gexec",
        f"ALTER ROLE {role} LOGIN SUPERUSER{f' PASSWORD {_literal(password)}' if password else ''};",
    ]
    if database:
        create = _literal(f"CREATE DATABASE {_quoted(database, chr(34))} OWNER {role}")
        there = f"SELECT FROM pg_database WHERE datname = {_literal(database)}"
        lines.append(f"SELECT {create} WHERE NOT EXISTS ({there}) \\gexec")
    return _account("/copilot-local", lines, f"{_POSTGRES} /copilot-local/{_FILE}", password)


def _mysql(answer: Mapping[str, Any]) -> Account:
    user, password, database = answer["username"] or "admin", answer["password"], answer["dbname"]
    whom = f"{_escaped(user)}@'%'"
    lines = [f"CREATE USER IF NOT EXISTS {whom} IDENTIFIED BY {_escaped(password)};"]
    lines += [f"ALTER USER {whom} IDENTIFIED BY {_escaped(password)};"] if password else []
    lines += [f"GRANT ALL PRIVILEGES ON *.* TO {whom} WITH GRANT OPTION;"]
    lines += [f"CREATE DATABASE IF NOT EXISTS {_quoted(database, '`')};"] if database else []
    return _account("/copilot-local", lines, f"{PROGRAMS['mysql'].client}\n$client < /copilot-local/{_FILE}", password)


def _cache(answer: Mapping[str, Any]) -> Account:
    password = answer["password"]
    hidden = '"' + "".join(f"\\x{byte:02x}" for byte in password.encode()) + '"'
    files = (
        _private(_FILE, f"CONFIG SET requirepass {hidden}\n"),
        _private("auth.conf.new", f"requirepass {hidden}\n" if password else ""),
        _private("auth.token.new", password),
    )
    script = (
        f'{PROGRAMS["valkey"].client}\ncd /data && [ "$($client < {_FILE})" = OK ] && cat auth.conf.new > auth.conf'
    )
    script += " && cat auth.token.new > auth.token && chmod 600 auth.token"
    return Account("/data", files, _removing("/data", files, script), password)


_GIVERS: dict[str, Callable[[Mapping[str, Any]], Account]] = {
    "postgres": _postgres,
    "mysql": _mysql,
    "mariadb": _mysql,
    "redis": _cache,
    "valkey": _cache,
}


def _account(folder: str, lines: list[str], script: str, password: str) -> Account:
    files = (_private(_FILE, "\n".join([*lines, ""])),)
    return Account(folder, files, _removing(folder, files, script), password)


def _removing(folder: str, files: tuple[File, ...], script: str) -> str:
    gone = " ".join(f"{folder}/{file.path}" for file in files)
    return f"trap 'rm -f {gone}' EXIT\n{script}"


def _private(name: str, text: str) -> File:
    return File(name, text.encode(), mode=0o600)


def _quoted(name: str, mark: str) -> str:
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def _literal(text: str) -> str:
    """A literal of standard SQL."""
    return _quoted(text, "'")


def _escaped(text: str) -> str:
    """A literal of MySQL, to which a backslash means something."""
    return _literal(text.replace("\\", "\\\\"))
