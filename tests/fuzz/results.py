"""Results: one JSON file a target and engine below WORK, added up over runs for as long as the target's sources stay the same."""
import json
import subprocess
import time
from pathlib import Path

BEGIN, END = "<!-- results: make fuzz-report -->", "<!-- end of results -->"


def path_of(work, engine, target):
    return Path(work) / "results" / f"{target.flat}.{engine}.json"


def load(work, engine, target, digest=None):
    """What is known of a target; an empty record when there is nothing for these sources."""
    path = path_of(work, engine, target)
    known = json.loads(path.read_text()) if path.is_file() else {}
    if digest is not None and known.get("digest") != digest:
        known = {}
    return {"target": target.name, "engine": engine, "digest": digest or known.get("digest", ""), "rounds": 0, "wall_s": 0.0, "cpu_s": 0.0,
            "executions": 0, "edges": 0, "features": 0, "corpus": 0, "findings": [], **known}


def last_run(work, engine, target):
    """When a round of it ended, whatever its sources were then; 0: never."""
    path = path_of(work, engine, target)
    return path.stat().st_mtime if path.is_file() else 0


def add(work, engine, target, digest, run, corpus, findings):
    known = load(work, engine, target, digest)
    for name in ("wall_s", "cpu_s"):
        known[name] = round(known[name] + run[name], 1)
    known["executions"] += run["executions"]
    for name in ("edges", "features"):
        known[name] = max(known[name], run[name])
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    known |= {"rounds": known["rounds"] + 1, "corpus": corpus, "findings": findings, "commit": commit,
              "when": time.strftime("%Y-%m-%d", time.gmtime())}
    path = path_of(work, engine, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(known, indent=1) + "\n")
    fresh.rename(path)
    return known


def line(r):
    return (f"{r['target']}: {r['executions']} executions, {r['edges']} edges, corpus {r['corpus']}, {r['wall_s']:.0f} s "
            f"({r['cpu_s']:.0f} s of processor), {len(r['findings'])} findings")


def table(work, targets):
    rows = ["| target | executions | edges | corpus | seconds | of processor | open findings | last run |", "|---|--:|--:|--:|--:|--:|--:|---|"]
    total = {"executions": 0, "wall_s": 0.0, "cpu_s": 0.0, "findings": 0}
    for target in sorted(targets, key=lambda t: t.name):
        for engine in ("libfuzzer", "afl"):
            r = load(work, engine, target)
            if r["rounds"] == 0:
                if engine == "libfuzzer":
                    rows.append(f"| `{target.name}` | not yet | | {len(target.seeds())} | | | | |")
                continue
            stale = "" if r["digest"] == target.digest() else ", sources changed since"
            name = f"`{target.name}`" + (" (AFL++)" if engine == "afl" else "")
            rows.append(f"| {name} | {r['executions']:,} | {r['edges']:,} | {r['corpus']} | {r['wall_s']:.0f} | {r['cpu_s']:.0f} | {len(r['findings'])} | {r['when']}{stale} |")
            total["executions"] += r["executions"]
            total["wall_s"] += r["wall_s"]
            total["cpu_s"] += r["cpu_s"]
            total["findings"] += len(r["findings"])
    rows.append(f"| all | {total['executions']:,} | | | {total['wall_s']:.0f} | {total['cpu_s']:.0f} | {total['findings']} | |")
    return "\n".join(rows)


def write_into(document, work, targets):
    text = Path(document).read_text()
    head, rest = text.split(BEGIN)
    _, tail = rest.split(END)
    Path(document).write_text(f"{head}{BEGIN}\n{table(work, targets)}\n{END}{tail}")
