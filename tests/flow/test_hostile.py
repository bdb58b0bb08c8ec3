"""An attester that lies in one place at a time, behind a real quote and valid signatures everywhere else; and bodies that are no requests."""
import json
import os
import ssl
import http.client
import subprocess

import pytest

from harness.kubelet import Pod
from harness.tpm import Tpm
from harness.world import ATTESTER_UID

LIES = [
    ("honest", "accepted"),
    ("replay", "nonce.replayed"),
    ("nonce-foreign", "nonce.foreign"),
    ("nonce-short", "nonce.malformed"),
    ("audience", "audience"),
    ("stale-policy", "stale_policy"),
    ("profile", "policy.no_profile"),
    ("pop-other-key", "pop"),
    ("pop-other-nonce", "pop"),
    ("pop-other-audience", "pop"),
    ("pop-corrupt", "pop"),
    ("other-tls-key", "tpm.extra_data"),
    ("other-exporter", "tpm.extra_data"),
    ("other-request", "tpm.extra_data"),
    ("quote-other-audience", "tpm.extra_data"),
    ("quote-other-nonce", "tpm.extra_data"),
    ("quote-for-enrolment", "tpm.extra_data"),
    ("quote-corrupt", "tpm.signature"),
    ("signature-corrupt", "tpm.signature"),
    ("pcr-value", "tpm.pcr_digest"),
    ("fewer-pcrs", "policy.no_match"),
    ("evidence-type", "evidence.kind"),
    ("evidence-software", "evidence.insecure_development"),
    ("evidence-truncated", "evidence.format"),
    ("no-evidence", "evidence.missing"),
    ("no-credential", "BAD_FIELD"),
]


def hostile(world, *words):
    return subprocess.run(["setpriv", f"--reuid={ATTESTER_UID}", f"--regid={ATTESTER_UID}", "--clear-groups", "--",
                           os.path.join(os.environ["BUILD"], "tests/hostile"), *words, "--config", world.path("attester.yaml")],
                          capture_output=True, text=True, timeout=30)


@pytest.fixture(scope="module")
def enrolled(world):
    world.kubelet.publish(Pod("app-0", "payroll", "app"))  # enrols the attestation key
    return world


@pytest.mark.parametrize("lie,check", LIES)
def test_lie_is_refused_by_its_check(enrolled, lie, check):
    pod = Pod("app-0", "payroll", "app")
    token = next(iter(json.loads(enrolled.kubelet.tokens(pod)).values()))["token"]
    path = enrolled.write("hostile-token", token, 0o400, ATTESTER_UID)
    run = hostile(enrolled, lie, path, pod.uid)
    assert run.stdout.strip() == check, run.stderr


ENROLMENT_LIES = [
    ("honest", "accepted"),
    ("audience", "audience"),
    ("no-certificate", "ek.missing"),
    ("other-certificate", "ek.key"),
    ("certificate-corrupt", "ek.signature"),
    ("loose-key", "ak.attributes"),
    ("ek-as-ak", "ak.attributes"),
    ("no-token", "k8s.missing"),
    ("pods-token", "k8s.attester"),
    ("own-key", "enrol.secret"),
    ("wrong-secret", "enrol.secret"),
    ("challenge-corrupt", "enrol.challenge"),
    ("other-tls-key", "enrol.client_key"),
    ("used-nonce", "nonce.replayed"),
    ("used-challenge", "enrol.replayed"),
    ("no-quote", "evidence.missing"),
    ("quote-for-issuing", "tpm.extra_data"),
    ("other-exporter", "tpm.extra_data"),
    ("other-request", "tpm.extra_data"),
]


@pytest.fixture(scope="module")
def other_certificate(enrolled):
    """The endorsement certificate of another TPM of the same maker: genuine, and anybody's to show."""
    other = Tpm(enrolled.folder, "other-tpm").manufacture().start()
    try:
        der = other.ek_certificate()
    finally:
        other.stop()
    path = enrolled.path("other-ek.der")
    with open(path, "wb") as f:
        f.write(der)
    return path


@pytest.mark.parametrize("lie,check", ENROLMENT_LIES)
def test_lie_in_an_enrolment_is_refused_by_its_check(enrolled, other_certificate, lie, check):
    token = next(iter(json.loads(enrolled.kubelet.tokens(Pod("app-0", "payroll", "app"))).values()))["token"]
    path = enrolled.write("hostile-token", token, 0o400, ATTESTER_UID)
    run = hostile(enrolled, f"enrol-{lie}", path, other_certificate)
    assert run.stdout.strip() == check, run.stderr
    enrolled.kubelet.publish(Pod("app-0", "payroll", "app"))  # the key that is enrolled goes on


def post(world, path, body, cert=True):
    context = ssl.create_default_context(cafile=world.path("issuer-ca.pem"))
    context.check_hostname = False
    if cert:
        if not os.path.exists(world.path("client.pem")):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", world.path("client.pem"),
                            "-out", world.path("client.crt"), "-days", "1", "-subj", "/CN=client"], check=True, capture_output=True)
        context.load_cert_chain(world.path("client.crt"), world.path("client.pem"))
    connection = http.client.HTTPSConnection("127.0.0.1", world.issuer_port, context=context, timeout=10)
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    return reply.status, json.loads(text)


BODIES = [
    ("empty", b""),
    ("no JSON", b"hello"),
    ("truncated", b'{"request": "eyJ'),
    ("array", b"[]"),
    ("duplicate keys", b'{"request":"e30","request":"e30"}'),
    ("unknown field", b'{"request":"e30","more":1}'),
    ("NUL", b'{"request":"e30\x00"}'),
    ("escaped NUL", b'{"request":"e30\\u0000"}'),
    ("invalid UTF-8", b'{"request":"\xff\xfe"}'),
    ("not base64url", b'{"request":"!!!!"}'),
    ("padded base64", b'{"request":"e30="}'),
    ("deep", b'{"request":' + b"[" * 100 + b"]" * 100 + b"}"),
    ("R empty object", b'{"request":"e30"}'),
    ("real number", b'{"request":1.5}'),
]


@pytest.mark.parametrize("name,body", BODIES)
@pytest.mark.parametrize("path", ["/v1/credentials", "/v1/attestation-keys", "/v1/attestation-keys/activate"])
def test_bad_bodies_are_clear_400s(world, path, name, body):
    status, problem = post(world, path, body)
    assert status == 400, (name, problem)
    assert problem["check"] and problem["detail"] and problem["status"] == 400
    assert world.issuer.alive()


def test_oversized_body_is_refused(world):
    try:
        status, problem = post(world, "/v1/credentials", b'{"request":"' + b"A" * (1 << 20) + b'"}')
        assert status in (413, 429, 400)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        pass  # closed before all was sent
    assert world.issuer.alive()


def test_without_client_certificate_nothing_is_issued(world):
    status, problem = post(world, "/v1/credentials", b'{"request":"e30"}', cert=False)
    assert status in (400, 401, 403) and problem["check"]
