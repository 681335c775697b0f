from __future__ import annotations

import gguf

from forgelm.publish.gguf.types import MAGIC, PACKINGS, SCALARS


def test_the_tables_are_those_of_the_gguf_package() -> None:
    known = (
        {int(kind): (kind.name, *gguf.GGML_QUANT_SIZES[kind]) for kind in gguf.GGUF_QUANT_SIZES}
        if hasattr(gguf, "GGUF_QUANT_SIZES")
        else {int(kind): (kind.name, *size) for kind, size in gguf.GGML_QUANT_SIZES.items()}
    )
    assert {kind: tuple(packing) for kind, packing in PACKINGS.items()} == known
    scalars = {int(kind) for kind in gguf.GGUFValueType if kind.name not in ("STRING", "ARRAY")}
    assert set(SCALARS) == scalars
    assert int.from_bytes(MAGIC, "little") == gguf.GGUF_MAGIC
