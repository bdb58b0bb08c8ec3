"""AMD's key distribution service and Intel's provisioning certification service, out of a folder (tests/emulators/endorsements/guest.c, `guest
publish`): GET /kds/…, /pcs/… and /pcs-root/… over HTTPS, with the issuer chain in the header that Intel has for it. It counts what is
asked, and on command answers 429, is slow, lies, or is gone.

    server = EndorsementServer(folder).start()
    server.mode = "limited"          # 429 with server.retry_after; "failing": 500; "lying": 200 with a page; "silent": no answer
    server.delay = 0.5               # seconds before an answer
    server.stop(); server.start()    # an outage: nobody listens on the port

As a program: server.py FOLDER [PORT] serves until it is killed; POST /control with a JSON object sets mode, delay and retry_after, GET /control tells
them and the counts."""
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

CHAIN_HEADERS = (("pcs/tdx/certification/v4/tcb", "TCB-Info-Issuer-Chain"),
                 ("pcs/tdx/certification/v4/qe/identity", "SGX-Enclave-Identity-Issuer-Chain"),
                 ("pcs/sgx/certification/v4/pckcrl", "SGX-PCK-CRL-Issuer-Chain"))


class EndorsementServer:
    def __init__(self, folder, port=0):
        self.folder, self.port = folder, port
        self.mode, self.delay, self.retry_after = "fine", 0, None
        self.counts, self.at_once, self.most_at_once, self.lock = {}, {}, 0, threading.Lock()
        self.httpd = None
        self.certificate = os.path.join(folder, "server.pem")
        key = os.path.join(folder, "server.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                        "/CN=endorsements", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", self.certificate],
                       check=True, capture_output=True)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate, key)

    # ---- for tests
    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            def do_POST(self):
                outer.control(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, allow_reuse_address = True, True
            connections = []

            def get_request(self):
                raw, address = super().get_request()
                self.connections.append(raw)
                wrapped = outer.tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
                self.connections.append(wrapped)
                return wrapped, address

            def handle_error(self, request, client_address):
                pass

        self.httpd = Server(("127.0.0.1", self.port), Handler)
        self.httpd.connections = []
        self.port = self.httpd.server_address[1]
        threading.Thread(target=self.httpd.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        if self.httpd is None:
            return
        self.httpd.shutdown()
        self.httpd.server_close()
        for connection in self.httpd.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        self.httpd = None

    def url(self, host):
        return f"https://127.0.0.1:{self.port}/{host}"

    def asked(self, part=""):
        """How often anything with `part` in its path was asked for."""
        with self.lock:
            return sum(count for path, count in self.counts.items() if part in path)

    def forget(self):
        with self.lock:
            self.counts, self.most_at_once = {}, 0

    # ---- answering
    def answer(self, request):
        if request.path == "/control":
            return self.send(request, 200, json.dumps({"mode": self.mode, "delay": self.delay, "counts": self.counts}).encode())
        path = request.path.lstrip("/")
        with self.lock:
            self.counts[path] = self.counts.get(path, 0) + 1
            self.at_once[path] = self.at_once.get(path, 0) + 1
            self.most_at_once = max(self.most_at_once, self.at_once[path])
        try:
            if self.delay:
                time.sleep(self.delay)
            self.answer_as_told(request, path)
        finally:
            with self.lock:
                self.at_once[path] -= 1

    def answer_as_told(self, request, path):
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after is not None else {}
        if self.mode == "limited":
            return self.send(request, 429, b"slow down", headers)
        if self.mode == "failing":
            return self.send(request, 500, b"oh", headers)
        if self.mode == "lying":
            return self.send(request, 200, b"<html>please log in</html>")
        if self.mode == "silent":
            time.sleep(60)
            return None
        file = os.path.realpath(os.path.join(self.folder, path))
        if not file.startswith(os.path.realpath(self.folder) + "/") or not os.path.isfile(file):
            return self.send(request, 404, b"no such thing")
        headers = {}
        for start, name in CHAIN_HEADERS:
            if path.startswith(start) and os.path.exists(file + ".chain"):
                with open(file + ".chain") as f:
                    headers[name] = urllib.parse.quote(f.read())
        with open(file, "rb") as f:
            return self.send(request, 200, f.read(), headers)

    def control(self, request):
        wanted = json.loads(request.rfile.read(int(request.headers.get("Content-Length", 0))))
        for name in ("mode", "delay", "retry_after"):
            if name in wanted:
                setattr(self, name, wanted[name])
        self.send(request, 200, b"{}")

    @staticmethod
    def send(request, status, body, headers=None):
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


if __name__ == "__main__":
    running = EndorsementServer(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0).start()
    print(json.dumps({"port": running.port, "certificate": running.certificate}), flush=True)
    threading.Event().wait()
