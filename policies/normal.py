"""Normal form: what makes two files the same licence text, and two texts different ones.

Two texts are the same licence if their words are the same. Case, punctuation, line breaks, a title
and copyright lines do not count; any other word does, so that a text with an added condition is
never taken for the text without it. Copies of one text differ in how they number their lists, so a
text has a second form without the labels of lists: at most two digits, a letter or a small Roman
numeral at the beginning of a line that begins a new sentence.
"""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator

MAX_LENGTH = 1 << 18
"""Characters; a longer text is not taken apart, for no licence is nearly as long."""
MAX_PARTS = 8
"""A text of more parts is not recognised."""

_WORD = re.compile(r"[^\W_]+")
_TITLE = re.compile(r"\W*(the )?mit licen[sc]e(\W*\(mit\))?\W*", re.IGNORECASE)
_RESERVED = re.compile(r"\W*(all rights reserved\W*)+", re.IGNORECASE)
_COPYRIGHT = re.compile(
    r"\W*(portions\s+)?copyright\b.*(\d{4}|\(c\)|©|\[|<|\{)|\W*©|\W*\(c\)\W*(\d{4}|\[|<|\{)",
    re.IGNORECASE,
)
_OWNERS = 16
# A line that says one of these is a condition, even if it begins like a copyright line. With a
# capital letter the last three are names.
_CONDITION = re.compile(
    r"\b(agree\w*|allow\w*|attribut\w*|cannot|cit(e|ed|ation)|commercial\w*|condition\w*"
    r"|consent\w*|credit\w*|derivativ\w*|distribut\w*|donat\w*|earn(s|ing|ings)?|everyone|except\w*"
    r"|fees?|for (\w+[- ])?research|forbid\w*|if|illegal|income|licen[sc]\w*|merg\w*|military|must"
    r"|never|no|nobody|non|noncommercial\w*|not|notices?|oblig\w*|only|ow(e|es|ed)"
    r"|pa(y|id|ys|yment)|percent\w*|permi\w*|profits?|prohibit\w*|provided|purposes?|refus\w*"
    r"|request\w*|require\w*|restrict\w*|revenues?|revok\w*|royalt\w*|sale|sell|shall|should"
    r"|subject|terminat\w*|terms?|train\w*|unlawful|unless|uses?|used|void|waiv\w*|without"
    r"|(?-i:can|CAN|may|MAY|will|WILL))\b",
    re.IGNORECASE,
)
# The address that a link shows is the address that it leads to.
_LINK = re.compile(r"\[([^\[\]()\s]+)\]\((?:mailto:)?([^\[\]()\s]+)\)")
_SCHEME = re.compile(r"^(https?://)?(www\.)?|/$")
_MARKS = r"[\s*_#>|\\]*"
_ROMAN = r"i{1,3}|i?v|vi{1,3}|i?x|xi{1,3}|xi?v|xvi{1,3}"
_LABEL = re.compile(
    rf"^{_MARKS}(?:\((?:\d{{1,2}}|[a-z]|{_ROMAN})\)|\d{{1,2}}(?:\.\d{{1,2}})+\.?(?!\S)"
    rf"|(?:\d{{1,2}}|[a-z]|{_ROMAN})\\?[.)](?=[\s*_]|[^\W\d]))",
    re.IGNORECASE,
)
_ENDS = (".", ",", ";", ":", "?", "!", "”", '"', "’", "'", ")", "*", "_")
_JOINS = (" and", " or", "and/or")


def fingerprint(text: str) -> str:
    """Return what names a licence text, whatever its layout.

    Args:
        text: The text.

    Returns:
        64 hexadecimal digits: SHA-256 of its words in lower case, without title and copyright
        lines. Two texts with equal fingerprints have the same words.
    """
    return _digest(_words(text, labels=True))


def fingerprints(text: str) -> tuple[str, ...]:
    """Return the fingerprints of both forms of a text.

    Args:
        text: The text.

    Returns:
        That of all its words, then that of its words without list labels if it is another.
    """
    return tuple(dict.fromkeys(_digest(_words(text, labels=both)) for both in (True, False)))


def parts(text: str, known: Collection[str]) -> tuple[str, ...]:
    """Take a text apart into known texts that stand one behind the other.

    Args:
        text: The text.
        known: Fingerprints.

    Returns:
        The fingerprints of the parts in their order; together they are all its words. Empty if
        the text is not made of known texts alone, or is longer than `MAX_LENGTH`.
    """
    if len(text) > MAX_LENGTH:
        return ()
    for labels in (True, False):
        found = _split(_words(text, labels=labels), known)
        if found:
            return found
    return ()


def _split(lines: list[list[str]], known: Collection[str]) -> tuple[str, ...]:
    found: list[str] = []
    rest = [line for line in lines if line]
    while rest:
        if len(found) == MAX_PARTS:
            return ()
        longest = max(
            ((size, mark) for size, mark in _beginnings(rest) if mark in known), default=None
        )
        if longest is None:
            return ()
        found.append(longest[1])
        rest = rest[longest[0] :]
    return tuple(found)


def _beginnings(lines: list[list[str]]) -> Iterator[tuple[int, str]]:
    """Yield the number of lines and the fingerprint of each beginning of a text."""
    hasher = hashlib.sha256()
    for at, words in enumerate(lines):
        hasher.update(((" " if at else "") + " ".join(words)).encode())
        yield at + 1, hasher.copy().hexdigest()


def _digest(lines: list[list[str]]) -> str:
    words = " ".join(word for line in lines for word in line)
    return hashlib.sha256(words.encode()).hexdigest()


def _words(text: str, *, labels: bool) -> list[list[str]]:
    """Return the words of each line that counts."""
    found: list[list[str]] = []
    before, gap = "", True
    for line in text.splitlines():
        bare = unicodedata.normalize("NFKC", line).strip()
        if _ignored(bare):
            continue
        starts = not labels and (gap or _complete(before))
        if bare:
            before = bare
        gap = not bare
        found.append(_plain(_LABEL.sub("", bare) if starts else bare))
    return found


def _complete(line: str) -> bool:
    """Tell whether a sentence, an item of a list or a heading ends with a line."""
    if line.endswith(_ENDS) or line.casefold().endswith(_JOINS):
        return True
    return line.startswith("#") or _LABEL.match(line) is not None


def _plain(line: str) -> list[str]:
    shown = _LINK.sub(_once, line)
    return _WORD.findall(shown.casefold().replace("https://", "http://"))


def _once(link: re.Match[str]) -> str:
    shown, target = (_SCHEME.sub("", part.casefold()) for part in link.groups())
    return link[1] if shown == target else link[0]


def _ignored(line: str) -> bool:
    if _TITLE.fullmatch(line) or _RESERVED.fullmatch(line):
        return True
    if _COPYRIGHT.match(line) is None or _CONDITION.search(line):
        return False
    return len(_WORD.findall(line)) <= _OWNERS
