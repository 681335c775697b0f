"""Merkle trees of RFC 6962, section 2.1: many records into one root, and short proofs about records and older roots.

Hashes are 32 raw bytes. A proof is the list of hashes that RFC 6962 calls an audit path or a consistency proof.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

_SUBTREE = 1 << 10
EMPTY_ROOT = hashlib.sha256(b"").digest()


def hash_leaf(record: bytes) -> bytes:
    """Return the hash that stands for ``record`` at the bottom of the tree."""
    return hashlib.sha256(b"\0" + record).digest()


def hash_pair(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two others."""
    return hashlib.sha256(b"\1" + left + right).digest()


class MerkleTree:
    """A tree that grows at its end and keeps no more than the hashes its next root needs: one per bit of its size."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self._hashes = list(hashes)
        if len(self._hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} records is kept as {size.bit_count()} hashes, not {len(self._hashes)}")

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees, largest first: with ``size``, what a copy is made from."""
        return tuple(self._hashes)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        self._add(leaf, height=0)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in their order."""
        rest = list(leaves)
        start = 0
        while start < len(rest):
            # As many as make one complete subtree here, level by level: many hashes with few steps between them.
            fitting = (self.size & -self.size) or _SUBTREE
            height = min(fitting, _SUBTREE, 1 << (len(rest) - start).bit_length() - 1).bit_length() - 1
            level = rest[start : start + (1 << height)]
            start += 1 << height
            while len(level) > 1:
                pairs = iter(level)
                level = [
                    hashlib.sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)
                ]
            self._add(level[0], height)

    def join(self, right: MerkleTree) -> None:
        """Add the leaves of ``right``.

        Raises:
            ValueError: this tree's size is not a multiple of the largest complete subtree of ``right``, so that the
                subtrees of ``right`` are not subtrees of the joined tree.
        """
        if right.size and self.size % (1 << (right.size.bit_length() - 1)):
            raise ValueError(f"a tree of {right.size} records cannot begin at record {self.size}")
        rest = right.size
        for subtree in right.hashes:
            height = rest.bit_length() - 1
            rest -= 1 << height
            self._add(subtree, height)

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = hash_pair(left, root)
        return root

    def _add(self, node: bytes, height: int) -> None:
        before = self.size >> height
        self.size += 1 << height
        while before & 1:
            node = hash_pair(self._hashes.pop(), node)
            before >>= 1
        self._hashes.append(node)


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over ``leaves``, which are leaf hashes."""
    tree = MerkleTree()
    tree.extend(leaves)
    return tree.root()


def prove_inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that leaf ``index``, from 0, is in the tree over ``leaves``, lowest hash first.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise ValueError(f"there is no record {index} among {len(leaves)}")
    proof: list[bytes] = []
    low, high = 0, len(leaves)
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(merkle_root(leaves[middle:high]))
            high = middle
        else:
            proof.append(merkle_root(leaves[low:middle]))
            low = middle
    return proof[::-1]


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether ``proof`` shows that ``leaf`` is record ``index`` of ``size`` under ``root``."""
    if not 0 <= index < size:
        return False
    number, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = hash_pair(step, found)
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            found = hash_pair(found, step)
        number, last = number >> 1, last >> 1
    return last == 0 and found == root


def prove_consistency(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the proof that the tree over ``leaves`` begins with the tree over its first ``old_size``.

    Raises:
        ValueError: ``old_size`` is 0 or more than there are.
    """
    if not 0 < old_size <= len(leaves):
        raise ValueError(f"no tree of {old_size} records precedes one of {len(leaves)}")
    proof: list[bytes] = []
    low, high, whole = 0, len(leaves), True
    while old_size - low < high - low:
        middle = low + _split(high - low)
        if old_size <= middle:
            proof.append(merkle_root(leaves[middle:high]))
            high = middle
        else:
            proof.append(merkle_root(leaves[low:middle]))
            low, whole = middle, False
    if not whole:
        proof.append(merkle_root(leaves[low:high]))
    return proof[::-1]


def extends(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether ``proof`` shows that the tree with ``root`` begins with the one with ``old_root``."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    number, last = old_size - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    steps = list(proof) if number else [old_root, *proof]
    if not steps:
        return False
    old_found = found = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old_found, found = hash_pair(step, old_found), hash_pair(step, found)
            while number and not number & 1:
                number, last = number >> 1, last >> 1
        else:
            found = hash_pair(found, step)
        number, last = number >> 1, last >> 1
    return last == 0 and old_found == old_root and found == root


def _split(count: int) -> int:
    """The largest power of two below ``count``: where a tree of ``count`` leaves divides."""
    return 1 << ((count - 1).bit_length() - 1)
