"""HTML: visible text only, structure kept."""

from __future__ import annotations

from forgelm.data.documents.hypertext import hypertext_to_text


def test_visible_text() -> None:
    markup = "<title>no</title><h2>Hi</h2><script>no()</script><p>One\n two<br>x<ul><li>a<li>b</ul><pre>a\n  b</pre>"
    assert hypertext_to_text(markup) == "## Hi\n\nOne two\nx\n\n- a\n- b\n\na\nb"
