"""Docker image manifest version 2, schema 1: signed JSON, whose digest is that of what was signed.

Format: distribution docs/spec/manifest-v2-1.md; the signature is libtrust's JSON Web Signature: the protected header
says how many bytes of the document were signed (formatLength) and what they ended with (formatTail).
"""

import base64
import hashlib
import json
import pathlib
import subprocess

SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
UNSIGNED = "application/vnd.docker.distribution.manifest.v1+json"


def _url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_url64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def payload(body):
    """What was signed."""
    protected = json.loads(_from_url64(json.loads(body)["signatures"][0]["protected"]))
    return body[:protected["formatLength"]] + _from_url64(protected["formatTail"])


def manifest_digest(media_type, body):
    """The digest by which registries know a manifest of any kind."""
    signed = media_type == SIGNED or (media_type == UNSIGNED and b'"signatures"' in body)
    return "sha256:" + hashlib.sha256(payload(body) if signed else body).hexdigest()


def _raw_signature(der):
    """r and s, 32 bytes each, out of openssl's DER."""
    at, numbers = 2, []
    for _ in range(2):
        size = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + size], "big").to_bytes(32, "big"))
        at += 2 + size
    return b"".join(numbers)


class Signer:
    def __init__(self, directory):
        self._key = pathlib.Path(directory) / "schema1.key"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self._key],
                       check=True, capture_output=True)
        public = subprocess.run(["openssl", "ec", "-in", self._key, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout
        x, y = public[-64:-32], public[-32:]
        letters = base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()
        self._jwk = {"crv": "P-256", "kid": ":".join(letters[i:i + 4] for i in range(0, len(letters), 4)), "kty": "EC",
                     "x": _url64(x), "y": _url64(y)}

    def sign(self, manifest):
        """The signed document."""
        text = json.dumps(manifest, indent=3).encode()
        tail = b"\n}"
        if not text.endswith(tail):
            raise ValueError("a schema 1 manifest is an object with members")
        head = text[:-len(tail)]
        protected = _url64(json.dumps({"formatLength": len(head), "formatTail": _url64(tail),
                                       "time": "2026-01-01T00:00:00Z"}).encode())
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self._key], check=True, capture_output=True,
                             input=f"{protected}.{_url64(text)}".encode()).stdout
        signature = {"header": {"jwk": self._jwk, "alg": "ES256"}, "signature": _url64(_raw_signature(der)),
                     "protected": protected}
        return head + b',\n   "signatures": ' + json.dumps([signature]).encode() + tail
