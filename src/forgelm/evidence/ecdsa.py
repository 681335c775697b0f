"""Checks ECDSA signatures on P-256, P-384 and P-521 (FIPS 186-5) with integers alone: verifying needs no library."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import MappingProxyType

# A point (x, y) is held as (X, Y, Z) with x = X/Z², y = Y/Z³; Z = 0 is the point at infinity.
_Point = tuple[int, int, int]
_INFINITY = (1, 1, 0)


@dataclass(frozen=True)
class Curve:
    """y² = x³ - 3x + b modulo ``p``, with a base point of prime ``order``; ``digest`` is the hash signed with it."""

    name: str
    p: int
    b: int
    order: int
    base: tuple[int, int]
    digest: str

    @property
    def size(self) -> int:
        """Bytes of one coordinate."""
        return (self.p.bit_length() + 7) // 8

    def holds(self, x: int, y: int) -> bool:
        """Return whether (x, y) is a point of the curve."""
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - (x * x * x - 3 * x + self.b)) % self.p == 0


# The parameters of SP 800-186, section 3.2.1.
CURVES = MappingProxyType(
    {
        "P-256": Curve(
            "P-256",
            2**256 - 2**224 + 2**192 + 2**96 - 1,
            0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
            0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
            (
                0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
                0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
            ),
            "sha256",
        ),
        "P-384": Curve(
            "P-384",
            2**384 - 2**128 - 2**96 + 2**32 - 1,
            0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
            0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
            (
                0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
                0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
            ),
            "sha384",
        ),
        "P-521": Curve(
            "P-521",
            2**521 - 1,
            int(
                "0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF07"
                "3573DF883D2C34F1EF451FD46B503F00",
                16,
            ),
            int(
                "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709"
                "A5D03BB5C9B8899C47AEBB6FB71E91386409",
                16,
            ),
            (
                int(
                    "00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8"
                    "DE3348B3C1856A429BF97E7E31C2E5BD66",
                    16,
                ),
                int(
                    "011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD07"
                    "61353C7086A272C24088BE94769FD16650",
                    16,
                ),
            ),
            "sha512",
        ),
    }
)


def verify_ecdsa(curve: Curve, key: tuple[int, int], signature: bytes, message: bytes) -> bool:
    """Return whether ``signature`` (DER) over ``message`` is by the holder of ``key``, a point of ``curve``."""
    numbers = _read_signature(signature)
    if numbers is None or not curve.holds(*key):
        return False
    r, s = numbers
    order = curve.order
    if not (0 < r < order and 0 < s < order):
        return False
    digest = int.from_bytes(hashlib.new(curve.digest, message).digest(), "big")
    digest >>= max(0, hashlib.new(curve.digest).digest_size * 8 - order.bit_length())
    inverse = pow(s, -1, order)
    one = _times(curve, digest * inverse % order, (*curve.base, 1))
    x, _, z = _add(curve, one, _times(curve, r * inverse % order, (*key, 1)))
    return bool(z) and x * pow(z, -2, curve.p) % curve.p % order == r


def _read_signature(data: bytes) -> tuple[int, int] | None:
    """Return the two numbers of a DER ``SEQUENCE {r INTEGER, s INTEGER}``, which has exactly one form for them."""
    body = _read_element(data, 0x30)
    first = _read_element(body[0], 0x02) if body and not body[1] else None
    second = _read_element(first[1], 0x02) if first else None
    if first is None or second is None or second[1]:
        return None
    numbers = [_read_integer(part[0]) for part in (first, second)]
    return None if None in numbers else (numbers[0] or 0, numbers[1] or 0)


def _read_element(data: bytes, tag: int) -> tuple[bytes, bytes] | None:
    """Return the content of the DER element ``data`` begins with, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        return None
    length, begin = data[1], 2
    if length == 0x81 and len(data) > 2 and data[2] >= 0x80:
        length, begin = data[2], 3
    elif length >= 0x80:
        return None
    content = data[begin : begin + length]
    return (content, data[begin + length :]) if len(content) == length else None


def _read_integer(data: bytes) -> int | None:
    padded = len(data) > 1 and data[0] == 0 and data[1] < 0x80
    return None if not data or data[0] >= 0x80 or padded else int.from_bytes(data, "big")


def _times(curve: Curve, scalar: int, point: _Point) -> _Point:
    total: _Point = _INFINITY
    for bit in bin(scalar)[2:]:
        total = _double(curve, total)
        if bit == "1":
            total = _add(curve, total, point)
    return total


def _double(curve: Curve, point: _Point) -> _Point:
    p = curve.p
    x, y, z = point
    if not z or not y:
        return _INFINITY
    square, z2 = y * y % p, z * z % p
    four = 4 * x * square % p
    slope = 3 * (x - z2) * (x + z2) % p
    x3 = (slope * slope - 2 * four) % p
    return x3, (slope * (four - x3) - 8 * square * square) % p, 2 * y * z % p


def _add(curve: Curve, one: _Point, two: _Point) -> _Point:
    p = curve.p
    (x1, y1, z1), (x2, y2, z2) = one, two
    if not z1 or not z2:
        return two if not z1 else one
    a1, a2 = z1 * z1 % p, z2 * z2 % p
    u1, u2 = x1 * a2 % p, x2 * a1 % p
    s1, s2 = y1 * a2 * z2 % p, y2 * a1 * z1 % p
    if u1 == u2:
        return _double(curve, one) if s1 == s2 else _INFINITY
    h, r = u2 - u1, s2 - s1
    h2 = h * h % p
    v = u1 * h2 % p
    x3 = (r * r - h2 * h - 2 * v) % p
    return x3, (r * (v - x3) - s1 * h2 * h) % p, h * z1 * z2 % p
