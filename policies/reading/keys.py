"""The keys of a policy file: one table for the reader, the documentation and the JSON schema."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from evoreg.policies.codes import Finding
from evoreg.policies.context import Organisation
from evoreg.policies.policy import Level, Severity
from evoreg.policies.terms import CONFIDENCES
from evoreg.provenance.records.decision import INTENTS, Verdict
from evoreg.provenance.records.license import RiderKind
from evoreg.provenance.records.lineage import Relation

KeyKind = Literal[
    "text", "whole", "choice", "day", "place", "texts", "choices", "places", "table", "rows"
]
"""Forms of a value: one, or a list of several; ``rows`` is a list of tables."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    name: str
    """As it is written."""
    kind: KeyKind
    """The form of its value."""
    meaning: str
    """One sentence."""
    required: bool = False
    """True if the table cannot do without it."""
    values: tuple[str, ...] = ()
    """What may be chosen."""
    least: int = 1
    """Least number, characters or items."""
    most: int = 0
    """Greatest number or most characters; 0 for no bound but that of the file."""
    pattern: str = ""
    """Regular expression that a text must match as a whole."""
    form: str = ""
    """What the pattern asks for, in words."""
    keys: tuple["Key", ...] = ()
    """Keys of the table or of each row."""


_SEVERITIES: tuple[str, ...] = get_args(Severity)
_LEVELS: tuple[str, ...] = get_args(Level)
_VERDICTS = tuple(verdict.value for verdict in Verdict)
_SPEC = r"[^@\s]{1,200}@([0-9a-f]{7,40}|sha256:[0-9a-f]{12,64})"
_SPEC_FORM = (
    "NAME@ and 7 to 40 digits of the commit, or NAME@sha256: and 12 to 64 digits of the identity"
)
_MODEL = Key("model", "text", "One exact model.", True, pattern=_SPEC, form=_SPEC_FORM, most=300)

_CONTEXT = (
    Key("organisation", "table", "Who releases.", keys=(
        Key("kind", "choice", "What kind of party.", values=get_args(Organisation)),
        Key("domicile", "place", "Where the releaser is domiciled."),
        Key("annual-revenue-usd", "whole", "Revenue of a year in US dollars, with affiliates.",
            least=0, most=10**15),
        Key("monthly-active-users", "whole", "Monthly active users, with affiliates.",
            least=0, most=10**11),
    )),
    Key("release", "table", "What the release reaches.", keys=(
        Key("territory", "places", "Where the result will be offered."),
    )),
)  # fmt: skip

_LISTS = (
    Key("allow", "texts", "What may be used.", least=0),
    Key("attribute", "texts", "What may be used, and the verdict is never better than attribute.",
        least=0),
    Key("review", "texts", "What may be used if a person agrees: never better than review.",
        least=0),
)  # fmt: skip

_EXCEPTION = (
    _MODEL,
    Key("allow", "texts", "Keys of the licences that are set aside for this model.", True),
    Key("intents", "choices", "For which uses.", True, INTENTS),
    Key("reason", "text", "Why, and where the permission can be found.", True, most=2000),
    Key("approved-by", "text", "Who decided it.", True, most=200),
    Key("expires", "day", "The last day on which it holds.", True),
)

_CLARIFY = (
    _MODEL,
    Key("expression", "text", "What the licence is: SPDX expression, Hub id or key.", True,
        most=2000),
    Key("license-files", "rows", "The files that it rests on.", True, keys=(
        Key("path", "text", "Path inside the model.", True, most=500),
        Key("sha256", "text", "Digest of the content.", True, pattern=r"[0-9a-f]{64}",
            form="64 digits of 0-9 and a-f"),
    )),
)  # fmt: skip

_RULE = (
    Key("id", "text", "Its name; no two rules have the same.", True,
        pattern=r"[a-z0-9][a-z0-9-]{0,62}", form="small letters, digits and -, at most 63"),
    Key("when", "text", "CEL expression over one model; true means that the rule applies.", True,
        most=4000),
    Key("then", "choice", "What follows.", True, _SEVERITIES),
    Key("message", "text", "One sentence, with places such as `{model}`.", most=500),
    Key("fix", "text", "What to do, with the same places.", most=500),
)  # fmt: skip

_TEST = (
    Key("name", "text", "What it shows.", True, most=200),
    Key("sources", "rows", "The models that are merged.", True, keys=(
        Key("license", "text", "Key, Hub id or SPDX expression; `unknown` for none.", True,
            most=2000),
        Key("model", "text", "Which model, for exceptions.", most=300,
            pattern=r"[^@\s]{1,200}(@[0-9a-f]{7,40})?",
            form="org/name, perhaps with @ and digits of the commit"),
        Key("relation", "choice", "How it reached the result.", values=get_args(Relation)),
        Key("extra", "rows", "Terms beside the licence.", keys=(
            Key("kind", "choice", "What it asks for or forbids.", True, get_args(RiderKind)),
            Key("value", "text", "The prefix, or the words to show.", most=200),
        )),
    )),
    Key("expect", "table", "The verdict for each intent that is asked.", True,
        keys=tuple(Key(intent, "choice", f"For the intent {intent}.", values=_VERDICTS)
                   for intent in INTENTS)),
    Key("reasons", "choices", "Names of reasons that must be given for one of them.",
        values=tuple(finding.value for finding in Finding)),
    Key("result", "text", "Name of the result.", most=200),
    Key("context", "table", "Facts that differ from those of the file.", keys=_CONTEXT),
    Key("today", "day", "The day of asking; before all exceptions expire if it is left out."),
)  # fmt: skip

TOP: tuple[Key, ...] = (
    Key("version", "whole", "Version of this grammar.", True, least=1, most=1),
    Key("name", "text", "What people call the policy.", most=80, pattern=r"[\w][\w .-]*",
        form="letters, digits, blanks, dots, - and _"),
    Key("context", "table", "Facts about the releaser.", keys=_CONTEXT),
    Key("intents", "choices", "What results are for; the first is the default.", values=INTENTS),
    Key("licenses", "table", "What may be used for each intent.", True,
        keys=tuple(Key(intent, "table", f"Lists for the intent {intent}.", keys=_LISTS)
                   for intent in INTENTS)),
    Key("unknown", "choice", "What an unknown licence leads to.", values=_SEVERITIES),
    Key("unseen-parent", "choice", "What a parent leads to that nobody could look at.",
        values=_SEVERITIES),
    Key("improve-other-models", "choice",
        "What a ban on improving other models leads to.", values=_SEVERITIES),
    Key("nc-for-companies", "choice",
        "What a commercial party's free release under a non-commercial licence leads to.",
        values=_SEVERITIES),
    Key("min-kb-confidence", "choice", "Terms that were read less well than this lead to review.",
        values=CONFIDENCES),
    Key("max-kb-age-days", "whole",
        "Days after which the knowledge of licences is too old to pass without a person.",
        most=36500),
    Key("exceptions", "rows", "Recorded permissions, each for one exact model.", keys=_EXCEPTION),
    Key("clarify", "rows", "Licences that people read from exact files.", keys=_CLARIFY),
    Key("rules", "rows", "Predicates that make decisions stricter.", keys=_RULE),
    Key("unused-exception", "choice",
        "What an exception or a clarification leads to that concerned nothing.", values=_LEVELS),
    Key("unused-allow", "choice",
        "What a licence leads to that is listed by its key and was not met.", values=_LEVELS),
    Key("tests", "rows", "Cases that the policy must decide as written.", keys=_TEST),
)  # fmt: skip
"""Keys of the file itself."""


def paths(keys: tuple[Key, ...] = TOP, before: str = "") -> Iterator[tuple[str, Key]]:
    """Yield every key with its dotted path, those of rows with ``[]``, each before what is in it.

    Args:
        keys: Where to begin.
        before: Path of the table that they stand in.

    Yields:
        Path and key.
    """
    for key in keys:
        path = f"{before}.{key.name}" if before else key.name
        yield path, key
        yield from paths(key.keys, path + ("[]" if key.kind == "rows" else ""))
