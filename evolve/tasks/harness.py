"""The kind lm-eval: a task of the LM Evaluation Harness, asked of the model in memory (extra)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evoreg.evolve.searchfile.form import TaskForm
from evoreg.evolve.tasks.callable import allowed
from evoreg.evolve.tasks.data import split_of
from evoreg.evolve.tasks.encoding import failed
from evoreg.evolve.tasks.generate import Reply
from evoreg.evolve.tasks.harness_loading import load, quiet, stable
from evoreg.evolve.tasks.item import SPLITS, check_places, split_record
from evoreg.evolve.tasks.order import Order
from evoreg.evolve.tasks.paths import inside
from evoreg.evolve.tasks.task import Answer, Player, Task
from evoreg.provenance.records.candidate import fraction
from evoreg.provenance.records.digest import Digest, digest_of
from evoreg.provenance.records.errors import Code, EvoregError, InputError
from evoreg.provenance.records.search import Split, TaskRecord


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of one split."""

    ids: tuple[Digest, ...]
    """Their ids, sorted."""
    places: tuple[int, ...]
    """Where each stands in the harness's own order."""
    dropped: int
    """How many repeated another one."""


def make_harness(order: Order) -> Task:
    """Return a task of the kind lm-eval.

    Args:
        order: What the search file says.

    Returns:
        The task with the harness's data.

    Raises:
        UsageError: The harness is not installed, or the folder of definitions, which may contain
            code, is not allowed.
        RecipeError: No task or no metric is named.
        InputError: The harness does not know the task, or cannot read its data.
    """
    form = order.form
    if form.task is None or "," not in form.metric:
        order.refuse("task and metric of the harness are missing", "metric: acc,none")
    if form.variants or form.language or form.pattern or form.soft:
        order.refuse("the harness has its own prompts and judges", "leave out what it decides")
    folder = None
    if form.include is not None:
        allowed(order, f"the definitions in {form.include}")
        folder = str(inside(order.folder, form.include))
    return HarnessTask(form, load(form.task, folder, order), order.seed)


class HarnessTask:
    """A task of the harness."""

    def __init__(self, form: TaskForm, task: Any, seed: int) -> None:  # noqa: ANN401 - lm_eval has no types
        self.form = form
        self._task = task
        self._seed = seed
        self._metric, _, self._filter = form.metric.partition(",")
        if self._metric not in task.aggregation():
            known = ", ".join(sorted(task.aggregation()))
            raise InputError(
                Code.INPUT_UNREADABLE,
                f"the harness does not measure {self._metric!r} here",
                where=f"task {form.name}",
                hint=f"metrics: {known}",
            )
        config = task.config
        names = (config.training_split, config.validation_split, config.test_split)
        # The harness evaluates its test split, whichever that is called.
        evaluated = config.test_split or config.validation_split
        whole = all(names) and len(set(names)) == len(SPLITS)
        self._named = dict(zip(SPLITS, names if whole else [evaluated] * 3, strict=True))
        self._whole = whole
        shots = form.fewshot or config.num_fewshot or 0
        task.set_config(key="num_fewshot", value=shots)
        if shots and task.fewshot_cfg.split is None and config.fewshot_config is None:
            # Only if it knows the split does the harness leave an item out of its own examples.
            task.fewshot_cfg.split = config.training_split or config.validation_split
        # Where data lie decides nothing; what they say is in the ids.
        said = {key: each for key, each in config.to_dict().items() if key != "dataset_kwargs"}
        self._template = digest_of(stable(said))
        self._documents = {split: self._read(split) for split in SPLITS}
        self._draw_alike()

    def _read(self, split: Split) -> Documents:
        """Read a split; if the harness has not all three, a part of what it evaluates."""
        self._task.config.test_split = self._named[split]
        found: list[tuple[Digest, int]] = []
        with quiet():
            for at, doc in enumerate(self._task.eval_docs):
                id = digest_of(stable(doc))
                if self._whole or split_of(id, self.form.data.fractions) == split:
                    found.append((id, at))
        first = dict(reversed(found))
        ids = tuple(sorted(first)[: self.form.data.limit or None])
        return Documents(ids, tuple(first[each] for each in ids), len(found) - len(first))

    def _draw_alike(self) -> None:
        """Let an item have the same examples whatever is asked before it."""
        original = self._task.fewshot_context

        def seeded(*args: object, **more: object) -> object:
            self._task.set_fewshot_seed(seed=self._seed)
            return original(*args, **more)

        self._task.fewshot_context = seeded

    @property
    def name(self) -> str:
        """Name, unique in a search."""
        return self.form.name

    @property
    def weight(self) -> float:
        """Weight in the fitness."""
        return self.form.weight

    @property
    def soft(self) -> float:
        """Always 0: the harness has no smooth score."""
        return 0.0

    @property
    def maximise(self) -> bool:
        """Whether more is better, as the search file or the harness says."""
        if self.form.maximise is not None:
            return self.form.maximise
        return bool(self._task.higher_is_better().get(self._metric, True))

    @property
    def variants(self) -> int:
        """Number of other prompts: none."""
        return 0

    @property
    def record(self) -> TaskRecord:
        """Everything that decides a score."""
        documents = self._documents.items()
        return TaskRecord(
            name=self.name,
            kind=self.form.kind,
            metric=self.form.metric,
            maximise=self.maximise,
            weight=fraction(self.weight),
            splits=tuple(split_record(split, each.ids, each.dropped) for split, each in documents),
            template=self._template,
            settings={
                "task": self.form.task,
                "fewshot": self._task.config.num_fewshot,
                "max_new_tokens": self.form.max_new_tokens,
                "chat": self.form.chat,
                "system": self.form.system,
                "batch": self.form.batch,
            },
        )

    def ids(self, split: Split) -> tuple[Digest, ...]:
        """Return the ids of the items of a split, in a fixed order."""
        return self._documents[split].ids

    def groups(self, split: Split) -> tuple[str, ...]:
        """Return the group of each item: each its own."""
        return self.ids(split)

    def answers(
        self, player: Player, split: Split, places: Sequence[int], *, soft: bool, variant: int = 0
    ) -> tuple[Answer, ...]:
        """Let the harness ask a model some items.

        Args:
            player: The model.
            split: Which data.
            places: Places of the items in `ids`.
            soft: Not used.
            variant: Always 0.

        Returns:
            An answer for each place, in this order.

        Raises:
            EvaluationError: The model cannot be asked, its numbers are not finite, or the metric
                gives no number for a single item.
            UsageError: There is no such place.
        """
        del soft
        documents = self._documents[split].places
        check_places(self.name, places, len(documents), variant, 0)
        if not places:
            return ()
        wanted = sorted({documents[at] for at in places})
        self._task.config.test_split = self._named[split]
        found = dict(zip(wanted, self._asked(player, wanted), strict=True))
        return tuple(found[documents[at]] for at in places)

    def _asked(self, player: Player, wanted: list[int]) -> list[Answer]:
        """Return an answer for each document, in the harness's order."""
        from lm_eval.evaluator import evaluate

        from evoreg.evolve.tasks.harness_model import HarnessModel

        form = self.form
        model = HarnessModel(player, rows=form.batch, most=form.max_new_tokens, chat=form.chat)
        name = self._task.config.task
        try:
            with quiet():
                told = evaluate(
                    lm=model,
                    task_dict={"tasks": {name: self._task}, "groups": {}},
                    samples={name: wanted},
                    bootstrap_iters=0,
                    apply_chat_template=form.chat,
                    system_instruction=form.system,
                )
        except EvoregError:
            raise
        except Exception as error:  # it has no errors of its own
            raise failed(f"the harness failed: {error!r:.200}") from error
        rows = [row for row in told["samples"][name] if row["filter"] == self._filter]
        if len(rows) != len(wanted):
            raise failed(f"the harness has {len(rows)} results named {form.metric!r}")
        return [self._answer(row, model.written[at]) for at, row in enumerate(rows)]

    def _answer(self, row: Mapping[str, Any], written: Sequence[Reply]) -> Answer:
        try:
            value = float(row[self._metric])
        except (KeyError, TypeError, ValueError) as error:
            raise failed(f"{self.form.metric} gives no number for a single item") from error
        if not math.isfinite(value):
            raise failed(f"{self.form.metric} is not finite")
        return Answer(
            value=value,
            tokens=sum(len(reply.tokens) for reply in written),
            truncated=any(reply.truncated for reply in written),
            degenerate=bool(written) and all(reply.degenerate for reply in written),
            reply="\n".join(reply.text for reply in written),
        )

    def total(self, values: Sequence[float]) -> float:
        """Return the metric over several items, as the harness aggregates it; 0 for none."""
        return float(self._task.aggregation()[self._metric](list(values))) if values else 0.0
