"""csi-sanity in full against the programs as they ship: node plugin, attester, issuer and a TPM. Ends with 0 when everything passed
that applies, nothing else was skipped than what docs/conformance.md lists, and the node was left clean.
usage: run.py CSI-SANITY   (tests/tools/run-sanity calls it)"""
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

from harness.kubelet import TOKENS, Pod
from harness.policy import policy
from harness.volume import Volume, mounts_below
from harness.world import World
from controller import Controller
from proxy import Proxy

# Needs a CreateVolume, or something published by one: the plugin by itself can't have it. Run through the proxy instead.
DIRECT_SKIP = "Controller|should remove target path|does not exist on the specified path|should work|should be idempotent"


def expected_skips():
    """The suite's words for a skip -> how many cases it gives it for: the table of docs/conformance.md, where the reasons are."""
    with open("docs/conformance.md") as f:
        return {words: int(count) for words, count in re.findall(r"^\| `([^`]+)` \| (\d+) \|", f.read(), re.MULTILINE)}


def run_suite(csi_sanity, world, name, socket, words):
    report = world.path(f"{name}.xml")
    run = subprocess.run([csi_sanity, "--csi.endpoint=unix://" + socket, "--csi.mountdir=" + world.path("csi-mount"),
                          "--csi.stagingdir=" + world.path("csi-staging"), "--ginkgo.junit-report=" + report, "--ginkgo.no-color", *words],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if not os.path.exists(report):
        raise RuntimeError(f"csi-sanity made no report:\n{run.stdout[-4000:]}")
    return run, cases(report)


def cases(report):
    """(name, status, message) of each case. Ginkgo's own nodes (suite set-up) are no cases, nor is what the suite itself disabled."""
    found = []
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if not name.startswith("[It] "):
            continue
        skipped = case.find("skipped")
        message = "" if skipped is None else (skipped.get("message") or "").removeprefix("skipped - ").removeprefix("skipped").strip()
        found.append((name.removeprefix("[It] "), status, message))
    return found


def counts(found):
    passed = sum(status == "passed" for _, status, _ in found)
    skipped = sum(status in ("skipped", "pending") for _, status, _ in found)
    return passed, len(found) - passed - skipped, skipped


def line(found):
    return "%d passed, %d failed, %d skipped" % counts(found)


def complaints(run, found):
    expected, said = expected_skips(), []
    for name, status, message in found:
        if status == "pending":
            message = "pending"
        if status in ("skipped", "pending"):
            if message not in expected:
                said.append(f"skipped without a reason of ours: {name}: {message}")
        elif status != "passed":
            said.append(f"{status}: {name}")
    for message, wanted in expected.items():
        count = sum((m or s) == message for _, s, m in found if s != "passed")
        if count != wanted:
            said.append(f"skips for \"{message}\": {count}, docs/conformance.md says {wanted}")
    if run.returncode != 0 and not said:
        said.append(f"csi-sanity ended with {run.returncode}")
    return said


def left_behind(world):
    said = [f"left mounted: {path}" for path in mounts_below(world.kubelet_dir)]
    for folder, _, files in os.walk(world.path("csi-state")):
        said += [f"left in the journal: {name}" for name in files if name.startswith("csi-")]
    for folder, folders, _ in os.walk(os.path.join(world.kubelet_dir, "pods")):
        said += [f"left behind: {os.path.join(folder, name)}" for name in folders if name == "mount"]
    for program in world.programs:
        if not program.alive():
            said.append(f"{program.name} is gone")
        said += [f"{program.name} logged {e['event']}: {json.dumps(e)}" for e in program.events() if e.get("level") == "error"]
    return said


class Witness:
    """The suite looks at answers only. This looks into each volume for which the plugin said OK."""

    def __init__(self):
        self.publishes, self.said = 0, []

    def published(self, path):
        self.publishes += 1
        volume = Volume(path)
        verified, said = volume.openssl_verify()
        with open("/proc/self/mountinfo") as f:
            options = [entry.split()[5].split(",") for entry in f if entry.split()[4] == path]
        if not verified:
            self.said.append(f"{path}: {said}")
        if not volume.pair_matches(volume.read("credential-bundle.pem")):
            self.said.append(f"{path}: key and certificate differ")
        if len(options) != 1 or "ro" not in options[0]:
            self.said.append(f"{path}: one read-only mount expected: {options}")


def direct(csi_sanity, world):
    """What needs no controller, with no proxy in between: the suite's gRPC is kubelet's, the plugin's is C core."""
    run, found = run_suite(csi_sanity, world, "direct", world.csi_socket, ["--ginkgo.focus=Identity Service|Node Service", "--ginkgo.skip=" + DIRECT_SKIP])
    failed = [f"direct: {status}: {name}" for name, status, _ in found if status not in ("passed", "skipped", "pending")]
    passed = counts(found)[0]
    print(f"without the proxy: {passed} passed, {len(failed)} failed", flush=True)
    if not passed or (run.returncode != 0 and not failed):
        failed.append(f"direct: {passed} passed, csi-sanity ended with {run.returncode}")
    return run, failed


def main(csi_sanity):
    world = World()
    try:
        world.tpm.manufacture().start()
        world.prepare(policy([world.tpm], [("payroll", "payroll", "app")], ttl="1h"), csi={"read-only-policy": "force"}).start()
        pod = Pod("sanity-0", "payroll", "app")
        secrets = world.write("secrets.yaml", "NodePublishVolumeSecret:\n  %s: %s\n" % (TOKENS, json.dumps(world.kubelet.tokens(pod))))
        straight, failed = direct(csi_sanity, world)
        witness = Witness()
        proxy = Proxy(world.path("run/sanity.sock"), world.kubelet, Controller(pod), world.path("csi-mount"), witness.published)
        run, found = run_suite(csi_sanity, world, "sanity", world.path("run/sanity.sock"), ["--csi.secrets=" + secrets])
        proxy.close()
        failed += complaints(run, found) + witness.said + left_behind(world)
        if not witness.publishes:
            failed.append("nothing was published")
        if failed:
            print(straight.stdout if straight.returncode else run.stdout)
            print("\n".join(failed))
        for path, text in (("SANITY_LOG", run.stdout), ("SANITY_CASES", "\n".join(f"{s}\t{n}\t{m}" for n, s, m in found) + "\n")):
            if os.environ.get(path):
                with open(os.environ[path], "w") as f:
                    f.write(text)
        print(f"volumes looked into: {witness.publishes}")
        print("reached the plugin: " + ", ".join(f"{m.rsplit('/', 1)[1]} {n}" for m, n in sorted(proxy.calls.items())))
        print(line(found))
        return 1 if failed else 0
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
