#!/bin/sh
# Makes sure of the tools that deploy to ECS, unmodified, in build/tools, and of Airflow in build/airflow. Run by `make test`.
set -eu
cd "$(dirname "$0")/.."
for name in tools airflow; do
    wanted=$(sha256sum "requirements/$name.lock")
    [ "$(cat "build/$name/.complete" 2> /dev/null)" = "$wanted" ] && continue
    rm -rf "build/$name"
    .venv/bin/python -m venv "build/$name"
    "build/$name/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes \
        --requirement "requirements/$name.lock"
    echo "$wanted" > "build/$name/.complete"
done
