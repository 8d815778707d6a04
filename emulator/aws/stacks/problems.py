"""What goes wrong with a stack: first without a place, then with the stack and the part of the template it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Problem(Exception):
    """What is wrong, and what to do about it; where it is wrong is known further up."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class StackError(Exception):
    """A problem with its place: the stack, the part (`Resources.Table`), and the position in a file where known."""

    def __init__(self, message: str, hint: str, *, stack: str, subject: str, position: str = "") -> None:
        super().__init__(f"{stack}: {subject}: {message}")
        self.message, self.hint = message, hint
        self.stack, self.subject, self.position = stack, subject, position

    def as_json(self) -> dict[str, str]:
        return {
            "stack": self.stack,
            "subject": self.subject,
            "position": self.position,
            "message": self.message,
            "hint": self.hint,
        }


@contextmanager
def placed(stack: str, subject: str, position: str = "") -> Iterator[None]:
    """Gives problems inside it their place. Those that have one keep it."""
    try:
        yield
    except Problem as problem:
        raise StackError(problem.message, problem.hint, stack=stack, subject=subject, position=position) from problem
