"""The shipped licence texts: complete, clean, and never a way to other files."""

from importlib.resources import files

import pytest

from evoreg.provenance.papers.front_matter import HUB_IDS
from evoreg.provenance.papers.license_texts import (
    flat,
    is_copyright_line,
    known_texts,
    license_text,
    same_terms,
)

LAST_WORDS = {
    "Apache-2.0": "limitations under the License.",
    "MIT": "USE OR OTHER DEALINGS IN THE SOFTWARE.",
    "GPL-3.0-only": "why-not-lgpl.html>.",
    "CC-BY-4.0": "may be contacted at creativecommons.org.",
    "CC-BY-NC-4.0": "may be contacted at creativecommons.org.",
    "CC0-1.0": "with respect to this CC0 or use of the Work.",
    "MPL-2.0": "as defined by the Mozilla Public License, v. 2.0.",
}
SHORT = {"BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ISC", "MIT", "PostgreSQL", "Unlicense"}
SHORT |= {"NCSA", "Zlib", "WTFPL", "BSD-3-Clause-Clear"}


def test_every_listed_hub_licence_has_its_text() -> None:
    listed = {key for key in HUB_IDS if not key.startswith("LicenseRef-")}
    assert listed == set(known_texts())
    assert len(known_texts()) == 55
    assert list(known_texts()) == sorted(known_texts())


@pytest.mark.parametrize("key", known_texts())
def test_text_is_whole_and_clean(key: str) -> None:
    text = license_text(key)
    assert text is not None
    assert len(text) > (400 if key in SHORT else 2300)
    assert "\r" not in text
    assert "\ufffd" not in text
    assert "<<" not in text
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize(("key", "ending"), LAST_WORDS.items())
def test_text_goes_to_the_end(key: str, ending: str) -> None:
    assert flat(license_text(key) or "").endswith(ending)


def test_holders_do_not_change_the_terms() -> None:
    mit = license_text("MIT") or ""
    filled = mit.replace("<year> <copyright holders>", "2024 Ada\nCopyright (c) 2025 Bob")
    assert same_terms(mit, filled)
    assert not same_terms(mit, filled.replace("without restriction", "with restriction"))
    assert not same_terms(mit, license_text("ISC") or "")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("Copyright (c) 2024 Ada", True),
        ("  Copyright 2024 Example Lab", True),
        ("Copyright © Meta", True),
        ("copyright notice and this permission notice", False),
        ("Copyright License. Subject to the terms", False),
        ("COPYRIGHT HOLDERS BE LIABLE", False),
    ],
)
def test_copyright_lines(line: str, named: bool) -> None:
    assert is_copyright_line(line) is named


def test_apache_text_has_its_appendix() -> None:
    text = flat(license_text("Apache-2.0") or "")
    assert "APPENDIX: How to apply the Apache License to your work." in text
    assert all(f" {number}. " in text for number in range(1, 10))


def test_later_versions_share_the_text() -> None:
    assert license_text("GPL-3.0-or-later") == license_text("GPL-3.0-only") is not None


@pytest.mark.parametrize(
    "key", ["", "mit", "README", "../texts/MIT", "/etc/passwd", "LicenseRef-x", "MIT-or-later"]
)
def test_other_ids_have_no_text(key: str) -> None:
    assert license_text(key) is None


def test_all_texts_together_stay_small() -> None:
    folder = files("evoreg.provenance.papers") / "texts"
    total = sum(len(item.read_bytes()) for item in folder.iterdir() if item.is_file())
    assert 600_000 < total < 1_200_000
