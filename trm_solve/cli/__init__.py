"""The command line: arguments in, one function called, its result handed to `output`. Typer lives here only.

Nothing at the top of these modules imports torch or numpy, so that `--help` answers at once; commands import the rooms
they need when they run. Annotations are not strings here: to evaluate them takes Typer longer than all the rest.
"""

import errno
import os
import sys
import textwrap
from importlib import import_module
from typing import Annotated, Any, TextIO, cast

import typer

from trm_solve import __version__
from trm_solve.cli.shape import Group
from trm_solve.errors import ExitCode, ReaderGone, TrmError
from trm_solve.files import swallow_stdout, unwritable
from trm_solve.interrupt import exit_code, termination
from trm_solve.talk import Unheard, mend_streams, say

COMMANDS = {name: name for name in ("demo", "solve", "show", "eval", "train", "replay", "generate", "models")}
COMMANDS["eval"] = "evaluate"  # -> the module, imported when somebody asks for the command

WIDEST = 300  # letters of what a bug says of itself
NO_MEMORY = ("can't allocate memory", "out of memory")  # PyTorch's words, on processors and on GPUs


class Program(Group):
    def __init__(self, **facts: Any) -> None:
        names = dict.fromkeys(COMMANDS)  # the nearest of which an unknown name suggests
        super().__init__(**facts | {"commands": names})

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        one = typer.Typer()
        import_module(f"trm_solve.cli.{COMMANDS[cmd_name]}").register(one)
        return typer.main.get_group(one).commands[cmd_name]


app = typer.Typer(
    name="trm-solve",
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trm-solve {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Solve Sudoku, mazes and ARC with Tiny Recursive Models, and watch them reason.

    Examples:

        trm-solve demo

        trm-solve solve example:sudoku/easy
    """


def main() -> None:
    """The program: every foreseen failure is one line and a hint on stderr, and its exit code."""
    mend_streams()
    kept = sys.stderr
    sys.stderr = cast(TextIO, Unheard(kept))
    try:
        with termination():
            code = _flushed(_run())
    finally:
        sys.stderr = kept
    sys.exit(code)


def _run() -> int:
    try:
        code = int(app(standalone_mode=False, prog_name="trm-solve") or 0)
        return exit_code() if code == ExitCode.INTERRUPTED else code
    except TrmError as error:
        _show_origin(error)
        if error.message.startswith("<stdout>"):
            swallow_stdout()  # or what is still buffered would be told of once more
        return _complain(error.message, error.hint, error.exit_code)
    except KeyboardInterrupt:
        return exit_code()
    except ReaderGone as error:
        swallow_stdout()
        return int(error.code or 0)
    except SystemExit as error:
        if not isinstance(error.__context__, BrokenPipeError):  # of which Typer makes an exit with 1
            raise
        swallow_stdout()  # a reader that has gone away is no failure
        return ExitCode.OK
    except Exception as error:
        if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # Typer's own, for wrong usage
            context, code = getattr(error, "ctx", None), int(error.exit_code)
            hint = f"{context.command_path} --help" if context is not None else "trm-solve --help"
            message = error.format_message().rstrip(".")  # none where the help was printed instead
            return _complain(message, hint, code) if message else code
        _show_origin(error)
        if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
            return _complain("not enough memory", "fewer at once (--slots, batch_size) take less", ExitCode.USAGE)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EBADF):
            swallow_stdout()  # files tell by themselves, so this may be it
            return _complain(unwritable("<stdout>", error).message, "", ExitCode.USAGE)
        hint = "this is a bug; TRM_DEBUG=1 shows where it happened"
        told = textwrap.shorten(str(error), WIDEST, placeholder=" ...")  # a compiler's has thousands of lines
        return _complain(f"unexpected {type(error).__name__}: {told}", hint, ExitCode.UNEXPECTED)


def _show_origin(error: BaseException) -> None:
    """For TRM_DEBUG: the traceback, also of what an error was raised in place of."""
    if not os.environ.get("TRM_DEBUG"):
        return
    import traceback

    inner: BaseException | None = error
    while inner is not None:
        inner.__suppress_context__ = False
        inner = inner.__cause__ or inner.__context__
    for line in "".join(traceback.format_exception(error)).splitlines():
        say(line)


def _flushed(code: int) -> int:
    """The exit code, once all is written: the interpreter would do so too late for a word of what went wrong."""
    try:
        sys.stdout.flush()
    except OSError as error:
        swallow_stdout()
        if not isinstance(error, BrokenPipeError):  # a reader that has gone away is no failure
            return _complain(unwritable("<stdout>", error).message, "", ExitCode.USAGE)
    return code


def _complain(message: str, hint: str, code: int) -> int:
    say(f"error: {message}")
    if hint:
        say(f"hint: {hint}")
    return code
