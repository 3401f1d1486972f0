"""The way from a registry's notifications to a primary, on which some are lost, some doubled, and some overtaken."""

import collections
import http.server
import json
import random
import sys
import threading

import support  # noqa: F401  (finds longshore_testing)
from longshore_testing import notifications, web

DECK = ["drop", "double", "hold"] + ["pass"] * 7


def is_news(event):
    """Of a manifest that came or went; the others tell of blobs, and of who read what."""
    return event["action"] in ("push", "delete") and event["target"].get("mediaType") != "application/octet-stream"


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A registry that is killed breaks its connections."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Line:
    """Takes envelopes as the primary would, answers for it, and passes on what the seed lets through.

    Of each ten events, news and others apart, one is dropped, one doubled, and one held until later ones have passed.
    done counts (what was done, whether to news); failures are what the primary did not take.
    """

    def __init__(self, seed):
        self._random = random.Random(f"line/{seed}")
        self._decks = {True: [], False: []}
        self._held = []  # (released when so many have come, how many had been sent, event, path, authorization)
        self._come = self._sent = 0
        self._lock = threading.Lock()
        self.upstream = None  # the primary's URL
        self.closed, self.calm = False, False
        self.refused = 0
        self.done = collections.Counter()
        self.pushed = set()  # digests of manifests whose push was heard of
        self.failures = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handler(line):  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(line._take(body, self.path, self.headers["Authorization"]))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def let_all_through(self):
        """From now on nothing is lost; what was held arrives, in an order of its own."""
        with self._lock:
            self.calm = True
            self._random.shuffle(self._held)
            for held in self._held:
                self._release(held)
            self._held = []

    def _take(self, body, path, authorization):
        with self._lock:
            if self.closed:
                self.refused += 1
                return 503
            for event in json.loads(body)["events"]:
                self._decide(event, path, authorization)
        return 200

    def _decide(self, event, path, authorization):
        news = is_news(event)
        self._come += 1
        if news and event["action"] == "push":
            self.pushed.add(event["target"]["digest"])
        what = "pass" if self.calm else self._draw(news)
        if what == "hold":
            self._held.append((self._come + self._random.randint(3, 40), self._sent, event, path, authorization))
        else:
            self.done[what, news] += 1
            for _ in range({"drop": 0, "pass": 1, "double": 2}[what]):
                self._send(event, path, authorization)
        due = [held for held in self._held if held[0] <= self._come]
        self._held = [held for held in self._held if held[0] > self._come]
        for held in due:
            self._release(held)

    def _draw(self, news):
        deck = self._decks[news]
        if not deck:
            deck += DECK
            self._random.shuffle(deck)
        return deck.pop()

    def _release(self, held):
        _, sent, event, path, authorization = held
        self.done["reorder" if self._sent > sent else "pass", is_news(event)] += 1
        self._send(event, path, authorization)

    def _send(self, event, path, authorization):
        headers = {"Content-Type": notifications.MEDIA_TYPE, "Authorization": authorization}
        self._sent += 1
        try:
            status = web.ask("POST", self.upstream + path, notifications.envelope([event]), headers).status
            if status // 100 != 2:
                self.failures.append((event["id"], status))
        except OSError as failure:
            self.failures.append((event["id"], failure))
