"""Notes, keys and checkpoints are those that other programs write and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.provenance.proofs.checkpoint import (
    Checkpoint,
    origin_for,
    read_checkpoint,
    sign_checkpoint,
)
from evoreg.provenance.proofs.keys import SigningKey, VerifierKey
from evoreg.provenance.proofs.note import Note, Signature, from_base64, to_base64
from evoreg.provenance.records.errors import Code, InputError, UsageError, VerificationError

# The example of the package golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZ"
    "b6KE6RyyBwJnAM=\n"
)
# A state of Go's checksum database, and its key.
GO = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_CHECKPOINT = (
    "go.sum database tree\n"
    "30055305\n"
    "mXfgRcJ0bG0j3CPdKwgGWtUzBUbX67saZGRmFuJGGsM=\n"
    "\n"
    "— sum.golang.org Az3grpgEild5qw7+5dtV13Kf1C2Xurm8q4fhdxvcsDHnqNTaxL2AFjBY+2TyGKevucFcAAlWFJJ"
    "Yle3EJlDCrQ+y3A8=\n"
)

MINE = SigningKey("example.org/mine", b"m" * 32)
YOURS = SigningKey("example.org/yours", b"y" * 32)
STATE = Checkpoint("evoreg.ledger/0123", 7, bytes(range(32)))


def test_a_note_of_another_program() -> None:
    key, secret = VerifierKey.parse(PETER), SigningKey.parse(PETERS_SECRET)
    assert (str(key), secret.format(), secret.verifier) == (PETER, PETERS_SECRET, key)
    note = Note.parse(PETERS_NOTE)
    assert key.verifies(note.text, note.signatures[0])
    assert note.signatures == (secret.sign(note.text),)
    assert str(note) == PETERS_NOTE


def test_a_checkpoint_of_another_program() -> None:
    read = read_checkpoint(GO_CHECKPOINT, [VerifierKey.parse(GO)])
    assert (read.checkpoint.origin, read.checkpoint.size) == ("go.sum database tree", 30055305)
    assert read.signers == ("sum.golang.org",)
    assert str(read.note) == GO_CHECKPOINT


@pytest.mark.parametrize("place", range(len(PETERS_NOTE.encode())))
def test_every_flipped_byte_of_a_note(place: int) -> None:
    data = bytearray(PETERS_NOTE.encode())
    data[place] ^= 1
    key = VerifierKey.parse(PETER)
    try:
        note = Note.parse(data.decode())
    except (UnicodeDecodeError, InputError):
        return
    assert not any(key.verifies(note.text, one) for one in note.signatures)


@pytest.mark.parametrize("text", [PETER, PETERS_SECRET], ids=["public", "secret"])
def test_every_flipped_character_of_a_key(text: str) -> None:
    parse = VerifierKey.parse if text is PETER else SigningKey.parse
    for place in range(len(text)):
        changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        with pytest.raises(InputError) as caught:
            parse(changed)
        assert changed not in str(caught.value)
    for end in range(len(text)):
        with pytest.raises(InputError):
            parse(text[:end])


def test_a_secret_key_shows_itself_to_nobody() -> None:
    assert "m" * 32 not in repr(MINE)
    assert to_base64(MINE.seed) not in f"{MINE} {MINE!r}"


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "a\u202eb", "x" * 300])
def test_names_that_no_key_can_have(name: str) -> None:
    with pytest.raises(UsageError):
        SigningKey(name, b"m" * 32)
    with pytest.raises(InputError):
        VerifierKey.parse(str(VerifierKey(name, b"m" * 32)))


def test_a_seed_of_another_length() -> None:
    with pytest.raises(UsageError):
        SigningKey("me", b"m" * 31)


def test_a_point_that_is_no_key_verifies_nothing() -> None:
    key = VerifierKey("me", b"\xff" * 32)
    assert not key.verifies("text\n", Signature("me", key.key_id, b"\0" * 64))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "text\r\n",
        "te\0xt\n",
        "text\ud800\n",
        "text\n\n",
        "text\n\nno signature\n",
        "text\n\n— me AAAAAAAA",
        "text\n\n— me AAAAAAA\n",
        "text\n\n— me AAAAAA==\n",
        "text\n\n— me AAAAAB==\n",
        "text\n\n—  AAAAAAAA\n",
        "text\n\n— a+b AAAAAAAA\n",
        "text\n\n- me AAAAAAAA\n",
        "text\n\n" + "— me AAAAAAAA\n" * 65,
        "x" * (1 << 18) + "\n",
    ],
)
def test_what_is_no_note(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Note.parse(text)
    assert caught.value.code == Code.INPUT_UNREADABLE


def test_blank_lines_belong_to_the_text() -> None:
    text = "first\n\nlast\n"
    note = Note(text, (MINE.sign(text), YOURS.sign(text)))
    assert Note.parse(str(note)) == note


@given(st.binary(max_size=50))
def test_one_spelling_of_bytes(data: bytes) -> None:
    assert from_base64(to_base64(data)) == data


@pytest.mark.parametrize("text", ["A", "AB==", "AA=", "AA ==", "AAAA\n", "AA-_", "é"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        from_base64(text)


origins = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc"]), min_size=1)


@given(origins, st.integers(0, 10**18 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_reads_back(origin: str, size: int, root: bytes) -> None:
    state = Checkpoint(origin, size, root)
    plain = read_checkpoint(sign_checkpoint(state))
    assert (plain.checkpoint, plain.signed, plain.signers) == (state, False, ())
    text = sign_checkpoint(state, [MINE, YOURS])
    read = read_checkpoint(text, [YOURS.verifier])
    assert (read.checkpoint, read.signed, read.signers) == (state, True, (YOURS.name,))
    assert read_checkpoint(text).signers == ()
    assert str(read.note) == text


def test_the_origin_is_that_of_the_first_entry() -> None:
    assert (
        origin_for("sha256:" + "0123456789abcdef" * 4) == "evoreg.ledger/" + "0123456789abcdef" * 2
    )


@pytest.mark.parametrize(
    "text",
    [
        "origin\n7\n",
        "origin\n07\n" + to_base64(STATE.root) + "\n",
        "origin\n-7\n" + to_base64(STATE.root) + "\n",
        "origin\n٧\n" + to_base64(STATE.root) + "\n",
        "origin\n" + "9" * 19 + "\n" + to_base64(STATE.root) + "\n",
        "\n7\n" + to_base64(STATE.root) + "\n",
        "origin\n7\n" + to_base64(STATE.root[:31]) + "\n",
        STATE.text() + "more\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_checkpoint(text)
    assert caught.value.code == Code.INPUT_UNREADABLE


def test_an_unsigned_checkpoint_is_no_signed_one() -> None:
    with pytest.raises(VerificationError, match="is not signed, not by example"):
        read_checkpoint(STATE.text(), [MINE.verifier])


def test_a_signature_of_somebody_else_is_not_enough() -> None:
    with pytest.raises(VerificationError, match="signed by others only"):
        read_checkpoint(sign_checkpoint(STATE, [YOURS]), [MINE.verifier])


def test_a_key_of_the_same_name_is_not_the_key() -> None:
    twin = SigningKey(MINE.name, b"t" * 32)
    with pytest.raises(VerificationError, match="signed by others only"):
        read_checkpoint(sign_checkpoint(STATE, [twin]), [MINE.verifier])


def test_one_bad_signature_of_a_known_key_spoils_all() -> None:
    other = MINE.sign("another text\n")
    text = str(Note(STATE.text(), (YOURS.sign(STATE.text()), other)))
    assert read_checkpoint(text, [YOURS.verifier]).signers == (YOURS.name,)
    with pytest.raises(VerificationError, match=f"the signature of {MINE.name} does not hold"):
        read_checkpoint(text, [MINE.verifier, YOURS.verifier])
