"""Asks an environment's local AWS endpoint what it holds, and changes that: in its container, by `docker exec`.

So neither an AWS SDK on this machine nor the endpoint's port is needed, and a remote Docker context does as well.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from emulator.engine.interface import ContainerState, Engine, File
from emulator.errors import CopilotLocalError, InputError
from emulator.runtime.state import names as labels
from emulator.runtime.state.observed import observe
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.runtime.state.names import Names

OWN_FOLDER = "/copilot-local/own"
LONGEST_WORD = 64 * 1024
"""Bytes of a question on the command line; Linux takes twice as much for one argument."""
TIMEOUT = 60.0


def ask(engine: Engine, environment: Names, verb: str, **arguments: Any) -> Any:
    """The answer of `emulator.aws.contents` to one verb, as JSON.

    Raises InputError where no endpoint runs for tasks, where nothing has the name that is asked for, and for what the
    endpoint refuses.
    """
    container = observe(engine, environment).aws
    if container is None or not container.labels.get(labels.AWS_PORT):
        raise InputError(
            f"no local AWS endpoint is running for tasks of {environment}",
            hint="`copilot-local up -d` starts one where a service has queues, topics or addons",
        )
    if container.state is not ContainerState.RUNNING:
        raise InputError(
            f"the local AWS endpoint of {environment} does not run now", hint="`copilot-local ps` shows its state"
        )
    question = json.dumps({"verb": verb, **arguments})
    if len(question) > LONGEST_WORD:
        file = f"question-{uuid.uuid4().hex}.json"
        engine.put_files(container.name, OWN_FOLDER, [File(file, question.encode())])
        question = f"@{OWN_FOLDER}/{file}"
    words = ("python3", "-m", "emulator.aws.contents", question)
    result = engine.exec(container.name, words, timeout=TIMEOUT)
    if result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip().splitlines()
        raise CopilotLocalError("the local AWS endpoint does not answer", hint=said[-1] if said else "")
    return _checked(json.loads(result.stdout))


def _checked(answer: dict[str, Any]) -> Any:
    if "unknown" in answer:
        unknown = answer["unknown"]
        what: str = unknown["what"]
        raise InputError(
            f"there is no {what.removesuffix('s')} {unknown['word']} in the local AWS endpoint",
            hint=did_you_mean(unknown["word"], unknown["known"], what),
        )
    if "error" in answer:
        raise InputError(answer["error"]["message"], hint=answer["error"]["hint"])
    return answer["answer"]
