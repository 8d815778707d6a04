"""`python -m emulator.setup`: a Docker daemon and all images. `--stop-daemon` stops the daemon that it started."""

from __future__ import annotations

import argparse
import sys
import threading
import time

from emulator.errors import CopilotLocalError, ExitCode, ImageError
from emulator.events import Event, EventKind
from emulator.setup.daemon import answers, ensure_daemon, stop_daemon
from emulator.setup.images import ensure_images
from emulator.setup.load_generator import ensure_load_generator
from emulator.setup.plugins import ensure_plugins
from emulator.setup.substitutes import read, stand_ins_file
from emulator.visible import visible

_printing = threading.Lock()


def show(event: Event) -> None:
    """Prints one event to standard error, a step's duration with it."""
    word = {EventKind.STEP_STARTED: "…", EventKind.STEP_DONE: "✓", EventKind.STEP_FAILED: "✗"}.get(event.kind, "·")
    seconds = event.fields.get("seconds")
    duration = f" ({seconds} s)" if seconds is not None else ""
    with _printing:
        sys.stderr.write(visible(f"{word} {event.subject}: {event.message}{duration}\n"))
        sys.stderr.flush()


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code; errors are printed with their hint, never as a traceback."""
    parser = argparse.ArgumentParser(prog="python -m emulator.setup", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--daemon-only", action="store_true", help="only make sure that a Docker daemon answers")
    action.add_argument("--stop-daemon", action="store_true", help="stop the Docker daemon that this command started")
    action.add_argument("--ping", action="store_true", help="only tell, by the exit code, whether a daemon answers")
    action.add_argument("--plugins", action="store_true", help="only make sure that docker has Compose and BuildKit")
    action.add_argument(
        "--databases", action="store_true", help="also the images of databases and examples, as tests need"
    )
    action.add_argument("--benchmarks", action="store_true", help="--plugins, and the load generator of the benchmarks")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        if options.ping:
            return ExitCode.OK if answers() else ExitCode.NO_DOCKER
        if options.stop_daemon:
            stop_daemon(show)
            return ExitCode.OK
        if options.plugins or options.benchmarks:
            ensure_plugins(show)
            if options.benchmarks:
                ensure_load_generator(show)
            return ExitCode.OK
        ensure_daemon(show)
        if options.daemon_only:
            return ExitCode.OK
        ensure_images(show, databases=options.databases)
    except CopilotLocalError as error:
        lines = [f"error: {error}"]
        if isinstance(error, ImageError):
            lines += [f"  | {line}" for line in error.output]
        lines += [f"hint: {error.hint}"] if error.hint else []
        sys.stderr.write(visible("\n".join(lines) + "\n"))
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    table = read()
    images = f"stand-ins for {len(set(table.values()))} images in {stand_ins_file()}" if table else "images pulled"
    sys.stdout.write(f"ready: Docker answers, {images} ({time.monotonic() - start:.1f} s)\n")
    return ExitCode.OK


if __name__ == "__main__":
    sys.exit(main())
