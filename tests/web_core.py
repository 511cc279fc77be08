"""The client core of the web page, in a Node process, with the interface of the Python client's core."""

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
from client_world import MESSAGE_SIZE
from needed import program

from emoscope.streamer.client.reconnect import Decision, Reconnect, Stop
from emoscope.streamer.protocol.errors import Disconnected
from emoscope.streamer.protocol.events import AnyEvent, Limits, decode
from emoscope.streamer.protocol.messages import ClientMessage, decode_client, encode_client

FOLDER = Path(__file__).parent / "streamer" / "server" / "web"


def node() -> str:
    """Where Node is."""
    return program("node", "nodejs")


class WebCoreProcess:
    """One Node process, which serves one core after another."""

    def __init__(self) -> None:
        command = [node(), str(FOLDER / "core_driver.mjs")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def call(self, *call: object) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(call).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the page's core has failed; Node's message is above"
        return json.loads(answer)

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class WebCore:
    """Samples are bytes here, as in the reference server.

    capacity  of its ring buffer, in samples; None for that of the limits
    """

    def __init__(self, process: WebCoreProcess, pace: str, limits: Limits, capacity: int | None = None) -> None:
        self._process = process
        self.warnings: list[AnyEvent] = []
        self.failure: Disconnected | None = None
        options = {"pace": pace, "messageSize": MESSAGE_SIZE, "limits": msgspec.to_builtins(limits)}
        self._call("begin", options | ({"capacity": capacity} if capacity else {}))

    def _call(self, *call: object) -> Any:
        answer = self._process.call(*call)
        self.warnings += [decode(json.dumps(event)) for event in answer["warnings"]]
        self.failure = Disconnected(answer["failure"], 4400) if answer["failure"] else None
        return answer["result"]

    def append(self, data: bytes) -> None:
        self._call("append", list(data))

    def command(self, message: ClientMessage) -> None:
        self._call("command", json.loads(encode_client(message)))

    def finish(self) -> None:
        self._call("finish")

    def connection_opened(self, now: float) -> None:
        self._call("opened", now)

    def next_message(self, now: float) -> bytes | ClientMessage | None:
        answer = self._call("next", now)
        if "audio" in answer:
            return bytes(answer["audio"])
        return None if answer["message"] is None else decode_client(json.dumps(answer["message"]))

    def receive(self, text: bytes, now: float) -> list[AnyEvent]:
        event = self._call("receive", text.decode(), now)
        return [] if event is None else [decode(json.dumps(event))]

    def connection_closed(self, code: int, reason: str, now: float) -> Decision:
        decision = self._call("closed", code, now)
        if "stop" in decision:
            return Stop(Disconnected(decision["stop"], code) if decision["stop"] else None)
        return Reconnect(decision["retryInS"], decision["reason"])
