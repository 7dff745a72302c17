"""The command `dltui`: finds the subcommand, and turns every error into a one-line message and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import click

from dltui import __version__
from dltui.core.errors import DltuiError
from dltui.tui.cli import output
from dltui.tui.cli.group import LazyGroup, unknown
from dltui.tui.cli.output import is_terminal, prepare_streams, warn

SECTIONS = {
    "Train": {
        "train": ("commands.train:train", "train a model; Ctrl-C asks before it stops anything"),
        "find-lr": ("commands.find_lr:find_lr", "test learning rates for a moment, and propose one"),
        "sweep": ("commands.sweep:sweep", "search hyperparameters: trials are full runs, bad ones are ended early"),
        "twin": ("commands.twin:twin", "train a model in two frameworks from the same weights, and compare them"),
        "demo": ("commands.demo:demo", "train a small network on real images"),
        "resume": ("commands.resume:resume", "go on with a paused or ended run; --more-epochs trains it longer"),
        "fork": ("commands.fork:fork", "a new run from a checkpoint of another one, with other hyperparameters"),
    },
    "Runs": {
        "runs": ("commands.runs:runs", "list the runs"),
        "attach": ("commands.attach:attach", "watch a run, the latest by default"),
        "wait": ("commands.wait:wait", "wait until a run has ended, or reaches a value; the exit code tells"),
        "pause": ("commands.control:pause", "pause a run between two steps; --release gives its device back"),
        "stop": ("commands.control:stop", "end a run early and keep everything: checkpoint, evaluation, figures"),
        "kill": ("commands.control:kill", "end a run at once; what came after its last checkpoint is lost"),
        "stacks": ("commands.control:stacks", "show where a run that hangs stands, thread by thread"),
        "checkpoint": ("commands.control:checkpoint", "save a checkpoint now"),
        "set": ("commands.control:set_value", "change the learning rate of a running run: dltui set RUN lr=0.01"),
        "export": ("commands.export:export", "export the figures and tables of runs, or a model"),
        "predict": ("commands.predict:predict", "classify images with a trained model"),
        "compare": ("commands.compare:compare", "compare runs: settings, results, speed, curves"),
        "verify": ("commands.verify:verify", "train a run again and prove that the same weights come out"),
        "rm": ("commands.rm:rm", "delete runs"),
        "prune": ("commands.prune:prune", "delete old runs, or all but the best, after showing what they take"),
    },
    "What there is": {
        "models": ("commands.models:models", "list the models, or the hyperparameters and layers of one"),
        "datasets": ("commands.datasets:datasets", "list the datasets"),
        "schema": ("commands.schema:schema", "print the JSON schema of a run's events, or of the settings"),
        "mcp": ("commands.mcp:mcp", "serve runs to an agent over standard input and output (MCP)"),
        "serve-stdio": (
            "commands.serve_stdio:serve_stdio",
            "answer the screen of another host (dltui --host) over ssh",
        ),
        "devices": ("commands.devices:devices", "list the devices of this machine"),
        "frameworks": ("commands.frameworks:frameworks", "list the frameworks, or install one for dltui alone"),
        "plugins": ("commands.plugins:plugins", "list the plugins and what is wrong with them"),
        "doctor": ("commands.doctor:doctor", "say what works here, what does not, and what to do"),
        "completion": ("completion:completion", "print the script that completes names in bash, zsh or fish"),
    },
}

EPILOG = "First steps: `dltui demo`, then `dltui` for the full screen."


@click.group(
    cls=LazyGroup,
    sections=SECTIONS,
    invoke_without_command=True,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--no-third-party", is_flag=True, help="only what ships in the box: no other plugin is loaded (DLTUI_THIRD_PARTY=0)"
)
@click.option(
    "--host", "hosts", multiple=True, metavar="HOST", help="also the runs of another host, over ssh; repeatable"
)
@click.option("--mouse/--no-mouse", default=None, help="answer clicks in the full screen, or leave them [not over SSH]")
@click.version_option(__version__, "-V", "--version", message="dltui %(version)s")
@click.pass_context
def cli(context: click.Context, no_third_party: bool, hosts: tuple[str, ...], mouse: bool | None) -> int | None:
    """Train deep-learning models from a terminal, watch them learn, take the figures home.

    Without a command, on a terminal, the full screen opens.
    """
    if no_third_party:
        # Also for the processes that are started from here.
        os.environ["DLTUI_THIRD_PARTY"] = "0"
    if mouse is not None:
        # Also for a screen that a command opens.
        os.environ["DLTUI_MOUSE"] = "on" if mouse else "off"
    if context.invoked_subcommand is not None:
        if hosts:
            raise click.UsageError(f"--host comes after the command: dltui {context.invoked_subcommand} --host HOST")
        return None
    if not is_terminal():
        click.echo(context.get_help())
        if os.environ.get("TERM", "dumb") == "dumb" and sys.stdout.isatty():
            warn("dltui: the full screen needs a terminal that can move its cursor; this one says TERM=dumb")
        return 0
    from dltui.tui.full_screen import run_app

    return run_app(hosts=hosts)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line as a process: flush, and exit with the code of `run`."""
    prepare_streams()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Carry out a command line and return its exit code."""
    output.begin()
    return output.exit_code(_run(arguments))


def _run(arguments: list[str]) -> int:
    try:
        result: Any = cli.main(list(arguments), prog_name="dltui", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        warn(f"dltui: {_one_line(error)}")
        return 2
    except DltuiError as error:
        warn(f"dltui: {error}")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        from dltui.core import paths

        if isinstance(error, FileNotFoundError) and not paths.working_directory():
            warn("dltui: the working directory is gone; change to one that exists")
            return 2
        return internal_error(error)


def internal_error(error: Exception) -> int:
    """Report an unexpected error in one line; the traceback goes to a file that the line names."""
    warn(f"dltui: internal error: {type(error).__name__}: {error}"[:300] + f"; details: {_log(error)}")
    return 1


def _one_line(error: click.ClickException) -> str:
    """Click's message as `what is wrong; what to do`."""
    context = getattr(error, "ctx", None)
    if isinstance(error, click.NoSuchOption):
        options = [name for p in (context.command.params if context else []) for name in p.opts]
        text = _of_data(error.option_name, options) or unknown("option", error.option_name, [*options, "--help"])
        return text.replace("dltui --help", f"{context.command_path} --help" if context else "dltui --help")
    text = error.format_message().replace("\n", " ").strip().rstrip(".")
    text = text[:1].lower() + text[1:]
    if context is None or "--help" in text or "did you mean" in text:
        return text
    return f"{text}; see {context.command_path} --help"


def _of_data(word: str, options: list[str]) -> str:
    """The error for a flag that is an option of all datasets: `no option "--val"; did you mean --data validation=...?`;
    "" for any other, and where there is a flag that is as similar.
    """
    from dltui.core.contract.config import DatasetOptions
    from dltui.core.text import suggest

    if "--data" not in options or suggest(word, options):
        return ""
    meant = suggest(word, (f"{name}=..." for name in DatasetOptions.model_fields), "--data ")
    return f'no option "{word}"; {meant}' if meant else ""


def _log(error: BaseException) -> str:
    """Write the traceback to a private file and return its path."""
    import tempfile
    import traceback

    text = "".join(traceback.format_exception(error)) + f"\ndltui {__version__}, {sys.argv!r}\n"
    try:
        handle, path = tempfile.mkstemp(prefix="dltui-error-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as refusal:
        return f"cannot be written ({refusal.strerror})"
    return path


if __name__ == "__main__":
    main()
