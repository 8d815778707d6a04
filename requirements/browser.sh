#!/bin/sh
# Makes sure of a browser and of what drives it, in build/browser, or fails in time. Run by `make test-browser` and others.
set -eu
cd "$(dirname "$0")/.."

# As root on Debian and Ubuntu only; a person at a terminal is asked, unless CI=true or SETUP_YES=1.
may_install() {
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || return 1
    [ "${CI:-}" = true ] || [ "${SETUP_YES:-}" = 1 ] && return 0
    [ -t 0 ] || return 0
    printf 'Install Chromium with apt-get? [y/N] ' >&2
    read -r answer
    [ "$answer" = y ] || [ "$answer" = yes ]
}

install() {
    may_install || return 1
    timeout -k 10 120 apt-get update -q > /dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive timeout -k 10 240 apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" > /dev/null
}

found() {
    command -v chromium-headless-shell || command -v chromium || command -v chromium-browser
}

# The shell alone is smaller and lighter; older systems have the whole browser only.
found > /dev/null || install chromium-headless-shell fonts-dejavu-core || install chromium fonts-dejavu-core || {
    echo "error: no Chromium here, which these tests drive" >&2
    echo "hint: on Debian and Ubuntu: apt-get install chromium" >&2
    exit 2
}
wanted=$(sha256sum requirements/browser.lock)
[ "$(cat build/browser/.complete 2> /dev/null)" = "$wanted" ] && exit 0
rm -rf build/browser
timeout -k 10 300 .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
    --target build/browser --requirement requirements/browser.lock
echo "$wanted" > build/browser/.complete
