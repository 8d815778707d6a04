"""How each program is started and asked whether it is ready. Scripts for `sh` in its image, official or stand-in.

A database is started without its account, which only the local AWS endpoint knows: with a password that its script
makes up, for a superuser that is reached from inside alone. So it starts beside the endpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

NOT_YET = 75
"""Exit code of the question whether a program is ready, for one that runs and is not."""
_TRIES = 20
_WORD = "$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \\n')"
_OWN = "/copilot-local"

_POSTGRES = f"""\
set -eu
umask 077
tls={_OWN}/data/tls
if [ ! -s $tls/server.key ]; then
    mkdir -p $tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \\
        -subj "/CN=postgres" -addext "subjectAltName=DNS:$HOSTNAME,DNS:localhost" \\
        -keyout $tls/server.key -out $tls/server.crt 2> /dev/null || rm -f $tls/server.key
fi
if [ ! -s $tls/server.key ] && [ -r /etc/ssl/private/ssl-cert-snakeoil.key ]; then
    cp /etc/ssl/certs/ssl-cert-snakeoil.pem $tls/server.crt
    cp /etc/ssl/private/ssl-cert-snakeoil.key $tls/server.key
fi
chmod 755 {_OWN} {_OWN}/data
if [ -s $tls/server.key ]; then
    chown -R postgres $tls
    set -- -c ssl=on -c ssl_cert_file=$tls/server.crt -c ssl_key_file=$tls/server.key
fi
export POSTGRES_PASSWORD="{_WORD}"
exec docker-entrypoint.sh postgres -c "listen_addresses=*" "$@"
"""
_POSTGRES_READY = """\
pg_isready -q -h 127.0.0.1 -U postgres && \\
    psql -XAtq -U postgres -d postgres -c "SELECT 'PostgreSQL ' || split_part(version(), ' ', 2)"
"""

_MYSQL = f"""\
set -eu
umask 077
mkdir -p {_OWN}
word="{_WORD}"
for statement in "CREATE USER IF NOT EXISTS 'copilot-local'@'localhost' IDENTIFIED BY '$word';" \\
    "ALTER USER 'copilot-local'@'localhost' IDENTIFIED BY '$word';" \\
    "GRANT ALL PRIVILEGES ON *.* TO 'copilot-local'@'localhost' WITH GRANT OPTION;"; do
    echo "$statement"
done > {_OWN}/init.sql
printf '[client]\\nuser=copilot-local\\npassword=%s\\n' "$word" > {_OWN}/admin.cnf
chmod 755 {_OWN}
chown mysql {_OWN}/init.sql
export MYSQL_ROOT_PASSWORD="$word" MARIADB_ROOT_PASSWORD="$word" MYSQL_ROOT_HOST=localhost MARIADB_ROOT_HOST=localhost
server=mysqld
command -v mysqld > /dev/null || server=mariadbd
# RDS creates users with this plugin, which old clients know, too; MySQL 8.4 and MariaDB have no such option.
exec docker-entrypoint.sh $server --port=$PORT --init-file={_OWN}/init.sql \\
    --loose-default-authentication-plugin=mysql_native_password
"""
_MYSQL_CLIENT = f"""\
client=mysql
command -v mysql > /dev/null || client=mariadb
client="$client --defaults-extra-file={_OWN}/admin.cnf --protocol=socket"
"""
_MYSQL_READY = f"""\
{_MYSQL_CLIENT}
[ "$($client -NBe 'SELECT @@skip_networking' 2> /dev/null)" = 0 ] && \\
    case $($client -NBe 'SELECT VERSION()') in
        *MariaDB*) $client -NBe "SELECT CONCAT('MariaDB ', SUBSTRING_INDEX(VERSION(), '-', 1))" ;;
        *) $client -NBe "SELECT CONCAT('MySQL ', SUBSTRING_INDEX(VERSION(), '-', 1))" ;;
    esac
"""

_CACHE = """\
set -eu
cd /data
touch auth.conf
chmod 600 auth.conf
server=valkey-server
command -v valkey-server > /dev/null || server=redis-server
exec docker-entrypoint.sh $server --include /data/auth.conf --port $PORT --appendonly yes --dir /data
"""
_CACHE_CLIENT = """\
client=valkey-cli
command -v valkey-cli > /dev/null || client=redis-cli
client="$client -p $PORT"
if [ -s /data/auth.token ]; then export REDISCLI_AUTH="$(cat /data/auth.token)"; fi
"""
_CACHE_READY = f"""\
{_CACHE_CLIENT}
[ "$($client ping 2> /dev/null)" = PONG ] || exit 1
about=$($client info server | tr -d '\\r')
version=$(echo "$about" | sed -n 's/^valkey_version:/Valkey /p')
echo "${{version:-$(echo "$about" | sed -n 's/^redis_version:/Redis /p')}}"
"""

_MEMCACHED = "exec docker-entrypoint.sh memcached -p $PORT"
_MEMCACHED_READY = """\
if command -v bash > /dev/null; then
    answer=$(bash -c 'exec 3<> /dev/tcp/127.0.0.1/$PORT && printf "version\\r\\n" >&3 && head -n 1 <&3')
else
    answer=$(printf 'version\\r\\nquit\\r\\n' | nc 127.0.0.1 "$PORT")
fi 2> /dev/null
case $answer in VERSION*) echo "Memcached $(echo "${answer#VERSION }" | tr -d '\\r')" ;; *) exit 1 ;; esac
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program as it runs in a container. `variable` has its port, `folder` its data; empty: it keeps none."""

    start: str
    ready: str
    """Prints the program's name and version where it is ready."""
    variable: str
    folder: str
    client: str = ""
    """Sets `client` to what talks to it as superuser."""

    @property
    def wait(self) -> str:
        """Asks for some seconds whether it is ready; exit code `NOT_YET` where it is not by then."""
        return (
            f"ready() {{\n{self.ready}\n}}\ntries={_TRIES}\n"
            f"until (ready); do\n  tries=$((tries - 1)); [ $tries -gt 0 ] || exit {NOT_YET}\n  sleep 0.1\ndone"
        )


_MYSQL_PROGRAM = Program(_MYSQL, _MYSQL_READY, "PORT", "/var/lib/mysql", _MYSQL_CLIENT)
_CACHE_PROGRAM = Program(_CACHE, _CACHE_READY, "PORT", "/data", _CACHE_CLIENT)
PROGRAMS = {
    "postgres": Program(_POSTGRES, _POSTGRES_READY, "PGPORT", f"{_OWN}/data"),
    "mysql": _MYSQL_PROGRAM,
    "mariadb": _MYSQL_PROGRAM,
    "redis": _CACHE_PROGRAM,
    "valkey": _CACHE_PROGRAM,
    "memcached": Program(_MEMCACHED, _MEMCACHED_READY, "PORT", ""),
}
