"""The issuer under hostile conditions: more load than it can bear, clients that only hold its connections, a clock that steps, certificates that end, a database
that somebody else holds, a signer that dies between record and signature. Nothing here waits for chance: what is to be slow is stopped, and counted."""
import datetime
import ipaddress
import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conftest import WORKLOADS
from harness.hostile import WrongClock, world_is_instrumented
from harness.kubelet import Pod
from harness.policy import policy
from harness.world import ATTESTER_UID, World, binary, unix_get, wait_until
from test_development import DEVELOPMENT, SOFTWARE
from test_issuer import number, signer_of

PATIENT = {"rate": {"per-second": 10000, "burst": 100000}}


PODS = [Pod(f"app-{index}", "payroll", "app") for index in range(10)]


def app(index):
    return PODS[index]


def issuer_get(world, path):
    return unix_get(world.path("run/issuer-health.sock"), path)


def refusal(world, pod, timeout=10):
    with pytest.raises(grpc.RpcError) as caught:
        world.kubelet.publish(pod, timeout=timeout)
    return caught.value


# ---- without a TPM: an issuer alone, or with attesters of the development kind

@pytest.fixture
def soft():
    """soft(issuer settings): a world of the development kind with its issuer running, nothing else."""
    made = []

    def make(settings=None, env=None):
        world = World()
        made.append(world)
        world.prepare(DEVELOPMENT, tpm=False, clusters=False, issuer={"insecure-development": True, **PATIENT, **(settings or {})}, attester=SOFTWARE)
        world.issuer.env = env
        world.start_issuer()
        return world
    yield make
    for world in made:
        world.close()


def as_attester(*words):
    return ["setpriv", f"--reuid={ATTESTER_UID}", f"--regid={ATTESTER_UID}", "--clear-groups", "--", *words]


class Flood:
    """Connected attesters, each with a finished request in hand."""

    def __init__(self, world, count):
        self.process = subprocess.Popen(as_attester(binary("tests/flood"), "once", str(count), "--config", world.path("attester.yaml")),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answers(self, count):
        return [json.loads(self.process.stdout.readline()) for _ in range(count)]

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


def rss_kib(process):
    with open(f"/proc/{process.pid}/status") as f:
        return int(next(line.split()[1] for line in f if line.startswith("VmRSS:")))


def assert_grew_less(process, before_kib, bound_kib):
    """What a sanitizer keeps is many times what the program does: there, nothing can be said."""
    assert world_is_instrumented() or rss_kib(process) - before_kib < bound_kib


def client_context(world):
    context = ssl.create_default_context(cafile=world.path("issuer-ca.pem"))
    context.check_hostname = False
    if not os.path.exists(world.path("client.pem")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", world.path("client.pem"),
                        "-out", world.path("client.crt"), "-days", "1", "-subj", "/CN=client"], check=True, capture_output=True)
    context.load_cert_chain(world.path("client.crt"), world.path("client.pem"))
    return context


def connect(world, timeout=10):
    raw = socket.create_connection(("127.0.0.1", world.issuer_port), timeout)
    return client_context(world).wrap_socket(raw)


def ask(connection, path="/v1/challenge"):
    """Status, headers and body of one request over a connection that is there."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: issuer\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError("closed")
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return int(lines[0].split()[1]), headers, body


def test_overload_is_refused_at_once_and_what_was_accepted_is_done(soft):
    """Two workers wait for a signer that is stopped, four requests wait for them: of forty, six are accepted and the rest are told when to come
    back. Who is connected is answered meanwhile, and newcomers as well."""
    world = soft({"workers": 2, "queue-max": 4})
    first, flood, known = Flood(world, 2), Flood(world, 38), connect(world)
    assert ask(known)[0] == 200
    signer, records, before = signer_of(world), number(world, "vouchsafe_issuer_records"), rss_kib(world.issuer.process)
    os.kill(signer, signal.SIGSTOP)
    try:
        first.go()
        wait_until(lambda: number(world, "vouchsafe_issuer_records") == records + 2, 10, "both workers to be at the signer")
        flood.go()
        refused = flood.answers(34)
        assert {(a["check"], a["code"]) for a in refused} == {("QUEUE_FULL", "UNAVAILABLE")}
        assert all(a["retry_after_ms"] >= 1000 for a in refused)
        for connection in (known, connect(world)):
            status, headers, body = ask(connection)
            assert status == 503 and int(headers["retry-after"]) >= 1 and json.loads(body)["check"] == "QUEUE_FULL"
        assert issuer_get(world, "/healthz")[0] == 200 and issuer_get(world, "/metrics")[0] == 200
        assert_grew_less(world.issuer.process, before, 8 << 10)
    finally:
        os.kill(signer, signal.SIGCONT)
    assert [a["check"] for a in first.answers(2) + flood.answers(4)] == ["issued"] * 6
    first.end()
    flood.end()
    assert ask(known)[0] == 200
    assert number(world, "vouchsafe_issuer_records") == records + 6


def test_memory_is_flat_under_load(soft):
    world = soft()

    def load():
        run = subprocess.run(as_attester(binary("tests/flood"), "for", "2", "12", "--config", world.path("attester.yaml")), capture_output=True, text=True, timeout=60)
        return json.loads(run.stdout)
    assert load()["issued"] > 0
    before = rss_kib(world.issuer.process)
    second = load()
    assert second["issued"] > 0 and second["failed"] == 0
    # SQLite's cache of pages may still fill up; what a request leaves behind would be ten times as much
    assert_grew_less(world.issuer.process, before, 4096 + second["issued"] // 4)


def test_a_greedy_client_is_told_to_wait_and_its_neighbour_is_not(soft):
    world = soft({"rate": {"per-second": 1, "burst": 5}})
    greedy = connect(world)
    statuses = [ask(greedy) for _ in range(6)]
    assert [status for status, _, _ in statuses] == [200] * 5 + [429]
    assert int(statuses[-1][1]["retry-after"]) >= 1 and json.loads(statuses[-1][2])["check"] == "RATE_LIMITED"
    os.unlink(world.path("client.pem"))  # another key
    assert ask(connect(world))[0] == 200


def few_descriptors(world, count):
    """Starts the issuer anew with at most so many."""
    world.issuer.stop()
    with open(world.issuer.log_path, "ab") as log:
        world.issuer.process = subprocess.Popen(["prlimit", f"--nofile={count}:{count}", binary("vouchsafe-issuer"), "--config", world.path("issuer.yaml")],
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    world.wait_issuer()


def test_a_thousand_clients_that_say_nothing_keep_nobody_out(soft):
    """More than there are descriptors for: each newcomer takes the place of who has been silent longest. Half handshakes and half requests are no better."""
    world = soft()
    few_descriptors(world, 400)
    silent = []
    for index in range(1000):
        connection = socket.create_connection(("127.0.0.1", world.issuer_port), 10)
        if index % 3 == 1:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")  # the head of a handshake
        silent.append(connection)
    half = [connect(world) for _ in range(20)]
    for connection in half:
        connection.sendall(b"POST /v1/credentials HTTP/1.1\r\nHost: issuer\r\nContent-Length: 100\r\n\r\n{")
    flood = Flood(world, 8)
    flood.go()
    assert [a["check"] for a in flood.answers(8)] == ["issued"] * 8
    flood.end()
    assert ask(connect(world))[0] == 200
    assert issuer_get(world, "/readyz")[0] == 200 and issuer_get(world, "/metrics")[0] == 200
    for connection in silent + half:
        connection.close()
    assert world.issuer.alive()


def test_half_bodies_have_a_limit_together(soft):
    """A hundred and twenty requests of nearly a mebibyte that never end: what is kept of all of them is bounded, who is past it is told so."""
    world = soft()
    before, held, refused = rss_kib(world.issuer.process), [], 0
    for _ in range(120):
        connection = connect(world)
        connection.settimeout(5)
        try:
            connection.sendall(b"POST /v1/credentials HTTP/1.1\r\nHost: issuer\r\nContent-Length: 1000000\r\n\r\n" + b" " * 900000)
        except (OSError, ssl.SSLError):
            pass  # refused and closed while we were sending
        held.append(connection)
    for connection in held:
        connection.settimeout(0.01)
        try:
            answer = connection.recv(4096)
        except (TimeoutError, ssl.SSLError, OSError):
            continue
        if answer:
            assert answer.startswith(b"HTTP/1.1 503 ") and b"BODIES_FULL" in answer and b"Retry-After: 1" in answer
            refused += 1
    assert refused >= 20
    assert_grew_less(world.issuer.process, before, 110 << 10)
    for connection in held:
        connection.close()
    wait_until(lambda: ask(connect(world))[0] == 200, 10, "an answer")
    flood = Flood(world, 2)
    flood.go()
    assert [a["check"] for a in flood.answers(2)] == ["issued"] * 2
    flood.end()


def test_a_client_that_reads_nothing_holds_one_answer(soft):
    world = soft()
    reader = connect(world)
    before = rss_kib(world.issuer.process)
    reader.settimeout(0.5)
    try:
        for _ in range(20000):
            reader.sendall(b"GET /v1/bundle HTTP/1.1\r\nHost: issuer\r\n\r\n")
    except TimeoutError:
        pass  # nobody takes more
    assert_grew_less(world.issuer.process, before, 8 << 10)
    assert ask(connect(world))[0] == 200
    reader.close()


NO_REQUESTS = [
    ("another method", b"DELETE /v1/challenge HTTP/1.1\r\nHost: issuer\r\n\r\n", 405, "METHOD_NOT_ALLOWED"),
    ("another path", b"GET /v1/nothing HTTP/1.1\r\nHost: issuer\r\n\r\n", 404, "NO_ROUTE"),
    ("a head without an end", b"GET /v1/challenge HTTP/1.1\r\nHost: issuer\r\nX: " + b"x" * 20000, 431, "HEAD_TOO_LARGE"),
    ("a body past its limit", b"POST /v1/credentials HTTP/1.1\r\nHost: issuer\r\nContent-Length: 1048577\r\n\r\n", 413, "BODY_TOO_LARGE"),
]


def test_what_is_no_request_is_named(soft):
    world = soft()
    for name, data, status, check in NO_REQUESTS:
        connection = connect(world)
        connection.sendall(data)
        answer = b""
        while True:
            try:
                more = connection.recv(65536)
            except (TimeoutError, ssl.SSLError):
                break
            answer += more
            if not more or b'"type"' in answer:
                break
        assert answer.startswith(b"HTTP/1.1 %d " % status) and b'"%s"' % check.encode() in answer, (name, answer)
        connection.close()


# ---- a state folder out of a backup

def test_a_bundle_that_goes_back_is_refused_until_it_is_numbered_anew(soft):
    """The folder of an earlier day has an earlier number: attesters keep what they have. Without that file the number is taken from the time, and they take it at once."""
    world = soft()
    world.attester.start()

    def told(event):
        return [e for e in world.attester.events(event)]
    wait_until(lambda: told("bundle_changed"), 15, "the bundle")
    sequence = told("bundle_changed")[-1]["sequence"]
    assert abs(sequence - time.time()) < 600
    world.issuer.stop()
    path = world.path("issuer/bundle.json")
    with open(path) as f:
        earlier = json.load(f)
    earlier["sequence"] = 5
    with open(path, "w") as f:
        json.dump(earlier, f)
    world.start_issuer()
    wait_until(lambda: any(e.get("problem_token") == "BUNDLE_ROLLBACK" for e in told("bundle_not_fetched")), 15, "the refusal")
    world.issuer.stop()
    os.unlink(path)
    world.start_issuer()
    wait_until(lambda: told("bundle_changed")[-1]["sequence"] > sequence, 15, "the new number")


# ---- the signer dies between the record and the signature

def test_a_record_whose_signature_never_came_says_so(soft):
    world = soft()
    flood = Flood(world, 1)
    records, signer = number(world, "vouchsafe_issuer_records"), signer_of(world)
    os.kill(signer, signal.SIGSTOP)
    flood.go()
    wait_until(lambda: number(world, "vouchsafe_issuer_records") == records + 1, 10, "the record")
    os.kill(signer, signal.SIGKILL)
    answer = flood.answers(1)[0]
    assert answer["check"] in ("SIGNER_GONE", "HTTP") and answer["code"] == "UNAVAILABLE"
    flood.end()
    assert world.issuer.process.wait(15) != 0
    told = world.issuer.events("recorded_but_not_signed")
    assert len(told) == 1 and told[0]["problem_token"] == "SIGNER_GONE"
    world.start_issuer()
    shown = world.record(told[0]["record"])
    assert shown.returncode == 0 and "CORRECTED" in shown.stdout and "not-issued" in shown.stdout and "SIGNER_GONE" in shown.stdout
    found = json.loads(world.cli("record", told[0]["record"], "--socket", world.path("run/admin.sock"), "--output", "json").stdout)
    assert found["record"]["decision"] == "issued" and found["correction"]["record"]["corrects"] == found["id"]
    by_serial = world.record(found["record"]["credentials"][0]["serial"])
    assert "CORRECTED" in by_serial.stdout
    assert number(world, "vouchsafe_issuer_records") == records + 2


# ---- the database belongs to somebody else for a while

def test_a_database_that_is_locked_delays_and_then_refuses(soft):
    world = soft()
    other = sqlite3.connect(world.path("issuer/ledger.db"), isolation_level=None)
    flood = Flood(world, 1)
    other.execute("BEGIN IMMEDIATE")
    flood.go()
    time.sleep(0.5)  # the issuer waits for the lock by now; were it earlier, nothing would be tested and nothing fail
    other.execute("COMMIT")
    assert flood.answers(1)[0]["check"] == "issued"
    flood.end()

    flood = Flood(world, 1)
    other.execute("BEGIN IMMEDIATE")
    flood.go()
    answer = flood.answers(1)[0]
    assert answer["check"] == "STORE" and answer["code"] == "UNAVAILABLE" and answer["retry_after_ms"] >= 1000
    flood.end()
    status, body = issuer_get(world, "/readyz")
    assert status == 503 and json.loads(body)["check"] == "STORE"
    assert issuer_get(world, "/healthz")[0] == 200
    other.execute("COMMIT")
    other.close()
    assert issuer_get(world, "/readyz")[0] == 200
    flood = Flood(world, 1)
    flood.go()
    assert flood.answers(1)[0]["check"] == "issued"
    flood.end()


# ---- the clock of the issuer

def test_the_issuers_clock_steps_ahead_and_back(soft):
    """Far ahead, attesters say that the clocks differ; set right again, nothing has to be restarted: neither nonces nor an intermediate that has not begun stand in the way."""
    world = World()
    clock = WrongClock(world.path("clock"))
    world.prepare(DEVELOPMENT, tpm=False, clusters=False, issuer={"insecure-development": True, "intermediate-life": "30m", **PATIENT}, attester=SOFTWARE)
    world.issuer.env = clock.env
    try:
        world.start()
        world.kubelet.publish(app(0), tokens="")
        first_end = number(world, "vouchsafe_issuer_intermediate_not_after_seconds")
        clock.set(7200)
        refused = refusal_without_token(world, app(1))
        assert "clock" in refused.details() and "apart" in refused.details()
        assert not os.path.exists(os.path.join(world.kubelet.target(app(1)), "tls.crt"))
        assert number(world, "vouchsafe_issuer_intermediate_not_after_seconds") > first_end + 3600
        clock.set(0)
        world.kubelet.publish(app(2), tokens="")
        assert world.volume(app(2)).openssl_verify()[0]
        assert number(world, "vouchsafe_issuer_intermediate_not_after_seconds") < first_end + 3600
        clock.set(-90)  # nonces in hand are ahead of it now
        world.kubelet.publish(app(3), tokens="")
        assert world.volume(app(3)).openssl_verify()[0]
        assert world.issuer.events("clock_went_back")
        index = [json.loads(world.cli("record", world.volume(pod).serial(), "--socket", world.path("run/admin.sock"), "--output", "json").stdout)["index"]
                 for pod in (app(0), app(2), app(3))]
        assert index == sorted(index) and len(set(index)) == 3
    finally:
        world.close()


def refusal_without_token(world, pod):
    with pytest.raises(grpc.RpcError) as caught:
        world.kubelet.publish(pod, tokens="", timeout=10)
    return caught.value


# ---- the server's own certificate

def write_server_pair(world, begins, ends):
    """A pair from the TLS CA of this world, as an outside renewal would leave it."""
    with open(world.path("issuer-ca.pem"), "rb") as f:
        ca = x509.load_pem_x509_certificate(f.read())
    with open(world.path("issuer/tls-ca.key"), "rb") as f:
        ca_key = serialization.load_pem_private_key(f.read(), None)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    certificate = (x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "renewed")])).issuer_name(ca.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(seconds=begins)).not_valid_after(now + datetime.timedelta(seconds=ends))
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName("issuer.demo.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
                   .add_extension(x509.BasicConstraints(False, None), True)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False)
                   .sign(ca_key, hashes.SHA256()))
    files = {"tls.pem": certificate.public_bytes(serialization.Encoding.PEM),
             "tls.key": key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())}
    for name, data in files.items():
        path = world.path("issuer", name)
        with open(path + ".new", "wb") as f:
            f.write(data)
        os.chmod(path + ".new", 0o600)
        os.rename(path + ".new", path)
    return (now + datetime.timedelta(seconds=ends)).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown_certificate(world):
    with connect_unverified(world) as connection:
        return x509.load_der_x509_certificate(connection.getpeercert(True))


def connect_unverified(world):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client_context(world)
    context.load_cert_chain(world.path("client.crt"), world.path("client.pem"))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", world.issuer_port), 10))


def test_the_servers_certificate_ends_and_is_renewed_from_outside(soft):
    world = soft()
    known = connect(world)
    assert ask(known)[0] == 200
    ended = write_server_pair(world, -7200, -60)
    world.issuer.process.send_signal(signal.SIGHUP)
    wait_until(lambda: world.issuer.events("tls_certificate_ended"), 10, "a word about the end")
    assert world.issuer.events("tls_certificate_ended")[-1]["not_after"] == ended
    assert ask(known)[0] == 200  # a connection that was there goes on
    status, body = issuer_get(world, "/readyz")
    assert status == 503 and json.loads(body)["check"] == "TLS_EXPIRED" and ended in json.loads(body)["detail"]
    assert number(world, "vouchsafe_issuer_tls_not_after_seconds") < time.time()

    world.attester.start()
    world.start_csi()
    refused = refusal_without_token(world, app(0))
    assert refused.code() == grpc.StatusCode.UNAVAILABLE
    assert "expired" in refused.details() and ended in refused.details() and "CN=renewed" in refused.details(), refused.details()

    write_server_pair(world, -60, 3600)  # noticed without a signal
    wait_until(lambda: shown_certificate(world).not_valid_after > datetime.datetime.utcnow(), 10, "the renewed certificate")
    world.kubelet.publish(app(1), tokens="")
    assert issuer_get(world, "/readyz")[0] == 200
    with open(world.path("issuer/tls.pem"), "w") as f:
        f.write("half a certif")
    wait_until(lambda: number(world, "vouchsafe_issuer_tls_reload_failures_total") == 1, 10, "the failure to be counted")
    assert ask(connect(world))[0] == 200


# ---- the policy, and words that are no command

def test_a_restart_takes_no_older_policy(soft):
    world = soft()
    text = DEVELOPMENT.replace("owner: me}", "owner: me, revision: 9}", 1)
    assert world.reload_policy(text)[0] == 200 and number(world, "vouchsafe_issuer_policy_revision") == 9
    world.issuer.stop()
    world.set_policy(text.replace("revision: 9", "revision: 8"))
    world.issuer.start()
    assert world.issuer.process.wait(10) == 1
    assert "9 has been in force" in world.issuer.log_text()
    world.set_policy(text.replace("revision: 9", "revision: 10").replace("ttl: 10m", "ttl: 9m"))
    world.start_issuer()
    assert number(world, "vouchsafe_issuer_policy_revision") == 10


def test_an_unknown_word_is_no_command(soft):
    world = soft()
    run = subprocess.run([binary("vouchsafe-issuer"), "innit", "--config", world.path("issuer.yaml")], capture_output=True, text=True, timeout=10)
    assert run.returncode == 1 and "unknown command innit" in run.stderr and '"USAGE"' in run.stderr


# ---- with a TPM

def test_a_root_that_goes_takes_its_keys_with_it(fresh):
    """An endorsement root that is no longer configured: keys that came by it are refused at the next reload, and taken again when it is back."""
    world = fresh(ttl="1h")
    world.kubelet.publish(app(0))
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Another Maker")])
    now = datetime.datetime.now(datetime.timezone.utc)
    other = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1).not_valid_before(now)
             .not_valid_after(now + datetime.timedelta(days=1)).add_extension(x509.BasicConstraints(True, None), True)
             .add_extension(x509.KeyUsage(False, False, False, False, False, True, False, False, False), True).sign(key, hashes.SHA256()))
    with open(world.path("ek-roots.pem")) as f:
        roots = f.read()

    def configure(text):
        loaded = len(world.issuer.events("policy_loaded"))
        world.write("ek-roots.pem", text)
        world.issuer.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(world.issuer.events("policy_loaded")) > loaded, 10, "the reload")
    configure(other.public_bytes(serialization.Encoding.PEM).decode())
    refused = refusal(world, app(1))
    assert refused.code() == grpc.StatusCode.PERMISSION_DENIED and "ek." in json.dumps(world.attester.events("acquisition_failed"))
    checks = [one["check"] for one in json.loads(unix_get(world.path("run/admin.sock"), "/v1/refusals")[1])["refusals"]]
    assert "ek.root" in checks and "ek.chain" in checks  # refused, and the new enrolment as well
    world.kubelet.publish(app(0))  # the volume that is there is left alone
    configure(roots)
    world.kubelet.publish(app(2))
