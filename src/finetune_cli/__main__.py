"""``python -m finetune_cli`` and the console script ``finetune-cli``."""

from __future__ import annotations

from finetune_cli.cli.main import main

if __name__ == "__main__":
    main()
