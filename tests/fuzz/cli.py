"""Fuzzing from a shell (make fuzz, fuzz-list, fuzz-short, fuzz-long, fuzz-merge, fuzz-report). docs/fuzzing.md tells how to use it."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import engines
import results
import targets

MERGED_FILES = 40  # files of a target's corpus in the repository
MERGED_LEN = 4096  # a larger input is not taken into it


def repeat_text(target, engine, path):
    return f"repeat with: make fuzz TARGET={target.name} ENGINE={engine} INPUT={path}"


def run_one(args, target, seconds, slow=False, is_built=False):
    """One round of a target: build, what was found before, the engine, the record of it."""
    digest = target.digest()
    place = engines.Place(args.work, args.engine, target)
    place.take(args.build, args.engine, target, is_built)
    run = engines.ENGINES[args.engine](target, place, seconds, slow)
    findings = engines.open_findings(place)
    if run["exit"] != 0 and not findings and run["executions"] == 0:
        findings = [str(place.log)]  # it did not even start; the log says why
    corpus = place.corpus if args.engine == "libfuzzer" else place.afl / "default/queue"
    known = results.add(args.work, args.engine, target, digest, run, sum(p.is_file() for p in corpus.iterdir()) if corpus.is_dir() else 0, findings)
    print(f"{time.strftime('%H:%M:%S')} {results.line(known)}", flush=True)
    for path in findings:
        print(f"  FINDING {path}\n  {repeat_text(target, args.engine, path)}", flush=True)
    return known


def one(args):
    target = targets.get(args.target)
    if args.input:
        place = engines.Place(args.work, args.engine, target)
        place.take(args.build, args.engine, target)
        sys.exit(subprocess.run([place.program, *place.flags, args.input], env=engines.ENV, check=False).returncode)
    print(f"log: {engines.Place(args.work, args.engine, target).log}", flush=True)
    return 1 if run_one(args, target, args.time)["findings"] else 0


def in_parallel(jobs, pick, work):
    """`jobs` workers; each asks `pick` for the next thing until that gives None."""
    bad = []

    def worker():
        while (item := pick()) is not None:
            try:
                if work(item)["findings"]:
                    bad.append(item.name)
            except engines.BuildFailed as failure:
                bad.append(item.name)
                print(f"{item.name}: does not build\n{failure}", flush=True)

    threads = [threading.Thread(target=worker) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return bad


def short(args):
    started = time.monotonic()
    engines.make(args.build, args.engine, "fuzz-binaries", args.jobs)
    built = time.monotonic()
    todo = targets.find()
    count, lock = len(todo), threading.Lock()

    def pick():
        with lock:
            return todo.pop(0) if todo else None

    with tempfile.TemporaryDirectory(prefix="fuzz-short-") as scratch:
        work, args.work = args.work, scratch
        bad = in_parallel(args.jobs, pick, lambda target: run_one(args, target, args.time, is_built=True))
        if bad:
            kept = Path(work) / "short"
            shutil.copytree(scratch, kept, dirs_exist_ok=True)
            print(f"findings are kept in {kept}")
    print(f"{count} targets, built in {built - started:.0f} s, {time.monotonic() - started:.0f} s in all; with findings: {' '.join(bad) or 'none'}")
    return 1 if bad else 0


def long(args):
    """Breadth first: of the targets whose present sources have had less than `time` seconds of processor, the one with the fewest rounds is
    next, and of those the one that was run longest ago. Targets are looked for anew each time. One that has an open finding waits until its
    sources change."""
    running, failed, lock = set(), {}, threading.Lock()

    def due(target):
        known = results.load(args.work, args.engine, target, target.digest())
        return not known["findings"] and known["cpu_s"] < 0.9 * args.time

    def choose():
        found = [t for t in targets.find() if t.name not in running and failed.get(t.name, 0) < 20 and due(t)]
        found.sort(key=lambda t: (failed.get(t.name, 0), results.load(args.work, args.engine, t, t.digest())["rounds"],
                                  results.last_run(args.work, args.engine, t)))
        return found[0] if found else None

    def pick():
        until = time.monotonic() + args.linger
        while True:
            with lock:
                target = choose()
                if target is not None:
                    running.add(target.name)
                    return target
            if time.monotonic() >= until:
                return None
            time.sleep(20)

    def work(target):
        try:
            done = run_one(args, target, args.round or args.time, slow=True)
            failed.pop(target.name, None)
            return done
        except engines.BuildFailed as failure:
            # somebody is in the middle of a change, perhaps: later again
            failed[target.name] = failed.get(target.name, 0) + 1
            print(f"{target.name}: does not build yet\n{str(failure)[-600:]}", flush=True)
            time.sleep(60)
            return {"findings": []}
        finally:
            with lock:
                running.discard(target.name)

    in_parallel(args.jobs, pick, work)
    left = [t.name for t in targets.find() if results.load(args.work, args.engine, t, t.digest())["findings"] or due(t)]
    print(f"done; open or unfinished: {' '.join(left) or 'none'}")
    return 1 if left else 0


def merge(args):
    """Of what was found, the inputs that reach something new: small ones only, few, and first those that are smallest."""
    for target in [targets.get(args.target)] if args.target else targets.find():
        place = engines.Place(args.work, "libfuzzer", target)
        room = MERGED_FILES - len(target.seeds())
        if room <= 0 or not any(place.corpus.iterdir()):
            continue
        place.take(args.build, "libfuzzer", target)
        with tempfile.TemporaryDirectory(prefix="fuzz-merge-") as scratch:
            both, small = Path(scratch) / "both", Path(scratch) / "small"
            both.mkdir(), small.mkdir()
            for seed in target.seeds():
                shutil.copy(seed, both / seed.name)
            for path in place.corpus.iterdir():
                if path.is_file() and path.stat().st_size <= MERGED_LEN:
                    os.link(path, small / path.name) if path.stat().st_dev == small.stat().st_dev else shutil.copy(path, small)
            subprocess.run([place.program, "-set_cover_merge=1", both, small], env=engines.ENV, capture_output=True, check=True)
            known = {seed.name for seed in target.seeds()}
            new = sorted((p for p in both.iterdir() if p.name not in known), key=lambda p: p.stat().st_size)
            target.corpus.mkdir(parents=True, exist_ok=True)
            for path in new[:room]:
                shutil.copy(path, target.corpus / f"fuzzed-{path.name[:12]}")
            print(f"{target.name}: {min(room, len(new))} of {len(new)} taken", flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(prog="tests/fuzz/run", description=__doc__)
    parser.add_argument("--build", default="build", help="programs go to BUILD/libfuzzer and BUILD/afl")
    parser.add_argument("--work", help="corpora, logs, findings, results (default: BUILD/fuzz-work)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    for name in ("one", "short", "long"):
        command = commands.add_parser(name)
        command.add_argument("--time", type=int, default={"one": 600, "short": 3, "long": 600}[name])
        command.add_argument("--engine", choices=tuple(engines.ENGINES), default="libfuzzer")
        command.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
        if name == "one":
            command.add_argument("target")
            command.add_argument("--input")
        if name == "long":
            command.add_argument("--round", type=int, help="seconds of one round (default: all of --time at once)")
            command.add_argument("--linger", type=int, default=0, help="seconds to wait for new or changed targets before ending")
    commands.add_parser("merge").add_argument("target", nargs="?")
    commands.add_parser("report").add_argument("document")
    args = parser.parse_args()
    args.work = args.work or f"{args.build}/fuzz-work"
    if args.command == "list":
        print("\n".join(sorted(t.name for t in targets.find())))
        return 0
    if args.command == "report":
        results.write_into(args.document, args.work, targets.find())
        return 0
    try:
        return {"one": one, "short": short, "long": long, "merge": merge}[args.command](args)
    except engines.BuildFailed as failure:
        raise SystemExit(f"fuzz: does not build\n{failure}") from None


if __name__ == "__main__":
    sys.exit(main())
