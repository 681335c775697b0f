"""RFC 8032's own vectors, and ``cryptography`` beside it."""

import pytest

from forgelm.evidence.ed25519 import verify_ed25519

# RFC 8032, section 7.1, tests 1 to 3: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe"
            "24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302a"
            "eeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed2"
            "8dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard_hold(key, message, signature):
    parts = [bytes.fromhex(text) for text in (key, signature, message)]
    assert verify_ed25519(*parts)
    assert not verify_ed25519(parts[0], parts[1], parts[2] + b"x")


def test_no_bit_can_change():
    key, message, signature = (bytes.fromhex(text) for text in VECTORS[1])
    for at in range(0, 512, 37):
        flipped = bytearray(signature)
        flipped[at // 8] ^= 1 << (at % 8)
        assert not verify_ed25519(key, bytes(flipped), message)
    for at in range(0, 256, 37):
        other = bytearray(key)
        other[at // 8] ^= 1 << (at % 8)
        assert not verify_ed25519(bytes(other), signature, message)


def test_forms_that_stand_for_the_same_numbers_are_refused():
    key, message, signature = (bytes.fromhex(text) for text in VECTORS[0])
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(signature[32:], "little") + order
    assert not verify_ed25519(key, signature[:32] + scalar.to_bytes(32, "little"), message)
    assert not verify_ed25519(b"\xff" * 32, signature, message)
    assert not verify_ed25519((1 | 1 << 255).to_bytes(32, "little"), signature, message)
    assert not verify_ed25519(key[:-1], signature, message)
    assert not verify_ed25519(key, signature + b"\0", message)


def test_what_cryptography_signs_holds():
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519", reason="needs the extra sign")
    for number in range(5):
        private = ed25519.Ed25519PrivateKey.generate()
        message = bytes(range(number * 40))
        assert verify_ed25519(private.public_key().public_bytes_raw(), private.sign(message), message)
