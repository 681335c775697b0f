"""Checks Ed25519 signatures (RFC 8032) with integers alone, so that whoever verifies needs to install nothing."""

from __future__ import annotations

import hashlib

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)

# A point (x, y) is held as (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z: sums need no division.
_Point = tuple[int, int, int, int]


def verify_ed25519(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether ``signature`` (64 bytes) over ``message`` is by the holder of ``public_key`` (32 bytes).

    RFC 8032, section 5.1.7, with the equation checked without its cofactor, as OpenSSL does.
    """
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key = _decode(public_key)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or scalar >= _ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _ORDER
    x, y, z, t = key
    return _encode(_add(_times(scalar, _BASE), _times(challenge, (-x % _P, y, z, -t % _P)))) == signature[:32]


def _decode(data: bytes) -> _Point | None:
    number = int.from_bytes(data, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    if y >= _P:
        return None
    x = _root((y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P)
    if x is None or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def _root(square: int) -> int | None:
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    return None if (x * x - square) % _P else x


def _encode(point: _Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    return ((y * inverse % _P) | ((x * inverse % _P & 1) << 255)).to_bytes(32, "little")


def _add(one: _Point, two: _Point) -> _Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, point: _Point) -> _Point:
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _base_point() -> _Point:
    point = _decode((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    assert point is not None
    return point


_BASE = _base_point()
