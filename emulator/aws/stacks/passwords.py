"""Generated secrets, derived from a seed of the environment: an endpoint that lost its memory makes them again.

Source: Secrets Manager, GetRandomPassword (letters, defaults); CloudFormation, GenerateSecretString.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import string
from collections.abc import Iterator, Mapping

from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.values import Value, is_true, json_object, text

DEFAULT_LENGTH, MOST_LENGTH = 32, 4096
_KINDS = (
    ("ExcludeLowercase", string.ascii_lowercase),
    ("ExcludeUppercase", string.ascii_uppercase),
    ("ExcludeNumbers", string.digits),
    ("ExcludePunctuation", string.punctuation),
)
_RULES = "GenerateSecretString needs letters to choose from: leave out fewer kinds and characters"


def generated_secret(seed: bytes, stack: str, logical_id: str, rules: Mapping[str, Value]) -> str:
    """What a secret with these `GenerateSecretString` rules holds: the word, or a template with the word in its key."""
    word = derived_word(seed, stack, logical_id, rules)
    template, key = rules.get("SecretStringTemplate"), rules.get("GenerateStringKey")
    if template is None and key is None:
        return word
    if template is None or key is None:
        raise Problem(
            "GenerateSecretString has one of SecretStringTemplate and GenerateStringKey", "give both, or neither"
        )
    fields = json_object(text(template))
    if fields is None:
        raise Problem("SecretStringTemplate is no JSON object", """write one, such as '{"username": "postgres"}'""")
    return json.dumps({**fields, text(key): word})


def derived_word(seed: bytes, stack: str, logical_id: str, rules: Mapping[str, Value]) -> str:
    """A word of the letters that the rules allow, with one of each kind unless RequireEachIncludedType is false."""
    length = _length(rules)
    excluded = text(rules.get("ExcludeCharacters") or "")
    kinds = [letters for name, letters in _KINDS if not is_true(rules.get(name))]
    if is_true(rules.get("IncludeSpace")):
        kinds.append(" ")
    allowed = ["".join(letter for letter in kind if letter not in excluded) for kind in kinds]
    letters = "".join(allowed)
    if not letters:
        raise Problem("no letters are left for the generated secret", _RULES)
    numbers = _numbers(seed, f"{stack}/{logical_id}")
    word: list[str] = []
    if is_true(rules.get("RequireEachIncludedType", True)):
        if not all(allowed):
            raise Problem("a required kind of letters is left out altogether", _RULES)
        if length < len(allowed):
            raise Problem(
                f"PasswordLength {length} is less than the {len(allowed)} kinds of letters it must have",
                "give a larger one",
            )
        word = [kind[_below(numbers, len(kind))] for kind in allowed]
    word += [letters[_below(numbers, len(letters))] for _ in range(length - len(word))]
    for last in range(len(word) - 1, 0, -1):  # Fisher and Yates: the required letters come anywhere
        other = _below(numbers, last + 1)
        word[last], word[other] = word[other], word[last]
    return "".join(word)


def _length(rules: Mapping[str, Value]) -> int:
    given = text(rules.get("PasswordLength") or DEFAULT_LENGTH)
    if not given.isdecimal() or not 1 <= int(given) <= MOST_LENGTH:
        raise Problem(f"PasswordLength {given} is no number from 1 to {MOST_LENGTH}", "give one")
    return int(given)


def _numbers(seed: bytes, label: str) -> Iterator[int]:
    """Numbers below 2^32, without end, from HMAC-SHA256 over a counter."""
    block = 0
    while True:
        digest = hmac.new(seed, f"{label}/{block}".encode(), hashlib.sha256).digest()
        yield from (int.from_bytes(digest[at : at + 4], "big") for at in range(0, len(digest), 4))
        block += 1


def _below(numbers: Iterator[int], limit: int) -> int:
    """A number below the limit, each as likely as the others: numbers from beyond the last whole round are dropped."""
    whole = (1 << 32) // limit * limit
    return next(number % limit for number in numbers if number < whole)
