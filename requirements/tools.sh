#!/bin/sh
# Makes sure of the tools that deploy to ECS, unmodified, in build/tools. Run by `make test-pipelines`.
set -eu
cd "$(dirname "$0")/.."
wanted=$(sha256sum requirements/tools.lock)
[ "$(cat build/tools/.complete 2> /dev/null)" = "$wanted" ] && exit 0
rm -rf build/tools
.venv/bin/python -m venv build/tools
build/tools/bin/python -m pip install -qq --disable-pip-version-check --require-hashes \
    --requirement requirements/tools.lock
echo "$wanted" > build/tools/.complete
