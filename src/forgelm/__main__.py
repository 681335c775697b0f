"""``python -m forgelm`` and the console script ``forgelm``."""

from forgelm.base.starting import start


def main() -> None:
    """Run the command and exit with its code."""
    start("forgelm.cli.main")


if __name__ == "__main__":
    main()
