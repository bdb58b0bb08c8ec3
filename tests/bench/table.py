"""The result for people: each figure beside the one that we hold ourselves to."""


def rows(r):
    serial, volumes, slow = r["mounts"]["serial"], r["volumes"], r["slow_tpm"]
    rss = volumes["rss_kib"]["250"]
    idle = volumes["idle_100"]
    issuer = r["issuer"]
    yield "csi: start to answering", f"{r['ready_ms']['csi']} ms", "< 50 ms", r["ready_ms"]["csi"] < 50
    yield "attester, issuer: the same", f"{r['ready_ms']['attester']}, {r['ready_ms']['issuer']} ms", "", None
    for count, used in volumes["rss_kib"].items():
        yield f"memory at {count} volumes: csi, attester", f"{used['csi'] / 1024:.1f} + {used['attester'] / 1024:.1f} MiB", "", None
    both = (rss["csi"] + rss["attester"]) / 1024
    yield "memory at 250 volumes: both", f"{both:.1f} MiB", "< 25 MiB", both < 25
    yield "the same: own, and library pages once", f"{rss['node']['own'] / 1024:.1f}, {rss['node']['shared_once'] / 1024:.1f} MiB", "", None
    yield "memory of the issuer, its signer", f"{rss['issuer'] / 1024:.1f} + {rss['signer'] / 1024:.1f} MiB", "", None
    used = idle["csi"]["cpu_percent"] + idle["attester"]["cpu_percent"]
    yield "idle, 100 volumes: csi + attester", f"{used:.2f} % of a core", "~ 0", used < 0.2
    yield "idle wake-ups: csi, attester, issuer", ", ".join(f"{idle[n]['wakeups_per_s']}/s" for n in ("csi", "attester", "issuer")), "", None
    for shape, calls in r["mounts"].items():
        for kind in ("publish", "republish", "unpublish"):
            c = calls[kind]
            checked = kind == "republish" and shape == "serial"
            yield f"{kind}, {shape}: p50, p99", f"{c['p50_ms']}, {c['p99_ms']} ms", "p99 < 1 ms" if checked else "", c["p99_ms"] < 1 if checked else None
        yield f"quotes per publish, {shape}", f"{calls['publish']['quotes_per_publish']}", "", None
        yield f"CPU per publish, {shape}: csi, attester, issuer", ", ".join(str(calls["publish"]["cpu_ms"][n]) for n in ("csi", "attester", "issuer")) + " ms", "", None
    c = r["republish_under_load"]
    yield "republish while 50 at once are published", f"{c['p50_ms']}, {c['p99_ms']} ms", "", None
    p = serial["publish"]
    o = r["overhead"]
    yield "publish; of it TPM, issuer; p50", f"{o['publish_p50_ms']}; {o['tpm_p50_ms']}, {o['issuer_p50_ms']} ms", "", None
    yield "publish but TPM and issuer, p50", f"{o['overhead_p50_ms']} ms", "< 3 ms", o["overhead_p50_ms"] < 3
    yield "the same, one right after the other", f"{p['overhead_ms']} ms", "< 3 ms", p["overhead_ms"] < 3
    yield "round trips a publish", f"{p['round_trips']}", "<= 1", p["round_trips"] <= 1.02
    burst = slow["publish_250_at_once"]
    yield f"250 publishes at once, {slow['quote_ms']} ms a quote", f"{burst['all_ms'] / 1000:.2f} s, {burst['quotes_per_publish']} quotes each", "< 2 s", burst["all_ms"] < 2000
    steady = slow["publish_100_at_20_per_s"]
    yield "20 publishes a second, the same TPM", f"p50 {steady['p50_ms']} ms, {steady['quotes_per_publish']} quotes each", "", None
    for name, label in (("single", "one a request"), ("single_parallel", "one a request, in parallel"), ("batch32", "batches of 32, ES256"), ("batch32_parallel", "the same in parallel"), ("batch32_rs256", "batches of 32, RS256"), ("batch32_rs256_parallel", "the same in parallel")):
        c = issuer[name]
        checked = name.startswith("batch32")
        yield f"credentials, {label}", f"{c['cpu_us']} us CPU, {c['per_core_per_s']:.0f}/s/core, {c['per_s']:.0f}/s", ">= 4000/s/core" if checked else "", c["per_core_per_s"] >= 4000 if checked else None
    bare = issuer["bare"]
    yield "bare: P-256 sign, verify, P-384 verify, RSA", f"{bare['p256_sign_us']}, {bare['p256_verify_us']}, {bare['p384_verify_us']}, {bare['rsa2048_verify_us']} us", "", None
    verifies = [issuer[name]["cpu_us"] / bare["p256_verify_us"] for name in ("batch32", "batch32_rs256")]
    yield "batched: in P-256 verifications, ES256, RS256", f"{verifies[0]:.2f}, {verifies[1]:.2f}", "<= 4.1", max(verifies) <= 4.1
    yield "share of unavoidable cryptography", f"single {issuer['crypto_share_single']}, batched {issuer['crypto_share_batch32']}, RS256 {issuer['crypto_share_batch32_rs256']}", "", None
    for name, c in r["verifier"].items():
        checked = name.startswith(("sev-snp", "tdx"))
        figures = "; ".join(f"{c[state]['cpu_us']} us, {c[state]['per_core_per_s']}/s/core, ratio {c[state]['ratio']}" for state in ("cold", "warm"))
        yield f"appraisal of {name}: cold; warm", figures, "warm >= 0.75" if checked else "", c["warm"]["ratio"] >= 0.75 if checked else None
    storm = issuer["storm"]
    yield f"{storm['pods']} pods at once, a replica of this machine", f"{storm['wall_s']} s, {storm['cpu_s']} s CPU", "< 10 s", storm["wall_s"] < 10
    if "soak" in issuer:
        first, last, found = issuer["soak"]["memory"][0], issuer["soak"]["memory"][-1], issuer["soak"]["lookup"]
        yield f"memory after {first['records']}, {last['records']} records", f"{first['issuer_kib'] / 1024:.1f} + {first['signer_kib'] / 1024:.1f}, {last['issuer_kib'] / 1024:.1f} + {last['signer_kib'] / 1024:.1f} MiB", "flat", last["issuer_kib"] < 1.1 * first["issuer_kib"] + 2048
        yield f"serial to record among {found['records']}: p50, most", f"{found['p50_us']}, {found['max_us']} us", "< 50 ms", found["max_us"] < 50000
    yield "ledger commit: alone, in company of 31", f"{issuer['commit']['per_s']:.0f}/s, {issuer['commit_grouped']['per_s']:.0f}/s", "", None
    for name, label in (("full", "issuer with 8 clients"), ("five_times", "with 40 that wait as told"), ("five_times_rudely", "with 40 that don't wait")):
        o = r["overload"][name]
        told = o["without_retry_after"] == 0 and o["failed"] == 0
        yield f"{label}: p50, p99", f"{o['p50_ms']}, {o['p99_ms']} ms; {o['issued_per_s']:.0f}/s, {o['busy']} refused", "all told when", told
    for name, c in r["renewal"].items():
        checked = "worst_to_mean" in c and c.get("promised", False)
        yield f"renewal of {name}", f"mean {c['mean_per_s']}/s, worst {c['worst_to_mean']} x, {c['cpu_us_per_renewal']} us CPU each", "<= 2 x" if checked else "", c["worst_to_mean"] <= 2 if checked else None


def table(r):
    lines = ["", f"{r['machine']['cpu']}, {r['machine']['cores']} cores, Linux {r['machine']['kernel']}, load {r['machine']['load_1m']}; {r['took_s']} s", ""]
    for what, got, wanted, good in rows(r):
        verdict = {True: "yes", False: "NO", None: ""}[good]
        lines.append(f"{what:<48} {got:<46} {wanted:<16} {verdict}")
    return "\n".join(lines)
