"""The integers against ``cryptography``: what it signs holds, and nothing else does."""

import pytest

from forgelm.evidence.ecdsa import CURVES, verify_ecdsa

ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec", reason="needs the extra sign")
hashes = pytest.importorskip("cryptography.hazmat.primitives.hashes", reason="needs the extra sign")
NAMED = {
    "P-256": (ec.SECP256R1(), hashes.SHA256()),
    "P-384": (ec.SECP384R1(), hashes.SHA384()),
    "P-521": (ec.SECP521R1(), hashes.SHA512()),
}


@pytest.fixture(params=sorted(NAMED))
def signed(request):
    curve, digest = NAMED[request.param]
    private = ec.generate_private_key(curve)
    numbers = private.public_key().public_numbers()
    return CURVES[request.param], (numbers.x, numbers.y), private.sign(b"message", ec.ECDSA(digest))


def test_the_base_point_lies_on_its_curve():
    for curve in CURVES.values():
        assert curve.holds(*curve.base)
        assert not curve.holds(curve.base[0], curve.base[1] + 1)


def test_a_signature_holds_over_its_message_and_key_only(signed):
    curve, key, signature = signed
    assert verify_ecdsa(curve, key, signature, b"message")
    assert not verify_ecdsa(curve, key, signature, b"messagf")
    assert not verify_ecdsa(curve, curve.base, signature, b"message")
    assert not verify_ecdsa(curve, (key[0], key[1] + 1), signature, b"message")


def test_no_bit_of_a_signature_can_change(signed):
    curve, key, signature = signed
    for at in range(0, len(signature), 5):
        flipped = bytearray(signature)
        flipped[at] ^= 1 << (at % 8)
        assert not verify_ecdsa(curve, key, bytes(flipped), b"message")


def test_only_the_one_der_form_is_read(signed):
    curve, key, signature = signed
    for other in (b"", b"\x30", signature[:-1], signature + b"\0", b"\x31" + signature[1:]):
        assert not verify_ecdsa(curve, key, other, b"message")
    padded = b"\x30\x06\x02\x02\x00\x01\x02\x00"
    assert not verify_ecdsa(curve, key, padded, b"message")


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (0, 0), (-1, 1), (1, None), (None, 1)])
def test_numbers_outside_the_group_never_hold(numbers):
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    curve = CURVES["P-256"]
    r, s = (curve.order if number is None else number for number in numbers)
    data = b"0\x06\x02\x01\xff\x02\x01\x01" if r < 0 else encode_dss_signature(r, s)
    assert not verify_ecdsa(curve, curve.base, data, b"message")
