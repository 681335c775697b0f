"""CPU time of ``import forgelm`` and ``forgelm --help`` over an empty Python, in milliseconds."""

from __future__ import annotations

import sys

from bench.timing import middle, time_in_turn


def main() -> None:
    python = sys.executable
    times = time_in_turn(
        {
            "empty": [python, "-c", "pass"],
            "import forgelm": [python, "-c", "import forgelm"],
            "forgelm --help": [python, "-m", "forgelm", "--help"],
            "trl --help": [python, "-c", "import sys; sys.argv[1:] = ['--help']; from trl.cli import main; main()"],
        },
        runs=15,
    )
    empty = middle(times["empty"].cpu)
    print("\nstart-up: CPU ms over an empty Python (median of 15)")
    for name, limit in (("import forgelm", 15), ("forgelm --help", 70), ("trl --help", None)):
        over = 1000 * (middle(times[name].cpu) - empty)
        target = f"  (target <= {limit})" if limit else "  (peer)"
        print(f"  {name:<16} {over:7.1f}{target}")
    peer = (middle(times["trl --help"].cpu) - empty) / (middle(times["forgelm --help"].cpu) - empty)
    print(f"  trl --help takes {peer:.1f} x the CPU of forgelm --help")
