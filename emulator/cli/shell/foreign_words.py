"""Words that fingers know from other tools, and what to type here instead.

Docker Compose's and Copilot's verbs and options that are not ours: each is refused with the right word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from emulator.errors import UsageError
from emulator.spelling import closest

MOST_LISTED: Final = 6
ENVIRONMENT_VERBS: Final = ("up", "run")
_VARIABLE: Final = "--var NAME=VALUE fills in ${NAME} in manifests; a container's own are `variables` in its manifest"
VERBS: Final[Mapping[str, str]] = {
    "start": "`copilot-local up -d SERVICE` runs a service again; `scale SERVICE=N` sets how many tasks",
    "kill": "`copilot-local stop SERVICE|TASK` stops in order; `docker kill CONTAINER` kills one container",
    "rm": "`copilot-local stop SERVICE` stops a service; `down` removes the environment",
    "build": "`copilot-local up` builds what its services need; `docker build` builds without running",
    "pull": "`copilot-local up` pulls what is not here; `docker pull IMAGE` gets a newer one",
    "push": "`docker push` pushes an image; `copilot-local render cloudformation --tag TAG` names it",
    "stats": "`docker stats $(copilot-local ps -q)` shows CPU and memory",
    "top": "`docker top CONTAINER`, with a name from `copilot-local ps`",
    "images": "`copilot-local ps` shows the image of each container",
    "attach": "`copilot-local logs -f` follows the output",
    "watch": "`copilot-local up --watch`",
    "wait": "`copilot-local up -d --wait`",
    "create": "`copilot-local up`",
    "pause": "`docker pause CONTAINER`, with a name from `copilot-local ps`",
    "unpause": "`docker unpause CONTAINER`, with a name from `copilot-local ps`",
    "version": "`copilot-local --version`",
    "help": "`copilot-local --help`, `copilot-local VERB --help`",
    "svc": "services: `copilot-local logs`, `ps`, `exec`, `up`, `stop`",
    "job": "jobs: `copilot-local run JOB`, `logs JOB`",
    "task": "tasks: `copilot-local ps`, `stop TASK`, `inspect TASK`",
    "app": "the application: `copilot-local ls`, `up -a NAME`, `down -a NAME`",
    "deploy": "`copilot-local render cloudformation` prints a stack to deploy; `up` runs it here",
    "package": "`copilot-local render cloudformation`",
    "pipeline": "pipelines are not run here; `copilot-local validate` checks their manifests",
    "storage": "addons are files in copilot/SERVICE/addons; `copilot-local render cloudformation` prints them",
    "secret": "values of secrets are in .copilot-local/secrets.env; `copilot-local init` writes the names",
}
"""Verb to what to type instead."""
SECOND_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "svc": {
        "logs": "`copilot-local logs SERVICE`",
        "status": "`copilot-local ps -n SERVICE`",
        "show": "`copilot-local ps -n SERVICE`",
        "ls": "`copilot-local ps`",
        "exec": "`copilot-local exec CONTAINER -n SERVICE`",
        "pause": "`copilot-local stop SERVICE`",
        "resume": "`copilot-local up -d SERVICE`",
        "deploy": "`copilot-local up SERVICE` runs it here; `render cloudformation SERVICE` prints a stack",
        "package": "`copilot-local render cloudformation SERVICE`",
        "init": "a service's manifest is copilot/SERVICE/manifest.yml; `copilot-local schema` has its keys",
        "delete": "`copilot-local stop SERVICE`",
    },
    "job": {"run": "`copilot-local run JOB`", "logs": "`copilot-local logs JOB`", "ls": "`copilot-local ps`"},
    "app": {"ls": "`copilot-local ls`", "show": "`copilot-local ls`", "delete": "`copilot-local down -v -a NAME`"},
    "task": {"run": "`copilot-local run JOB`", "exec": "`copilot-local exec CONTAINER`"},
    "run": {"local": "`copilot-local up` runs services here; `run JOB` runs a job once"},
}
"""Words of two parts, such as Copilot's `svc logs`."""
OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "up": {
        "--no-build": "builds come from Docker's cache where nothing changed; --image NAME=REF runs an image as it is",
        "--pull": "an image that is here is not pulled again: `docker pull IMAGE` gets a newer one",
        "--force-recreate": "`copilot-local restart SERVICE` replaces tasks that run",
        "--no-deps": "only the named services run, unless --with-deps is given",
        "--remove-orphans": "`copilot-local stop SERVICE` stops one that left the workspace; `down` removes everything",
        "--no-recreate": "tasks that are as they should be stay as they are",
        "--abort-on-container-exit": "in the foreground `up` ends when an essential container does",
        "--attach": "`copilot-local logs -f SERVICE` follows one service",
        "--profile": "name the services that should run",
    },
    "down": {
        "--rmi": "`copilot-local prune` removes built images, once the environment is down",
        "--remove-orphans": "it removes everything of the environment anyway",
    },
    "exec": {"--privileged": "a task on Fargate has no more rights; `docker exec --privileged` does it"},
    "logs": {"--no-color": "NO_COLOR=1 copilot-local logs", "--no-log-prefix": "--format json has each part by itself"},
}
"""Verb to option of another tool to what to do instead."""
ACCEPTED: Final[Mapping[str, frozenset[str]]] = {"up": frozenset({"--build"})}
"""Options of other tools that ask for what is done anyway."""


def refuse_verb(words: Sequence[str], known: Sequence[str]) -> None:
    """Raises UsageError for a verb that is not there, with what to type instead."""
    first, second = words[0], words[1] if len(words) > 1 else ""
    hint = SECOND_WORDS.get(first, {}).get(second) or VERBS.get(first, "")
    if hint:
        said = f"{first} {second}" if second in SECOND_WORDS.get(first, {}) else first
        raise UsageError(f"there is no `{said}` here", hint=hint)
    meant = closest(first, known)
    more = "`copilot-local --help` lists all" if len(known) > MOST_LISTED else f"there are: {', '.join(known)}"
    raise UsageError(f"there is no command {first!r}", hint=f"did you mean `{meant}`? {more}" if meant else more)


def without_foreign_options(verb: str, words: Sequence[str]) -> list[str]:
    """The words of a verb without options that ask for what is done anyway. Raises UsageError for other options of
    another tool, with what to do instead."""
    table = OPTIONS.get(verb, {})
    kept: list[str] = []
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
