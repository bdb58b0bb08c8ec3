"""The main job, shown: three pods ask for a volume, two get one because a real TPM attested, and time goes by.

Everything runs below one folder and in its own mount namespace; nothing is left behind. Any step that does not do what it says ends the
demo with a failure."""
import os
import signal
import subprocess
import sys
import threading
import time

import grpc

from harness.kubelet import Pod
from harness.policy import policy
from harness.volume import is_mounted, mounts_below
from harness.world import World, wait_until

COLOURS = sys.stdout.isatty()
START = time.monotonic()


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOURS else text


def act(title):
    print(f"\n{paint('1;36', title)}  {paint('2', f'({time.monotonic() - START:.0f} s)')}", flush=True)


def say(text):
    print("   " + str(text).replace("\n", "\n   "), flush=True)


def check(holds, text):
    print(f"   {paint('32', 'ok') if holds else paint('31', 'FAILED')} {text}", flush=True)
    if not holds:
        raise SystemExit(f"demo: {text}: did not hold")


class Reader:
    """An application that reads its credential all the time, as one open of one file."""

    def __init__(self, volume):
        self.volume, self.reads, self.mismatches, self.generations = volume, 0, 0, []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.stopping.is_set():
            bundle = self.volume.read("credential-bundle.pem")
            self.reads += 1
            if not self.generations or self.generations[-1] != bundle:
                self.generations.append(bundle)
                self.mismatches += not self.volume.pair_matches(bundle)
            time.sleep(0.001)

    def stop(self):
        self.stopping.set()
        self.thread.join()


def handshake(server, client):
    """mTLS between two pods with nothing but the files in their volumes."""
    port = 40000 + os.getpid() % 20000
    both = ["-cert_chain", "tls.crt", "-cert", "tls.crt", "-key", "tls.key", "-CAfile", "ca.crt"]
    with subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-naccept", "1", "-Verify", "3", "-verify_return_error", *both],
                          cwd=server.path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as listening:
        try:
            for _ in range(50):
                said = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-verify_return_error", "-brief", *both],
                                      cwd=client.path, input="hello\n", capture_output=True, text=True, timeout=20)
                if "connect:errno" not in said.stderr and "Connection refused" not in said.stderr:
                    return said.returncode == 0 and "CONNECTION ESTABLISHED" in said.stderr, said.stderr
                time.sleep(0.1)
            return False, said.stderr
        finally:
            listening.kill()


def renewed(world, pod, since, timeout=30):
    return wait_until(lambda: world.volume(pod).serial() != since and world.volume(pod).serial(), timeout, "a renewal")


def run(world):
    act("1. A machine, an issuer, a node")
    world.tpm.manufacture().start()
    say(f"swtpm manufactured; its endorsement key is {world.tpm.ek_digest()[:16]}…, certified by its vendor's CA")
    workloads = [("payroll", "payroll", "app"), ("web", "web", "front")]
    world.prepare(policy([world.tpm], workloads, ttl="20s"))
    world.start()
    checked = world.cli("policy", "check", world.policy_path)
    say(checked.stdout.strip())
    check(checked.returncode == 0, "policy checked: this TPM in this boot state, two service accounts, nobody else")
    info = world.kubelet.register(world.registry)
    check(info.name == "csi.vouchsafe.dev", f"kubelet registered driver {info.name}")

    act("2. Three pods ask for a volume")
    payroll, web, stranger = Pod("payroll-0", "payroll", "app"), Pod("web-0", "web", "front"), Pod("stranger-0", "default", "stranger")
    for pod in (payroll, web):
        began = time.monotonic()
        world.kubelet.publish(pod)
        check(is_mounted(world.kubelet.target(pod)), f"{pod.name}: {world.volume(pod).identity()}  in {1000 * (time.monotonic() - began):.0f} ms")
    try:
        world.kubelet.publish(stranger)
        check(False, "stranger-0 is refused")
    except grpc.RpcError as refusal:
        check(refusal.code() == grpc.StatusCode.PERMISSION_DENIED, f"stranger-0 is refused: {refusal.code().name}")
        say(refusal.details())
    check(not os.path.exists(world.kubelet.target(stranger)), "nothing was mounted for it")

    act("3. What the pod sees")
    say(subprocess.run(["ls", "-lL", world.kubelet.target(payroll)], capture_output=True, text=True).stdout.strip())
    good, said = world.volume(payroll).openssl_verify()
    check(good, "openssl verify: " + ("OK" if good else said))
    say(world.cli("inspect", world.kubelet.target(payroll)).stdout.strip())

    act("4. Mutual TLS between the two pods")
    good, said = handshake(world.volume(payroll), world.volume(web))
    say("\n".join(line for line in said.splitlines() if line.startswith(("Protocol", "Ciphersuite", "Peer certificate", "Verification"))))
    check(good, "both sides verified the other's certificate")

    act("5. Rotation under a running reader (credentials live 20 s)")
    reader = Reader(world.volume(payroll))
    serial = world.volume(payroll).serial()
    serial = renewed(world, payroll, serial)
    check(True, f"first rotation: serial {serial[:16]}…")

    act("6. The node plugin is killed (SIGKILL)")
    world.csi.kill()
    check(is_mounted(world.kubelet.target(payroll)) and world.volume(payroll).serial() == serial, "volumes are intact without it")
    world.start_csi()
    for pod in (payroll, web):
        world.kubelet.publish(pod)  # kubelet's republish: brings a fresh token, changes nothing
    check(world.volume(payroll).serial() == serial, "after its restart nothing was re-issued")
    serial = renewed(world, payroll, serial)
    check(True, f"second rotation, by the restarted plugin: serial {serial[:16]}…")
    reader.stop()
    check(reader.mismatches == 0 and len(reader.generations) >= 3,
          f"the reader saw {len(reader.generations)} generations in {reader.reads} reads and never a key that was not its certificate's")

    act("7. Why did that credential exist?")
    record = world.record(serial)
    say(record.stdout.strip())
    check(record.returncode == 0, f"the ledger explains serial {serial[:16]}…")

    act("8. The machine's boot state changes")
    world.tpm.extend(7, "ab" * 32)
    say("PCR 7 extended: the machine is no longer in a boot state that the platform team listed")
    wait_until(lambda: (world.describe(payroll) or {}).get("state") == "overdue", 30, "the denied renewal")
    denied = world.volume(payroll).serial()
    say(world.describe(payroll)["lastProblem"]["detail"])
    check(is_mounted(world.kubelet.target(payroll)) and denied == world.volume(payroll).serial(), "renewal is denied, the old credential stays until it expires")
    wait_until(lambda: world.volume(payroll).status()["state"] == "expired", 30, "expiry")
    check(not world.volume(payroll).openssl_verify()[0], "expired: relying parties refuse it by now")

    act("9. Unpublish")
    for pod in (payroll, web):
        world.kubelet.unpublish(pod)
    check(mounts_below(world.kubelet_dir) == [] and not os.path.exists(world.kubelet.target(payroll)), "no mount, no folder left")
    codes = [program.stop() for program in (world.csi, world.attester, world.issuer)]
    check(codes == [0, 0, 0], "all programs stopped cleanly")


def main():
    world = World()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        run(world)
    except BaseException:
        for program in world.programs:
            print(f"--- end of {program.log_path}\n{program.log_text()[-1500:]}", file=sys.stderr)
        raise
    finally:
        world.close()
    act("Summary")
    say("A pod declared a volume and got a short-lived identity because a real TPM attested. It rotated before expiry, survived a killed\n"
        "driver, was refused once the machine changed, and the ledger can say why for every serial.")
    print(f"\ndemo: passed in {time.monotonic() - START:.0f} s")


main()
