"""Mechanism key-release: an owner's key, kept by the issuer, comes into a pod's volume because the machine attested, and only then."""
import glob
import json
import os
import shutil
import subprocess

import grpc
import pytest
from cryptography.hazmat.primitives import serialization

from conftest import WORKLOADS
from harness.hostile import world_is_instrumented
from harness.kubelet import Pod
from harness.policy import policy
from harness.world import World, binary, free_port, wait_until
from test_canary import forms, forms_of_pem

IDENTITY = "spiffe://demo.example/ns/payroll/sa/app"

STORED = """
---
apiVersion: vouchsafe.dev/v1
kind: Profile
metadata: {name: stored, owner: cluster-admins}
spec:
  mechanism: key-release
  slots:
    - {name: x509, type: x509, algorithms: [p256, rsa3072], ttl: TTL, key: payroll-api}
---
apiVersion: vouchsafe.dev/v1
kind: KeyRelease
metadata: {name: payroll-api, owner: OWNER}
spec:
  keys: [payroll-api]
  match:
    all:
      - in_set: our-machines
      - in_set: boot-states
"""


def release_policy(world, ttl="1h", owner="team-payroll"):
    text = policy([world.tpm], WORKLOADS, "1h").replace("profiles: [default]", "profiles: [default, stored]")
    text = text.replace("  identity: spiffe", "  claims: {app: Payroll, tier: 2, evidence: {from: evidence.kind}}\n  identity: spiffe")
    return text + STORED.replace("TTL", ttl).replace("OWNER", owner)


@pytest.fixture
def worlds():
    made = []

    def make(ttl="1h", **config):
        world = World()
        made.append(world)
        world.tpm.manufacture().start()
        if callable(config.get("issuer")):
            config["issuer"] = config["issuer"](world)
        world.prepare(release_policy(world, ttl), **config)
        return world.start()
    yield make
    for world in made:
        world.close()


def keys(world, *words, socket="run/admin.sock"):
    run = world.cli("keys", *words, "--socket", world.path(socket), "--output", "json")
    assert run.returncode in (0, 1), run.stderr
    return run.returncode, json.loads(run.stdout)


def create(world, *words):
    code, key = keys(world, "create", "payroll-api", "--identity", IDENTITY, *words)
    assert code == 0, key
    return key


def publish(world, pod):
    world.kubelet.publish(pod, attributes={"profile": "stored"})
    return world.volume(pod)


def refused(world, pod):
    with pytest.raises(grpc.RpcError) as caught:
        publish(world, pod)
    return caught.value


def public_key_of(pem):
    key = serialization.load_pem_private_key(pem, None)
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def record_of(world, serial_or_id):
    return json.loads(world.cli("record", serial_or_id, "--socket", world.path("run/admin.sock"), "--output", "json").stdout)["record"]


def newest(key):
    return max(key["versions"], key=lambda v: v["version"])


def test_a_key_comes_into_the_volume_of_a_good_guest(worlds):
    world = worlds()
    key = create(world)
    assert key["owner"] == "team-payroll" and key["key_release"] == "payroll-api"
    first, second = Pod("app-0", "payroll", "app"), Pod("app-1", "payroll", "app")
    volumes = [publish(world, pod) for pod in (first, second)]
    for volume in volumes:
        assert volume.identity() == IDENTITY
        assert volume.pair_matches(volume.read("credential-bundle.pem"))
        assert volume.openssl_verify()
    assert volumes[0].read("tls.key") == volumes[1].read("tls.key"), "the same key for every pod of the workload"
    assert volumes[0].serial() == newest(key)["serial"], "the certificate that was computed beforehand"

    status = volumes[0].status()
    record = record_of(world, status.get("record") or status["credentials"][0]["record"])
    assert record["decision"] == "released" and record["mechanism"] == "key-release"
    assert record["key"]["name"] == "payroll-api" and record["key"]["version"] == 1
    assert record["identity"] == IDENTITY
    made = record_of(world, newest(key)["serial"])
    assert made["mechanism"] == "key-provisioning" and made["owner"] == "team-payroll"


def test_one_pod_by_two_mechanisms_with_the_same_claims(worlds):
    world = worlds()
    create(world)
    issued = Pod("app-0", "payroll", "app")
    released = Pod("app-0", "payroll", "app", uid=issued.uid, volume="stored")
    world.kubelet.publish(issued)
    volumes = [world.volume(issued), publish(world, released)]
    assert volumes[0].identity() == volumes[1].identity() == IDENTITY
    assert volumes[0].read("tls.key") != volumes[1].read("tls.key")
    records = [record_of(world, v.status().get("record") or v.status()["credentials"][0]["record"]) for v in volumes]
    assert [r["decision"] for r in records] == ["issued", "released"]
    for member in ("claims", "identity", "policy", "workload"):
        assert json.dumps(records[0][member]) == json.dumps(records[1][member]), member
    assert records[0]["claims"] == {"app": "Payroll", "tier": 2, "evidence": "tpm"}


def test_an_rsa_key(worlds):
    world = worlds()
    create(world, "--algorithm", "rsa3072")
    volume = publish(world, Pod("app-0", "payroll", "app"))
    assert volume.leaf().public_key().key_size == 3072
    assert volume.pair_matches(volume.read("credential-bundle.pem"))
    assert volume.openssl_verify()
    assert keys(world, "destroy", "payroll-api", "--all")[0] == 0
    create(world, "--algorithm", "p384")
    error = refused(world, Pod("app-1", "payroll", "app"))
    assert "does not take a p384 key" in error.details()


def test_a_changed_guest_is_refused_and_told_why(worlds):
    world = worlds()
    create(world)
    world.tpm.extend(7, "ab" * 32)
    error = refused(world, Pod("app-0", "payroll", "app"))
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "tpm.pcr.sha256.7" in error.details()


def test_only_the_owners_word_releases(worlds):
    world = worlds()
    create(world)
    pod = Pod("app-0", "payroll", "app")
    status, _ = world.reload_policy(release_policy(world, owner="team-web"))
    assert status == 200
    assert "team-web" in refused(world, pod).details()
    front = refused(world, Pod("front-0", "web", "front"))
    assert "another identity" in front.details(), front.details()
    world.reload_policy(release_policy(world))
    publish(world, pod)


def test_a_rotated_key_comes_with_the_next_renewal(worlds):
    world = worlds(ttl="20s")
    before = create(world)
    pod = Pod("app-0", "payroll", "app")
    volume = publish(world, pod)
    old = volume.read("tls.key")
    code, after = keys(world, "rotate", "payroll-api")
    assert code == 0 and after["newest"] == 2 and len(after["versions"]) == 2
    wait_until(lambda: volume.read("tls.key") != old, timeout=40, what="the new version")
    assert volume.pair_matches(volume.read("credential-bundle.pem"))
    assert newest(after)["spki_sha256"] != newest(before)["spki_sha256"]
    code, gone = keys(world, "destroy", "payroll-api", "--key-version", "1")
    assert code == 0 and gone["destroyed"]
    code, left = keys(world, "show", "payroll-api")
    assert [v["version"] for v in left["versions"]] == [2]
    code, _ = keys(world, "destroy", "payroll-api", "--all")
    assert code == 0
    assert keys(world, "list")[1]["keys"] == []
    assert "payroll-api" in refused(world, Pod("app-1", "payroll", "app")).details()


def as_user(world, uid, *words):
    run = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--", binary("vouchsafe"), "keys", *words,
                          "--socket", world.path("run/keys.sock"), "--output", "json"], capture_output=True, text=True)
    return run.returncode, json.loads(run.stdout) if run.stdout else run.stderr


def test_owners_are_kept_apart(worlds):
    owners = [{"uid": 64201, "owner": "team-payroll"}, {"uid": 64202, "owner": "team-web"}]
    world = worlds(issuer=lambda w: {"keystore": {"socket": w.path("run/keys.sock"), "owners": owners}})
    code, key = as_user(world, 64201, "create", "payroll-api", "--identity", IDENTITY)
    assert code == 0 and key["owner"] == "team-payroll", key
    asked = {"show": ["show", "payroll-api"], "rotate": ["rotate", "payroll-api"], "destroy": ["destroy", "payroll-api", "--all"],
             "create": ["create", "mine", "--identity", IDENTITY], "rewrap": ["rewrap"], "absent": ["show", "no-such-key"],
             "nobody's": ["create", "mine", "--identity", "spiffe://demo.example/nobody"]}
    for uid in (64202, 64203):
        for name, words in asked.items():
            code, said = as_user(world, uid, *words)
            assert (code, said["check"]) == (1, "keys.owner"), f"{uid} {name}: {said}"
        assert as_user(world, uid, "list")[1]["keys"] == []
    assert [k["name"] for k in as_user(world, 64201, "list")[1]["keys"]] == ["payroll-api"]
    assert as_user(world, 64201, "rotate", "payroll-api")[1]["newest"] == 2
    run = subprocess.run(["setpriv", "--reuid=64201", "--regid=64201", "--clear-groups", "--", binary("vouchsafe"), "keys", "list",
                          "--socket", world.path("run/admin.sock")], capture_output=True, text=True)
    assert run.returncode == 2, "the admin socket is not for owners"


def certify(world, name, *, uri=None, ca="owners-ca", usage="clientAuth", life=1):
    """A client certificate of a CA that is made when it isn't there."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)

    def key(path):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
    if not os.path.exists(world.path(f"{ca}.pem")):
        key(world.path(f"{ca}.key"))
        openssl("req", "-x509", "-new", "-key", world.path(f"{ca}.key"), "-subj", f"/CN={ca}", "-days", "2", "-addext",
                "keyUsage=critical,keyCertSign,cRLSign", "-out", world.path(f"{ca}.pem"))
    key(world.path(f"{name}.key"))
    openssl("req", "-new", "-key", world.path(f"{name}.key"), "-subj", f"/CN={name}", "-out", world.path(f"{name}.csr"))
    names = f"subjectAltName=URI:{uri}\n" if uri else ""
    world.write(f"{name}.ext", f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage={usage}\n{names}")
    openssl("x509", "-req", "-in", world.path(f"{name}.csr"), "-CA", world.path(f"{ca}.pem"), "-CAkey", world.path(f"{ca}.key"), "-CAcreateserial",
            "-extfile", world.path(f"{name}.ext"), "-days", str(life), "-out", world.path(f"{name}.pem"))


def https(world, port, name, *words):
    identity = ["--cert", world.path(f"{name}.pem"), "--key", world.path(f"{name}.key")] if name else []
    run = subprocess.run(["curl", "-sS", "--tlsv1.3", "--cacert", world.path("issuer-ca.pem"), "--resolve", f"issuer.demo.example:{port}:127.0.0.1",
                          *identity, *words], capture_output=True, text=True, timeout=30)
    return json.loads(run.stdout) if run.returncode == 0 else run.stderr


def test_owners_on_other_machines_by_certificate(worlds):
    port = free_port()
    owners = [{"client": "spiffe://admins.example/alice", "owner": "team-payroll"}, {"client": "CN=bob", "owner": "team-web"}]

    def configure(world):
        certify(world, "alice", uri="spiffe://admins.example/alice")
        certify(world, "bob")
        certify(world, "server-only", uri="spiffe://admins.example/alice", usage="serverAuth")
        certify(world, "stranger", uri="spiffe://admins.example/alice", ca="another-ca")
        return {"keystore": {"listen": f"127.0.0.1:{port}", "client-ca": world.path("owners-ca.pem"), "owners": owners}}
    world = worlds(issuer=configure)
    base = f"https://issuer.demo.example:{port}/v1/keys"
    body = json.dumps({"name": "payroll-api", "identity": IDENTITY, "algorithm": "p256"})
    made = https(world, port, "alice", "-d", body, base)
    assert made["owner"] == "team-payroll", made
    assert [k["name"] for k in https(world, port, "alice", base)["keys"]] == ["payroll-api"]
    assert https(world, port, "bob", base)["keys"] == []
    assert https(world, port, "bob", base + "/payroll-api")["check"] == "keys.owner"
    assert https(world, port, "bob", "-d", "{}", f"https://issuer.demo.example:{port}/v1/keystore/rewrap")["check"] == "keys.owner"
    for nobody in ("stranger", "server-only", None):
        said = https(world, port, nobody, base)
        assert isinstance(said, str) and "curl" in said, f"{nobody}: {said}"
    volume = publish(world, Pod("app-0", "payroll", "app"))
    assert volume.serial() == newest(made)["serial"]


def test_another_kek(worlds):
    world = worlds()
    create(world)
    world.issuer.stop()
    os.rename(world.path("issuer/kek"), world.path("issuer/kek.before"))
    subprocess.run([binary("vouchsafe-issuer"), "init", "--config", world.path("issuer.yaml")], check=True, capture_output=True)
    world.start_issuer()
    assert "KEK" in refused(world, Pod("app-0", "payroll", "app")).details()
    world.issuer.stop()
    world.issuer_config(True, True, {"keystore": {"previous-kek": world.path("issuer/kek.before")}})
    world.start_issuer()
    publish(world, Pod("app-1", "payroll", "app"))
    assert keys(world, "rewrap") == (0, {"rewrapped": 1})
    world.issuer.stop()
    world.issuer_config(True, True, {})
    os.unlink(world.path("issuer/kek.before"))
    world.start_issuer()
    publish(world, Pod("app-2", "payroll", "app"))


def test_a_private_key_is_nowhere_but_in_the_volume(worlds):
    loud = {"log-level": "debug"}
    world = worlds(issuer=loud, attester=loud, csi=loud)
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", world.path("imported.key")], check=True,
                   capture_output=True)
    with open(world.path("imported.key"), "rb") as f:
        pem = f.read()
    code, key = keys(world, "import", "payroll-api", "--identity", IDENTITY, "--in", world.path("imported.key"))
    assert code == 0, key
    os.unlink(world.path("imported.key"))
    volume = publish(world, Pod("app-0", "payroll", "app"))
    assert public_key_of(volume.read("tls.key")) == public_key_of(pem)

    with open(world.path("issuer/kek"), "rb") as f:
        kek = f.read()
    canaries = [*forms_of_pem(pem), *forms_of_pem(volume.read("tls.key"))]
    assert any(form in volume.read("tls.key") for form in canaries), "the search finds what is there"
    issuer = str(world.issuer.process.pid)
    if shutil.which("gcore") and not world_is_instrumented():  # a sanitizer maps terabytes
        subprocess.run(["gcore", "-o", world.path("core"), issuer], capture_output=True, check=True)
        assert os.path.getsize(world.path(f"core.{issuer}")) > 1 << 20
    looked = 0
    for path in glob.glob(os.path.join(world.folder, "**"), recursive=True):
        if not os.path.isfile(path) or "/kubelet/pods/" in path:
            continue
        with open(path, "rb") as f:
            data = f.read()
        looked += 1
        assert not [form for form in canaries if form in data], path
        if path != world.path("issuer/kek"):
            assert not [form for form in forms(kek) if form in data], path
    assert looked > 10
