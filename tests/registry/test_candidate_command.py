"""`evoreg candidate`: searches and their candidates can be listed, looked at and made again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from evoreg.evolve.recipes.stream import read_stream
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.records.candidate import Candidate, candidate_id
from evoreg.provenance.records.evaluation import MILLION, TaskScore
from evoreg.provenance.records.recipe import Recipe, Setting, Source
from evoreg.registry.candidates import find_candidate, standard_error
from tests.registry.desk import MODELS, Desk
from tests.searches_made import MadeSearch, Shape, made_search

MADE = made_search()
AGAIN = made_search(run=1, seed=3)
HYBRID = made_search("hybrid", seed=5, shape=Shape(hybrid=True))
WORST = "\x1b[31mred\u202e\nname"
HOSTILE = made_search(
    WORST, [f"org/{WORST}", "[bold]org[/bold]"], seed=7, shape=Shape(tasks=(WORST,))
)


def tell(desk: Desk, *searches: MadeSearch, ended: bool = True) -> None:
    with desk.ledger() as ledger:
        for made in searches:
            for batch in made.batches(ended=ended):
                ledger.append(batch)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a ledger with searches will be kept."""
    return tmp_path_factory.mktemp("told") / "ledger.sqlite"


@pytest.fixture
def books(desk: Desk, told: Path) -> Desk:
    """A desk whose ledger holds four searches."""
    path = desk.path(".evoreg") / "ledger.sqlite"
    if not told.exists():
        tell(desk, HYBRID, HOSTILE, MADE)
        tell(desk, AGAIN, ended=False)
        shutil.copyfile(path, told)
    shutil.copyfile(told, path)
    return desk


def rows(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()[1:]]


def test_searches_are_listed(books: Desk) -> None:
    said = books.run("candidate", "searches")
    assert (said.code, said.err) == (0, "")
    assert [(row[0], row[1], row[-1]) for row in rows(said.out)][-2:] == [
        (MADE.search.id[7:19], "miniature", "ended"),
        (AGAIN.search.id[7:19], "miniature", "open"),
    ]
    found = books.run("candidate", "searches", "--json").json
    assert found["schema"] == "evoreg/candidate-searches/1"
    row = found["searches"][2]
    best = max((e.fitness[0] for e in MADE.evaluations if e.fitness), key=float)
    assert (row["search"], row["run"], row["candidates"]) == (MADE.search.id, 0, 22)
    assert (row["failed"], row["generations"], row["best"], row["ended"]) == (3, 4, best, True)
    assert [item["name"] for item in found["searches"]] == ["hybrid", WORST, *["miniature"] * 2]


def test_newest_search_is_listed_best_first(books: Desk) -> None:
    said = books.run("candidate", "list")
    assert said.code == 0
    assert "run 1" in said.err
    assert "the newest of 4 searches" in said.err
    assert "20 of 22; --limit 0 shows all" in said.err
    found = books.run("candidate", "list", "--json", "--limit", "0").json
    assert found["search"]["search"] == AGAIN.search.id
    values = [row["fitness"] for row in found["candidates"]]
    scored = [float(value) for value in values if value is not None]
    assert scored == sorted(scored, reverse=True)
    assert values[-3:] == [None] * 3
    assert len(values) == 22
    assert [row[-1] for row in rows(said.out)] == [
        row["candidate"][7:19] for row in found["candidates"][:20]
    ]


def test_finalists_stand_above_and_the_winner_is_marked(desk: Desk) -> None:
    """A finalist and a baseline of the last test, with scores far below those of the search."""
    best = next(e for e in MADE.evaluations if e.candidate == MADE.result.winner)
    told = []
    for number, origin, scores in (
        (4, "finalist", MADE.result.validation),
        (5, "finalist", MADE.result.test),
    ):
        changes = {"generation": number, "place": 0, "origin": origin, "label": "mean"}
        low = {"fitness": ("-1.000000000",), "scores": scores}
        made = best.model_copy(update={**changes, **low})
        end = MADE.closed[-1].generation.model_copy(
            update={"number": number, "evaluations": 1, "failed": 0}
        )
        told.append([NewEntry("evaluation", made), NewEntry("generation", end)])
    with desk.ledger() as ledger:
        for batch in (*MADE.batches(ended=False), *told, [NewEntry("result", MADE.result)]):
            ledger.append(batch)
    found = desk.run("candidate", "list", "--json").json["candidates"]
    assert [row["split"] for row in found[:4]] == ["validation", "test", "train", "train"]
    assert [row["winner"] for row in found[:4]] == [True, True, True, False]
    said = desk.run("candidate", "list")
    assert "finalist mean" in said.out.splitlines()[1]
    assert said.out.splitlines()[1].rstrip().endswith(f"{best.candidate[7:19]} winner")
    shown = desk.run("candidate", "show", best.candidate).out
    ranks = [line.split("rank")[1].strip() for line in shown.splitlines() if "  rank  " in line]
    assert ranks == [
        "1 of 15 searched candidates (train)",
        "1 of 1 finalists (validation)",
        "1 of 1 winner and baselines (test)",
    ]


def test_list_by_generation_and_failures(books: Desk) -> None:
    digits = MADE.search.id[7:13]
    found = books.run("candidate", "list", digits, "--sort", "generation", "-n", "5", "--json").json
    assert [row["candidate"] for row in found["candidates"]] == [
        item.candidate for item in MADE.evaluations[:5]
    ]
    scores = found["candidates"][0]["scores"]
    assert [score["task"] for score in scores] == ["maths", "japanese"]
    said = books.run("candidate", "list", digits, "--failed")
    assert [(row[0], row[1], row[4]) for row in rows(said.out)] == [
        (str(number), "5", "EVO-M003") for number in (1, 2, 3)
    ]
    assert "--limit 0" not in said.err


def test_name_of_several_runs_means_the_newest(books: Desk) -> None:
    said = books.run("candidate", "list", "miniature")
    assert "the newest of 2 searches of this name" in said.err
    found = books.run("candidate", "list", "miniature", "--json").json
    assert found["search"]["run"] == 1
    assert books.run("candidate", "list", MADE.search.id).err.count("newest") == 0


@pytest.mark.parametrize("arguments", [["list", "minature"], ["list", "f" * 64]])
def test_unknown_search(books: Desk, arguments: list[str]) -> None:
    said = books.run("candidate", *arguments)
    assert (said.code, said.out) == (5, "")
    assert "error[EVO-I001]: there is no search" in said.err
    assert ("did you mean 'miniature'?" in said.err) == (arguments[1] == "minature")


def test_nothing_to_list(desk: Desk) -> None:
    said = desk.run("candidate", "list")
    assert (said.code, said.out) == (5, "")
    assert "no search is recorded here" in said.err
    said = desk.run("candidate", "searches")
    assert (said.code, said.out) == (0, "")
    assert desk.run("candidate", "searches", "--json").json["searches"] == []
    shutil.rmtree(desk.path(".evoreg"))
    assert desk.run("candidate", "list").code == 5


def test_search_that_has_tried_nothing(desk: Desk) -> None:
    with desk.ledger() as ledger:
        ledger.append([NewEntry("search", MADE.search)])
    assert desk.run("candidate", "list", "--json").json["candidates"] == []
    assert desk.run("candidate", "list").code == 0
    assert rows(desk.run("candidate", "searches").out)[0][-1] == "open"


def test_winner_is_shown(books: Desk) -> None:
    wanted = MADE.result.winner
    item = next(e for e in MADE.evaluations if e.candidate == wanted)
    said = books.run("candidate", "show", wanted[7:15])
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == wanted
    assert f"  search     miniature, run 0, {MADE.search.id[7:19]}" in lines
    assert any(
        line.startswith("  rank       1 of 15 searched candidates (train)") for line in lines
    )
    assert f"  genome     org/maths weight layers.0. = {item.genome[0]!r}" in lines
    assert "  seeds      0 for the search, 1 to merge" in lines
    assert f"  time       0.25 s to apply, {1.5 + item.place:.3g} s to score" in lines
    assert any("± 0." in line and "maths train" in line for line in lines)
    assert any(line.startswith(f"  won        search {MADE.search.id[7:19]}") for line in lines)
    recipe = "\n".join(line[4:] for line in lines[lines.index("  recipe") + 1 :])
    assert read_stream(recipe, "r.yml").final.read.recipe == item.recipe


def test_winner_as_json(books: Desk) -> None:
    wanted = MADE.result.winner
    item = next(e for e in MADE.evaluations if e.candidate == wanted)
    found = books.run("candidate", "show", wanted, "--json").json
    assert found["recipe"] == item.recipe.to_json()
    assert found["shares"] == [share.to_json() for share in item.contributions]
    (trial,) = found["evaluations"]
    assert [pair["value"] for pair in trial["genome"]] == list(item.genome)
    assert [pair["gene"] for pair in trial["genome"]] == [g.name for g in MADE.search.genes]
    assert trial["scores"][0]["items"] == list(item.scores[0].items)
    assert trial["scores"][0]["standard_error"] == standard_error(item.scores[0])
    assert (trial["seed"], trial["merge_seed"]) == (0, 1)
    assert trial["versions"]["cma"] == "4.0.0"
    assert trial["standing"]["search"] == [1, 15]
    assert found["won"] == [{"entry": found["won"][0]["entry"], "search": MADE.search.id}]


def test_failure_is_shown(books: Desk) -> None:
    failed = MADE.closed[1].evaluations[-1]
    said = books.run("candidate", "show", failed.candidate)
    assert "  failed     [EVO-M003] layer 1 of the result is not finite" in said.out.splitlines()
    assert "rank" not in said.out
    found = books.run("candidate", "show", failed.candidate, "--json").json
    assert found["evaluations"][0]["failure"]["code"] == "EVO-M003"
    assert found["evaluations"][0]["standing"] is None


def test_candidate_of_two_searches(books: Desk) -> None:
    """Another run with the same seeds tries the same baselines."""
    tell(books, made_search("once more", seed=0))
    found = books.run("candidate", "show", MADE.evaluations[0].candidate, "--json").json
    assert [trial["name"] for trial in found["evaluations"]] == ["miniature", "once more"]
    assert len({trial["search"] for trial in found["evaluations"]}) == 2


def test_genes_of_a_later_stage_are_numbered(books: Desk) -> None:
    second = HYBRID.closed[-1].evaluations[0]
    found = books.run("candidate", "show", second.candidate, "--json").json
    assert found["evaluations"][0]["genome"][0]["gene"] == "gene 1"
    assert found["evaluations"][0]["stage"] == 1
    assert found["earlier"] == [item.to_json() for item in second.earlier]


@pytest.mark.parametrize(
    ("wanted", "code", "says"),
    [
        ("0" * 64, 5, "there is no candidate 0000"),
        ("abc", 2, "'abc' is no id of a candidate"),
        ("sha256:", 2, "is no id of a candidate"),
        ("xyz%", 2, "is no id of a candidate"),
        ("miniature", 2, "it is a search: evoreg candidate list 'miniature'"),
    ],
)
def test_unknown_candidate(books: Desk, wanted: str, code: int, says: str) -> None:
    for command in (["show", wanted], ["export", wanted, "-"]):
        said = books.run("candidate", *command)
        assert (said.code, said.out) == (code, "")
        assert says in said.err
        assert books.run("candidate", *command, "--json").json["exit_code"] == code


def test_beginning_of_several_ids(desk: Desk) -> None:
    """Ids that begin alike: two made by hand, since digests seldom do."""
    first = "sha256:abcd" + "0" * 60
    changed = [
        item.model_copy(update={"candidate": f"sha256:abcd{n}" + "0" * 59})
        for n, item in enumerate(MADE.closed[0].evaluations)
    ]
    with desk.ledger() as ledger:
        told = [NewEntry("evaluation", item) for item in changed]
        end = NewEntry("generation", MADE.closed[0].generation)
        ledger.append([NewEntry("search", MADE.search), *told, end])
        assert find_candidate(ledger, "abcd0").candidate == first
    said = desk.run("candidate", "show", "abcd")
    assert said.code == 2
    assert "abcd means several candidates: abcd00000000, abcd10000000" in said.err
    assert desk.run("candidate", "show", "sha256:abcd3").code == 0


def test_hostile_names_obey_nobody(books: Desk) -> None:
    winner = HOSTILE.result.winner
    for arguments in (
        ["searches"],
        ["list", HOSTILE.search.id],
        ["list", f"{WORST}x"],
        ["show", winner],
        ["export", winner, "-"],
        ["show", WORST],
    ):
        said = books.run("candidate", *arguments)
        for text in (said.out, said.err):
            assert not {"\x1b", "\u202e", "\r"} & set(text)
    out = books.run("candidate", "list", HOSTILE.search.id).out
    assert "[bold]org[/bold]" in out
    assert all(line[0] in "g 0123456789" for line in out.splitlines())
    found = books.run("candidate", "list", HOSTILE.search.id, "--json").json
    assert found["search"]["name"] == WORST


def test_recipe_is_exported(books: Desk) -> None:
    winner = MADE.result
    said = books.run("candidate", "export", winner.winner[:15], "r.yml")
    assert (said.code, said.err) == (0, "")
    assert said.out == "✓ r.yml: evoreg merge r.yml OUT --seed 1\n"
    text = books.path("r.yml").read_text("utf-8")
    assert text.splitlines()[:5] == [
        "# search     miniature",
        f"# candidate  {winner.winner}",
        "# seed       1",
        "# made by    evoreg 0.1.0, rules 1",
        "# to merge   evoreg merge r.yml OUT --seed 1",
    ]
    assert read_stream(text, "r.yml").final.read.recipe == winner.recipe
    shown = books.run("candidate", "export", winner.winner, "-")
    assert shown.out == text.replace("merge r.yml", "merge RECIPE.yml")
    found = books.run("candidate", "export", winner.winner, "-", "--json").json
    assert (found["recipe"], found["seed"], found["file"]) == (shown.out, 1, None)


def test_hybrid_recipe_is_exported_with_what_it_stands_on(books: Desk) -> None:
    second = HYBRID.closed[-1].evaluations[0]
    said = books.run("candidate", "export", second.candidate, "-")
    stages = read_stream(said.out, "r.yml").stages
    assert [stage.name for stage in stages] == ["first stage", ""]
    assert [stage.read.recipe for stage in stages] == [second.earlier[0].recipe, second.recipe]


def test_export_replaces_nothing_unasked(books: Desk) -> None:
    winner = MADE.result.winner
    kept = books.path("r.yml")
    kept.write_text("mine")
    said = books.run("candidate", "export", winner, "r.yml")
    assert said.code == 2
    assert "error[EVO-O001]: this file is there already" in said.err
    assert kept.read_text() == "mine"
    books.path("link.yml").symlink_to(books.path("nowhere"))
    assert books.run("candidate", "export", winner, "link.yml").code == 2
    assert books.run("candidate", "export", winner, "r.yml", "--force").code == 0
    assert kept.read_text().startswith("# search     miniature")
    books.path("folder").mkdir()
    assert books.run("candidate", "export", winner, "folder", "--force").code == 2
    said = books.run("candidate", "export", winner, "missing/r.yml")
    assert said.code == 2
    assert "error[EVO-O002]: the recipe cannot be written" in said.err
    left = sorted(path.name for path in books.folder.iterdir() if path.name != ".evoreg")
    assert left == ["folder", "link.yml", "r.yml"]


def linear_recipe(*models: str) -> Recipe:
    weights = zip(models, (0.75, 0.25), strict=True)
    return Recipe(
        method="linear",
        models=tuple(
            Source(model=name, parameters=(("weight", (Setting(value=weight),)),))
            for name, weight in weights
        ),
        dtype="float32",
    )


def merged(desk: Desk, recipe: str, out: str, seed: int) -> Candidate:
    """Carry out a recipe and return what the record in the folder says."""
    said = desk.run("merge", recipe, out, "--seed", str(seed), "--intent", "research")
    assert said.code == 0, said.err
    record = json.loads((desk.path(out) / "evoreg.json").read_text("utf-8"))
    return Candidate.model_validate_json(json.dumps(record["candidate"]))


def test_merge_of_an_exported_recipe_is_the_same_candidate(desk: Desk) -> None:
    """A search tried a recipe over two folders; its export is merged, then exported again."""
    for name in ("a", "b"):
        shutil.copytree(MODELS / name, desk.path(name))
    first = desk.recipe({**_yaml("./a", "./b"), "dtype": "float32"}, "first.yml")
    made = merged(desk, str(first), "out-first", 1)
    ingredients, engine = made.ingredients, made.engine
    search = MADE.search.model_copy(update={"ingredients": ingredients, "engine": engine})
    recipe = linear_recipe("./a", "./b")
    evaluation = (
        MADE.closed[0]
        .evaluations[3]
        .model_copy(
            update={
                "search": search.id,
                "recipe": recipe,
                "candidate": candidate_id(recipe, ingredients, 1, engine),
                "place": 0,
            }
        )
    )
    end = MADE.closed[0].generation.model_copy(update={"search": search.id, "evaluations": 1})
    with desk.ledger() as ledger:
        told = [NewEntry("evaluation", evaluation), NewEntry("generation", end)]
        ledger.append([NewEntry("search", search), *told])
    assert desk.run("candidate", "export", evaluation.candidate, "r.yml").code == 0
    again = merged(desk, "r.yml", "out", search.merge_seed)
    assert again.id == evaluation.candidate
    found = desk.run("candidate", "show", evaluation.candidate, "--json").json
    assert (len(found["evaluations"]), len(found["merges"])) == (1, 1)
    assert found["merges"][0]["outputs"] == [file.to_json() for file in again.outputs]


def _yaml(*models: str) -> dict[str, Any]:
    lines = [
        {"model": name, "parameters": {"weight": weight}}
        for name, weight in zip(models, (0.75, 0.25), strict=True)
    ]
    return {"merge_method": "linear", "models": lines}


def test_merge_without_a_search_is_shown_and_exported(desk: Desk) -> None:
    """Its models lie elsewhere: the export names them in full, and the id stays the same."""
    recipe = desk.recipe({**_yaml(str(MODELS / "a"), str(MODELS / "b"))})
    wanted = merged(desk, str(recipe), "out", 5).id
    said = desk.run("candidate", "show", wanted[7:19])
    assert (said.code, said.err) == (0, "")
    assert "  merged     entry" in said.out
    assert "shares" in said.out
    assert "genome" not in said.out
    assert desk.run("candidate", "export", wanted, "again.yml").code == 0
    assert str(MODELS / "a") in desk.path("again.yml").read_text("utf-8")
    assert merged(desk, "again.yml", "out-again", 5).id == wanted


def score(*items: int, value: str | None = None) -> TaskScore:
    mean = f"{sum(items) / MILLION / max(1, len(items)):.9f}"
    base = MADE.evaluations[0].scores[0]
    return base.model_copy(update={"items": items, "value": value or mean})


def test_standard_error() -> None:
    assert standard_error(score(0, MILLION, 0, MILLION)) == pytest.approx((1 / 3 / 4) ** 0.5)
    assert standard_error(score(MILLION, MILLION)) == 0
    assert standard_error(score(MILLION)) is None
    assert standard_error(score()) is None
    # The exponential of a mean is no mean.
    assert standard_error(score(MILLION, 2 * MILLION, value="4.481689070")) is None
