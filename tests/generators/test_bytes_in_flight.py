"""How much of bodies and pictures a worker holds in memory at once."""

import threading

import pytest

from generators import bytes_in_flight, inputs, jobs
from generators.bytes_in_flight import Gate, sent_to
from generators.capabilities import Capabilities, InputLimits
from generators.contracts import Lane
from generators.models import GenerationJob
from generators.providers.fake import FakeProvider
from tests.generators.test_inputs import file, press

WAIT_SECONDS = 10


@pytest.fixture
def signed_in(client, alice):
    client.force_login(alice)
    return client


def enter(gate, num_bytes):
    """Start a thread that goes through a gate; return how to see and to end its stay."""
    is_in, may_go = threading.Event(), threading.Event()

    def stay():
        with gate.hold(num_bytes):
            is_in.set()
            may_go.wait(WAIT_SECONDS)

    threading.Thread(target=stay, daemon=True).start()
    return is_in, may_go


def test_when_there_is_no_room_then_the_next_waits_until_there_is():
    gate = Gate(100)
    first, first_may_go = enter(gate, 60)
    assert first.wait(WAIT_SECONDS)
    small, small_may_go = enter(gate, 40)
    assert small.wait(WAIT_SECONDS)
    second, second_may_go = enter(gate, 60)
    assert not second.wait(0.1)
    first_may_go.set()
    small_may_go.set()
    assert second.wait(WAIT_SECONDS)
    second_may_go.set()


def test_when_small_pieces_keep_coming_then_a_large_one_has_its_turn():
    gate = Gate(100)
    first, first_may_go = enter(gate, 20)
    assert first.wait(WAIT_SECONDS)
    large, large_may_go = enter(gate, 90)
    assert not large.wait(0.1)
    small, small_may_go = enter(gate, 10)
    assert not small.wait(0.1), "it passed the large one by"
    first_may_go.set()
    assert large.wait(WAIT_SECONDS)
    assert small.wait(WAIT_SECONDS), "there was room for both"
    large_may_go.set()
    small_may_go.set()


def test_when_one_piece_is_larger_than_the_gate_then_it_goes_alone():
    gate = Gate(100)
    small, small_may_go = enter(gate, 1)
    assert small.wait(WAIT_SECONDS)
    large, large_may_go = enter(gate, 1000)
    assert not large.wait(0.1)
    small_may_go.set()
    assert large.wait(WAIT_SECONDS)
    after, after_may_go = enter(gate, 1)
    assert not after.wait(0.1)
    large_may_go.set()
    assert after.wait(WAIT_SECONDS)
    after_may_go.set()


class Watched(Gate):
    """Notes who goes through and whether anybody is in."""

    def __init__(self):
        super().__init__(bytes_in_flight.MOST_SENT_BYTES)
        self.held: list[int] = []

    def hold(self, num_bytes):
        self.held.append(num_bytes)
        return super().hold(num_bytes)


@pytest.mark.django_db
def test_when_pictures_are_sent_then_they_have_room_until_the_answer_is_there(
    signed_in,
    monkeypatch,
):
    gate = Watched()
    monkeypatch.setitem(sent_to, "fake", gate)
    in_use: list[int] = []
    submit = FakeProvider.submit

    def watched(self, request, *, on_progress):
        in_use.append(gate._used)
        return submit(self, request, on_progress=on_progress)

    monkeypatch.setattr(FakeProvider, "submit", watched)
    press(signed_in, init_image=file(size=(300, 200)))
    press(signed_in, prompt="words alone", image_model="fake")
    with sent_to["another"].hold(10**12):  # one that hangs is no other's business
        while jobs.run_next(Lane.REMOTE, worker="test"):
            pass
    expected = 4 * 2 * 300 * 200
    assert gate.held == [expected]
    assert in_use == [expected, 0]
    assert gate._used == 0
    done = GenerationJob.objects.filter(status=GenerationJob.Status.SUCCEEDED)
    assert done.count() == 2


@pytest.mark.django_db
def test_when_a_model_takes_small_files_then_no_more_is_counted(signed_in):
    press(signed_in, init_image=file(size=(300, 200)))
    able = Capabilities(inputs=InputLimits(max_bytes=1000))
    assert inputs.bytes_to_send(GenerationJob.objects.get(), able) == 4000
