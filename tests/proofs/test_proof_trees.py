"""Roots and paths are those of RFC 6962, and a path that was touched leads nowhere."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evoreg.provenance.proofs.consistency import consistency_path, verify_consistency
from evoreg.provenance.proofs.inclusion import inclusion_path, verify_inclusion
from evoreg.provenance.proofs.merkle import (
    EMPTY_ROOT,
    HEIGHT,
    Frontier,
    leaf_hash,
    range_root,
    split,
)
from evoreg.provenance.records.errors import VerificationError
from tests.proofs.proof_trees import audit_path, growth, leaf, nodes_of, tree_hash

# Leaves, roots and proofs of the reference tests of Certificate Transparency.
LEAVES = [
    leaf(bytes.fromhex(text))
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSIONS = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}
GROWTHS = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}

MANY = [leaf(number.to_bytes(4, "big")) for number in range(70)]
sizes = st.integers(0, len(MANY))


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    assert frontier.root() == ROOTS[size]
    assert range_root(0, size, nodes_of(LEAVES)) == ROOTS[size]


@pytest.mark.parametrize(("place", "size"), INCLUSIONS)
def test_published_paths(place: int, size: int) -> None:
    path = inclusion_path(place, size, nodes_of(LEAVES))
    assert [one.hex() for one in path] == [*INCLUSIONS[place, size]]
    assert verify_inclusion(LEAVES[place], place, size, ROOTS[size], path)


@pytest.mark.parametrize(("old", "new"), GROWTHS)
def test_published_growth(old: int, new: int) -> None:
    path = consistency_path(old, new, nodes_of(LEAVES))
    assert [one.hex() for one in path] == [*GROWTHS[old, new]]
    assert verify_consistency((old, new), (ROOTS[old], ROOTS[new]), path)


def test_a_leaf_is_the_hash_of_an_entry() -> None:
    entry = hashlib.sha256(b"entry").digest()
    assert leaf_hash(f"sha256:{entry.hex()}") == leaf(entry)
    assert tree_hash([]) == EMPTY_ROOT == ROOTS[0]


@given(st.integers(2, 2**62))
def test_split(count: int) -> None:
    left = split(count)
    assert left < count <= 2 * left
    assert left.bit_count() == 1


@given(sizes, sizes)
def test_a_tree_grows_leaf_by_leaf(first: int, size: int) -> None:
    frontier = Frontier()
    frontier.extend(MANY[: min(first, size)])
    frontier = Frontier.parse(frontier.size, str(frontier))
    frontier.extend(MANY[min(first, size) : size])
    assert (frontier.size, frontier.root()) == (size, tree_hash(MANY[:size]))


def test_kept_nodes_are_the_complete_subtrees() -> None:
    leaves = [leaf(number.to_bytes(4, "big")) for number in range(2 * 2**HEIGHT + 3)]
    kept = Frontier().extend(leaves)
    assert [(one.level, one.position) for one in kept] == [(HEIGHT, 0), (HEIGHT, 1)]
    assert kept[1].hash == tree_hash(leaves[2**HEIGHT : 2 * 2**HEIGHT])


@pytest.mark.parametrize("text", ["ab", "AB" * 32, "zz" * 32, "ab" * 64, "ab " * 32, ""])
def test_a_frontier_of_another_size_is_refused(text: str) -> None:
    with pytest.raises(VerificationError):
        Frontier.parse(4, text)


@given(st.data())
def test_every_leaf_has_its_path(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(MANY)))
    place = data.draw(st.integers(0, size - 1))
    path = inclusion_path(place, size, nodes_of(MANY))
    assert [*path] == audit_path(place, MANY[:size])
    assert verify_inclusion(MANY[place], place, size, tree_hash(MANY[:size]), path)


@given(st.data())
def test_every_growth_has_its_path(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, len(MANY)))
    old = data.draw(st.integers(1, new))
    path = consistency_path(old, new, nodes_of(MANY))
    assert [*path] == growth(old, MANY[:new])
    roots = tree_hash(MANY[:old]), tree_hash(MANY[:new])
    assert verify_consistency((old, new), roots, path)


@given(st.data())
def test_nothing_else_leads_to_the_root(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(MANY)))
    place = data.draw(st.integers(0, size - 1))
    root = tree_hash(MANY[:size])
    path = [*inclusion_path(place, size, nodes_of(MANY))]
    other = data.draw(st.integers(0, size - 1).filter(lambda one: size == 1 or one != place))
    if size > 1:
        assert not verify_inclusion(MANY[other], place, size, root, path)
        assert not verify_inclusion(MANY[place], other, size, root, path)
        assert not verify_inclusion(MANY[place], place, size, root, path[:-1])
    assert not verify_inclusion(MANY[place], place, size, root, [*path, root])
    assert not verify_inclusion(MANY[place], place, size, leaf(root), path)
    for at in range(len(path)):
        touched = [*path]
        touched[at] = leaf(touched[at])
        assert not verify_inclusion(MANY[place], place, size, root, touched)


@given(st.data())
def test_no_other_growth_is_believed(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, len(MANY)))
    old = data.draw(st.integers(1, new))
    roots = tree_hash(MANY[:old]), tree_hash(MANY[:new])
    path = [*consistency_path(old, new, nodes_of(MANY))]
    assert not verify_consistency((old, new), (leaf(b""), roots[1]), path)
    assert not verify_consistency((old, new), (roots[0], leaf(b"")), path)
    assert not verify_consistency((old, new), roots, [*path, roots[0]])
    assert not verify_consistency((new + 1, new), roots, path)
    for at in range(len(path)):
        touched = [*path]
        touched[at] = leaf(touched[at])
        assert not verify_consistency((old, new), roots, touched)


@pytest.mark.parametrize(("place", "size"), [(-1, 1), (1, 1), (0, 0), (8, 8), (-1, 0)])
def test_a_place_outside_of_the_tree(place: int, size: int) -> None:
    assert not verify_inclusion(LEAVES[0], place, size, LEAVES[0], [])


def test_growth_from_nothing_and_from_itself() -> None:
    assert consistency_path(0, 8, nodes_of(LEAVES)) == ()
    assert verify_consistency((0, 8), (ROOTS[0], ROOTS[8]), [])
    assert not verify_consistency((0, 8), (ROOTS[1], ROOTS[8]), [])
    assert not verify_consistency((0, 8), (ROOTS[0], ROOTS[8]), [ROOTS[1]])
    assert verify_consistency((8, 8), (ROOTS[8], ROOTS[8]), [])
    assert not verify_consistency((8, 8), (ROOTS[7], ROOTS[8]), [])
    assert not verify_consistency((7, 8), (ROOTS[7], ROOTS[8]), [])
