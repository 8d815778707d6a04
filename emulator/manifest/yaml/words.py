"""Splits a command into words as github.com/google/shlex does, which Copilot uses."""

from __future__ import annotations


def split_words(text: str) -> list[str]:
    """The words of `text`. Quotes group, a backslash takes the next character as it is (in double quotes too, whatever
    it is), `#` at the start of a word begins a comment that ends with the line. Nothing is expanded.

    Raises ValueError where a quote does not close or nothing follows a backslash. (Python's shlex differs: it keeps
    most backslashes in double quotes, and lets `#` end a word.)
    """
    words: list[str] = []
    word: str | None = None  # None between words
    quote = ""
    characters = iter(text)
    for character in characters:
        if character == "\\" and quote != "'":
            following = next(characters, None)
            if following is None:
                raise ValueError("nothing follows the last backslash")
            word = (word or "") + following
        elif quote:
            if character == quote:
                quote = ""
            else:
                word = (word or "") + character
        elif character in "\"'":
            quote = character
            word = word or ""
        elif character in " \t\r\n":
            if word is not None:
                words.append(word)
            word = None
        elif character == "#" and word is None:
            for following in characters:
                if following == "\n":
                    break
        else:
            word = (word or "") + character
    if quote:
        raise ValueError("a quote does not close")
    if word is not None:
        words.append(word)
    return words
