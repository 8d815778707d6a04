#!/bin/bash
# Makes a new data folder from MARIADB_ROOT_PASSWORD, MARIADB_USER, MARIADB_PASSWORD and MARIADB_DATABASE (or MYSQL_…)
# and the files in /docker-entrypoint-initdb.d, as the official image does, and starts the server as mysql.
set -Eeuo pipefail
case ${1:-} in -*) set -- mariadbd "$@" ;; esac
case ${1:-} in mariadbd | mysqld) ;; *) exec "$@" ;; esac
data=/var/lib/mysql socket=/run/mysqld/mysqld.sock

value() {  # of a variable by either name, or of the file that the variable with _FILE names
    local name file
    for name in "MARIADB_$1" "MYSQL_$1"; do
        file="${name}_FILE"
        if [ -n "${!file:-}" ]; then cat "${!file}"; return; fi
        if [ -n "${!name:-}" ]; then printf '%s' "${!name}"; return; fi
    done
}
quoted() { local text=${1//\\/\\\\}; printf "'%s'" "${text//\'/\'\'}"; }

if [ "$(id -u)" = 0 ]; then
    find "$data" /run/mysqld \! -user mysql -exec chown mysql:mysql '{}' +
    exec setpriv --reuid=mysql --regid=mysql --init-groups "$BASH_SOURCE" "$@"
fi
if [ ! -d "$data/mysql" ]; then
    root=$(value ROOT_PASSWORD) user=$(value USER) password=$(value PASSWORD) database=$(value DATABASE)
    if [ -z "$root" ] && [ -z "$(value ALLOW_EMPTY_ROOT_PASSWORD)" ]; then
        echo 'error: the database has no root password: give MARIADB_ROOT_PASSWORD' >&2
        exit 1
    fi
    mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal --skip-test-db > /dev/null
    "$@" --skip-networking --socket="$socket" &
    server=$!
    query=(mariadb --protocol=socket --socket="$socket" --user=root)
    until "${query[@]}" --execute='SELECT 1' > /dev/null 2>&1; do
        kill -0 "$server" 2> /dev/null || { wait "$server"; exit 1; }
        sleep 0.1
    done
    {
        if [ -n "$database" ]; then echo "CREATE DATABASE IF NOT EXISTS \`${database//\`/\`\`}\`;"; fi
        if [ -n "$user" ]; then
            echo "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$password");"
            if [ -n "$database" ]; then
                echo "GRANT ALL ON \`${database//\`/\`\`}\`.* TO $(quoted "$user")@'%';"
            fi
        fi
    } | "${query[@]}"
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) "${query[@]}" ${database:+"$database"} < "$file" ;;
            *.sql.gz) gunzip -c "$file" | "${query[@]}" ${database:+"$database"} ;;
        esac
    done
    if [ -n "$root" ]; then
        {
            echo "ALTER USER 'root'@'localhost' IDENTIFIED BY $(quoted "$root");"
            host=$(value ROOT_HOST)
            if [ "${host:=%}" != localhost ]; then
                echo "CREATE USER 'root'@$(quoted "$host") IDENTIFIED BY $(quoted "$root");"
                echo "GRANT ALL ON *.* TO 'root'@$(quoted "$host") WITH GRANT OPTION;"
            fi
        } | "${query[@]}"
    fi
    kill "$server"
    wait "$server"
fi
exec "$@"
