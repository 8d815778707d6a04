"""Words that fingers know from other tools, and what to type here instead.

Docker Compose's and Copilot's verbs that are not ours: each is refused with the right word. `foreign_options` does so
for options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from emulator.errors import UsageError
from emulator.spelling import closest

MOST_LISTED: Final = 6
VERBS: Final[Mapping[str, str]] = {
    "start": "`copilot-local up -d SERVICE` runs a service again; `copilot-local scale SERVICE=N` sets how many tasks",
    "kill": "`copilot-local stop SERVICE|TASK` stops in order; `docker kill CONTAINER` kills one container",
    "rm": "`copilot-local stop SERVICE` stops a service; `down` removes the environment",
    "build": "`copilot-local up` builds what its services need; `docker build` builds without running",
    "pull": "`copilot-local up` pulls what is not here; `docker pull IMAGE` gets a newer one",
    "push": "`docker push` pushes an image; `copilot-local render cloudformation --tag TAG` names it",
    "stats": "`docker stats $(copilot-local ps -q)` shows CPU and memory",
    "top": "`copilot-local exec CONTAINER -- ps`, or `docker top` with an id that `copilot-local ps -q` prints",
    "images": "`copilot-local ps` shows the image of each container",
    "attach": "`copilot-local logs -f` follows the output",
    "watch": "`copilot-local up --watch`",
    "wait": "`copilot-local up -d --wait`",
    "create": "`copilot-local up`",
    "pause": "`docker pause` with an id that `copilot-local ps -q` prints",
    "unpause": "`docker unpause` with an id that `copilot-local ps -q` prints",
    "volumes": "`docker volume ls --filter label=copilot-local.app=NAME`",
    "convert": "`copilot-local config` prints a manifest; `render compose` prints a Compose file",
    "commit": "`docker commit` with an id that `copilot-local ps -q` prints",
    "publish": "`copilot-local render cloudformation` prints a stack to deploy",
    "completion": "`copilot-local --install-completion` sets completion up; `--show-completion` prints the script",
    "docs": "`copilot-local reference` prints every command, setting, manifest key and finding",
    "version": "`copilot-local --version`",
    "help": "`copilot-local --help`, `copilot-local VERB --help`",
    "svc": "services: `copilot-local logs`, `ps`, `exec`, `up`, `stop`",
    "job": "jobs: `copilot-local run JOB`, `logs JOB`",
    "task": "tasks: `copilot-local ps`, `stop TASK`, `inspect TASK`",
    "app": "the application: `copilot-local ls`, `up -a NAME`, `down -a NAME`",
    "deploy": "`copilot-local render cloudformation` prints a stack to deploy; `up` runs it here",
    "package": "`copilot-local render cloudformation`",
    "pipeline": "`copilot-local render pipeline` prints a pipeline as a GitHub workflow or a buildspec",
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
        "override": "files in copilot/SERVICE/overrides are read by `copilot-local up` and `copilot-local render`",
    },
    "job": {
        "run": "`copilot-local run JOB`",
        "logs": "`copilot-local logs JOB`",
        "ls": "`copilot-local ps`",
        "deploy": "`copilot-local run JOB` runs it here; `copilot-local render cloudformation JOB` prints a stack",
        "package": "`copilot-local render cloudformation JOB`",
        "init": "a job's manifest is copilot/JOB/manifest.yml; `copilot-local schema` has its keys",
    },
    "env": {
        "ls": "`copilot-local ls` lists environments that run; copilot/environments has those of the workspace",
        "show": "`copilot-local ps -e NAME`",
        "init": "`copilot-local up --new-env -e NAME` runs a new one; `render environment` prints a stack",
        "deploy": "`copilot-local up -e NAME` runs it here; `copilot-local render environment -e NAME` prints a stack",
        "package": "`copilot-local render environment -e NAME`",
        "delete": "`copilot-local down -v -e NAME`",
        "upgrade": "there is nothing to upgrade here; in AWS `copilot-local aws env deploy` prints the lines",
    },
    "app": {"ls": "`copilot-local ls`", "show": "`copilot-local ls`", "delete": "`copilot-local down -v -a NAME`"},
    "task": {"run": "`copilot-local run JOB`", "exec": "`copilot-local exec CONTAINER`"},
    "run": {"local": "`copilot-local up` runs services here; `run JOB` runs a job once"},
}
"""Words of two parts, such as Copilot's `svc logs`."""


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
