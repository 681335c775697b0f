"""``python -m finetune_cli`` and the console script ``finetune-cli``."""

from __future__ import annotations

from forgelm.base.starting import start


def main() -> None:
    """Run the command and exit with its code."""
    start("finetune_cli.cli.main")


if __name__ == "__main__":
    main()
