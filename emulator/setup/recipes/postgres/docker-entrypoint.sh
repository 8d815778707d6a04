#!/bin/bash
# Makes a new cluster from POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB and the files in /docker-entrypoint-initdb.d,
# as the official image does, and starts the server as postgres.
set -Eeuo pipefail
case ${1:-} in -*) set -- postgres "$@" ;; esac
if [ "${1:-}" != postgres ]; then exec "$@"; fi

value() {  # of a variable, or of the file that the variable with _FILE names
    local file="${1}_FILE"
    if [ -n "${!file:-}" ]; then cat "${!file}"; else printf '%s' "${!1:-}"; fi
}

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chmod 700 "$PGDATA"
    find "$PGDATA" \! -user postgres -exec chown postgres:postgres '{}' +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$BASH_SOURCE" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=$(value POSTGRES_USER) password=$(value POSTGRES_PASSWORD) database=$(value POSTGRES_DB)
    user=${user:-postgres} database=${database:-${user:-postgres}}
    if [ -z "$password" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        echo 'error: the database has no superuser password: give POSTGRES_PASSWORD' >&2
        exit 1
    fi
    eval "initdb --username=\"\$user\" --pwfile=<(printf '%s\n' \"\$password\") ${POSTGRES_INITDB_ARGS:-}"
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -w start -o "$(printf '%q ' "${@:2}" -c listen_addresses= -p "${PGPORT:-5432}")"
    query=(psql -v ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$user")
    if [ "$database" != postgres ]; then
        "${query[@]}" --dbname postgres --set db="$database" <<< 'CREATE DATABASE :"db";'
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) "${query[@]}" --dbname "$database" --file "$file" ;;
            *.sql.gz) gunzip -c "$file" | "${query[@]}" --dbname "$database" ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    unset POSTGRES_PASSWORD
fi
exec "$@"
