#!/bin/sh
# Makes .venv with exactly the versions of requirements/dev.lock, and the project in it. Run by `make venv`.
set -eu
cd "$(dirname "$0")/.."

# Prints the first Python that is new enough, one that can make a .venv before one that cannot. That of the distribution
# is asked first: it is built with profiles, those of version managers seldom are, and they take a quarter more time for
# the same. A version manager's shim may exist and not work, so each is run.
find_python() {
    for needed in 'import ensurepip, venv' ''; do
        for candidate in ${PYTHON:-/usr/bin/python3 python3 python3.13 python3.12 python3.11}; do
            if "$candidate" -c "import sys; sys.version_info >= (3, 11) or sys.exit(1); $needed" 2> /dev/null; then
                command -v "$candidate"
                return 0
            fi
        done
    done
    return 1
}

# As root on Debian and Ubuntu only; a person at a terminal is asked, unless CI=true or SETUP_YES=1.
may_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || return 1
    [ "${CI:-}" = true ] || [ "${SETUP_YES:-}" = 1 ] && return 0
    [ -t 0 ] || return 0
    printf 'Install %s with apt-get? [y/N] ' "$*" >&2
    read -r answer
    [ "$answer" = y ] || [ "$answer" = yes ]
}

install() {
    may_install "$@" || return 1
    apt-get update -q > /dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" > /dev/null
}

python=$(find_python) || { install python3 python3-venv && python=$(find_python); } || {
    echo "error: Python 3.11 or later is needed" >&2
    echo "hint: on Debian and Ubuntu: apt-get install python3 python3-venv; or set PYTHON" >&2
    exit 1
}
"$python" -c 'import ensurepip, venv' 2> /dev/null || install python3-venv || {
    echo "error: $python lacks the venv module" >&2
    echo "hint: on Debian and Ubuntu: apt-get install python3-venv" >&2
    exit 1
}

[ -x .venv/bin/python ] && .venv/bin/python -m pip --version > /dev/null 2>&1 || "$python" -m venv --clear .venv
.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements/dev.lock
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
touch .venv/.complete
