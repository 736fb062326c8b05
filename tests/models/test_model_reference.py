"""References: the grammar, the folders that win over it, and what is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.provenance.records.errors import Code, InputError, RecipeError
from evoreg.registry.models.reference import HubPlace, LocalPlace, Reference

NAME = st.from_regex(r"[a-z0-9]([a-z0-9_.]{0,20}[a-z0-9])?", fullmatch=True).filter(
    lambda name: ".." not in name and not name.endswith(".git")
)
REVISION = st.none() | st.from_regex(r"[a-z0-9]{1,12}(/[a-z0-9]{1,12})?", fullmatch=True)
HUB = st.builds(
    lambda org, name, revision: HubPlace(f"{org}/{name}", revision), NAME, NAME, REVISION
)


def written(place: HubPlace) -> str:
    return place.repository + (f"@{place.revision}" if place.revision else "")


def refused(text: str, base: Path) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        Reference.parse(text, base_folder=base)
    assert caught.value.code is Code.RECIPE_REFERENCE
    assert caught.value.problems[0].hint
    return caught.value


@given(HUB, st.none() | HUB)
def test_what_is_written_for_the_hub_is_read_back(
    place: HubPlace, adapter: HubPlace | None
) -> None:
    text = written(place) + (f"+{written(adapter)}" if adapter else "")
    reference = Reference.parse(text, base_folder=Path("/nowhere"))
    assert (reference.place, reference.adapter, str(reference)) == (place, adapter, text)


@given(st.text(max_size=60) | st.text("ab./+@~-_\0\\ ", max_size=30))
def test_any_text_is_a_reference_or_a_recipe_error(text: str) -> None:
    base = Path("/nowhere")
    try:
        reference = Reference.parse(text, base_folder=base)
    except RecipeError:
        return
    for place in (reference.place, reference.adapter):
        if isinstance(place, HubPlace):
            assert place.repository.count("/") == 1
            parts = [*place.repository.split("/"), *(place.revision or "x").split("/")]
            assert not {"", ".", ".."} & set(parts)


@given(st.text("abc+@._-", min_size=1, max_size=12).filter(lambda name: name.strip(".")))
def test_an_existing_folder_wins_whatever_its_name(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    base = tmp_path_factory.mktemp("base")
    (base / name).mkdir()
    for text in (name, f"./{name}", str(base / name)):
        reference = Reference.parse(text, base_folder=base)
        assert isinstance(reference.place, LocalPlace)
        assert reference.place.folder.samefile(base / name)
        assert reference.adapter is None


def test_a_folder_takes_an_adapter_of_the_hub_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "a+b").mkdir()
    one = Reference.parse("a+b+org/lora@v1", base_folder=tmp_path)
    assert one.place == LocalPlace(tmp_path / "a+b")
    assert one.adapter == HubPlace("org/lora", "v1")
    two = Reference.parse("org/m@v1+./a+b", base_folder=tmp_path)
    assert two.place == HubPlace("org/m", "v1")
    assert two.adapter == LocalPlace(tmp_path / "./a+b")


def test_a_local_folder_with_the_name_of_a_hub_model_wins(tmp_path: Path) -> None:
    assert Reference.parse("org/m", base_folder=tmp_path).place == HubPlace("org/m", None)
    (tmp_path / "org" / "m").mkdir(parents=True)
    assert Reference.parse("org/m", base_folder=tmp_path).place == LocalPlace(tmp_path / "org/m")


def test_a_path_may_name_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    for text in ("./x", "../x", "/x/y", "./x@v1"):
        place = Reference.parse(text, base_folder=tmp_path).place
        assert place == LocalPlace(tmp_path / text)


def test_the_home_folder_is_meant_by_a_tilde(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Reference.parse("~/m").place == LocalPlace(tmp_path / "m")
    refused("~somebody", tmp_path)


def test_cuts_that_can_be_made_in_two_ways_are_refused(tmp_path: Path) -> None:
    for name in ("a+b", "c", "a", "b+c"):
        (tmp_path / name).mkdir()
    assert "more than one way" in str(refused("a+b+c", tmp_path))
    (tmp_path / "b+c").rmdir()
    reference = Reference.parse("a+b+c", base_folder=tmp_path)
    assert reference.place == LocalPlace(tmp_path / "a+b")
    assert reference.adapter == LocalPlace(tmp_path / "c")


def test_a_folder_has_no_revision(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    assert "no revisions" in str(refused("./m@v1", tmp_path))
    (tmp_path / "m@v1").mkdir()
    assert Reference.parse("./m@v1", base_folder=tmp_path).place == LocalPlace(tmp_path / "./m@v1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "gpt2",
        "org/name/more",
        "org/na me",
        "org/..",
        "org/a..b",
        "org/a--b",
        "org/name.git",
        "org/-name",
        "-org/name",
        "org/.hidden",
        "org\\name",
        "org/name@",
        "org/name@a@b",
        "@main",
        "org/name@../../x",
        "org/name@a..b",
        "org/name@a//b",
        "org/name@a/",
        "org/name@/a",
        "org/name@refs/.x",
        "org/name@x.lock",
        "org/name@-x",
        "+org/lora",
        "org/name+",
        "org/name+org/a+org/b",
        "org/na\0me",
        "./na\0me",
        "org/na\nme",
        "./a\u202eb",
        "./\ud800",
        "org/" + "a" * 200,
        "org/name@" + "a" * 300,
        "./" + "a" * 5000,
        "https://huggingface.co/org/name",
        "hf://org/name",
    ],
)
def test_what_is_no_reference_is_refused_with_a_hint(text: str, tmp_path: Path) -> None:
    refused(text, tmp_path)


def test_a_name_too_long_for_the_disk_is_no_folder(tmp_path: Path) -> None:
    place = Reference.parse("./" + "a" * 300, base_folder=tmp_path).place
    assert isinstance(place, LocalPlace)


def test_no_guess_is_made_about_a_folder_that_cannot_be_looked_at(tmp_path: Path) -> None:
    class Locked(type(tmp_path)):  # type: ignore[misc]  # the real class depends on the system
        def is_dir(self) -> bool:
            raise PermissionError(13, "denied")

        def __truediv__(self, other: str) -> Path:
            return Locked(str(self) + "/" + other)

    with pytest.raises(InputError) as caught:
        Reference.parse("org/m", base_folder=Locked(tmp_path))
    assert caught.value.code is Code.INPUT_UNREADABLE
