"""How recorded decisions and their replays look, for people and for programs."""

from evoreg.provenance.ledger.values import RecordedDecision
from evoreg.provenance.records.canonical import Json
from evoreg.provenance.records.digest import short
from evoreg.provenance.records.errors import Code, UsageError
from evoreg.registry.cli.screen import plain
from evoreg.registry.replay import Replay


def strict_of(knowledge: str) -> bool:
    """Read the option ``--knowledge``.

    Args:
        knowledge: ``current`` or ``recorded``.

    Returns:
        True for ``recorded``.

    Raises:
        UsageError: Another word.
    """
    if knowledge not in ("current", "recorded"):
        what = f"--knowledge is current or recorded, not {knowledge!r:.40}"
        raise UsageError(Code.USAGE, what, hint="leave it out to judge by what is known now")
    return knowledge == "recorded"


def decision_row(item: RecordedDecision) -> dict[str, Json]:
    """Return what a list of decisions tells about one."""
    return {
        "entry": item.seq,
        "at": item.at,
        "intent": item.decision.intent,
        "verdict": str(item.decision.verdict),
        "policy": item.decision.policy_name or short(item.decision.policy),
        "name": _name(item),
        "decision": item.decision.record_digest(),
        "replayable": item.inquiry is not None,
    }


def decision_line(row: dict[str, Json]) -> str:
    """Return one line of the list."""
    told = [str(row[key] or "-") for key in ("at", "intent", "verdict", "policy", "name")]
    return plain(f"{row['entry']:>6}  {'  '.join(told)}  {short(str(row['decision']))}")


def replay_json(made: Replay) -> dict[str, Json]:
    """Return a replay as JSON."""
    then = made.recorded.decision
    return {
        "entry": made.recorded.seq,
        "decision": made.digest,
        "name": _name(made.recorded),
        "intent": then.intent,
        "same": made.same,
        "verdict": {"recorded": str(then.verdict), "now": str(made.again.verdict)},
        "knowledge": {
            "recorded": {"digest": then.knowledge, "version": made.asked.version},
            "now": {"digest": made.again.knowledge, "version": made.again.knowledge_version},
        },
        "differences": list(made.differences),
    }


def replay_lines(made: Replay) -> list[str]:
    """Say in lines for people what a replay gave."""
    then, now = made.recorded.decision, made.again
    word = "same" if made.same else "not the same"
    lines = [f"{word}: {then.intent} {now.verdict}, as recorded in entry {made.recorded.seq}"]
    if now.verdict is not then.verdict:
        lines = [f"{word}: {then.intent} was {then.verdict}, is {now.verdict} now"]
    if not made.same_knowledge:
        was, is_ = (short(digest) for digest in (then.knowledge, now.knowledge))
        lines.append(
            f"another knowledge base: {made.asked.version} ({was}) then, "
            f"{now.knowledge_version} ({is_}) now"
        )
    return [plain(line) for line in (*lines, *made.differences)]


def _name(item: RecordedDecision) -> str:
    question = (item.inquiry or {}).get("question")
    name = question.get("name") if isinstance(question, dict) else None
    return name if isinstance(name, str) else ""
