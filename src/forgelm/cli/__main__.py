"""``python -m forgelm.cli`` is the ``forgelm`` command, as ``python -m forgelm`` is."""

from forgelm.base.starting import start

if __name__ == "__main__":
    start("forgelm.cli.main")
