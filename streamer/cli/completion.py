"""`emoscope completion`: a script that lets a shell complete commands, options and their choices."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from cyclopts import Parameter

from .command import Command
from .parser import build_app


@dataclass(frozen=True, kw_only=True)
class Completion:
    """Print a script for a shell. It runs nothing of emoscope's: what it completes was written into it."""

    shell: Annotated[
        Literal["bash", "zsh", "fish"],
        Parameter(
            help='bash: eval "$(emoscope completion bash)" in ~/.bashrc; zsh: emoscope completion zsh > _emoscope in a '
            "folder of $fpath; fish: emoscope completion fish > ~/.config/fish/completions/emoscope.fish"
        ),
    ] = field(kw_only=False)

    def run(self) -> int:
        """Print it."""
        from .main import commands

        print(build_app(commands(())).generate_completion(prog_name="emoscope", shell=self.shell), end="")
        return 0


command = Command("completion", "print a script that completes commands and options in bash, zsh or fish", Completion)
