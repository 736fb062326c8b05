"""A real ledger proves its entries and its growth; every touched byte of a proof is refused."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from evoreg.provenance.ledger.ledger import Ledger
from evoreg.provenance.ledger.opening import open_ledger
from evoreg.provenance.ledger.tree import (
    against,
    checkpoint_of,
    consistency_of,
    inclusion_of,
    origin_of,
)
from evoreg.provenance.ledger.values import NewEntry
from evoreg.provenance.proofs.checkpoint import Checkpoint, sign_checkpoint
from evoreg.provenance.proofs.consistency import check_growth, read_growth, write_growth
from evoreg.provenance.proofs.inclusion import check_inclusion, read_inclusion, write_inclusion
from evoreg.provenance.proofs.keys import SigningKey
from evoreg.provenance.records.errors import Code, EvoregError, InputError, VerificationError
from evoreg.provenance.records.text import HeldText
from tests.proofs.proof_trees import leaf, tree_hash

KEY = SigningKey("example.org/books", b"k" * 32)
KEYS = [KEY.verifier]
MANY = 600


def opened(file: Path) -> Ledger:
    def clock() -> datetime:
        return datetime(2026, 3, 4, tzinfo=UTC)

    return open_ledger(f"sqlite:///{file}", actor="ann", clock=clock)


def fill(ledger: Ledger, count: int, word: str = "text") -> None:
    news = [HeldText.of(f"{word} {number}\n".encode()) for number in range(count)]
    ledger.append([NewEntry("text", new) for new in news])


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with opened(tmp_path_factory.mktemp("books") / "ledger.db") as made:
        fill(made, MANY)
        yield made


def compare(ledger: Ledger, *checkpoints: Checkpoint) -> list[str]:
    with ledger.store.reading() as connection:
        found = against(connection, checkpoints)
    assert all(one.code == Code.LEDGER_BROKEN and one.hint for one in found)
    return [one.what for one in found]


def inclusion(ledger: Ledger, seq: int, size: int) -> str:
    found = inclusion_of(ledger, seq, size)
    return write_inclusion(
        found.entry, found.path, sign_checkpoint(checkpoint_of(ledger, size), [KEY])
    )


def growth(ledger: Ledger, old: int, new: int) -> str:
    text = sign_checkpoint(checkpoint_of(ledger, new), [KEY])
    return write_growth(old, consistency_of(ledger, old, new), text)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, MANY])
def test_checkpoints_are_those_of_the_entries(ledger: Ledger, size: int) -> None:
    leaves = [leaf(bytes.fromhex(one.hash[7:])) for one in ledger.entries(limit=size)]
    found = checkpoint_of(ledger, size)
    assert (found.size, found.root) == (size, tree_hash(leaves))
    assert found.origin == origin_of(ledger)
    assert compare(ledger, found) == []


@pytest.mark.parametrize(("seq", "size"), [(1, 1), (1, MANY), (256, 256), (257, 300), (600, MANY)])
def test_an_entry_is_proved(ledger: Ledger, seq: int, size: int) -> None:
    proof = read_inclusion(inclusion(ledger, seq, size))
    assert proof.entry == next(ledger.entries(after=seq - 1))
    read = check_inclusion(proof, KEYS)
    assert (read.checkpoint, read.signers) == (checkpoint_of(ledger, size), (KEY.name,))


@pytest.mark.parametrize(("old", "new"), [(0, 5), (1, 600), (256, 512), (300, 301), (600, 600)])
def test_growth_is_proved(ledger: Ledger, old: int, new: int) -> None:
    earlier = checkpoint_of(ledger, old or 1)
    if not old:
        earlier = Checkpoint(earlier.origin, 0, tree_hash([]))
    read = check_growth(read_growth(growth(ledger, old, new)), earlier, KEYS)
    assert read.checkpoint == checkpoint_of(ledger, new)


def refused(check: Callable[[str], object], text: str) -> None:
    data = text.encode()
    check(text)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            other = changed.decode()
        except UnicodeDecodeError:  # the file is not even read
            continue
        with pytest.raises(EvoregError):
            check(other)
    for end in range(0, len(text), 7):
        with pytest.raises(EvoregError):
            check(text[:end])


def test_every_flipped_byte_of_a_proof_of_inclusion(ledger: Ledger) -> None:
    refused(lambda text: check_inclusion(read_inclusion(text), KEYS), inclusion(ledger, 5, 9))


def test_every_flipped_byte_of_a_proof_of_growth(ledger: Ledger) -> None:
    earlier = checkpoint_of(ledger, 5)
    refused(lambda text: check_growth(read_growth(text), earlier, KEYS), growth(ledger, 5, 9))


def test_a_proof_against_the_wrong_checkpoint(ledger: Ledger) -> None:
    right = checkpoint_of(ledger, 5)
    other = Checkpoint("evoreg.ledger/other", 5, right.root)
    proof = read_growth(growth(ledger, 5, 9))
    with pytest.raises(VerificationError, match="different ledgers"):
        check_growth(proof, other, KEYS)
    with pytest.raises(VerificationError, match="begins at 5 entries"):
        check_growth(proof, checkpoint_of(ledger, 6), KEYS)
    with pytest.raises(VerificationError, match="history was rewritten"):
        check_growth(proof, Checkpoint(right.origin, 5, bytes(32)), KEYS)


@pytest.mark.parametrize("size", [-1, 0, MANY + 1, 10**17])
def test_sizes_that_the_ledger_does_not_have(ledger: Ledger, size: int) -> None:
    for ask in (
        lambda: checkpoint_of(ledger, size),
        lambda: inclusion_of(ledger, size, MANY),
        lambda: inclusion_of(ledger, 1, size),
        lambda: consistency_of(ledger, 1, size),
    ):
        with pytest.raises(InputError) as caught:
            ask()
        assert caught.value.code == Code.INPUT_MISSING


def test_an_empty_ledger_has_no_checkpoint(ledger: Ledger, tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as empty:
        with pytest.raises(InputError, match="no entry yet"):
            checkpoint_of(empty)
        assert "tail was cut off" in compare(empty, checkpoint_of(ledger, 3))[0]
        assert compare(empty) == []


def test_a_cut_tail_and_a_rewritten_history(ledger: Ledger, tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as short:
        fill(short, 300)  # as the long one began, or as an old backup of it
        assert compare(short, checkpoint_of(ledger, 300)) == []
        assert "the ledger ends at entry 300" in compare(short, checkpoint_of(ledger))[0]
        fill(short, 300, "other")
        assert compare(short, checkpoint_of(ledger, 300)) == []
        assert "history was rewritten" in compare(short, checkpoint_of(ledger))[0]


def test_another_ledger_and_two_histories(ledger: Ledger, tmp_path: Path) -> None:
    with opened(tmp_path / "ledger.db") as other:
        fill(other, 3, "other")
        assert "another ledger" in compare(ledger, checkpoint_of(other))[0]
    right = checkpoint_of(ledger, 300)
    wrong = Checkpoint(right.origin, 300, bytes(32))
    found = compare(ledger, right, wrong, right)
    assert len(found) == 2
    assert "two histories" in found[0]
    assert "history was rewritten" in found[1]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tree_nodes WHERE position = 0",
        "UPDATE tree_nodes SET hash = 'x' WHERE position = 0",
        "UPDATE tree_nodes SET hash = upper(hash) WHERE position = 0",
        "UPDATE tree_nodes SET position = position + 1",
        "UPDATE tree_nodes SET hash = (SELECT substr(hash, 8) FROM entries WHERE seq = 9)",
        "UPDATE head SET tree = substr(tree, 65) || substr(tree, 1, 64)",
    ],
)
def test_a_damaged_tree_is_not_certified(tmp_path: Path, statement: str) -> None:
    with opened(tmp_path / "ledger.db") as damaged:
        fill(damaged, 300)
        kept = checkpoint_of(damaged)
        with damaged.store.writing() as connection:
            connection.execute(sql(statement))
        with pytest.raises(VerificationError) as caught:
            checkpoint_of(damaged)
        assert caught.value.code == Code.LEDGER_BROKEN
        if "head" not in statement:
            assert len(compare(damaged, kept)) == 1
