"""Whether a reply is in a language: by its script first, then by the statistics of its letters."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

ENOUGH = 0.5
"""A reply is in a language if the probability is more than this."""
SHORT = 40
"""Letters below which statistics alone seldom reach `ENOUGH`; the likeliest language counts."""
_KANA = 0.1
"""Part of the kana in Japanese text, at least; a Chinese text may quote a の."""
_WORD = 2
"""An alphabetic word says about as much as two characters of Japanese or Chinese."""

_COMMAND = re.compile(r"\\[a-zA-Z]+")
# One letter alone is a variable of a formula, or a label.
_PATTERNS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "kana": re.compile(r"[\u3041-\u309f\u30a1-\u30fa\u30fd-\u30ff\uff66-\uff9d]"),
        "han": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
        "hangul": re.compile(r"[\uac00-\ud7a3]"),
        "words": re.compile(r"[^\W\d_\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\uffff]{2,}"),
    }
)
_SCRIPTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"ja": frozenset({"kana", "han"}), "zh": frozenset({"han"}), "ko": frozenset({"hangul"})}
)


def known_languages() -> tuple[str, ...]:
    """Return the ISO 639 codes of the languages that can be asked for, sorted."""
    return tuple(sorted(_identifier().labels))


def is_in(text: str, language: str) -> bool:
    """Tell whether a text is in a language.

    Digits, punctuation, commands of LaTeX and single letters are no evidence; a text of nothing
    else is in no language.

    Args:
        text: Any text.
        language: ISO 639-1 code, one of `known_languages`.

    Returns:
        Whether it is, as far as `probability` can tell.
    """
    return probability(text, language) > ENOUGH


def probability(text: str, language: str) -> float:
    """Return how probable it is that a text is in a language.

    Args:
        text: Any text.
        language: ISO 639-1 code.

    Returns:
        From 0 to 1; 0 without evidence. Kana decide for Japanese and Hangul for Korean where most
        of the text is written in them; a text mostly in another script than the language's is not
        in it; the rest is for py3langid to say. Of short texts the likeliest language counts.
    """
    plain = _COMMAND.sub(" ", unicodedata.normalize("NFKC", text))
    units = {name: len(pattern.findall(plain)) for name, pattern in _PATTERNS.items()}
    units["words"] *= _WORD
    total = sum(units.values())
    if total == 0:
        return 0.0
    own = _SCRIPTS.get(language, frozenset({"words"}))
    if sum(units[name] for name in own) * 2 <= total:
        return 0.0
    certain = _by_script(units)
    if certain is not None:
        return float(certain == language)
    return _by_statistics(plain, language)


def _by_script(units: Mapping[str, int]) -> str | None:
    """Return the language that a script leaves no doubt about."""
    total = sum(units.values())
    if units["hangul"] * 2 > total:
        return "ko"
    characters = units["kana"] + units["han"]
    if characters * 2 > total and units["kana"] >= _KANA * characters:
        return "ja"
    return None


def _by_statistics(plain: str, language: str) -> float:
    letters = "".join(each if each.isalpha() or each in " '" else " " for each in plain)
    ranked = _identifier().rank(" ".join(letters.split()))
    found = dict(ranked).get(language, 0.0)
    short = sum(each.isalpha() for each in plain) < SHORT
    return 1.0 if short and ranked[0][0] == language else float(found)


@cache
def _identifier() -> Any:  # noqa: ANN401 - py3langid declares no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
