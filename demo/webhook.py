"""Takes the posts of `emoscope serve --webhook http://localhost:9000/ --webhook-secret-file F`: `python webhook.py F`.

The signature is that of the Standard Webhooks specification, for which every language has a library.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

SECRET = Path(sys.argv[1]).read_text().strip().encode()
seen: set[str] = set()  # a post whose answer was lost comes again, with the same id


class Finals(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        post, stamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = hmac.new(SECRET, f"{post}.{stamp}.".encode() + body, hashlib.sha256).digest()
        expected = "v1," + base64.b64encode(signed).decode()
        genuine = hmac.compare_digest(expected, self.headers.get("webhook-signature", ""))
        self.send_response(204 if genuine and abs(time.time() - int(stamp)) < 300 else 401)
        self.end_headers()
        if genuine and post not in seen and (event := json.loads(body)["event"])["type"] == "emotion.final":
            print(f"{json.loads(body)['session_id']} {event['label']} {event['confidence']:.2f}", flush=True)
        seen.add(post)


HTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 9000), Finals).serve_forever()
