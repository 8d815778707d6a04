"""Did you mean."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` is most probably a misspelling of; empty where none is close."""
    candidates = {name.lower().replace("-", "_"): name for name in known}
    plain = word.lower().replace("-", "_")[:100]
    if plain in candidates:
        return candidates[plain]
    squeezed = {name.replace("_", ""): name for name in candidates}
    if (same := squeezed.get(plain.replace("_", ""))) is not None:
        return candidates[same]
    letters = {"".join(sorted(name)): name for name in candidates}
    if (same := letters.get("".join(sorted(plain)))) is not None:
        return candidates[same]  # two letters changed places
    from difflib import get_close_matches

    found = get_close_matches(plain, candidates, n=1, cutoff=0.7)
    return candidates[found[0]] if found else ""


def suggestion(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint: the word that was probably meant; `otherwise` where none is close."""
    meant = closest(word, known)
    return f"did you mean {meant}?" if meant else otherwise


def did_you_mean(word: str, known: Iterable[str], what: str) -> str:
    """A hint: the word that was probably meant, and the `what` (`services`) that there are."""
    names = sorted(set(known))
    meant = closest(word, names)
    listed = f"{what}: {', '.join(names) or 'none'}"
    return f"did you mean {meant}? {listed}" if meant else listed
