"""Trees and proofs against the test vectors of Certificate Transparency, and against the RFC's own recursion."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgelm.evidence.merkle import (
    EMPTY_ROOT,
    MerkleTree,
    extends,
    hash_leaf,
    includes,
    merkle_root,
    prove_consistency,
    prove_inclusion,
)

RECORDS = [
    bytes.fromhex(record)
    for record in (
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
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [hash_leaf(bytes([number % 256, number // 256])) for number in range(300)]
sizes = st.integers(min_value=1, max_value=len(LEAVES))


def by_the_rfc(leaves):
    """Section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return hashlib.sha256(b"\1" + by_the_rfc(leaves[:middle]) + by_the_rfc(leaves[middle:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_published_vectors(size):
    leaves = [hash_leaf(record) for record in RECORDS[:size]]
    assert merkle_root(leaves).hex() == by_the_rfc(leaves).hex() == ROOTS[size]


def test_a_tree_grows_and_is_copied_from_its_few_hashes():
    tree = MerkleTree()
    assert tree.root() == EMPTY_ROOT
    for size, leaf in enumerate(LEAVES, start=1):
        tree.append(leaf)
        assert tree.size == size
        assert len(tree.hashes) == size.bit_count()
        assert tree.root() == by_the_rfc(LEAVES[:size])
    copy = MerkleTree(tree.size, tree.hashes)
    copy.append(LEAVES[0])
    assert copy.root() == by_the_rfc([*LEAVES, LEAVES[0]])
    assert tree.root() == by_the_rfc(LEAVES)
    with pytest.raises(ValueError, match="kept as 1 hashes, not 2"):
        MerkleTree(4, [LEAVES[0], LEAVES[1]])


@given(st.integers(0, 5), st.integers(0, 32), st.integers(0, 32))
def test_trees_join_where_they_fit(height, blocks, rest):
    width = 1 << height
    left, right = MerkleTree(), MerkleTree()
    left.extend(LEAVES[: blocks * width])
    right.extend(LEAVES[blocks * width : blocks * width + min(rest, 2 * width - 1)])
    total = left.size + right.size
    if right.size >= width and blocks * width % (1 << (right.size.bit_length() - 1)):
        with pytest.raises(ValueError, match="cannot begin"):
            left.join(right)
        return
    left.join(right)
    assert (left.size, left.root()) == (total, by_the_rfc(LEAVES[:total]))
    left.append(LEAVES[0])
    assert left.root() == by_the_rfc([*LEAVES[:total], LEAVES[0]])


def test_inclusion_proofs_are_those_of_the_rfc_s_example():
    leaves = [hash_leaf(record) for record in RECORDS[:7]]
    d0, d1, d3, d4, d5, d6 = (leaves[number] for number in (0, 1, 3, 4, 5, 6))
    g, h, i, j = (by_the_rfc(leaves[low:high]) for low, high in ((0, 2), (2, 4), (4, 6), (6, 7)))
    k, m = by_the_rfc(leaves[:4]), by_the_rfc(leaves[4:])
    assert prove_inclusion(leaves, 0) == [d1, h, m]
    assert prove_inclusion(leaves, 3) == [leaves[2], g, m]
    assert prove_inclusion(leaves, 4) == [d5, j, k]
    assert prove_inclusion(leaves, 6) == [i, k]
    assert prove_consistency(leaves, 3) == [leaves[2], d3, g, m]
    assert prove_consistency(leaves, 4) == [m]
    assert prove_consistency(leaves, 6) == [i, j, k]
    assert (d0, d4, d6) == (leaves[0], leaves[4], leaves[6])


@given(sizes, st.data())
def test_a_record_is_in_its_tree_and_no_other_is(size, data):
    index = data.draw(st.integers(0, size - 1))
    leaves, root = LEAVES[:size], by_the_rfc(LEAVES[:size])
    proof = prove_inclusion(leaves, index)
    assert includes(leaves[index], index, size, proof, root)
    assert not includes(hash_leaf(b"other"), index, size, proof, root)
    assert not includes(leaves[index], index, size, [*proof, root], root)
    assert not includes(leaves[index], index, size, proof, hash_leaf(b"root"))
    assert not includes(leaves[index], size, size, proof, root)
    if proof:
        assert not includes(leaves[index], index, size, proof[:-1], root)
        assert not includes(leaves[index], index ^ 1, size, proof, root)


@given(sizes, st.data())
def test_a_tree_extends_those_it_grew_from_and_no_other(size, data):
    old_size = data.draw(st.integers(1, size))
    root, old_root = by_the_rfc(LEAVES[:size]), by_the_rfc(LEAVES[:old_size])
    proof = prove_consistency(LEAVES[:size], old_size)
    assert extends(old_size, old_root, size, root, proof)
    other = hash_leaf(b"other")
    assert not extends(old_size, other, size, root, proof)
    assert not extends(old_size, old_root, size, other, proof)
    assert not extends(old_size, old_root, size, root, [*proof, other])
    assert not extends(size + 1, old_root, size, root, proof)
    if proof:
        assert not extends(old_size, old_root, size, root, proof[:-1])
        assert not extends(old_size, old_root, size, root, [other, *proof[1:]])


def test_there_are_no_proofs_about_what_is_not_there():
    for index in (-1, 3):
        with pytest.raises(ValueError, match="no record"):
            prove_inclusion(LEAVES[:3], index)
    for old_size in (0, 4):
        with pytest.raises(ValueError, match="precedes"):
            prove_consistency(LEAVES[:3], old_size)
