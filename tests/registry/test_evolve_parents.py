"""`evoreg evolve`: a parent that the search file names is a parent that was seen, recipe or not."""

from pathlib import Path

from tests.registry.evolve_room import entered, search, task


def test_the_winner_of_a_layer_search_needs_no_word_about_the_base(tmp_path: Path) -> None:
    """A path through layers does not name the base, from which both models were finetuned."""
    form = search(
        tasks=[task(max_new_tokens=2)],
        space={"kind": "layers", "repeats": 1, "scaling": "none"},
        budget={"generations": 1},
        economy={"items": 2, "finalists": 0, "collapse": 0},
    )
    with entered(tmp_path) as room:
        said = room.run("evolve", room.file(form), "won", "--json")
        assert said.code == 0, said.out
        card = room.path("won/README.md").read_text("utf-8")
        assert "license_name: apache-2.0-and-" in card  # the licence of the base counts
        assert room.run("ledger", "replay", "won").code == 0
