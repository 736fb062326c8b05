"""Elsewhere: real licences that evoreg has no terms for, so that they are not called unreadable."""

from functools import cache

_UNSTATED = "Unstated License"


def known_elsewhere(symbol: str) -> str | None:
    """Say what a licence symbol without a row is, if others know it.

    Args:
        symbol: An SPDX id, a LicenseRef or a key of ScanCode LicenseDB, in any case.

    Returns:
        A short description with the coarse category that LicenseDB gives it, such as ``"a known
        licence (category: copyleft limited) that evoreg has no terms for"``, or nothing. It never
        says what the licence permits.
    """
    return _index().get(symbol.strip().casefold())


@cache
def _index() -> dict[str, str]:
    # Imported here: the list is read only for a symbol that evoreg does not know.
    from license_expression import get_license_index

    found: dict[str, str] = {}
    for entry in get_license_index():
        if not entry["category"] or entry["category"] == _UNSTATED:
            continue
        others = entry["other_spdx_license_keys"] or ()
        for name in (entry["license_key"], entry["spdx_license_key"], *others):
            if name:
                found.setdefault(name.casefold(), _said(entry["category"], entry["is_exception"]))
    return found


def _said(category: str, exception: bool) -> str:
    what = "licence exception" if exception else "licence"
    return f"a known {what} (category: {category.lower()}) that evoreg has no terms for"
