"""Secrets stay where they belong: everything that the programs say or leave behind is searched for every secret that there was, in the forms that a secret
may take (its bytes, hex, base64 at any offset). With debug logs on, since somebody will have them on one day."""
import base64
import glob
import json
import os

import grpc
import pytest
from cryptography.hazmat.primitives import serialization

from conftest import make_world
from harness.kubelet import Pod
from harness.world import AUDIENCE, unix_get

LOUD = {"log-level": "debug"}


def base64_forms(secret):
    """What every base64 text has in common that holds these bytes: at three offsets, without the ends that depend on what stands beside."""
    for before in range(3):
        text = base64.b64encode(b"\0" * before + secret)
        yield text[4 * (before > 0):-4]


def forms(secret):
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for text in base64_forms(secret):
        found |= {text, text.replace(b"+", b"-").replace(b"/", b"_")}
    return [form for form in found if len(form) >= 12]


def forms_of_pem(pem):
    """A private key as PEM: its text's lines, and the number that it is."""
    key = serialization.load_pem_private_key(pem, None)
    scalar = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big")
    # the first line of PKCS #8 is the same for every key of a kind, and the last holds the public point
    return [*forms(scalar), *forms(scalar[::-1]), pem.splitlines()[2]]


def forms_of_token(token):
    return [token.encode(), token.rsplit(".", 1)[1].encode(), *forms(token.encode())]


def token_of(tokens):
    return json.loads(tokens)[AUDIENCE]["token"]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def files_below(folder):
    return [path for path in glob.glob(os.path.join(folder, "**"), recursive=True) if os.path.isfile(path)]


class Busy:
    """A world after work: which secrets there were, and what was said to kubelet."""

    def __init__(self, world):
        self.world, self.said, self.secrets = world, [], {}
        world.kubelet.register(world.registry)
        self.issue("app-0", "payroll", "app")
        self.pod = self.issue("front-0", "web", "front")
        self.refuse("stranger", Pod("other-0", "default", "other"))
        self.refuse("torn", Pod("app-0", "payroll", "app"), lambda t: t[:-8])
        self.refuse("forged", Pod("app-0", "payroll", "app"), lambda t: t[:-4] + "AAAA")
        self.refuse("doubled", Pod("app-0", "payroll", "app"), lambda t: t + t)
        world.kubelet.publish(self.pod, tokens=self.note_tokens("republished", self.pod))
        self.secrets["node token"] = forms_of_token(read(world.path("attester-token")).decode())
        for name in ("root.key", "tls.key", "tls-ca.key"):
            self.secrets[f"issuer's {name}"] = forms_of_pem(read(world.path("issuer", name)))
        self.secrets["nonce secret"] = forms(read(world.path("issuer/nonce.key")))
        self.secrets["Key store's KEK"] = forms(read(world.path("issuer/kek")))
        self.own = {world.path("issuer", name) for name in ("root.key", "tls.key", "tls-ca.key", "nonce.key", "kek")} | {world.path("attester-token")}

    def note_tokens(self, name, pod):
        tokens = self.world.kubelet.tokens(pod)
        self.secrets[f"token, {name}"] = forms_of_token(token_of(tokens))
        return tokens

    def issue(self, name, namespace, account):
        pod = Pod(name, namespace, account)
        self.world.kubelet.publish(pod, tokens=self.note_tokens(name, pod))
        self.secrets[f"key of {name}"] = forms_of_pem(self.world.volume(pod).read("tls.key"))
        return pod

    def refuse(self, name, pod, change=lambda t: t):
        token = change(token_of(self.note_tokens(name, pod)))
        self.secrets[f"token, {name}, as sent"] = forms_of_token(token)
        tokens = json.dumps({AUDIENCE: {"token": token, "expirationTimestamp": "2099-01-01T00:00:00Z"}})
        with pytest.raises(grpc.RpcError) as caught:
            self.world.kubelet.publish(pod, tokens=tokens)
        self.said.append(caught.value.details())

    def found_in(self, text):
        text = text if isinstance(text, bytes) else text.encode()
        return sorted(name for name, shapes in self.secrets.items() if any(shape in text for shape in shapes))


@pytest.fixture(scope="module")
def busy():
    world = make_world(ttl="1h", prepare={"issuer": LOUD, "attester": LOUD, "csi": LOUD})
    try:
        yield Busy(world)
    finally:
        world.close()


def processes(world):
    issuer = world.issuer.process.pid
    return [world.csi.process.pid, world.attester.process.pid, issuer, *map(int, read(f"/proc/{issuer}/task/{issuer}/children").split())]


def test_the_search_finds_what_is_there(busy):
    assert busy.found_in(busy.world.volume(busy.pod).read("tls.key")) == ["key of front-0"]
    assert busy.found_in(busy.world.volume(busy.pod).read("credential-bundle.pem")) == ["key of front-0"]
    assert busy.found_in(read(busy.world.path("attester-token"))) == ["node token"]
    for name, shapes in busy.secrets.items():
        assert shapes and name in busy.found_in(b"x" + shapes[0] + b"y")
    key = serialization.load_pem_private_key(busy.world.volume(busy.pod).read("tls.key"), None)
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for text in (der, der.hex(), base64.b64encode(der), base64.urlsafe_b64encode(b"z" + der)):
        assert busy.found_in(text) == ["key of front-0"]


def test_answers_to_kubelet(busy):
    assert len(busy.said) == 4 and busy.found_in("\n".join(busy.said)) == []


def test_logs(busy):
    for program in busy.world.programs:
        text = program.log_text()
        assert program.events("started"), program.name
        assert busy.found_in(text) == [], program.name


def test_metrics_health_and_admin_answers(busy):
    world = busy.world
    serial = world.volume(busy.pod).serial()
    asked = [("csi-health.sock", "/volumes"), ("admin.sock", "/v1/refusals"), ("admin.sock", f"/v1/records/{serial}")]
    asked += [(s, p) for s in ("csi-health.sock", "attester/health.sock", "issuer-health.sock", "admin.sock") for p in ("/metrics", "/healthz", "/readyz")]
    for where, path in asked:
        status, text = unix_get(world.path("run", where), path)
        assert status == 200, (where, path, text)
        assert text and busy.found_in(text) == [], (where, path)
    run = world.record(serial)
    assert run.returncode == 0 and busy.found_in(run.stdout + run.stderr) == []


def test_argv_and_environment(busy):
    for pid in processes(busy.world):
        for what in ("cmdline", "environ"):
            assert busy.found_in(read(f"/proc/{pid}/{what}")) == [], (pid, what)


def test_journal_ledger_and_every_other_file(busy):
    """The whole folder of the world but the volumes, and the files that hold the secrets on purpose."""
    world = busy.world
    searched = [path for path in files_below(world.folder) if not path.startswith(world.path("kubelet", "pods") + "/") and path not in busy.own]
    for needed in ("csi-state", "attester-state", "issuer/ledger.db", "csi.log"):
        assert any(path.startswith(world.path(needed)) for path in searched), needed
    for path in searched:
        assert busy.found_in(read(path)) == [], path


def test_volumes_hold_their_own_secret_only(busy):
    volume = busy.world.volume(busy.pod)
    for name in volume.files():
        assert busy.found_in(volume.read(name)) in ([], ["key of front-0"]), name
    for name in ("status.json", "trust-bundle.json", "ca.crt", "tls.crt"):
        assert busy.found_in(volume.read(name)) == [], name


def test_nothing_is_left_when_the_volume_goes(busy):
    pod = busy.issue("app-0", "payroll", "app")
    busy.world.kubelet.unpublish(pod)
    assert not [path for path in files_below(busy.world.kubelet_dir) if pod.uid in path]
    test_journal_ledger_and_every_other_file(busy)
    test_logs(busy)
