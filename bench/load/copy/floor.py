"""What this machine needs at least for the same bytes: reading, hashing and writing them; and plain HTTP uploads."""

import concurrent.futures
import hashlib
import http.client
import http.server
import pathlib
import shutil
import socketserver
import threading
import time


def blob_files(root):
    return [p for p in pathlib.Path(root).rglob("data") if p.is_file() and "/blobs/" in str(p)]


def read_hash_write(files, out):
    out.mkdir()
    start = time.monotonic()
    for number, path in enumerate(files):
        hasher = hashlib.sha256()
        with open(path, "rb") as source, open(out / str(number), "wb") as target:
            while piece := source.read(256 << 10):
                hasher.update(piece)
                target.write(piece)
    took = time.monotonic() - start
    shutil.rmtree(out)
    return took


class Sink(http.server.BaseHTTPRequestHandler):
    """Takes a body and writes it to a file, as the plainest upload server would."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        with open(self.server.root / self.path.strip("/"), "wb") as out:
            while left > 0:
                piece = self.rfile.read(min(left, 256 << 10))
                out.write(piece)
                left -= len(piece)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def upload(files, out, workers):
    out.mkdir()
    server = Server(("127.0.0.1", 0), Sink)
    server.root = out
    threading.Thread(target=server.serve_forever, daemon=True).start()
    work = list(enumerate(files))
    lock = threading.Lock()

    def one():
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], blocksize=256 << 10)
        while True:
            with lock:
                if not work:
                    break
                number, path = work.pop()
            with open(path, "rb") as body:
                connection.request("PUT", f"/{number}", body=body, headers={"Content-Length": str(path.stat().st_size)})
                connection.getresponse().read()
        connection.close()

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(one) for _ in range(workers)]:
            done.result()
    took = time.monotonic() - start
    server.shutdown()
    shutil.rmtree(out)
    return took


def print_floor(fleet, unique_bytes, work):
    del fleet
    files = blob_files(work / "source")
    read_hash_write(files, work / "warm")  # the page cache is warm for all of them, as for the copies
    alone = min(read_hash_write(files, work / f"floor-{n}") for n in range(3))
    print(f"\nfloor: {unique_bytes / 1e6:.0f} MB read, hashed and written by one thread in {alone:.2f} s")
    best = min((upload(files, work / f"upload-{w}", w), w) for w in (1, 2, 4, 8))
    print(f"floor: the same bytes by plain HTTP PUT to a server that only writes them: {best[0]:.2f} s "
          f"with {best[1]} connections")
