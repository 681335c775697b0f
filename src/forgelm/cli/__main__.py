"""``python -m forgelm.cli`` is the ``forgelm`` command, as ``python -m forgelm`` is."""

from forgelm.cli.main import main

if __name__ == "__main__":
    main()
