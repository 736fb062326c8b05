"""What a reply says: its last number, what a pattern finds in it, its text in one spelling."""

import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from decimal import Decimal

# Full-width forms are ASCII at a distance. NFKC is not used here: it makes 102 of 10².
_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SPELLING = _ASCII | {0x2212: "-", 0x2010: "-", 0x2011: "-", 0x2013: "-", 0xFE63: "-", 0xFFE5: "¥"}
_NUMBER = re.compile(
    r"""(?:(?<![A-Za-z\d)\]}])(?P<sign>[-+])[$€£¥₩₹]?(?=[\d.]))?  # no sign in 7-5, one in (-5)
    (?P<digits>
        \d{1,3}+(?:,\d{3})++(?!,?\d)  # 1,234
        |(?P<apart>\d{1,3}+,(?:\d{3}(?=,\d{3}),)*+(?=\d{3}))  # all but the last group of 1,234,5
        |\d+|(?<!\d)(?=\.\d))  # 1234 or .5
    (?P<decimals>\.\d+)?
    (?P<exponent>[eE][-+]?\d{1,3}(?![\w.]))?""",
    re.VERBOSE,
)


def normal(text: str) -> str:
    """Return a text in one spelling.

    Args:
        text: Any text.

    Returns:
        In NFKC (full-width forms as ASCII), without blanks at its ends.
    """
    return unicodedata.normalize("NFKC", text).strip()


def numbers(text: str) -> tuple[Decimal, ...]:
    """Return all numbers of a text.

    Args:
        text: Any text. Understood are signs (``-``, ``+``, the minus sign, dashes) that do not
            stand behind a word or a number, commas between groups of three digits, decimals,
            exponents, a currency between sign and digits, and full-width forms of all of them.

    Returns:
        The numbers, in order. ``1/2`` is two numbers, ``3.5 %`` is 3.5, ``三`` is none.
    """
    plain = text.translate(_SPELLING).replace("{,}", ",")
    return tuple(number for found in _NUMBER.finditer(plain) for number in _numbers(found))


def _numbers(found: re.Match[str]) -> Iterator[Decimal]:
    sign = "-" if found["sign"] == "-" else ""
    if found["apart"]:
        # Groups that do not end well are numbers of their own. They are taken at once, because
        # to look from each of them for the end of all would take the square of their number.
        first, *others = found["apart"].rstrip(",").split(",")
        yield Decimal(sign + first)
        yield from map(Decimal, others)
        return
    digits = found["digits"].replace(",", "") or "0"
    yield Decimal(f"{sign}{digits}{found['decimals'] or ''}{found['exponent'] or ''}")


def last_number(text: str) -> Decimal | None:
    """Return the last number of a text.

    Args:
        text: See `numbers`.

    Returns:
        The number; nothing if there is none.
    """
    found = numbers(text)
    return found[-1] if found else None


def last_match(pattern: re.Pattern[str], text: str) -> str | None:
    """Return what a pattern finds last in a text.

    Args:
        pattern: A regular expression.
        text: Any text.

    Returns:
        The first group of the last match, or the whole match if there are no groups, in the
        spelling of `normal`; nothing if it does not occur.
    """
    found = deque(pattern.finditer(text), maxlen=1)
    if not found:
        return None
    return normal((found[0][1] if pattern.groups else found[0][0]) or "")
