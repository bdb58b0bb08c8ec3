"""A TDX host's quote generation service at a Unix socket (the emulated device takes the guest's vsock there): TDREPORTs in, quotes out, signed where the
emulated configfs-tsm signs its own."""
import os
import socket
import struct
import threading

REPORT_LEN, REPORT_DATA = 1024, slice(128, 192)
QUOTE_MAX = 32768
MAJOR, RESPONSE = 1, 1


class Qgs:
    """`deed`: what it does instead of quoting: an error's number, "hang-up", "silence", "version", "other", "cut"."""

    def __init__(self, path, tsm):
        self.path, self.tsm, self.deed, self.asked = path, tsm, None, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.waiting = []

    def start(self):
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.waiting:
            connection.close()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if self.deed == "silence":
                self.waiting.append(connection)
                continue
            with connection:
                try:
                    self.serve(connection)
                except (OSError, EOFError):
                    pass  # who went away wants nothing; one that asked nothing was a probe

    def serve(self, connection):
        message = receive(connection, struct.unpack(">I", receive(connection, 4))[0])
        major, _, kind, size, error, report_size, ids = struct.unpack_from("<HHIIIII", message)
        assert (major, kind, size, error, report_size, ids) == (MAJOR, 0, len(message), 0, REPORT_LEN, 0), "a request as the library makes it"
        self.asked += 1
        if self.deed == "hang-up":
            return
        if isinstance(self.deed, int):
            self.answer(connection, b"", self.deed)
            return
        report_data = message[24:][REPORT_DATA]
        if self.deed == "other":
            report_data = bytes(64)
        self.answer(connection, self.quote(report_data))

    def answer(self, connection, quote, error=0):
        body = struct.pack("<II", 0, len(quote)) + quote if error == 0 else b""
        message = struct.pack("<HHIII", 2 if self.deed == "version" else MAJOR, 1, RESPONSE, 16 + len(body), error) + body
        connection.sendall(struct.pack(">I", len(message)) + (message[:-9] if self.deed == "cut" else message))

    def quote(self, report_data):
        """The emulator has folders of this name for its devices also where it says that it has no provider."""
        folder = os.path.join(self.tsm, f"shim-qgs-{threading.get_ident()}-{self.asked}")
        os.mkdir(folder)
        try:
            with open(os.path.join(folder, "inblob"), "wb", buffering=0) as f:
                f.write(report_data)
            with open(os.path.join(folder, "outblob"), "rb", buffering=0) as f:
                return f.read(QUOTE_MAX)
        finally:
            os.rmdir(folder)


def receive(connection, count):
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts
