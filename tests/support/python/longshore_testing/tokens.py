"""Token authentication as distribution's docs/spec/auth has it: a signing key, and the server that hands out tokens.

Signing is openssl's work. The key's id is the libtrust fingerprint, which is what Distribution 2.8 knows the keys of its
rootcertbundle by: SHA-256 of the public key's SubjectPublicKeyInfo, its first 30 bytes in base 32, in groups of four.
"""

import base64
import hashlib
import http.server
import json
import pathlib
import subprocess
import threading
import time
import urllib.parse
import uuid


def _url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _openssl(*arguments, stdin=None):
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class SigningKey:
    """An RSA key and the certificate that a registry's rootcertbundle wants."""

    def __init__(self, directory, name="registry"):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.key_file = directory / f"{name}.key"
        self.certificate_file = directory / f"{name}.crt"
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=longshore-tests",
                 "-keyout", self.key_file, "-out", self.certificate_file)
        public = _openssl("pkey", "-in", self.key_file, "-pubout", "-outform", "DER")
        letters = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
        self.kid = ":".join(letters[i:i + 4] for i in range(0, len(letters), 4))

    def sign(self, claims):
        header = {"typ": "JWT", "alg": "RS256", "kid": self.kid}
        text = ".".join(_url64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return text + "." + _url64(_openssl("dgst", "-sha256", "-sign", self.key_file, stdin=text.encode()))


class Issuer:
    """Signs access tokens for one service; keeps those that are still good."""

    def __init__(self, key, issuer="longshore-tests", service="container_registry"):
        self.key, self.issuer, self.service = key, issuer, service
        self._made = {}
        self._lock = threading.Lock()

    def token(self, scopes, subject="tests"):
        """scopes: "repository:team/app:pull,push", "registry:catalog:*"."""
        wanted = tuple(sorted(scopes))
        now = int(time.time())
        with self._lock:
            text, until = self._made.get(wanted, (None, 0))
            if until > now + 60:
                return text
        access = []
        for scope in wanted:
            kind, rest = scope.split(":", 1)
            name, actions = rest.rsplit(":", 1)
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        text = self.key.sign({"iss": self.issuer, "sub": subject, "aud": self.service, "exp": now + 600,
                              "nbf": now - 10, "iat": now, "jti": str(uuid.uuid4()), "access": access})
        with self._lock:
            self._made[wanted] = (text, now + 600)
        return text


class TokenServer:
    """Answers GET /token for one user; anybody else gets a token that grants nothing, as the protocol has it."""

    def __init__(self, issuer, port, username="pusher", password="correct-horse"):
        self.issuer, self.username, self.password = issuer, username, password
        self.realm = f"http://127.0.0.1:{port}/token"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer._answer(self)

            def log_message(self, *_):
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _answer(self, request):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        scopes = [s for value in query.get("scope", []) for s in value.split(" ") if s.count(":") >= 2]
        expected = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        known = request.headers.get("Authorization", "") == "Basic " + expected
        text = self.issuer.token(scopes if known else [])
        body = json.dumps({"token": text, "access_token": text, "expires_in": 300}).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
