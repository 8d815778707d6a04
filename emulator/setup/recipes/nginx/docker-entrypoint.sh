#!/bin/sh
# Before nginx starts, every script in /docker-entrypoint.d runs, in the order of its name.
set -e
if [ "${1:-}" = nginx ] || [ "${1:-}" = nginx-debug ]; then
    for script in /docker-entrypoint.d/*.sh; do
        [ -x "$script" ] && "$script" >&2
    done
fi
exec "$@"
