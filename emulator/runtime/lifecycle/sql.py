"""Runs the SQL of the seed in databases that have no table yet, and brings its rows back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.engine.interface import Engine, File
from emulator.errors import InputError, Position, TaskError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.specs.aws.seed import SqlSeed
from emulator.runtime.specs.aws.stacks import environment_stack_name, stack_name
from emulator.runtime.specs.databases.programs import PROGRAMS
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names
from emulator.spelling import did_you_mean

FOLDER = "/copilot-local/seed"
TIMEOUT = 600.0
HAS_TABLES, SEEDED = 10, 11
"""Exit codes of the scripts: the database has tables of its own; those of the seed."""
_POSTGRES_ERROR = re.compile(rf"psql:{FOLDER}/(\d+)\.sql:(\d+): (?:ERROR|FATAL): +(.*)")
_MYSQL_ERROR = re.compile(rf"{FOLDER}/(\d+)\.sql: [\s\S]*?ERROR \S+ \(\w+\) at line (\d+): (.*)")
_USERS = "table_schema NOT IN ('pg_catalog', 'information_schema')"
_POSTGRES = f"""\
set -u
psql="psql -X -q -v ON_ERROR_STOP=1 -U postgres"
[ -e {{folder}}/seeded-{{mark}} ] && exit {SEEDED}
count=$($psql -At -d {{database}} -c "SELECT count(*) FROM information_schema.tables WHERE {_USERS}") || exit 1
[ "$count" = 0 ] || exit {HAS_TABLES}
$psql -1 -d {{database}} -c {{role}} {{files}} > /dev/null || exit 1
seed={{folder}}/seed-{{mark}}
pg_dump -U postgres --data-only -d {{database}} > $seed.dump || exit 1
$psql -At -d {{database}} -c "SELECT string_agg(format('%I.%I', table_schema, table_name), ', ')
    FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND {_USERS}" > $seed.tables || exit 1
printf %s {{database}} > $seed.name && touch {{folder}}/seeded-{{mark}}
"""
_POSTGRES_AGAIN = """\
set -eu
for name in {folder}/seed-*.name; do
    [ -e "$name" ] || exit 0
    seed=${{name%.name}}
    tables=$(cat "$seed.tables")
    [ -n "$tables" ] || continue
    psql -X -q -v ON_ERROR_STOP=1 -U postgres -d "$(cat "$name")" -1 -c "SET LOCAL lock_timeout = '5s'" \\
        -c "SET LOCAL session_replication_role = replica" -c "TRUNCATE $tables RESTART IDENTITY CASCADE" \\
        -f "$seed.dump" > /dev/null
done
"""
_MYSQL = f"""\
set -u
{{client}}
[ -e {{folder}}/seeded-{{mark}} ] && exit {SEEDED}
count=$($client -NBe {{count}}) || exit 1
[ "$count" = 0 ] || exit {HAS_TABLES}
for file in {{files}}; do
    $client {{database}} < $file > /dev/null 2> {FOLDER}/error || {{{{
        echo "$file: $(cat {FOLDER}/error)" >&2
        $client -e {{anew}}
        exit 1
    }}}}
done
dump=mysqldump
command -v mysqldump > /dev/null || dump=mariadb-dump
seed={{folder}}/seed-{{mark}}
$dump ${{{{client#* }}}} --no-create-info --skip-triggers --no-tablespaces {{database}} > $seed.dump || exit 1
$client -NBe {{tables}} > $seed.tables || exit 1
printf %s {{database}} > $seed.name && touch {{folder}}/seeded-{{mark}}
"""
_MYSQL_AGAIN = """\
set -eu
{client}
for name in {folder}/seed-*.name; do
    [ -e "$name" ] || exit 0
    seed=${{name%.name}}
    {{
        echo "SET FOREIGN_KEY_CHECKS = 0; SET lock_wait_timeout = 5;"
        while read -r table; do printf 'TRUNCATE TABLE `%s`;\\n' "$table"; done < "$seed.tables"
        cat "$seed.dump"
    }} | $client "$(cat "$name")" > /dev/null
done
"""
_AGAIN = {"postgres": _POSTGRES_AGAIN, "mysql": _MYSQL_AGAIN, "mariadb": _MYSQL_AGAIN}


def run_sql(
    engine: Engine,
    environment: Names,
    state: DesiredState,
    seeds: Sequence[SqlSeed],
    answer: Mapping[str, Any],
    emit: Emit,
) -> None:
    """Runs what was not run yet, as the database's own user, each database all of it or nothing. `answer` is that of
    `emulator.aws.prepare`. One that has tables already is left as it is, with a warning.

    Raises InputError, with the line of the SQL, or of the settings for a database that is not there.
    """
    there = {_label(state, database): database for database in state.databases}
    for seed in seeds:
        database = there.get(seed.name)
        if database is None:
            hint = did_you_mean(seed.name, there, "databases")
            raise InputError(f"there is no database {seed.name} for this seed", position=seed.position, hint=hint)
        account = answer.get("databases", {}).get(database.key, {})
        script = _script(database, seed, str(account.get("dbname") or ""), str(account.get("username") or ""))
        container = environment.database(database.key)
        files = [File(f"{number}.sql", text) for number, (_, text) in enumerate(seed.files)]
        engine.put_files(container, FOLDER, files)
        done = engine.exec(container, ("sh", "-c", f"{script}\n"), timeout=TIMEOUT)
        subject = f"seed {seed.name}"
        if done.exit_code == HAS_TABLES:
            emit(Event(EventKind.WARNING, subject, "it has tables already: its seed is left out"))
        elif done.exit_code not in (0, SEEDED):
            raise _error(seed, done.stderr.decode(errors="replace"))
        elif done.exit_code == 0:
            emit(Event(EventKind.STEP_DONE, subject))


def restore(engine: Engine, environment: Names, databases: Sequence[DesiredDatabase]) -> None:
    """Gives the tables of the seed the rows of the seed again; connections to the databases stay. Tables that came
    later keep theirs.

    Raises `TaskError` with what the database says, such as that a service has locked a table for five seconds.
    """
    for database in databases:
        if database.program not in _AGAIN:
            continue
        program = PROGRAMS[database.program]
        script = _AGAIN[database.program].format(folder=program.folder, client=program.client)
        done = engine.exec(environment.database(database.key), ("sh", "-c", script), timeout=TIMEOUT)
        if done.exit_code:
            said = done.stderr.decode(errors="replace").strip()
            raise TaskError(f"the seed of {database.logical_id} could not be put in again: {said}")


def _label(state: DesiredState, database: DesiredDatabase) -> str:
    """`SERVICE/LOGICAL_ID`; of the environment's own addons the logical id."""
    stack = database.key.rpartition("/")[0]
    owners = {stack_name(one.service): f"{one.service.name}/" for one in state.services.values()}
    owners |= {environment_stack_name(one.service): "" for one in state.services.values()}
    return f"{owners.get(stack, '')}{database.logical_id}"


def _script(database: DesiredDatabase, seed: SqlSeed, name: str, user: str) -> str:
    program = PROGRAMS[database.program]
    files = [f"{FOLDER}/{number}.sql" for number in range(len(seed.files))]
    mark = re.sub(r"\W", "-", seed.name)
    if database.program == "postgres":
        role = '"' + (user or "postgres").replace('"', '""') + '"'
        return _POSTGRES.format(
            folder=program.folder,
            mark=mark,
            database=shlex.quote(name or "postgres"),
            role=shlex.quote(f"SET ROLE {role}"),
            files=" ".join(f"-f {file}" for file in files),
        )
    if database.program not in ("mysql", "mariadb"):
        raise InputError(
            f"{seed.name} runs {database.program}, which takes no SQL",
            position=seed.position,
            hint="seeds with SQL are for PostgreSQL, MySQL and MariaDB",
        )
    if not name:
        raise InputError(
            f"{seed.name} makes no database that the SQL could run in",
            position=seed.position,
            hint="give the template's resource a DatabaseName or DBName",
        )
    quoted = "`" + name.replace("`", "``") + "`"
    literal = name.replace("\\", "\\\\").replace("'", "''")
    return _MYSQL.format(
        client=program.client,
        folder=program.folder,
        mark=mark,
        database=shlex.quote(name),
        count=shlex.quote(f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{literal}'"),
        tables=shlex.quote(
            "SELECT table_name FROM information_schema.tables "
            f"WHERE table_schema = '{literal}' AND table_type = 'BASE TABLE'"
        ),
        anew=shlex.quote(f"DROP DATABASE {quoted}; CREATE DATABASE {quoted}"),
        files=" ".join(files),
    )


def _error(seed: SqlSeed, said: str) -> InputError:
    """What the program says, with the line of the user's file."""
    found = _POSTGRES_ERROR.search(said) or _MYSQL_ERROR.search(said)
    if found is None:
        return InputError(f"the seed of {seed.name} failed: {said.strip()}", position=seed.position)
    position = Position(seed.files[int(found[1])][0], int(found[2]))
    return InputError(f"the seed of {seed.name} failed: {found[3].strip()}", position=position)
