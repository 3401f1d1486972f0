"""HTTP/1.1 for tests: one kept connection per client, answers as plain values."""

import dataclasses
import http.client
import json
import urllib.parse


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode(errors="replace")


class Client:
    """Not for several threads at once. A kept connection that the server has closed is opened anew, once."""

    def __init__(self, url, timeout=30):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self._timeout = parts.hostname, parts.port, timeout
        self._connection = None

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def open(self, method, path, body=None, headers=None):
        """The raw response, whose body the caller reads to its end before the next request."""
        fresh = self._connection is None
        if fresh:
            self._connection = http.client.HTTPConnection(self.host, self.port, timeout=self._timeout)
        try:
            self._connection.request(method, path, body=body, headers=headers or {})
            return self._connection.getresponse()
        except (ConnectionError, http.client.HTTPException, OSError):
            self.close()
            repeatable = body is None or isinstance(body, (bytes, str))
            if fresh or not repeatable:
                raise
            return self.open(method, path, body, headers)

    def ask(self, method, path, body=None, headers=None):
        try:
            response = self.open(method, path, body, headers)
            content = response.read()
        except (ConnectionError, http.client.HTTPException, OSError):
            self.close()
            raise
        if response.will_close:
            self.close()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, content)


def ask(method, url, body=None, headers=None, timeout=30):
    """One request on a connection of its own."""
    parts = urllib.parse.urlsplit(url)
    client = Client(url, timeout)
    try:
        path = parts.path or "/"
        return client.ask(method, path + ("?" + parts.query if parts.query else ""), body, headers)
    finally:
        client.close()
