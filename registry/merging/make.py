"""The merge itself: weights, papers and entries, in an order that a crash cannot turn into a lie.

1. Everything is written into a partial folder and forced to disk.
2. The entries are committed in one transaction. They say which bytes were made, which is true from
   step 1 on, wherever the folder lies.
3. The record of the entry and the proofs that the ledger holds it are added, and the folder gets
   its name.

Killed before 2, nothing happened; killed between 2 and 3, the ledger knows a candidate whose folder
nobody sees, and the same command makes it again: it finds its own entries and adds none.
"""

from collections.abc import Iterable, Mapping, Sequence

from evoreg.evolve.execution.run import RULES, Merged, Options, Progress, carry_out
from evoreg.evolve.planning.plan import Plan
from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.papers.write import papers, record_bytes
from evoreg.provenance.records.candidate import Candidate, Contribution, Engine, candidate_id
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.entry import Entry, EntryKind
from evoreg.provenance.records.errors import Code, InputError, MergeError
from evoreg.provenance.records.model import File, Role
from evoreg.provenance.records.release import Release
from evoreg.provenance.records.text import HeldText
from evoreg.registry.ledger_keys import signing_key
from evoreg.registry.merging.adapted import merged_files
from evoreg.registry.merging.facts import facts_of, ingredients_of
from evoreg.registry.merging.made import RECORD, Job, Made, refuse, refuse_without
from evoreg.registry.merging.output import Workplace, output_error, workplace
from evoreg.registry.merging.prepare import Prepared
from evoreg.registry.models.hashing import DigestCache
from evoreg.registry.models.resolve import ResolvedModel
from evoreg.registry.releasing.carry import carried, check_grown
from evoreg.registry.releasing.paths import PROVEN
from evoreg.registry.settings import Settings, evoreg_version, now


def make(prepared: Prepared, plan: Plan, job: Job, settings: Settings, progress: Progress) -> Made:
    """Merge, write the papers and the entries, and put the folder in its place.

    Args:
        prepared: Recipe, models and decision.
        plan: What to do.
        job: Where and how.
        settings: Where the ledger is.
        progress: Told about each tensor.

    Returns:
        What was made.

    Raises:
        RefusedError: Policy forbids it.
        ReviewError: Evidence or a licence text is missing.
        MergeError: The weights cannot be merged.
        InputError: A model changed meanwhile, or the ledger cannot be reached.
        OutputError: The place is taken or the disk is full.
        UsageError: Others may read the key that signs checkpoints.
        VerificationError: The ledger is not what it was at an earlier checkpoint.
    """
    refuse(prepared.decision)
    signing_key(settings)  # one that cannot sign is told before the work, not behind it
    ingredients = ingredients_of(prepared)
    engine = Engine(version=evoreg_version(), rules=RULES)
    name = candidate_id(plan.recipe, ingredients, plan.seed, engine)
    metadata = (("evoreg_candidate", name), ("evoreg_version", evoreg_version()))
    options = Options(job.threads, job.shard_size, metadata, device=job.device)
    with (
        workplace(job.out, plan.size) as place,
        open_ledger(settings.ledger, actor=settings.actor, clock=now) as ledger,
    ):
        check_grown(ledger, settings)
        merged = _merged(plan, place, options, progress)
        check_left_out(prepared, merged.contributions)
        _check_unchanged(prepared, settings)
        candidate = Candidate(
            recipe=plan.recipe,
            ingredients=ingredients,
            seed=plan.seed,
            engine=engine,
            contributions=merged.contributions,
            census=merged.census,
            outputs=merged.outputs,
        )
        written = _papers(prepared, plan, job, candidate, place)
        place.settle()
        entries, repeated = _record(ledger, prepared, job, candidate, written)
        entry = entries[0]
        _put(place, RECORD, record_bytes(candidate, prepared.decision, entry, prepared.earlier))
        for path, data in carried(ledger, entries, settings).items():
            _put(place, path, data)
        place.publish()
    return Made(job.out, candidate, prepared.decision, entry, repeated, written)


def _merged(plan: Plan, place: Workplace, options: Options, progress: Progress) -> Merged:
    try:
        return carry_out(plan, place.partial, options, progress)
    except OSError as error:
        raise output_error(error, place.final) from error


def check_left_out(prepared: Prepared, contributions: Sequence[Contribution]) -> None:
    """Make sure that nothing is in the result of what the decision left out of account.

    Args:
        prepared: Recipe, models and decision.
        contributions: The shares as they were measured.

    Raises:
        MergeError: Something is; that would be an error of evoreg.
    """
    found = [c.reference for c in contributions if c.used and c.reference in prepared.idle]
    if found:
        raise MergeError(
            Code.BUG,
            "the decision leaves this source out of account, but something of it is in the result",
            where=", ".join(found),
            hint="leave the source out of the recipe, and report the recipe as an error of evoreg",
        )


def _check_unchanged(prepared: Prepared, settings: Settings) -> None:
    """Make sure that the weights that were merged are those that were measured."""
    cache = DigestCache(settings.project / "digests.sqlite")
    for found in prepared.models.values():
        for holder, file in merged_files(found):
            if file.measured and cache.digest(holder.folder / file.path) != file.digest:
                raise InputError(
                    Code.INPUT_CHANGED,
                    "the weights changed while they were being merged",
                    where=str(holder.folder / file.path),
                    hint="merge again when nothing writes to the model",
                )


def _papers(
    prepared: Prepared, plan: Plan, job: Job, candidate: Candidate, place: Workplace
) -> tuple[File, ...]:
    written = papers(facts_of(prepared, plan, job.name, candidate))
    refuse_without(written.problems)
    return tuple(_put(place, path, data) for path, data in sorted(written.files.items()))


def _put(place: Workplace, path: str, data: bytes) -> File:
    target = place.partial / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        raise output_error(error, place.final) from error
    return File(path=path, size=len(data), digest=digest_of(data), role=_paper_role(path))


def _paper_role(path: str) -> Role:
    by_name: Mapping[str, Role] = {
        "README.md": "card",
        "NOTICE": "notice",
        "mergekit_config.yml": "recipe",
    }
    if path in by_name:
        return by_name[path]
    return "license" if path.startswith("LICENSE") else "other"


def _record(
    ledger: Ledger,
    prepared: Prepared,
    job: Job,
    candidate: Candidate,
    written: tuple[File, ...],
) -> tuple[tuple[Entry, ...], bool]:
    """Append what the ledger does not know yet.

    Returns the entries of candidate, decision and release, and whether the candidate was known.
    """
    release = Release(
        candidate=candidate.id,
        decision=prepared.decision.record_digest(),
        intent=prepared.decision.intent,
        name=job.name,
        license=prepared.decision.outbound,
        papers=written,
    )
    known = _known(ledger, candidate, release)
    news: list[NewEntry] = []
    news += new_models(ledger, prepared.models.values())
    if "decision" not in known:
        news += new_texts(ledger, prepared.texts)
        news.append(NewEntry("decision", prepared.decision, _basis(prepared)))
    if "candidate" not in known:
        news.append(NewEntry("candidate", candidate))
    if "release" not in known:
        news.append(NewEntry("release", release))
    new = {entry.kind: entry for entry in ledger.append(news)}
    entries = tuple(new[kind] if kind in new else _entry(ledger, known[kind]) for kind in PROVEN)
    return entries, "candidate" in known


def _known(ledger: Ledger, candidate: Candidate, release: Release) -> dict[EntryKind, int]:
    """Return the numbers of the first entries that say the same, as far as there are any."""
    found: dict[EntryKind, list[int]] = {
        "release": [r.seq for r in ledger.releases(candidate.id) if r.release == release],
        # After the release: whoever records one meanwhile recorded these two before it.
        "decision": [r.seq for r in ledger.decision(release.decision)],
        "candidate": [r.seq for r in ledger.candidate(candidate.id) if r.candidate == candidate],
    }
    return {kind: min(numbers) for kind, numbers in found.items() if numbers}


def _entry(ledger: Ledger, number: int) -> Entry:
    return next(iter(ledger.entries(after=number - 1, limit=1)))


def new_models(ledger: Ledger, models: Iterable[ResolvedModel]) -> list[NewEntry]:
    """Return the registrations of models that the ledger does not know as they are now."""
    return [
        NewEntry("model", found.model, {"location": str(found.folder)})
        for found in models
        if all(item.model != found.model for item in ledger.models_with(found.model.identity))
    ]


def new_texts(ledger: Ledger, texts: Mapping[Digest, bytes]) -> list[NewEntry]:
    """Return the texts that a decision rests on, as far as the ledger does not hold them."""
    held = ledger.texts(texts)
    return [
        NewEntry("text", HeldText.of(data)) for digest, data in texts.items() if digest not in held
    ]


def _basis(prepared: Prepared) -> Mapping[str, Json]:
    """Return what the decision was made from, as it is written beside it."""
    return {} if prepared.inquiry is None else {"inquiry": dict(prepared.inquiry)}
