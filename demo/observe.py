"""Watches a session that another sends: `python demo/observe.py ws://localhost:8765 SESSION OBSERVE_TOKEN`.

Serve with `--observe-token`. SESSION is the id of a session, or the number of a call; `/v1/observe` lists them all.
"""

import json
import sys
from urllib.parse import quote

from websockets.sync.client import connect

server, session, token = sys.argv[1:]
with connect(f"{server}/v1/observe/{quote(session, safe='')}?token={quote(token)}") as socket:
    for message in socket:
        event = json.loads(message)
        who = ("caller", "agent")[event.get("channel", 0)]  # of a call with two tracks
        if event["type"] == "emotion.final":
            print(f"{event['start']:7.1f} s  {who:<6}  {event['label']:<10} {event['confidence']:.2f}", flush=True)
print(socket.close_reason)
