"""What stands between our programs and does wrong: a relay of the attester's frames, a relay of the issuer's connections, a file system with
failures on command, a wrong clock. Each is honest until told otherwise, so that every test can show that things go on afterwards."""
import os
import socket
import struct
import subprocess
import threading
import time

from harness.world import binary, free_port, wait_until


class Relay:
    """Takes connections and connects each to the real thing. What happens to the bytes of a direction is up to `mode`, read anew for each piece:
    a test may change it at any time."""

    def __init__(self):
        self.mode, self.pairs, self.stopping = "honest", [], False
        self.listener = self.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.stopping:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.mode == "closes":
                client.close()
                continue
            if self.mode == "silent":
                self.pairs.append((client, client))
                continue
            try:
                server = self.connect()
            except OSError:
                client.close()
                continue
            self.pairs.append((client, server))
            for work in (self.forward, self.back):
                threading.Thread(target=self.run, args=(work, client, server), daemon=True).start()

    def run(self, work, client, server):
        try:
            work(client, server)
        except OSError:
            pass
        self.end(client)
        self.end(server)

    @staticmethod
    def end(s):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def forward(self, client, server):
        while data := client.recv(1 << 16):
            server.sendall(data)

    def while_mode(self, mode):
        while self.mode == mode and not self.stopping:
            time.sleep(0.01)

    def drop(self):
        """Ends what is connected; those who want go on with a new connection."""
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                self.end(s)

    def close(self):
        self.stopping = True
        self.end(self.listener)
        self.listener.close()
        self.drop()


class FrameRelay(Relay):
    """Between node plugin and attester: `u32 length, bytes`."""

    def __init__(self, path, attester):
        self.path, self.attester = path, attester
        super().__init__()

    def listen(self):
        s = socket.socket(socket.AF_UNIX)
        s.bind(self.path)
        s.listen(16)
        return s

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.attester)
        return s

    def forward(self, client, server):
        while data := client.recv(1 << 16):
            self.while_mode("deaf")
            server.sendall(data)

    @staticmethod
    def frame(s):
        data = b""
        while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
            want = 4 - len(data) if len(data) < 4 else 4 + int.from_bytes(data[:4], "big") - len(data)
            piece = s.recv(want)
            if not piece:
                return None
            data += piece
        return data

    def back(self, client, server):
        while frame := self.frame(server):
            mode = self.mode
            if mode == "mute":
                continue
            if mode == "late":
                self.while_mode("late")
            if mode in ("half", "dies mid-answer"):
                client.sendall(frame[:4 + len(frame[4:]) // 2])
                if mode == "dies mid-answer":
                    return
                self.while_mode("half")
                return
            if mode == "garbage":
                frame = frame[:4] + os.urandom(len(frame) - 4)
            if mode == "oversized":
                frame = b"\xff\xff\xff\xf0" + frame[4:]
            if mode == "empty":
                frame = bytes(4)
            client.sendall(frame * 2 if mode == "twice" else frame)


class IssuerRelay(Relay):
    """Between attester and issuer: TLS goes through as it is (layer 4), so what is broken is a connection and never its content."""
    CUTS = {"stalls": 0, "half an answer": 40, "half an answer, then closes": 40, "half an answer, then resets": 40}

    def __init__(self, port):
        self.to, self.port = port, free_port()
        super().__init__()

    def listen(self):
        return socket.create_server(("127.0.0.1", self.port))

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.to))

    def back(self, client, server):
        while data := server.recv(1 << 16):
            mode = self.mode
            if mode == "drips":
                for byte in data:
                    if self.mode != "drips":
                        return
                    client.sendall(bytes([byte]))
                    time.sleep(0.05)
                continue
            if mode in self.CUTS:
                client.sendall(data[:self.CUTS[mode]])
                if mode.endswith("resets"):
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    client.close()
                    return
                if not mode.endswith("closes"):
                    self.while_mode(mode)
                return
            client.sendall(data)


class FaultyDisk:
    """A folder whose writes can be slow or fail: `say("delay=500")`, `say("error=ENOSPC")`, `say("")`."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, name)
        self.backing, self.control = self.path + ".backing", self.path + ".control"
        os.makedirs(self.path)
        os.makedirs(self.backing)
        self.say("")
        self.process = subprocess.Popen([binary("tests/faulty_disk"), self.path, self.backing, self.control], stdin=subprocess.DEVNULL)
        wait_until(lambda: os.path.ismount(self.path), what="the faulty disk")

    def say(self, text):
        with open(self.control + ".new", "w") as f:
            f.write(text + "\n")
        os.rename(self.control + ".new", self.control)

    def close(self):
        self.say("")
        subprocess.run(["umount", "-l", self.path], check=False)
        self.process.wait(10)


class WrongClock:
    """A wall clock for programs that run with `env`: so many seconds ahead of the right one (behind: negative) as `set` says."""

    def __init__(self, path):
        self.path = path
        with open(path, "ab"):  # never cut: a program may have it mapped
            self.set(0)
        self.env = {"LD_PRELOAD": binary("tests/wrong_clock.so"), "WRONG_CLOCK": path, "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def set(self, seconds):
        with open(self.path, "r+b") as f:
            f.write(struct.pack("=q", seconds * 1000))


def world_is_instrumented():
    """Built with a sanitizer or under valgrind: memory is the tool's then."""
    with open(binary("vouchsafe-csi"), "rb") as f:
        return b"__asan_init" in f.read() or "MEMCHECK" in os.environ
