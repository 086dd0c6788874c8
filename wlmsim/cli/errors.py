"""Errors in one line, with the right exit code."""

from __future__ import annotations

import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from wlmsim._progress import QUIET, telling
from wlmsim.errors import ParameterError, WlmsimError


def _listed(names: str) -> str:
    """Names of a list of Python as one word of a shell."""
    return shlex.quote(",".join(re.findall(r"'([^']*)'", names)))


IN_SHELL: tuple[tuple[str, Any], ...] = (
    (
        r"time_values=\{\.\.\.\} can say what they stand for(, such as \{[^}]*\})?",
        "--time-value WORD=NUMBER of wlmsim convert can say what they stand for",
    ),
    (
        r"(must say which of the columns of \S+ \(.*\) holds the times; "
        r"there is no (?:'time', 't' or 'frame'|usual name)): time='\.\.\.' says it",
        r"\1: --time NAME says it",
    ),
    (
        r"(must say which of the columns of \S+ \(.*\) hold them; there is no x, x1 or positions)"
        r": positions=\[\.\.\.\] says it",
        r"\1: --positions NAME,NAME says it",
    ),
    (
        r"(must say which of the columns of \S+ \(.*\) holds the names of the individuals; there is no usual name)"
        r": id='\.\.\.' says it",
        r"\1: --id NAME says it",
    ),
    (r"; wls\.Tracks\.load finds longitudes and latitudes, and who is who", "; --id NAME says who is who"),
    (r"; wls\.Tracks\.load reads tables that have columns for each individual", ""),
    (r"; `positions`, `time` and `units` may say otherwise", ""),
    (r"decimal=','", "--read decimal=,"),
    (r"`time` may name", "--time NAME may name"),
    (r"`positions` may name", "--positions NAME may name"),
    (r"`time_values` may say", "--time-value WORD=NUMBER of wlmsim convert may say"),
    (r"got units=\{'(\w+)': '([^']*)'\}", r"got --\1-unit \2"),
    (r"units=\{'(\w+)': '([^']*)'\}", r"--\1-unit \2"),
    (r"position_unit='(\w+)'", r"--read position_unit=\1"),
    (r"velocities=False", "--read velocities=false"),
    (r"\b(positions|velocities)=\[('[^]]*)\]", lambda found: f"--{found[1]} {_listed(found[2])}"),
    (r"tracks\.with_velocities\(\.\.\.\) takes others", "Tracks.with_velocities of Python takes others"),
    (r"(?:t = )?(\S+) has (\d+), and tracks\[:\d+\] ends there", r"--from \1 has \2"),
    (r"resample\(every=\.\.\.\) brings", "--every brings"),
    (r"\bevery='([^']*)'", r"--every '\1'"),
    (r"\bevery=([\d.]+)", r"--every \1"),
    (r"`every` is needed", "--every is needed"),
    (r"\bid=\[\.\.\.\]", "--id NAME,NAME"),
    (r"\b(crs|date_format|timezone)='([^']*)'", r"--read \1='\2'"),
    (r"a projection= of your own", "a --projection of your own"),
    (
        r"Tracks\.load\(\.\.\., projection=\.\.\., metadata=\{'first_date': \.\.\.\}\) reads",
        "--projection and --read metadata={...} of wlmsim convert read",
    ),
    (r"\binitial_velocities='(\w+)'", r"--velocities \1"),
    (r"`data\.hold_out\(\.\.\.\)` or `data\.split\(at=\.\.\.\)` keeps", "--hold-out or --until of wlmsim fit keeps"),
    (r"wls\.SnapshotSeries\.from_dataframe\(.*?\)\) does, with pandas", "save it as .csv with pandas"),
    (r"no dt was given(.*)try a smaller dt", r"no --step was given\1try one"),
    (r"try a smaller dt \(now one step an interval\)", "try a --step smaller than --dt"),
    (r"wls\.learn\.WLM\.load\('([^']*)'\) reads its model alone", r"\1 in its place is its model alone"),
    (r"without `start` the study goes on", "without DATA the study goes on"),
    (r"WLM\.load reads models", "wlmsim info reads models"),
    (r"as start\.with_velocities\(\.\.\.\) gives it: ", "and the data have none there: "),
)
"""What errors and warnings suggest in Python, and what does the same in a shell."""

UsageError: type[Any] = typer.BadParameter.__bases__[0]
"""What the parser raises; typer does not export it, and has moved it between versions."""


class Group(TyperGroup):
    """Commands whose usage errors take one line on stderr."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line and exit with its code."""
        try:
            code = super().main(*args, **{**kwargs, "standalone_mode": False})
        except UsageError as error:
            command = error.ctx.command_path if error.ctx else "wlmsim"
            report(f"error: {error.format_message()}{_by_read(error)} (see '{command} --help')")
            code = 2
        sys.exit(code if isinstance(code, int) else 0)


class Command(TyperCommand):
    """A command that turns exceptions into one line and an exit code; under ``--debug`` it lets them through."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            # shells leave `~` as it is within `--output=~/...`, and Windows everywhere
            ctx.params = {k: v.expanduser() if isinstance(v, Path) else v for k, v in ctx.params.items()}
            token = QUIET.set(bool(ctx.params.get("quiet")))
            try:
                with _short_warnings():
                    return super().invoke(ctx)
            finally:
                QUIET.reset(token)
        except (UsageError, typer.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt as interrupt:
            report(f"interrupted; {interrupt}" if str(interrupt) else "interrupted")
            raise typer.Exit(130) from None
        except Exception as error:
            if ctx.find_root().params.get("debug"):
                raise
            if isinstance(error, ParameterError) and (option := self._culprit(ctx, error)):
                raise typer.BadParameter(in_shell(str(error)), ctx, param_hint=option) from error
            report(f"error: {_describe(error)}")
            raise typer.Exit(1) from error

    def _culprit(self, ctx: Any, error: ParameterError) -> str | None:
        """The option that the message is about, if it was given: messages begin with the argument's name."""
        found = re.match(r"`(?:\w+\.)*(\w+)", str(error))
        for param in self.params if found else ():
            named = found is not None and param.name == found[1]
            if named and param.param_type_name == "option" and ctx.params[param.name] is not None:
                return max(param.opts, key=len)
        return None


def _by_read(error: Any) -> str:
    """How an argument of reading is given that has no option of its own."""
    name = str(getattr(error, "option_name", "")).removeprefix("--").replace("-", "_")
    if not name or not error.ctx or not any(param.name == "read" for param in error.ctx.command.params):
        return ""
    from wlmsim.io.arguments import ALL

    return f"; --read {name}=... says it" if name in ALL else ""


def in_shell(message: str) -> str:
    """A message whose way out is one of the command line."""
    for python, shell in IN_SHELL:
        message = re.sub(python, shell, message)
    return message


def report(message: str) -> None:
    """Print one line on stderr, whatever the message."""
    typer.echo(f"wlmsim: {' '.join(message.split())}", err=True)


@contextmanager
def doing(what: str, *, quiet: bool = False) -> Iterator[None]:
    """Say on stderr what is being done, if it takes longer than two seconds; not under ``--quiet``."""
    with nullcontext() if quiet else telling(f"wlmsim: {what}"):
        yield


@contextmanager
def blaming(option: str | None = None) -> Iterator[None]:
    """Make a `ParameterError` the fault of an option, or of the command line as a whole."""
    try:
        yield
    except ParameterError as error:
        raise typer.BadParameter(in_shell(str(error)), param_hint=option) from error


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, (WlmsimError, OSError)):
        return in_shell(str(error))
    return f"{type(error).__name__}: {error} (`wlmsim --debug ...` shows where)"


@contextmanager
def _short_warnings() -> Iterator[None]:
    said: set[str] = set()

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        text = in_shell(str(message))
        if text not in said:  # each once, wherever in the code it comes from
            said.add(text)
            report(f"warning: {text}")

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
