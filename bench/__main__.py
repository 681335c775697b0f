"""Run all benchmarks, or those named: ``python -m bench [startup] [detection] ...``."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    *("startup", "integrity", "throughput", "preparation", "dpo", "whole_run"),
    *("evidence_cost", "ledger"),
    *("detection", "audit_kernels", "audit_whole", "gguf_reading", "guards"),
)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 1
    for name in names or NAMES:
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
