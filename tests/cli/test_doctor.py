"""``neuralstyle doctor``, and the variable that the command line sets before TensorFlow starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from neuralstyle._kernels.processor import ONEDNN, onednn_by_default
from neuralstyle.cli import messages
from neuralstyle.cli.main import main
from neuralstyle.transfer import doctor


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time nothing."""
    monkeypatch.setattr(doctor, "seconds_per_evaluation", lambda: 0.25)


def fresh(program: str, **variables: str) -> str:
    """Run a program in an interpreter of its own without the variable, and return what it says."""
    environment = {name: of for name, of in os.environ.items() if name != ONEDNN} | variables
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_library_finds_is_printed(quick: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for word in ("versions ", "processor ", "oneDNN ", "compact ", "vgg19 ", "evaluation  0.250 s"):
        assert f"{word}" in said


def test_json_is_the_same_for_programs(quick: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["evaluation"] == 0.25
    assert set(found["weights"]) == {"compact", "vgg16", "vgg19"}


def test_a_report_is_a_text_to_paste(quick: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--issue"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("**What was done**") and "```\nversions " in said
    assert os.path.expanduser("~") not in said
    assert main(["doctor", "--issue", "--json"]) == 2
    assert "--issue: expected it without --json" in capsys.readouterr().err


STARTED = """
import os, sys
from neuralstyle.cli.messages import silent_start
assert "tensorflow" not in sys.modules
with silent_start():
    print(os.environ.get("TF_ENABLE_ONEDNN_OPTS"))
"""


def test_the_command_line_asks_for_onednn_before_tensorflow_starts() -> None:
    assert fresh(STARTED) == "1\n"


@pytest.mark.parametrize("value", ["0", "false", ""])
def test_the_users_own_choice_is_kept(value: str) -> None:
    assert fresh(STARTED, **{ONEDNN: value}) == f"{value}\n"


def test_onednn_is_in_force_in_a_command_and_doctor_says_who_set_it() -> None:
    program = (
        "from neuralstyle.transfer import doctor; doctor.seconds_per_evaluation = lambda: 0.0;"
        "from neuralstyle.cli.main import main; main(['doctor', '--json'])"
    )
    found = json.loads(fresh(program))
    assert found["onednn"] is True
    assert found["why"].startswith("TF_ENABLE_ONEDNN_OPTS=1, set by the command line")
    assert found["environment"].get(ONEDNN) is None and found["memory"] != 0
    mine = [line for line in found["advice"] if line.startswith("in programs of your own set")]
    assert len(mine) == (onednn_by_default() is False)


def test_where_tensorflow_is_there_already_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow  # noqa: F401

    monkeypatch.delenv(ONEDNN, raising=False)
    with messages.silent_start():
        assert ONEDNN not in os.environ
