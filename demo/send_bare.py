"""The same with nothing but `websockets`, to be written again in any language: `python demo/send_bare.py FILE URL`."""

import json
import sys

import soundfile
from websockets.sync.client import connect
from websockets.typing import Subprotocol


def take(event, processed):
    if event["type"] == "emotion.final":
        print(f"{event['start']:7.1f}–{event['end']:.1f} s  {event['label']:<10} {event['confidence']:.2f}")
    return event["processed_s"] if event["type"] == "status" else processed


with connect(sys.argv[2] + "/v1/stream", subprotocols=[Subprotocol("emoscope.v1")], compression=None) as socket:
    window = json.loads(socket.recv())["limits"]["fast_backlog_s"] / 2  # the server keeps so much of a file, no more
    file, processed = soundfile.SoundFile(sys.argv[1]), 0.0
    config = {"sample_rate": file.samplerate, "channels": file.channels, "pace": "fast", "interim": False}
    socket.send(json.dumps({"type": "session.update", "config": config}))
    for block in file.blocks(file.samplerate // 10, dtype="int16"):
        socket.send(block.astype("<i2").tobytes())
        while file.tell() / file.samplerate > processed + window:
            processed = take(json.loads(socket.recv()), processed)
    socket.send(json.dumps({"type": "finish"}))
    for message in socket:
        take(json.loads(message), processed)
