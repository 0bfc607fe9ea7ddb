"""How the command line starts: its help, its commands, and what it does without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import neuralstyle as ns
from neuralstyle.cli.main import COMMANDS, main


def test_help_version_and_wrong_use_do_without_keras(folder: Path) -> None:
    program = """
import sys
from neuralstyle.cli.main import COMMANDS, main
run = ["content.png", "style.png", "-o", "out.png"]
right = [["--version"], ["--help"], *([name, "--help"] for name in COMMANDS)]
wrong = [
    ["content.png"], [*run, "--size", "x"], [*run, "--network", "auto"], [*run, "--maxcor", "5"],
    [*run, "--method", "newton"], [*run, "--method", "l-bfgs:maxcor=x"],
    [*run, "--color", "sepia"], [*run, "--init", "absent.png"], [*run, "--balance", "content:x"],
    [*run, "--recipe", "gatys2016", "--tv-weight", "1"], ["content.png", "absent", "-o", "out.png"],
    [*run, "--sheet", "colour=1"], ["film", "content.png", "--style", "absent", "-o", "frames"],
]
for argv in right + wrong:
    assert main(argv) == (2 if argv in wrong else 0), argv
    found = {"tensorflow", "keras", "scipy", "rich"} & set(sys.modules)
    assert not found, (argv, found)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"neuralstyle {ns.__version__}\nusage: neuralstyle [paint] CON")


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name:9} {command.SUMMARY}\n" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    for line in (*COMMANDS[name].USAGE, COMMANDS[name].SUMMARY):
        assert line in shown
    assert "--weights" not in shown


def test_every_file_of_a_command_is_in_the_table() -> None:
    files = Path(__file__).parents[2].joinpath("neuralstyle", "cli").glob("*.py")
    commands = [path.stem for path in files if "\nSUMMARY = " in path.read_text(encoding="utf-8")]
    assert sorted(commands) == sorted(COMMANDS), "add it to COMMANDS in neuralstyle/cli/main.py"


def test_module_is_the_command(folder: Path) -> None:
    command = [sys.executable, "-m", "neuralstyle"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"neuralstyle {ns.__version__}\n")
    done = subprocess.run([*command, "absent", "b", "-o", "c.png"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == "neuralstyle: cannot read 'absent': No such file or directory; "
        "a name with spaces goes in quotes\n"
    )
