#!/bin/sh
# Options or a configuration file alone mean valkey-server; the server itself runs as valkey and reaches the network.
set -e
case ${1:-} in
    -* | *.conf) set -- valkey-server "$@" ;;
    redis-server) shift && set -- valkey-server "$@" ;;
esac
if [ "${1:-}" = valkey-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user valkey -exec chown valkey '{}' +
    exec setpriv --reuid=valkey --regid=valkey --init-groups "$0" "$@"
fi
if [ "${1:-}" = valkey-server ]; then
    shift
    set -- valkey-server --protected-mode no "$@"
fi
exec "$@"
