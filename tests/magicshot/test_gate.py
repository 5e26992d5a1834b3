"""Processes start while the site is still being prepared, and wait at the gate."""

import subprocess
import sys

import pytest

from magicshot import gate
from magicshot.gate import Gate
from magicshot.supervisor import Program

WAITER = Program(
    name="waiter",
    command=(
        sys.executable,
        "-c",
        "from magicshot import gate; print('here', flush=True); gate.wait();"
        " print('through', flush=True)",
    ),
    pass_fds=(1,),
    environment={"KEPT": "yes"},
)


def start(program: Program) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        program.command,
        pass_fds=program.pass_fds,
        env=dict(program.environment),
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_process_waits_until_the_gate_opens_and_a_later_one_does_not():
    closed = Gate()
    program = closed.hold_back(WAITER)
    assert program.pass_fds[0] == 1
    assert program.environment["KEPT"] == "yes"
    with start(program) as waiting:
        assert waiting.stdout
        assert waiting.stdout.readline() == "here\n"
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
        closed.open()
        assert waiting.stdout.readline() == "through\n"
        assert waiting.wait(10) == 0
    with start(program) as later:
        assert later.communicate(timeout=10)[0] == "here\nthrough\n"


def test_where_nobody_prepares_there_is_no_gate(monkeypatch):
    monkeypatch.delenv(gate.VARIABLE, raising=False)
    gate.wait()
