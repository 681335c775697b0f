"""What stands in real texts and is neither personal data nor a credential, though it looks like one."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bench.labelled.text import CARRIERS, Labelled, carry, fill

LOOKALIKES: dict[str, tuple[str, ...]] = {
    "version": ("v<d1>.<d2>.<d1>", "version <d1>.<d1>.<d2>.<d1>", "<d1>.<d2>.<d3>-rc<d1>", "python-<d1>.<d2>.<d1>"),
    "price": ("<d1>.<d3>,<d2> €", "$<d1>,<d3>,<d3>.<d2>", "<d2> <d3> <d3>,00 Kč", "¥<d6>", "<d3>.<d3>.<d3> TL"),
    "date": ("<Y>-<m>-<d>", "<d>.<m>.<Y>", "<m>/<d>/<Y>", "<Y><m><d>", "<d>-<m>-<Y>"),
    "time": ("<Y>-<m>-<d>T10:1<d1>:2<d1>Z", "<Y>-<m>-<d> 12:3<d1>:4<d1>,<d3>", "12:34:5<d1>"),
    "epoch": ("16<d8>", "16<d11>", "17<d14>"),
    "isbn": ("978-3-<d4>-<d4>-<d1>", "ISBN 0-<d3>-<d5>-<d1>", "ISSN <d4>-<d4>"),
    "decimal": ("0.<d16>", "3.14159<d9>", "-<d2>.<d6>, <d3>.<d6>", "1.<d8>e-<d2>", "<d3>.<d12>"),
    "measure": ("<d3> x <d3> x <d3> mm", "<d4>-<d4> hPa", "<d2>/<d2>/<d2>", "<d5> m²", "ratio <d2>:<d2>:<d2>"),
    "pages": ("pp. <d3>-<d3>", "S. <d4>\u2013<d4>", "chapter <d1>.<d1>.<d2>.<d1>.<d1>", "§ <d3> (<d1>)"),
    "identifier": ("ticket <d5>", "PR #<d5>", "order no. <d7>", "SKU <u3>-<d4>", "RFC <d4>", "arXiv:24<d2>.<d5>"),
    "doi": ("10.1<d3>/j.<l5>.<Y>.<d2>.<d3>",),
    "hash": ("<h32>", "<h40>", "<h64>", "sha256:<h64>", "md5 <h32>"),
    "uuid": ("<uuid>", "urn:uuid:<uuid>"),
    "code": ("std::vector<l3>::iterator", "a[<d2>]::b", "@app.route('/<l5>')", "@media (max-width: <d3>px)",
             "user@host:~$", "0x<h8>", "#<h6>", "dead:beef", "@<l6>/<l5>@<d1>.<d2>.<d1>", "f(<d3>, <d3>)",
             "<<<<<<< HEAD"),
    "path": ("/usr/lib/<l6>-<d1>.<d1>/<l5>.so.<d1>", "C:\\<l6>\\<d4>", "https://<l7>.org/a/<d8>",
             "https://<l5>.com/p?id=<d6>&t=<d5>", "s3://<l6>/<Y>/<m>/<d>/part-<d5>"),
    "base64": ("data:image/png;base64,iVBORw0KGgo<b60>", "integrity=\"sha512-<b86>==\"",
               "ssh-ed25519 AAAAC3NzaC1lZDI1<b48>"),
    "public key": ("-----BEGIN PUBLIC KEY-----\nMIIB<b60>\n-----END PUBLIC KEY-----",
                   "-----BEGIN CERTIFICATE-----\nMIIC<b60>\n-----END CERTIFICATE-----"),
    "placeholder": ("api_key = \"YOUR_API_KEY_HERE\"", "token: ${GITHUB_TOKEN}", "password = \"<password>\"",
                    "secret: xxxxxxxxxxxxxxxxxxxxxxxx", "OPENAI_API_KEY=sk-...", "Authorization: Bearer <token>",
                    "postgres://user:password@localhost/db", "key = os.environ[\"API_KEY\"]",
                    "aws_secret_access_key = \"<secret>\"", "api_key: \"changeme\"", "token = get_token(user_id)",
                    "password: ********", "client_secret=[REDACTED]", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    "long word": ("Donaudampfschifffahrtsgesellschaftskapitän", "pneumonoultramicroscopicsilicovolcanoconiosis",
                  "muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine", "<l30>",
                  "<l12>-<l12>-<l12>",
                  "THIS_IS_A_LONG_CONSTANT_NAME_<d2>", "handle_incoming_request_with_retries_<d1>"),
    "setting": ("\"tokenizer\": \"bert-base-uncased\"", "max_tokens=<d4>", "secret_name = \"database-main\"",
                "key: name_of_the_field", "commit = \"<h40>\"", "etag: \"<h32>\"", "checksum: <h64>",
                "token_type_ids: <d1>, <d1>, <d1>", "password_policy: strong", "keyword = \"<l16>\""),
}  # fmt: skip


def lookalike_texts(count: int, chance: random.Random) -> Iterator[Labelled]:
    """Yield ``count`` texts of every sort."""
    for sort, templates in LOOKALIKES.items():
        for _ in range(count):
            value = fill(chance.choice(templates), chance)
            yield carry(value, chance.choice(list(CARRIERS)), "", about=f"looks like: {sort}", kind=None)
