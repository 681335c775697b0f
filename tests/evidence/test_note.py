import pytest

from forgelm.evidence.keys import generate_key, parse_public_key
from forgelm.evidence.note import Note, check_note, parse_note, sign_note

# The example of Go's package for signed notes, and its key.
NEUMANN = parse_public_key("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
PROBLEM = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


@pytest.fixture
def keys(tmp_path):
    return [generate_key(tmp_path / f"{name}.pem", name) for name in ("example.org/a", "b")]


def test_a_note_of_another_tool_holds():
    note = parse_note(PROBLEM)
    assert note.text.count("\n") == 2
    assert check_note(note, [NEUMANN]) == (NEUMANN,)
    with pytest.raises(ValueError, match="PeterNeumann does not hold"):
        check_note(parse_note(PROBLEM.replace("answer", "cause")), [NEUMANN])


def test_who_signed_is_said_and_unknown_keys_are_passed_over(keys):
    note = sign_note("one\n\ntwo\n", keys)
    assert note.startswith("one\n\ntwo\n\n— example.org/a ")
    first, second = (key.public for key in keys)
    parsed = parse_note(note)
    assert parsed.text == "one\n\ntwo\n"
    assert check_note(parsed, [first, second]) == (first, second)
    assert check_note(parsed, [second, NEUMANN]) == (second,)
    assert check_note(parse_note(sign_note("x\n", [])), [first]) == ()


def test_an_unsigned_note_has_the_same_form():
    assert sign_note("text\n", []) == "text\n\n"
    assert parse_note("text\n\n") == Note("text\n", ())


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("", "empty line"),
        ("text\n", "empty line"),
        ("\n\n", "empty"),
        ("te\txt\n\n", "control"),
        (PROBLEM[:-1], "incomplete"),
        (PROBLEM.replace("—", "-"), "no signature"),
        (PROBLEM.replace("— PeterNeumann ", "— Peter+Neumann "), "no signature"),
        (PROBLEM.replace("x08go", "?08go"), "no signature"),
        ("text\n\n— name x08goQ==\n", "no signature"),
        ("text\n\n" + PROBLEM.splitlines(keepends=True)[-1] * 101, "more than 100"),
        ("x" * (1 << 20) + "\n\n", "1 MiB"),
    ],
)
def test_what_is_no_note_is_refused(note, why):
    with pytest.raises(ValueError, match=why):
        parse_note(note)


@pytest.mark.parametrize("text", ["", "\n", "no newline", "tab\t\n", "null\0\n"])
def test_what_cannot_be_signed_is_refused(keys, text):
    with pytest.raises(ValueError):
        sign_note(text, keys)
