"""In which language a reply is, and what is no evidence."""

import pytest

from evoreg.evolve.tasks.language import is_in, known_languages, probability

LONG = {
    "en": "Janet sells 16 - 3 - 4 = 9 duck eggs a day, so she makes 9 * 2 = 18 dollars every day.",
    "ja": "ジャネットは1日に16 - 3 - 4 = 9個の卵を売るので、毎日9 * 2 = 18ドルを稼ぎます。",
    "zh": "珍妮特每天卖出16 - 3 - 4 = 9个鸭蛋，因此她每天在农贸市场赚9 * 2 = 18美元。",
    "ko": "재닛은 하루에 16 - 3 - 4 = 9개의 달걀을 팔아서 매일 18달러를 법니다.",
    "de": "Janet verkauft jeden Tag neun Eier und verdient damit achtzehn Dollar auf dem Markt.",
    "fr": "Janet vend neuf œufs par jour et gagne donc dix-huit dollars chaque jour au marché.",
    "ru": "Джанет продаёт девять яиц в день и зарабатывает восемнадцать долларов.",
    "th": "เจเน็ตขายไข่เป็ดวันละเก้าฟอง ดังนั้นเธอจึงได้เงินวันละสิบแปดดอลลาร์",
}


@pytest.mark.parametrize("asked", LONG)
@pytest.mark.parametrize("written", LONG)
def test_a_whole_reply_is_in_one_language(written: str, asked: str) -> None:
    assert is_in(LONG[written], asked) == (written == asked)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("こたえ ご じゅう よん", "ja"),
        ("3 8 + 1 2 = 5 0 . こたえ ご じゅう", "ja"),
        ("答えは18です。", "ja"),
        ("ｺﾀｴ", "ja"),
        ("Johnは5個のappleをもっています", "ja"),
        (r"\frac{1}{2} + \sqrt{x} なので x = 3 です", "ja"),
        ("答案是18。", "zh"),
        ("안녕", "ko"),
        ("The answer is 18.", "en"),
        ("The answer is 18 です", "en"),
        ("Die Antwort ist 18", "de"),
    ],
)
def test_short_replies_are_told_by_script_or_likeliest_language(text: str, language: str) -> None:
    assert is_in(text, language)
    others = {"ja", "zh", "ko", "en", "de"} - {language}
    assert not any(is_in(text, other) for other in others)


@pytest.mark.parametrize("text", ["", " ", "18", "3 + 4 = 7", "x = 5", r"\frac{1}{2}", "。", "👍"])
def test_digits_and_formulas_are_no_evidence(text: str) -> None:
    assert [probability(text, language) for language in ("ja", "en", "zh")] == [0.0, 0.0, 0.0]


def test_a_quoted_word_changes_no_language() -> None:
    assert is_in("The Japanese word for answer, 答え, ends the sentence that she wrote.", "en")
    assert not is_in("The Japanese word for answer, 答え, ends the sentence.", "ja")
    assert is_in("因为日语里的の很常见，所以我们今天只用中文来说明这个数学问题的全部答案。", "zh")


def test_the_languages_have_codes() -> None:
    assert {"ja", "en", "zh", "ko"} <= set(known_languages())
    assert list(known_languages()) == sorted(known_languages())
