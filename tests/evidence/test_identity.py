import getpass
import socket

import pytest

from forgelm.base.errors import ConfigError
from forgelm.evidence.identity import approver_identity, is_same_person, login_name, operator_identity

HOST = socket.gethostname()


def nobody():
    return ""


def test_the_stated_operator_is_taken_as_it_stands():
    assert operator_identity({"FORGELM_OPERATOR": "airflow:dag-1:run 5 "}, nobody) == "airflow:dag-1:run 5 "


@pytest.mark.parametrize("environ", [{}, {"FORGELM_OPERATOR": "  "}, {"FORGELM_ALLOW_ANONYMOUS_OPERATOR": "1"}])
def test_without_one_it_is_the_login_at_the_host(environ):
    assert operator_identity(environ, lambda: "ada") == f"ada@{HOST}"
    assert operator_identity(environ) == f"{getpass.getuser()}@{HOST}"
    assert login_name() == getpass.getuser()


def test_an_account_without_a_name_is_refused_unless_anonymity_is_allowed():
    for environ in ({}, {"FORGELM_ALLOW_ANONYMOUS_OPERATOR": "yes"}):
        with pytest.raises(ConfigError) as refused:
            operator_identity(environ, nobody)
        assert "FORGELM_OPERATOR=" in refused.value.hint
    assert operator_identity({"FORGELM_ALLOW_ANONYMOUS_OPERATOR": "1"}, nobody) == f"anonymous@{HOST}"


@pytest.mark.parametrize(
    ("environ", "login", "name"),
    [({"FORGELM_OPERATOR": "alice@corp"}, "bob", "alice@corp"), ({"FORGELM_OPERATOR": " "}, "bob", "bob")],
)
def test_an_approver_is_named_without_the_machine(environ: dict[str, str], login: str, name: str) -> None:
    assert approver_identity(environ, lambda: login) == name


def test_an_approver_nobody_can_name_is_refused_unless_that_is_allowed() -> None:
    with pytest.raises(ConfigError):
        approver_identity({}, lambda: "")
    assert approver_identity({"FORGELM_ALLOW_ANONYMOUS_OPERATOR": "1"}, lambda: "") == "anonymous"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("alice@host", "Alice", True),
        ("alice@host", "alice@desk", True),
        ("\uff41lice", "alice", True),
        ("alice", "bob", False),
        ("anonymous@host", "bob", True),
        ("", "bob", True),
    ],
)
def test_who_may_be_one_person(one: str, other: str, same: bool) -> None:
    assert is_same_person(one, other) == is_same_person(other, one) == same
