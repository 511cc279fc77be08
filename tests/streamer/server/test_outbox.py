"""A slow socket: nothing durable is lost or reordered, and of what replaces itself only the newest waits."""

from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.protocol.events import Lag, SpeechStarted, Status, encode
from emoscope.streamer.server.outbox import FULL_BYTES, Outbox, header_bytes


class Transport:
    """Holds what was sent until it is taken."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.held = 0

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.held += len(data) + header_bytes(len(data))


def started(seq: int) -> SpeechStarted:
    return SpeechStarted(seq=seq, utterance=seq, start=float(seq))


def status(number: int) -> Status:
    return Status(audio_s=number, processed_s=0, lag_s=Lag(), dropped_s=0, rtf=0, level_dbfs=0)


@given(st.lists(st.sampled_from(["durable", "status", "block", "free", "pump"]), max_size=60))
def test_durable_events_leave_once_and_in_order_whatever_the_socket_does(actions: list[str]) -> None:
    transport = Transport()
    outbox = Outbox(transport.send, lambda: transport.held)
    durable, statuses = 0, 0
    for action in actions:
        match action:
            case "durable":
                durable += 1
                outbox.push(started(durable), encode(started(durable)))
            case "status":
                statuses += 1
                outbox.push(status(statuses), encode(status(statuses)))
            case "block":
                transport.held = 2 * FULL_BYTES
            case "free":
                transport.held = 0
            case "pump":
                outbox.pump()
    transport.held = 0
    outbox.pump()
    assert outbox.empty
    kept = [data for data in transport.sent if b"speech.started" in data]
    assert kept == [encode(started(seq)) for seq in range(1, durable + 1)]
    numbers = [data for data in transport.sent if b'"status"' in data]
    assert numbers == sorted(numbers, key=lambda data: int(data.split(b'"audio_s":')[1].split(b",")[0].split(b".")[0]))


def test_only_the_newest_status_waits() -> None:
    transport = Transport()
    outbox = Outbox(transport.send, lambda: transport.held)
    transport.held = 2 * FULL_BYTES
    for number in range(100):
        outbox.push(status(number), encode(status(number)))
    transport.held = 0
    outbox.pump()
    assert transport.sent == [encode(status(99))]


def test_a_socket_that_takes_something_is_not_stuck() -> None:
    transport = Transport()
    outbox = Outbox(transport.send, lambda: transport.held)
    for second in range(20):
        outbox.push(started(1), bytes(1_000))
        transport.held -= 500
        assert outbox.stuck_s(float(second)) == 0.0
    for second in range(20, 31):
        waited = outbox.stuck_s(float(second))
    assert waited == 11.0
    transport.held = 0
    assert outbox.stuck_s(31.0) == 0.0
