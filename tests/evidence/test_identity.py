import getpass
import socket

import pytest

from forgelm.base.errors import ConfigError
from forgelm.evidence.identity import login_name, operator_identity

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
