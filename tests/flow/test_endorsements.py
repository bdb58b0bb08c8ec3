"""The endorsement store: evidence of machines whose makers are asked, slow, out or lying (tests/emulators/endorsements)."""
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from harness.world import World, binary, wait_until

sys.path.insert(0, "tests/emulators/endorsements")
from server import EndorsementServer  # noqa: E402

POLICY = """apiVersion: vouchsafe.dev/v1
kind: Profile
metadata: {name: default, owner: me}
spec:
  mechanism: background-check
  slots:
    - {name: x509, type: x509, algorithms: [p256], ttl: 10m}
---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {name: anything, owner: me}
spec:
  profiles: [default]
  any-genuine: true
  match:
    any:
      - {all: [{evidence.kind: sev-snp}, {snp.crl: checked}]}
      - {evidence.kind: tdx}
  identity: spiffe://demo.example/anything
"""
BACK_SOON = {"kds-interval": "10ms", "pcs-interval": "10ms"}


class Place:
    """An issuer of its own, and makers to ask."""

    def __init__(self, online=True, **options):
        self.world = World()
        self.makers = self.world.make("makers", 0o755)
        subprocess.run([binary("tests/guest"), "publish", self.makers], check=True, capture_output=True)
        self.server = EndorsementServer(self.makers).start()
        self.options = {"online": online, "kds": self.server.url("kds"), "pcs": self.server.url("pcs"), "pcs-root": self.server.url("pcs-root"),
                        "ca-file": self.server.certificate, **BACK_SOON, **options}
        if not online:
            for name in ("kds", "pcs", "pcs-root", "ca-file"):
                del self.options[name]
        self.world.prepare(POLICY, tpm=False, clusters=False, issuer=self.issuer_options())
        self.world.start_issuer()

    def issuer_options(self):
        return {"evidence": {"anchors": [{"kind": "sev-snp", "file": os.path.join(self.makers, "amd-root.der")},
                                         {"kind": "tdx", "file": os.path.join(self.makers, "intel-root.pem")}]},
                "endorsements": self.options, "workers": 8}

    def configure(self, **options):
        self.options.update(options)
        self.world.issuer_config(False, False, self.issuer_options())

    def restart(self):
        self.world.issuer.stop()
        self.world.start_issuer()

    def ask(self, *words):
        run = subprocess.run([binary("tests/guest"), *map(str, words), "--config", self.world.path("attester.yaml")],
                             capture_output=True, text=True, timeout=120)
        assert run.returncode == 0, run.stderr
        return [json.loads(line) for line in run.stdout.splitlines()]

    def one(self, kind):
        return self.ask(kind, 1)[0]

    def cli(self, *words):
        return self.world.cli("endorsements", *words, "--socket", self.world.path("run/admin.sock"), "--output", "json")

    def status(self):
        return {row["sort"]: row for row in json.loads(self.cli("status").stdout)["sorts"]}

    def metric(self, name):
        lines = self.world.metrics("issuer-health.sock").splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(name + " ")))

    def close(self):
        self.server.stop()
        self.world.close()


@pytest.fixture
def places():
    made = []

    def make(**how):
        made.append(Place(**how))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("kind, files", [("snp", 3), ("tdx", 4)])
def test_what_evidence_needs_is_fetched_once_and_kept(places, kind, files):
    place = places()
    assert place.one(kind)["check"] == "issued"
    assert place.server.asked() == files
    for _ in range(3):
        assert place.one(kind)["check"] == "issued"
    assert place.server.asked() == files, "a warm cache asks nobody"
    place.server.stop()
    assert place.one(kind)["check"] == "issued", "an outage means nothing to a warm cache"
    place.restart()
    assert place.one(kind)["check"] == "issued", "nor does a restart"
    assert place.metric('vouchsafe_issuer_endorsements{sort="%s"}' % {"snp": "vcek", "tdx": "tcb-info"}[kind]) == 1
    assert place.metric('vouchsafe_issuer_endorsement_left_seconds{sort="%s"}' % {"snp": "crl", "tdx": "tcb-info"}[kind]) > 3600


def test_a_cold_cache_and_an_outage_are_unavailable_and_then_served(places):
    place = places(wait="500ms")
    place.server.stop()
    refused = place.one("snp")
    assert (refused["check"], refused["code"]) == ("endorsements.unavailable", "UNAVAILABLE")
    assert 1000 <= refused["retry_after_ms"] <= 91000
    place.server.start()
    served = place.ask("patient", "snp", 1)[0]
    assert served["check"] == "issued"
    assert place.server.asked() == 3


def test_many_at_once_ask_the_maker_once(places):
    place = places(wait="10s")
    place.server.delay = 0.3
    answers = place.ask("patient", "snp", 40)
    assert [a["check"] for a in answers] == ["issued"] * 40
    assert place.server.asked() == 3 and place.server.most_at_once == 1
    assert max(a["tries"] for a in answers) <= 6, "who is told to come again does so after Retry-After"


def test_requests_do_not_wait_for_slow_makers(places):
    place = places(wait="300ms")
    place.server.delay = 2
    refused = place.one("tdx")
    assert refused["check"] == "endorsements.unavailable" and refused["took_ms"] < 1900
    wait_until(lambda: place.status()["tcb-info"]["count"] == 1, what="the fetch to go on by itself")
    assert place.ask("patient", "tdx", 1)[0]["check"] == "issued"
    assert place.server.asked() == 4


def test_a_limit_is_respected(places):
    place = places(wait="300ms")
    place.server.mode, place.server.retry_after = "limited", 4
    for _ in range(4):
        refused = place.one("snp")
        assert refused["check"] == "endorsements.unavailable"
    assert refused["retry_after_ms"] >= 1000
    assert place.server.asked() == 1, "nobody comes back before Retry-After"
    assert place.metric('vouchsafe_issuer_endorsement_fetches_total{outcome="limited"}') == 1
    assert "endorsements.status" in place.world.issuer.log_text()
    place.server.mode = "fine"
    assert place.ask("patient", "snp", 1)[0]["check"] == "issued"


def test_a_budget_is_kept(places):
    place = places(wait="200ms", **{"kds-interval": "2s", "kds-burst": 1})
    assert place.one("snp")["check"] == "endorsements.unavailable"
    assert place.server.asked() == 1
    assert place.ask("patient", "snp", 1)[0]["check"] == "issued"
    assert place.server.asked() == 3


def test_what_does_not_exist_is_remembered(places):
    place = places()
    vcek = next(name for folder, _, names in os.walk(place.makers) for name in names if "blSPL" in name)
    found = next(os.path.join(folder, vcek) for folder, _, names in os.walk(place.makers) if vcek in names)
    os.rename(found, found + ".away")
    for _ in range(3):
        refused = place.one("snp")
        assert refused["check"] == "snp.certificate", "the appraisal says what it lacks"
    assert place.server.asked("blSPL") == 1
    assert place.metric('vouchsafe_issuer_endorsement_fetches_total{outcome="absent"}') == 1


def test_a_portals_page_takes_nobodys_place(places):
    place = places(wait="300ms")
    place.server.mode = "lying"
    assert place.one("snp")["check"] == "endorsements.unavailable"
    assert all(row["count"] == 0 for row in place.status().values())
    assert place.metric('vouchsafe_issuer_endorsement_fetches_total{outcome="refused"}') >= 1


def test_a_server_of_somebody_else_is_not_believed(places):
    place = places(wait="300ms")
    place.configure(**{"ca-file": place.world.path("issuer-ca.pem")})
    place.restart()
    assert place.one("snp")["check"] == "endorsements.unavailable"
    assert place.server.asked() == 0
    assert "TLS" in place.world.issuer.log_text()


def test_a_bundle_serves_an_issuer_without_network(places, tmp_path):
    there, here = places(), places(online=False)
    for kind in ("snp", "tdx"):
        assert there.one(kind)["check"] == "issued"
    refused = here.one("tdx")
    assert refused["check"] == "tdx.collateral"
    bundle = str(tmp_path / "bundle.json")
    assert json.loads(there.cli("export", bundle).stdout)["exported"] == 7
    said = here.cli("import", bundle)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["imported"] == 7
    for kind in ("snp", "tdx"):
        assert here.one(kind)["check"] == "issued"
    assert here.server.asked() == 0
    assert not json.loads(here.cli("status").stdout)["online"]


def test_a_bundle_is_not_believed(places, tmp_path):
    there, here = places(), places(online=False)
    assert there.one("tdx")["check"] == "issued"
    bundle = tmp_path / "bundle.json"
    assert there.cli("export", str(bundle)).returncode == 0
    content = json.loads(bundle.read_text())
    content["endorsements"].append(["kds:/../etc/passwd", "aGk", ""])
    content["endorsements"].append(["kds:/vcek/v1/Milan/crl", "aGk", ""])
    for item in content["endorsements"]:
        if "fmspc" in item[0]:
            item[1] = item[1][:200] + ("A" if item[1][200] != "A" else "B") + item[1][201:]
    bundle.write_text(json.dumps(content))
    said = here.cli("import", str(bundle))
    checks = {row["check"] for row in json.loads(said.stdout)["refused"]}
    assert said.returncode == 1 and {"endorsements.path", "endorsements.format"} <= checks
    assert here.one("tdx")["check"].startswith("tdx.")
    bundle.write_text('{"version": 2, "endorsements": []}')
    assert here.cli("import", str(bundle)).returncode == 2


def test_older_tcb_info_is_not_taken_back(places, tmp_path):
    place = places()
    assert place.one("tdx")["check"] == "issued"
    older = place.world.make("older", 0o755)
    subprocess.run([binary("tests/guest"), "publish", older, "5"], check=True, capture_output=True)
    fresh = places(online=False)
    fresh.configure(mirror=older)
    fresh.restart()
    assert fresh.one("tdx")["check"] == "issued", "five days old is current to whoever knows no other"
    bundle = str(tmp_path / "old.json")
    assert fresh.cli("export", bundle).returncode == 0
    said = json.loads(place.cli("import", bundle).stdout)
    assert (said["imported"], said["older"]) == (0, 4), "what is there is newer"
    place.world.issuer.stop()
    database = sqlite3.connect(os.path.join(place.world.folder, "issuer", "ledger.db"))
    database.execute("DELETE FROM endorsements")
    database.commit()
    database.close()
    place.server.folder = older
    place.world.start_issuer()
    said = json.loads(place.cli("import", bundle).stdout)
    assert said["imported"] == 0 and {row["check"] for row in said["refused"]} == {"endorsements.rollback"}
    assert place.one("tdx")["check"] == "endorsements.unavailable", "nor from its maker's host, or who sits there"


def test_a_folder_mirrors_the_makers(places):
    place = places(online=False)
    assert place.one("snp")["check"] in ("snp.certificate", "policy.no_match")
    place.configure(mirror=place.makers)
    place.restart()
    for kind in ("snp", "tdx"):
        assert place.one(kind)["check"] == "issued"
    assert place.server.asked() == 0


def test_listed_chips_are_fetched_before_they_are_needed(places):
    place = places()
    name = next(name for _, _, names in os.walk(place.makers) for name in names if "blSPL" in name)
    chip, query = name.split("?")
    part = {key: int(value) for key, value in (pair.split("=") for pair in query.split("&"))}
    tcb = bytes([part["ucodeSPL"], part["snpSPL"], 0, 0, 0, 0, part["teeSPL"], part["blSPL"]]).hex()
    place.configure(prefetch=place.world.write("chips", f"# product, chip, TCB\n\nMilan {chip} {tcb} # rack 7\n"))
    place.restart()
    wait_until(lambda: place.status()["vcek"]["count"] == 1 and place.status()["crl"]["count"] == 1, what="the prefetch")
    place.server.stop()
    assert place.one("snp")["check"] == "issued"
    place.configure(prefetch=place.world.write("chips", "Milan nonsense\n"))
    place.world.issuer.stop()
    run = subprocess.run([binary("vouchsafe-issuer"), "--config", place.world.path("issuer.yaml")], capture_output=True, text=True, timeout=20)
    assert run.returncode == 1 and "line 1" in run.stderr


def test_offline_nobody_is_connected_to(places):
    place = places(online=False)
    sandboxed = place.world.issuer.events("sandboxed")
    assert sandboxed
    assert place.one("snp")["check"] != "endorsements.unavailable"
    assert place.server.asked() == 0
