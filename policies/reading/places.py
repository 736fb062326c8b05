"""Places: the codes of countries and areas that a releaser can name."""

# ISO 3166-1, alpha-2: the officially assigned codes.
COUNTRIES: frozenset[str] = frozenset((
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ",
    "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS",
    "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN",
    "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE",
    "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
    "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM",
    "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
    "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
    "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
    "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
    "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG",
    "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS",
    "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
    "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
    "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
))  # fmt: skip
"""Codes of all countries and territories."""

AREAS: tuple[str, ...] = ("EU", "UK", "WORLD")
"""Other words for places; UK is GB."""

_USUAL = {
    "JAPAN": "JP", "JPN": "JP", "USA": "US", "AMERICA": "US", "GERMANY": "DE", "GER": "DE",
    "DEU": "DE", "FRANCE": "FR", "FRA": "FR", "CHINA": "CN", "CHN": "CN", "INDIA": "IN",
    "ENGLAND": "GB", "GBR": "GB", "BRITAIN": "GB", "KOREA": "KR", "KOR": "KR", "EUROPE": "EU",
    "EEA": "EU", "GLOBAL": "WORLD", "WORLDWIDE": "WORLD", "ALL": "WORLD", "EVERYWHERE": "WORLD",
}  # fmt: skip
_RULE = "write two capital letters of ISO 3166 such as JP or DE, or UK, EU, WORLD"


def is_place(code: str) -> bool:
    """Tell whether a code names a country, ``UK``, ``EU`` or ``WORLD``."""
    return code in AREAS or code in COUNTRIES


def place_hint(code: str) -> str:
    """Return what may have been meant by a code that names no place.

    Args:
        code: As written.

    Returns:
        A did-you-mean, or the rule.
    """
    bare = code.strip().upper()
    meant = bare if is_place(bare) else _USUAL.get(bare)
    return f"did you mean {meant!r}?" if meant else _RULE
