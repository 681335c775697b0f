"""``forgelm completion``: the script that lets a shell complete commands, options, choices and paths."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

from forgelm.base.errors import ArgumentError
from forgelm.cli.options import shared_options
from forgelm.cli.render import Reply

_NAME = "forgelm"
_SHELLS: tuple[type[ShellComplete], ...] = (BashComplete, ZshComplete, FishComplete)


def _complete_shell(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(kind.name) for kind in _SHELLS if kind.name.startswith(incomplete)]


@click.command("completion")
@click.argument("shell", shell_complete=_complete_shell)
@shared_options
@click.pass_context
def completion(context: click.Context, shell: str) -> Reply:
    """Print the completion script of a shell.

    \b
    bash: eval "$(forgelm completion bash)" in ~/.bashrc
    zsh:  eval "$(forgelm completion zsh)" in ~/.zshrc
    fish: forgelm completion fish > ~/.config/fish/completions/forgelm.fish
    """
    kind = next((kind for kind in _SHELLS if kind.name == shell), None)
    if kind is None:
        raise ArgumentError(f"there is no completion for {shell!r}", hint="one of: bash, zsh, fish")
    script = kind(context.find_root().command, {}, _NAME, f"_{_NAME.upper()}_COMPLETE").source()
    return Reply({"success": True, "shell": shell, "script": script}, script.strip("\n"))
