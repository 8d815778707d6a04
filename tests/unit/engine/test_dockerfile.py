from __future__ import annotations

import pytest

from emulator.engine.docker.dockerfile import instructions, needs_buildkit, normalized, substitute, without_syntax

TABLE = {"busybox:1.37": "local/busybox:1", "nginx": "local/nginx:2", "ghcr.io/a/b@sha256:00": "local/b:3"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("FROM busybox:1.37", "FROM local/busybox:1"),
        ("from docker.io/library/busybox:1.37 as Base", "from local/busybox:1 as Base"),
        ("FROM nginx:latest", "FROM local/nginx:2"),
        ("FROM nginx:1.27", "FROM nginx:1.27"),
        ("FROM --platform=$BUILDPLATFORM nginx AS x", "FROM --platform=$BUILDPLATFORM local/nginx:2 AS x"),
        ("FROM ghcr.io/a/b@sha256:00", "FROM local/b:3"),
        ("FROM \\\n  nginx \\\n  AS x", "FROM \\\n  local/nginx:2 \\\n  AS x"),
        ("FROM scratch", "FROM scratch"),
        ("FROM nginx\r\nRUN x\r", "FROM local/nginx:2\r\nRUN x\r"),
    ],
)
def test_from_lines(before: str, after: str) -> None:
    assert substitute(before, TABLE, {}) == after


@pytest.mark.parametrize(
    ("declared", "image", "given"),
    [
        ("ARG V=1.37", "busybox:$V", {}),
        ("ARG V", "busybox:${V}", {"V": "1.37"}),
        ("ARG V=1.0", "busybox:${V}", {"V": "1.37"}),
        ("ARG V", "busybox:${V:-1.37}", {}),
        ('ARG N="busybox" V=1.37', "$N:$V", {}),
        ("ARG A=1.37\nARG V=$A", "busybox:$V", {}),
        ("ARG V=1", "busybox${V:+:1.37}", {}),
    ],
)
def test_arguments_stand_for_parts_of_an_image(declared: str, image: str, given: dict[str, str]) -> None:
    assert substitute(f"{declared}\nFROM {image}", TABLE, given) == f"{declared}\nFROM local/busybox:1"


def test_an_argument_that_is_not_substituted_stays_as_it_is() -> None:
    text = "ARG V=1\nFROM alpine:${V} AS a"
    assert substitute(text, TABLE, {}) == text


def test_stages_are_no_images() -> None:
    text = "FROM busybox:1.37 AS nginx\nFROM nginx\nCOPY --from=nginx /a /a\nCOPY --from=0 /b /b"
    assert substitute(text, TABLE, {}) == text.replace("busybox:1.37", "local/busybox:1")


def test_images_in_copy_and_mounts() -> None:
    text = "FROM scratch\nCOPY --chown=1 --from=nginx /a /a\nRUN --mount=type=bind,from=nginx,target=/x ls /x"
    assert substitute(text, TABLE, {}) == text.replace("from=nginx", "from=local/nginx:2")


def test_text_that_only_looks_like_instructions_stays() -> None:
    text = "\n".join(
        [
            "# FROM nginx",
            "FROM scratch",
            "RUN <<EOF",
            "FROM nginx",
            "EOF",
            "RUN echo \\",
            "# a comment in between",
            "  FROM nginx",
            "",
            "COPY <<-'A' <<B /x/",
            "FROM nginx",
            "\tA",
            "FROM nginx",
            "B",
            "ENV X=1",
        ]
    )
    assert substitute(text, TABLE, {}) == text


def test_another_escape_character() -> None:
    text = "# escape=`\nFROM scratch\nRUN x `\n  FROM nginx\nRUN y \\\nFROM nginx"
    assert substitute(text, TABLE, {}) == text.removesuffix("nginx") + "local/nginx:2"


def test_pieces_give_the_file_back_with_their_lines() -> None:
    text = "# one\n\nFROM a\nRUN b \\\n c\nCMD d\n"
    pieces = list(instructions(text))
    assert "\n".join(piece.text for piece in pieces) == text
    assert [(piece.line, piece.keyword) for piece in pieces if piece.text.strip()] == [
        (1, "#"),
        (3, "FROM"),
        (4, "RUN"),
        (6, "CMD"),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM a\nRUN --mount=type=cache,target=/x y", (2, "RUN --mount")),
        ("FROM a\n\nRUN \\\n  --mount=type=secret,id=x y", (3, "RUN --mount")),
        ("FROM a\nCOPY --chmod=755 a b", (2, "COPY --chmod or --link")),
        ("FROM a\nRUN <<EOF\nls\nEOF", (2, "a here-document in RUN")),
        ("FROM a\nRUN echo 1 << 2\nCOPY --chown=1 a b", None),
        ("FROM a\n# RUN --mount=type=cache y\nRUN tool --network=host", None),
    ],
)
def test_what_only_buildkit_knows(text: str, found: tuple[int, str] | None) -> None:
    assert needs_buildkit(text) == found


def test_the_syntax_line_goes_and_the_lines_stay() -> None:
    assert without_syntax("# syntax=docker/dockerfile:1\nFROM a") == "#\nFROM a"
    assert without_syntax("# syntax=x\n# escape=`\nFROM a") == "# escape=`\n#\nFROM a"
    assert without_syntax("# a comment\n# syntax=x\nFROM a") == "# a comment\n# syntax=x\nFROM a"


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("a/b:1", "docker.io/a/b:1"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("localhost/a:1", "localhost/a:1"),
        ("a.dkr.ecr.b/c@sha256:00", "a.dkr.ecr.b/c@sha256:00"),
    ],
)
def test_one_spelling_for_an_image(short: str, full: str) -> None:
    assert normalized(short) == full
