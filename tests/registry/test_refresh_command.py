"""``evoreg model refresh`` as a user meets it."""

from tests.registry.desk import Desk, card


def test_a_folder_whose_licence_changed_is_told_with_exit_code_8(desk: Desk) -> None:
    folder = desk.copy("a", "mine", README__md=card("mit"))
    assert desk.run("model", "add", "./mine").code == 0
    same = desk.run("model", "refresh")
    assert (same.code, same.out) == (0, "mine: unchanged\n")
    (folder / "README.md").write_text(card("cc-by-nc-4.0"))
    said = desk.run("model", "refresh", "mine")
    assert said.code == 8
    assert "LICENCE CHANGED" in said.out
    assert "licence: mit" in said.out
    assert "cc-by-nc-4.0" in said.out
    assert desk.run("model", "refresh").code == 0
    assert [entry.kind for entry in desk.entries()].count("model") == 2


def test_the_same_as_json(desk: Desk) -> None:
    folder = desk.copy("a", "mine", README__md=card("mit"))
    desk.run("model", "add", "./mine")
    (folder / "README.md").write_text(card(None))
    said = desk.run("model", "refresh", "--json")
    assert (said.code, said.json["exit_code"], said.json["ok"]) == (8, 8, False)
    assert said.json["schema"] == "evoreg/model-refresh/1"
    (model,) = said.json["models"]
    assert (model["name"], model["state"], model["alarming"]) == ("mine", "changed", True)
    assert model["changes"][0] == {
        "what": "licence",
        "before": "mit",
        "after": "",
        "licence": True,
    }


def test_a_name_that_is_not_registered(desk: Desk) -> None:
    said = desk.run("model", "refresh", "nobody/nothing")
    assert said.code == 5
    assert "EVO-I014" in said.err


def test_words_of_strangers_do_not_reach_the_terminal(desk: Desk) -> None:
    folder = desk.copy("a", "mine", README__md=card("mit"))
    desk.run("model", "add", "./mine")
    (folder / "README.md").write_text(card('"[bold]x\\u202e"'))
    said = desk.run("model", "refresh")
    assert said.code == 8
    assert "\u202e" not in said.out
