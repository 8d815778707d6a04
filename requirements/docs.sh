#!/bin/sh
# Makes sure of what builds the documentation's site, in build/docs-tools. Run by `make docs`.
set -eu
cd "$(dirname "$0")/.."

wanted=$(sha256sum requirements/docs.lock)
[ "$(cat build/docs-tools/.complete 2> /dev/null)" = "$wanted" ] && exit 0
rm -rf build/docs-tools
.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
    --target build/docs-tools --requirement requirements/docs.lock
echo "$wanted" > build/docs-tools/.complete
