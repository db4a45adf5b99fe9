"""A merchant's webhook receiver, as its developer would write it with the official library.

Speaks the same lines on standard input and output as receiver.mjs.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from standardwebhooks import Webhook

plan = {"secrets": [], "answers": [200]}
lock = Lock()


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def verifies(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
        return True
    except Exception:
        return False


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        with lock:
            answers = plan["answers"]
            status = answers.pop(0) if len(answers) > 1 else answers[0]
            say(
                {
                    "id": headers.get("webhook-id"),
                    "timestamp": int(headers.get("webhook-timestamp", 0)),
                    "content_type": headers.get("content-type"),
                    "signatures": len(headers.get("webhook-signature", "").split(" ")),
                    "verified": [verifies(secret, body, headers) for secret in plan["secrets"]],
                    "tampered": [verifies(secret, body + " ", headers) for secret in plan["secrets"]],
                    "body": body,
                }
            )
        answer = f"status {status}".encode()
        self.send_response(status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
Thread(target=server.serve_forever, daemon=True).start()
say({"port": server.server_port})
for line in sys.stdin:
    with lock:
        plan.update(json.loads(line))
    say({"ready": True})
