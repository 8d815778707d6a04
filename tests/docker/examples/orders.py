"""examples/orders with what its images hold beside our code, which is fetched once and kept in build/."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from emulator.setup.paths import locked

ROOT = Path(__file__).parents[3]
ORDERS = ROOT / "examples" / "orders"
FETCHED = {
    "api/packages": "api/requirements.txt",
    "web/node_modules": "web/package.json",
    "worker/node_modules": "worker/package.json",
}
"""What `make packages` makes, and of what."""
IGNORED = ("web/.dockerignore", "worker/.dockerignore")
"""What builds leave out of them. Copies have none of it either: most of the files."""
SOURCES = shutil.ignore_patterns("__pycache__", *{Path(name).name for name in FETCHED})


def copy_of_orders(target: Path) -> Path:
    """Copies the example to a new or an empty folder, as it is after `make packages`."""
    kept = _packages()
    shutil.copytree(ORDERS, target, ignore=SOURCES, dirs_exist_ok=True)
    for name in FETCHED:
        shutil.copytree(kept / name, target / name, symlinks=True, copy_function=_link)
        os.utime(target / name)  # a checkout may be younger than what is kept; `make` would fetch it again
    return target


def _link(source: str, target: str) -> None:
    """Thousands of files are linked in a tenth of the time; nothing writes to them."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _packages() -> Path:
    digest = hashlib.sha256(sys.version.encode())
    for name in ("Makefile", *FETCHED.values(), *IGNORED):
        digest.update((ORDERS / name).read_bytes())
    folder = ROOT / "build" / "orders"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / digest.hexdigest()[:12]
    with locked("orders-packages"):
        if not kept.is_dir():
            made = folder / "made"
            shutil.rmtree(made, ignore_errors=True)
            shutil.copytree(ORDERS, made, ignore=SOURCES)
            variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
            command = ["make", "packages", f"PYTHON={sys.executable}"]
            done = subprocess.run(
                command, cwd=made, env=variables, capture_output=True, text=True, timeout=400, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            _leave_out(made)
            made.rename(kept)
    return kept


def _leave_out(folder: Path) -> None:
    for name in IGNORED:
        patterns = [line for line in (folder / name).read_text(encoding="utf-8").splitlines() if line[0] != "#"]
        for pattern in patterns:
            for path in list((folder / name).parent.glob(pattern)):
                path.unlink()
