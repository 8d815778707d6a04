"""Options and arguments that fingers know from other tools, and what to type instead here.

Docker Compose's and Copilot's that are not ours: each is taken where it asks for what is done anyway, otherwise refused
with the right word.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from emulator.errors import UsageError

ENVIRONMENT_VERBS: Final = ("up", "run")
_VARIABLE: Final = "--var NAME=VALUE fills in ${NAME} in manifests; a container's own are `variables` in its manifest"
_NO_COLOUR: Final = "the variable NO_COLOR=1 leaves colour out"
_TASKS: Final = "each task has containers of its own; `copilot-local inspect` lists tasks"
_STOP_TIMEOUT: Final = "each container has the seconds of its task definition to stop (StopTimeout, 30)"

ANYWHERE: Final[Mapping[str, str]] = {
    "-p": "`-a NAME` names the application, which is what Compose calls a project",
    "--project-name": "`-a NAME` names the application, which is what Compose calls a project",
    "-f": "manifests are read from copilot/ above this folder; `copilot-local up PATH` runs the manifest of a path",
    "--file": "manifests are read from copilot/ above this folder; `copilot-local up PATH` runs the manifest of a path",
    "--project-directory": "`cd` to the folder: manifests are read from copilot/ there or above",
    "--profile": "name the services that should run: `copilot-local up SERVICE`",
    "--ansi": _NO_COLOUR,
    "--no-color": _NO_COLOUR,
    "--no-ansi": _NO_COLOUR,
    "--progress": "`copilot-local up -q` prints warnings, errors and logs only",
    "--context": "the variable DOCKER_CONTEXT=NAME chooses a Docker context, as for `docker`",
    "--host": "the variable DOCKER_HOST=ADDRESS chooses a daemon, as for `docker`",
    "-H": "the variable DOCKER_HOST=ADDRESS chooses a daemon, as for `docker`",
    "--parallel": "what does not depend on each other starts at the same time",
}
"""Options of other tools for every verb, where the verb has none of that name."""
BEFORE_VERB: Final[Mapping[str, str]] = {
    "-a": "options follow the verb: `copilot-local up -a NAME`",
    "--app": "options follow the verb: `copilot-local up --app NAME`",
    "-e": "options follow the verb: `copilot-local up -e NAME`",
    "--env": "options follow the verb: `copilot-local up --env NAME`",
    "-n": "options follow the verb: `copilot-local ps -n SERVICE`",
    "--name": "options follow the verb: `copilot-local ps --name SERVICE`",
    "--env-file": "options follow the verb: `copilot-local up --env-file FILE`",
    "--dry-run": "options follow the verb: `copilot-local up --dry-run`",
    "-v": "`copilot-local --version`",
    "-c": "the variable DOCKER_CONTEXT=NAME chooses a Docker context, as for `docker`",
}
"""Options before the verb, beside those of ANYWHERE."""
OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "up": {
        "--no-build": "builds come from Docker's cache where nothing changed; --image NAME=REF runs an image as it is",
        "--pull": "an image that is here is not pulled again: `docker pull IMAGE` gets a newer one",
        "--force-recreate": "`copilot-local restart SERVICE` replaces tasks that run",
        "--always-recreate-deps": "`copilot-local restart` replaces the tasks of every service",
        "--no-deps": "only the named services run, unless --with-deps is given",
        "--remove-orphans": "`copilot-local stop SERVICE` stops one that left the workspace; `down` removes everything",
        "--no-recreate": "tasks that are as they should be stay as they are",
        "--no-start": "`copilot-local up --dry-run` shows what would be made",
        "--abort-on-container-exit": "in the foreground `up` ends when an essential container does",
        "--abort-on-container-failure": "in the foreground `up` ends when an essential container does",
        "--exit-code-from": "in the foreground `up` ends with the code of the essential container that ended",
        "--attach": "`copilot-local logs -f SERVICE` follows one service",
        "--no-attach": "`copilot-local up -d` and `copilot-local logs -f SERVICE` follow one service",
        "--no-log-prefix": "`copilot-local logs --format json` has each part by itself",
        "--timestamps": "`copilot-local logs -f -t` shows times",
        "--quiet-pull": "`copilot-local up -q` prints warnings, errors and logs only",
        "--renew-anon-volumes": "`copilot-local down -v` removes volumes",
        "-V": "`copilot-local down -v` removes volumes",
        "--timeout": _STOP_TIMEOUT,
        "-t": _STOP_TIMEOUT,
        "-y": "`copilot-local trust-workspace -y` gives a workspace what it asks for",
        "--yes": "`copilot-local trust-workspace --yes` gives a workspace what it asks for",
        "--profile": "name the services that should run",
    },
    "down": {
        "--rmi": "`copilot-local prune` removes built images, once the environment is down",
        "--remove-orphans": "it removes everything of the environment anyway",
        "--dry-run": "`copilot-local ps --all` lists what would be removed",
    },
    "stop": {"-t": _STOP_TIMEOUT, "--timeout": _STOP_TIMEOUT},
    "restart": {
        "-t": _STOP_TIMEOUT,
        "--timeout": _STOP_TIMEOUT,
        "--no-deps": "only the named services are restarted anyway",
    },
    "run": {
        "-d": "`copilot-local up -d --jobs` runs jobs on their schedules; `run` stays until the job ends",
        "--detach": "`copilot-local up -d --jobs` runs jobs on their schedules; `run` stays until the job ends",
        "--entrypoint": "the manifest's `entrypoint` and `command` say what a job runs",
        "--name": "the job stands after the verb: `copilot-local run JOB`",
        "-n": "the job stands after the verb: `copilot-local run JOB`",
        "-v": "`storage.volumes` in the manifest mounts volumes",
        "--volume": "`storage.volumes` in the manifest mounts volumes",
        "--user": "`copilot-local exec -u USER CONTAINER` runs a command as another user",
        "-u": "`copilot-local exec -u USER CONTAINER` runs a command as another user",
    },
    "exec": {
        "--privileged": "a task on Fargate has no more rights; `docker exec --privileged` does it",
        "--index": _TASKS,
        "-d": "a command of `exec` ends with this command; `docker exec -d` leaves one running",
        "--detach": "a command of `exec` ends with this command; `docker exec -d` leaves one running",
        "--command": "the command stands after the container: `copilot-local exec CONTAINER -- COMMAND`",
        "--container": "the container stands after the verb: `copilot-local exec CONTAINER`",
        "--task-id": "`copilot-local exec` takes the newest task",
    },
    "logs": {
        "--no-color": "NO_COLOR=1 copilot-local logs",
        "--no-log-prefix": "--format json has each part by itself",
        "--index": _TASKS,
        "--limit": "`copilot-local logs --tail N` shows the last lines",
        "--start-time": "`copilot-local logs --since TIME`",
        "--end-time": "`copilot-local logs --until TIME`",
        "--json": "`copilot-local logs --format json`",
    },
    "ps": {
        "--services": "`copilot-local ps --format json` has `services`",
        "--filter": "`copilot-local ps SERVICE` shows one service, `--format json` is for programs",
        "--status": "`copilot-local ps --all` shows the last tasks that stopped too",
        "--orphans": "every container of the environment is shown",
        "--no-trunc": "`copilot-local ps --format json` has everything at full length",
        "--json": "`copilot-local ps --format json`",
    },
    "ls": {
        "-q": "`copilot-local ls --format json` is for programs",
        "--quiet": "`copilot-local ls --format json` is for programs",
        "--filter": "`copilot-local ls -a NAME` shows one application",
        "--json": "`copilot-local ls --format json`",
    },
    "config": {
        "--services": "the services are the folders of copilot/; `copilot-local graph` draws them",
        "--images": "`copilot-local ps` shows the images that run",
        "--volumes": "`copilot-local config` prints `storage.volumes` with the rest",
        "--quiet": "`copilot-local validate` checks manifests and prints findings only",
        "-q": "`copilot-local validate` checks manifests and prints findings only",
        "--no-interpolate": "the file copilot/SERVICE/manifest.yml is the manifest as it was written",
    },
    "events": {"--since": "the last events are printed anyway", "--until": "the last events are printed anyway"},
    "port": {
        "--protocol": "the protocol follows the port: `copilot-local port 53/udp`",
        "--index": "a load balancer has one address for all tasks",
    },
}
"""Verb to option of another tool to what to do instead."""
ACCEPTED: Final[Mapping[str, frozenset[str]]] = {
    "up": frozenset({"--build"}),
    "run": frozenset({"--rm", "--build", "--no-deps", "-T"}),
    "events": frozenset({"--json"}),
    "ls": frozenset({"--all"}),
}
"""Options of other tools that ask for what is done anyway."""
ARGUMENTS: Final[Mapping[str, str]] = {
    "run": "a job runs its own command; `copilot-local exec CONTAINER -- COMMAND` runs one in a container that runs",
    "port": "`copilot-local port --all` has every listener with its service; ports of containers are not published, "
    "`copilot-local open --print SERVICE` prints where a load balancer leads to them",
    "stop": "`copilot-local stop SERVICE` stops a service, `copilot-local down` everything",
    "scale": "`copilot-local scale SERVICE=N`",
    "down": "`copilot-local stop SERVICE` stops one service; `down` removes the whole environment",
    "events": "`copilot-local ps --all` shows the last tasks of a service; `events` prints those of the environment",
    "exec": "`copilot-local exec CONTAINER`; `copilot-local ps` lists containers",
    "ls": "`copilot-local ls -a NAME` shows one application; `copilot-local ps` shows an environment's services",
}
"""Verb to what to type instead of too many arguments, or of none."""


def refuse_before_verb(words: Sequence[str]) -> None:
    """Raises UsageError for an option of another tool that stands before the verb, with what to type instead."""
    option = words[0].partition("=")[0] if words else ""
    hint = BEFORE_VERB.get(option) or ANYWHERE.get(option)
    if hint:
        raise UsageError(f"there is no option {option} before the verb", hint=hint)


def without_foreign_options(verb: str, words: Sequence[str], own: Collection[str] = ()) -> list[str]:
    """The words of a verb without options that ask for what is done anyway. `own` are the options that the verb has.

    Raises UsageError for other options of another tool, with what to do instead.
    """
    table = {option: hint for option, hint in ANYWHERE.items() if option not in own} | dict(OPTIONS.get(verb, {}))
    kept: list[str] = []
    words = _all_of_them(verb, words)
    for number, word in enumerate(words):
        if word == "--":
            return [*kept, *words[number:]]
        option, _, value = word.partition("=")
        if option in table:
            raise UsageError(f"{verb} has no option {option}", hint=table[option])
        if verb in ENVIRONMENT_VERBS and option in ("-e", "--env"):
            following = value or (words[number + 1] if number + 1 < len(words) else "")
            if "=" in following:
                raise UsageError(f"-e takes the name of an environment, not {following!r}", hint=_VARIABLE)
        if option not in ACCEPTED.get(verb, ()):
            kept.append(word)
    return kept


def _all_of_them(verb: str, words: Sequence[str]) -> list[str]:
    """`-a` without a name, as `docker compose ps -a` has it: all. With one it names the application."""
    if verb not in ("ps", "ls"):
        return list(words)
    found: list[str] = []
    for number, word in enumerate(words):
        if word in ("-aq", "-qa"):
            found += ["--all", "-q"]
        elif word == "-a" and (number + 1 == len(words) or words[number + 1].startswith("-")):
            found.append("--all")
        else:
            found.append(word)
    return found
