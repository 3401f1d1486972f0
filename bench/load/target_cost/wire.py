"""As much HTTP/1.1 as uploads need, over a plain socket, so that it is known what goes out in which writes."""

import socket
import urllib.parse

TIMEOUT_S = 60


class Answer:
    def __init__(self, status, headers):
        self.status, self.headers = status, headers


class Wire:
    """One kept connection. Not for several threads at once."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self._host = parts.netloc
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = self._socket.makefile("rb")

    def close(self):
        self._read.close()
        self._socket.close()

    def ask(self, method, path, body=b"", write=0, headers=(), expect=(200, 201, 202)):
        """write: bytes of body given to the system at once; 0: head and body in one."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", *headers]
        if method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {len(body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        if write == 0:
            self._socket.sendall(head + bytes(body) if body else head)
        else:
            self._socket.sendall(head)
            view = memoryview(body)
            for at in range(0, len(body), write):
                self._socket.sendall(view[at:at + write])
        answer = self._answer(method)
        if expect and answer.status not in expect:
            raise RuntimeError(f"{method} {path}: status {answer.status}")
        return answer

    def _answer(self, method):
        first = self._read.readline()
        if not first:
            raise RuntimeError("the registry closed the connection")
        status = int(first.split()[1])
        headers = {}
        while (line := self._read.readline()) not in (b"\r\n", b""):
            name, value = line.decode().split(":", 1)
            headers[name.strip().lower()] = value.strip()
        if method != "HEAD" and status != 204:
            if headers.get("transfer-encoding") == "chunked":
                self._skip_chunks()
            else:
                self._read.read(int(headers.get("content-length", 0)))
        return Answer(status, headers)

    def _skip_chunks(self):
        while (size := int(self._read.readline().split(b";")[0], 16)) > 0:
            self._read.read(size + 2)
        self._read.readline()

    # Uploads

    def begin(self, repository, query=""):
        return self.ask("POST", f"/v2/{repository}/blobs/uploads/{query}")

    @staticmethod
    def _at(answer, digest=None):
        location = urllib.parse.urlsplit(answer.headers["location"])
        query = location.query
        if digest:
            query += ("&" if query else "") + "digest=" + urllib.parse.quote(digest, safe="")
        return location.path + ("?" + query if query else "")

    def put(self, repository, digest, body, write):
        """POST, and one PUT of all of it."""
        begun = self.begin(repository)
        self.ask("PUT", self._at(begun, digest), body, write, ["Content-Type: application/octet-stream"], (201,))

    def patch(self, repository, digest, body, write, chunk):
        """POST, PATCH after PATCH of chunk bytes, and an empty PUT."""
        last = self.begin(repository)
        view = memoryview(body)
        for at in range(0, len(body), chunk):
            piece = view[at:at + chunk]
            last = self.ask("PATCH", self._at(last), piece, write,
                            ["Content-Type: application/octet-stream", f"Content-Range: {at}-{at + len(piece) - 1}"],
                            (202,))
        self.ask("PUT", self._at(last, digest), b"", 0, [], (201,))

    def patch_and_rest(self, repository, digest, body, write, chunk):
        """POST, PATCHes, and a PUT with the last chunk."""
        last = self.begin(repository)
        view = memoryview(body)
        end = (len(body) - 1) // chunk * chunk
        for at in range(0, end, chunk):
            last = self.ask("PATCH", self._at(last), view[at:at + chunk], write,
                            ["Content-Type: application/octet-stream", f"Content-Range: {at}-{at + chunk - 1}"], (202,))
        self.ask("PUT", self._at(last, digest), view[end:], write, ["Content-Type: application/octet-stream"], (201,))

    def post_only(self, repository, digest, body):
        """The whole blob in the POST, as the specification offers; the status tells whether it was taken."""
        query = "?digest=" + urllib.parse.quote(digest, safe="")
        return self.ask("POST", f"/v2/{repository}/blobs/uploads/{query}", body, 0,
                        ["Content-Type: application/octet-stream"], ()).status
