"""``python -m forgelm`` is the ``forgelm`` command."""

from forgelm.cli.main import main

if __name__ == "__main__":
    main()
