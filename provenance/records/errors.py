"""All errors of evoreg: one tree, each with a stable code, each saying what, where and what to do.

::

    EvoregError
    +-- UsageError          a command that cannot be carried out as asked
    |   +-- RecipeError     the recipe file
    |   +-- OutputError     the place that should take the result
    |   |   +-- PrintError  stdout, which should take what a command tells
    +-- InputError          a model or file that is missing, unreadable or hostile
    +-- MergeError          models that cannot be merged, or a merge that went wrong
    +-- PolicyError         the policy, or its refusal
    |   +-- RefusedError    the decision is BLOCK
    |   +-- ReviewError     the decision is REVIEW: evidence is missing
    +-- VerificationError   the books do not agree with the facts
    +-- EvaluationError     a model could not be scored

Library code raises these and never prints or exits; the command line turns them into text, JSON
and exit codes. An error may carry several problems: what is wrong with a recipe or with the shapes
of models is collected whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """The stable codes. A code never changes its meaning; the description is in docs/errors.md."""

    # recipes
    RECIPE_SYNTAX = "EVO-R001"
    RECIPE_UNKNOWN_KEY = "EVO-R002"
    RECIPE_VALUE = "EVO-R003"
    RECIPE_METHOD = "EVO-R004"
    RECIPE_STRUCTURE = "EVO-R005"
    RECIPE_REFERENCE = "EVO-R006"
    RECIPE_PARAMETER = "EVO-R007"
    RECIPE_ZERO_WEIGHTS = "EVO-R008"
    RECIPE_LAYERS = "EVO-R009"
    RECIPE_UNSUPPORTED = "EVO-R010"
    # inputs
    INPUT_MISSING = "EVO-I001"
    INPUT_UNREADABLE = "EVO-I002"
    INPUT_PICKLE = "EVO-I003"
    INPUT_ESCAPES = "EVO-I004"
    INPUT_CONFIG = "EVO-I005"
    INPUT_INDEX = "EVO-I006"
    INPUT_CHANGED = "EVO-I007"
    INPUT_CARD = "EVO-I008"
    HUB_UNREACHABLE = "EVO-I009"
    HUB_DENIED = "EVO-I010"
    HUB_REVISION = "EVO-I011"
    NOT_CANONICAL = "EVO-I012"
    NOT_A_RECORD = "EVO-I013"
    MODEL_UNKNOWN = "EVO-I014"
    # merging
    MERGE_MISSING_TENSOR = "EVO-M001"
    MERGE_SHAPE = "EVO-M002"
    MERGE_NOT_FINITE = "EVO-M003"
    MERGE_DTYPE = "EVO-M004"
    MERGE_ARCHITECTURE = "EVO-M005"
    MERGE_VOCABULARY = "EVO-M006"
    MERGE_BUFFER = "EVO-M007"
    # policy
    POLICY_REFUSED = "EVO-P001"
    POLICY_REVIEW = "EVO-P002"
    POLICY_FILE = "EVO-P003"
    POLICY_EXPRESSION = "EVO-P004"
    PARENT_UNSEEN = "EVO-P005"
    LINEAGE_ODD = "EVO-P006"
    # output
    OUTPUT_EXISTS = "EVO-O001"
    OUTPUT_UNWRITABLE = "EVO-O002"
    OUTPUT_FULL = "EVO-O003"
    # ledger
    LEDGER_BROKEN = "EVO-L001"
    LEDGER_UNREACHABLE = "EVO-L002"
    LEDGER_VERSION = "EVO-L003"
    LEDGER_BUSY = "EVO-L004"
    LEDGER_ORDER = "EVO-L005"
    LEDGER_OTHER = "EVO-L006"
    VERIFY_DIGEST = "EVO-V001"
    PAPER_MISSING = "EVO-V002"
    SEARCH_DIVERGED = "EVO-V003"
    PROOF_FALSE = "EVO-V004"
    # evaluation
    EVALUATION_FAILED = "EVO-E001"
    DATA_ITEM = "EVO-E002"
    DATA_SPLIT = "EVO-E003"
    DATA_OVERLAP = "EVO-E004"
    EVALUATION_COLLAPSED = "EVO-E005"
    EVALUATION_MEMORY = "EVO-E006"
    SEARCH_NO_RESULT = "EVO-E007"
    SEARCH_SETUP = "EVO-E008"
    # use
    USAGE = "EVO-U001"
    EXTRA_MISSING = "EVO-U002"
    SEARCH_BEGUN = "EVO-U003"
    SEARCH_UNKNOWN = "EVO-U004"
    BUG = "EVO-B001"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong."""

    code: Code
    """Stable code."""
    what: str
    """One sentence: what is wrong."""
    where: str = ""
    """File, line, model or tensor; empty when the whole input is meant."""
    hint: str = ""
    """What to do about it; empty only if nothing can be done."""

    def __str__(self) -> str:
        """Return the problem on one line."""
        where = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return " ".join(f"[{self.code}] {where}{self.what}{hint}".splitlines())


class EvoregError(Exception):
    """The root of all errors that evoreg raises on purpose."""

    def __init__(self, code: Code, what: str, *, where: str = "", hint: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(code, what, where, hint),)
        super().__init__(code, what)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """Return one error that carries several problems.

        Args:
            problems: At least one problem.

        Returns:
            An error whose `problems` are all of them, in the same order.
        """
        first = problems[0]
        error = cls(first.code, first.what, where=first.where, hint=first.hint)
        error.problems = tuple(problems)
        return error

    @property
    def code(self) -> Code:
        """The code of the first problem."""
        return self.problems[0].code

    def __str__(self) -> str:
        """Return all problems, one a line."""
        return "\n".join(str(problem) for problem in self.problems)


class UsageError(EvoregError):
    """The command cannot be carried out as asked."""


class RecipeError(UsageError):
    """The recipe cannot be read, or says something that cannot be meant."""


class OutputError(UsageError):
    """The result cannot be written where it was asked for."""


class PrintError(OutputError):
    """The result of a command could not be printed; its work may be done."""


class InputError(EvoregError):
    """A model or a file is missing, unreadable or hostile."""


class MergeError(EvoregError):
    """The models cannot be merged."""


class PolicyError(EvoregError):
    """The policy file or a licence expression is at fault."""


class RefusedError(PolicyError):
    """The decision is BLOCK."""


class ReviewError(PolicyError):
    """The decision is REVIEW: a person must decide, or evidence is missing."""


class VerificationError(EvoregError):
    """The ledger or a release does not agree with the facts."""


class EvaluationError(EvoregError):
    """A model could not be scored."""
