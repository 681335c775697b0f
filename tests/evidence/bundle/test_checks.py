from forgelm.evidence.bundle.checks import CHECKS


def test_every_check_is_in_the_table_once_and_says_what_it_asks() -> None:
    assert len({check.__name__ for check in CHECKS}) == len(CHECKS) >= 9
    assert all((check.__doc__ or "").startswith("Whether ") for check in CHECKS)
