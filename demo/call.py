"""Plays a recording as Twilio plays a call: `python demo/call.py FILE ws://localhost:8765/twilio`.

It tries the way of a telephone without one; what was heard is seen by demo/observe.py, as session `CAdemo`.
"""

import base64
import json
import sys
import time

import soundfile
import soxr
from websockets.sync.client import connect

from emoscope.streamer.protocol.audio import encode_audio

samples, rate = soundfile.read(sys.argv[1], always_2d=True, dtype="float32")
call = encode_audio(soxr.resample(samples.mean(1), rate, 8_000), "mulaw")
speed = float(sys.argv[3]) if len(sys.argv) > 3 else 1.0

with connect(sys.argv[2], compression=None) as socket:
    media_format = {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1}
    start = {"callSid": "CAdemo", "tracks": ["inbound"], "customParameters": {}, "mediaFormat": media_format}
    socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
    socket.send(json.dumps({"event": "start", "start": start}))
    for number, begin in enumerate(range(0, len(call), 160)):
        payload = base64.b64encode(call[begin : begin + 160]).decode()
        media = {"track": "inbound", "chunk": str(number + 1), "timestamp": str(20 * number), "payload": payload}
        socket.send(json.dumps({"event": "media", "media": media}))
        time.sleep(0.02 / speed)
    socket.send(json.dumps({"event": "stop"}))
