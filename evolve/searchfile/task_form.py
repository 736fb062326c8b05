"""The form of a task in a search file: its data, its prompt, and how a reply is judged."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]
Fraction01 = Annotated[float, Field(ge=0, le=1)]


class Form(BaseModel):
    """A part of a search file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataForm(Form):
    """Where the items of a task are."""

    path: str | None = None
    """A file that is divided into the splits, or a folder for the files named below; relative to
    the search file. Endings: .jsonl, .json, .csv, .parquet."""
    train: str | None = None
    """File of the train split."""
    validation: str | None = None
    """File of the validation split."""
    test: str | None = None
    """File of the test split."""
    hub: str | None = None
    """Instead of files: a data set of the Hub, ``org/name@revision``; only without a script."""
    config: str | None = None
    """Its configuration."""
    split: str = "train"
    """The Hub's split that is divided."""
    fractions: tuple[Fraction01, Fraction01, Fraction01] = (0.6, 0.2, 0.2)
    """How one file is divided; by digest of the item, so that order and additions do not matter."""
    group: str | None = None
    """A field whose value keeps items together in one split, such as the operands of a sum; the
    bootstrap then draws whole groups."""
    limit: Annotated[int, Field(ge=0)] = 0
    """Most items of a split; 0 sets none."""


USUAL_METRICS: Mapping[str, str] = MappingProxyType(
    {
        "generate": "exact_match",
        "choice": "accuracy",
        "perplexity": "perplexity",
        "python": "value",
        "lm-eval": "acc,none",
    }
)
"""Metric of a task that names none, by kind."""


class TaskForm(Form):
    """A task."""

    name: str
    """Name in tables; unique in the file."""
    kind: Literal["generate", "choice", "perplexity", "python", "lm-eval"] = "generate"
    """generate lets the model write; choice compares log-likelihoods; perplexity measures text;
    python calls a function; lm-eval runs a task of the harness (extra)."""
    data: DataForm = DataForm()
    """Items; lm-eval has its own."""
    prompt: str = "{{ prompt }}"
    """Jinja template of what the model is given; fields of the item are its variables."""
    variants: tuple[str, ...] = ()
    """Other prompts for the same items, for the stability report."""
    system: str | None = None
    """System message, if a chat template is used."""
    chat: bool = False
    """Whether the tokenizer's chat template wraps the prompt."""
    answer: str = "{{ answer }}"
    """Jinja template of the right answer, or of the text for perplexity."""
    choices: str = "{{ choices }}"
    """The list, or templates joined by ``|||``, for choice; `answer` gives its place or text."""
    normalise: Literal["none", "characters", "tokens"] = "none"
    """What log-likelihoods of choices are divided by."""
    metric: str = "exact_match"
    """exact_match, number, regex, rouge_l, contains for generate; accuracy for choice; perplexity;
    the harness's own (``acc,none``) for lm-eval; value for python. If none is named: the first of
    its kind."""
    maximise: bool | None = None
    """Whether more is better; nothing asks the metric."""
    pattern: str | None = None
    """Regular expression for the metric regex: its first group of the last match is the answer."""
    language: str | None = None
    """ISO 639-1 code; a reply in another language counts as wrong."""
    max_new_tokens: Positive = 1024
    """Generation budget."""
    stop: tuple[str, ...] = ()
    """Texts that end a reply."""
    fewshot: Annotated[int, Field(ge=0)] = 0
    """Examples of the train split before the question."""
    batch: Positive = 64
    """Items at a time: a matter of speed and memory."""
    weight: float = 1.0
    """Weight in the fitness."""
    soft: Annotated[float, Field(ge=0)] = 0.0
    """How much of the smooth score (mean log-probability of a token of the right answer) is added
    to the metric while candidates are bred and the finalists picked out; the choice among the
    finalists and all reported scores are without it."""
    function: str | None = None
    """``module:function`` or ``file.py:function``, for python; only with --allow-code."""
    task: str | None = None
    """Name of the harness's task, for lm-eval."""
    include: str | None = None
    """Folder with task definitions for the harness."""

    @model_validator(mode="before")
    @classmethod
    def _usual_metric(cls, data: object) -> object:
        if not isinstance(data, dict) or data.get("metric") is not None:
            return data
        usual = USUAL_METRICS.get(str(data.get("kind", "generate")))
        return data if usual is None else {**data, "metric": usual}
