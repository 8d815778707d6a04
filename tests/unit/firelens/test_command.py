"""Which main file a router image's command gives Fluent Bit."""

from __future__ import annotations

import pytest

from emulator.firelens.command import RouterCommand, router_commands

OURS = "/fluent-bit/etc/fluent-bit.conf"
SCRIPTS = {
    "/entrypoint.sh": f"#!/bin/sh\necho x\nexec /fluent-bit/bin/fluent-bit -e /a.so -c {OURS}\n",
    "/alt.sh": '#!/bin/sh\nif [ -n "$X" ]; then echo x; fi\n/fluent-bit/bin/fluent-bit \\\n -R /p --config=/alt.conf\n',
    "/wrap.sh": '#!/bin/bash\n# fluent-bit -c /comment\nexec /entrypoint.sh "$@"\n',
    "/binary": "\x7fELF",
}


@pytest.mark.parametrize(
    ("command", "config"),
    [
        (["/entrypoint.sh"], OURS),
        (["/wrap.sh"], OURS),
        (["sh", "/alt.sh"], "/alt.conf"),
        (["/alt.sh"], "/alt.conf"),
        (["/fluent-bit/bin/fluent-bit", "-c", "/alt.conf"], "/alt.conf"),
        (["/fluent-bit/bin/fluent-bit", "-c/alt.conf"], "/alt.conf"),
        (["/usr/bin/fluent-bit", "--config", "/alt.yaml"], "/alt.yaml"),
        (["sh", "-ec", "A=1 exec fluent-bit -c /alt.conf"], "/alt.conf"),
        (["sh", "-c", "cd / && fluent-bit -c $CONF"], "/from/variable.conf"),
        (["sh", "-c", "fluent-bit -c ${UNKNOWN}"], None),
        (["env", "X=1", "fluent-bit"], ""),
    ],
)
def test_the_main_file_is_found(command: list[str], config: str | None) -> None:
    found = router_commands(command, SCRIPTS.get, {"CONF": "/from/variable.conf"})
    assert found == [RouterCommand(config)]


@pytest.mark.parametrize("command", [["/binary"], ["/missing.sh"], [], ["sleep", "1"]])
def test_what_cannot_be_seen_is_not_guessed(command: list[str]) -> None:
    assert router_commands(command, SCRIPTS.get, {}) == []


@pytest.mark.parametrize("words", [["-o", "http://x"], ["-ohttp://x"], ["--output=http://x"]])
def test_outputs_of_the_command_line_are_found(words: list[str]) -> None:
    [found] = router_commands(["fluent-bit", "-c", OURS, *words], SCRIPTS.get, {})
    assert found == RouterCommand(OURS, ("http://x",))
