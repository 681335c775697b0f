from forgelm.evidence.purl import hub_purl, pypi_purl


def test_names_keep_their_parts_and_versions_are_quoted():
    assert hub_purl("org/model 1", None) == "pkg:huggingface/org/model%201"
    assert hub_purl("org/model", "abc") == "pkg:huggingface/org/model@abc"
    assert pypi_purl("Py_YAML", "2.13.0+cpu") == "pkg:pypi/py-yaml@2.13.0%2Bcpu"
