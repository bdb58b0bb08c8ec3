"""Running one target with an engine, and what came of it.

A run works in WORK/<engine>/: corpus/<target> grows there, findings/<target> keeps inputs that break it, log/<target> is the engine's own
account. Nothing is written into the repository.
"""
import os
import re
import resource
import shutil
import subprocess
import threading
import time
from pathlib import Path

RSS_MB = 2048
TIMEOUT_S = 10
ENV = {**os.environ,
       "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:symbolize=1:handle_abort=1:allocator_may_return_null=0:detect_stack_use_after_return=1",
       "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:abort_on_error=1"}
building = threading.Lock()


class BuildFailed(Exception):
    pass


def binary_dir(build, engine):
    return Path(build) / engine


def make(build, engine, what, jobs=1):
    """Builds `what` below BUILD/<engine>; one make at a time."""
    into = binary_dir(build, engine)
    command = ["make", "-s", f"-j{jobs}", f"BUILD={into}", "MODE=fuzz", f"CC={'clang' if engine == 'libfuzzer' else 'afl-clang-fast'}"]
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MODE", "CC", "BUILD")}
    env |= {"AFL_USE_ASAN": "1", "AFL_USE_UBSAN": "1", "AFL_QUIET": "1"} if engine == "afl" else {}
    with building:
        done = subprocess.run([*command, what.format(into=into)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise BuildFailed(done.stdout[-3000:])


class Place:
    """The folders of one target's run. The program is copied, so that the next build doesn't replace it under a run."""

    def __init__(self, work, engine, target):
        base = Path(work) / engine
        self.flags = ["-timeout=300", f"-rss_limit_mb={RSS_MB}"] if engine == "libfuzzer" else []
        self.corpus, self.findings, self.log = base / "corpus" / target.flat, base / "findings" / target.flat, base / "log" / target.flat
        self.program, self.dict, self.afl = base / "bin" / target.flat, base / "dict" / target.flat, base / "out" / target.flat
        for folder in (self.corpus, self.findings, self.log.parent, self.program.parent, self.dict.parent, self.afl.parent):
            folder.mkdir(parents=True, exist_ok=True)

    def take(self, build, engine, target, is_built=False):
        if not is_built:
            make(build, engine, "{into}/fuzz/" + target.name)
        built = binary_dir(build, engine) / "fuzz" / target.name
        fresh = self.program.with_suffix(f".new{os.getpid()}")
        shutil.copy2(built, fresh)
        fresh.rename(self.program)
        self.dict.write_text(target.dictionary())


def spawn(command, log, env=None):
    """Runs a command into a log; returns (exit status, seconds of wall, seconds of processor)."""
    start = time.monotonic()
    with open(log, "ab") as out:
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env or ENV)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.monotonic() - start, usage.ru_utime + usage.ru_stime


def still_breaks(place, path):
    """True when an input kept as a finding still breaks the program as it is. Time is measured in processor seconds, because a run that
    gives way to everything else on the machine is slow by the clock without any fault of the target."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([place.program, *place.flags, path], env=ENV, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.returncode != 0 or after.ru_utime - before.ru_utime > TIMEOUT_S


def open_findings(place):
    """Findings that the present program still has; the others are moved to WORK/.../findings/<target>/gone."""
    still = []
    for path in sorted(p for p in place.findings.iterdir() if p.is_file() and not p.name.startswith("slow-unit")):
        if still_breaks(place, path):
            still.append(str(path))
        else:
            (place.findings / "gone").mkdir(exist_ok=True)
            path.rename(place.findings / "gone" / path.name)
    return still


def libfuzzer(target, place, seconds, slow=False):
    """`slow`: the machine is busy with other things, so the clock says little about one input."""
    place.log.write_bytes(b"")
    status, wall, cpu = spawn(
        [place.program, place.corpus, *([target.corpus] if target.seeds() else []), f"-max_total_time={seconds}",
         f"-max_len={target.max_len()}", f"-rss_limit_mb={RSS_MB}", f"-timeout={TIMEOUT_S * (12 if slow else 1)}", f"-dict={place.dict}",
         f"-artifact_prefix={place.findings}/", "-print_final_stats=1", "-report_slow_units=60"], place.log)
    text = place.log.read_text(errors="replace")
    edges = re.findall(r"\bcov: (\d+)", text)
    features = re.findall(r"\bft: (\d+)", text)
    executed = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text) or re.findall(r"^#(\d+)", text, re.M)
    return {"wall_s": wall, "cpu_s": cpu, "executions": int(executed[-1]) if executed else 0, "edges": int(edges[-1]) if edges else 0,
            "features": int(features[-1]) if features else 0, "exit": status}


def afl(target, place, seconds, slow=False):
    place.log.write_bytes(b"")
    if not any(place.corpus.iterdir()):
        for seed in target.seeds():
            shutil.copy(seed, place.corpus / seed.name)
    if not any(place.corpus.iterdir()):
        (place.corpus / "empty").write_bytes(b"\n")
    env = {**ENV, "AFL_NO_UI": "1", "AFL_SKIP_CPUFREQ": "1", "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1", "AFL_NO_AFFINITY": "1",
           "AFL_AUTORESUME": "1", "AFL_IGNORE_SEED_PROBLEMS": "1", "AFL_SKIP_CRASHES": "1",
           # what AFL++ asks of the sanitizers: it sees a fault as a signal, and leaks can't be looked for in a server of forks
           "ASAN_OPTIONS": "abort_on_error=1:symbolize=0:detect_leaks=0:allocator_may_return_null=0",
           "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:symbolize=0"}
    status, wall, cpu = spawn(["afl-fuzz", "-i", place.corpus, "-o", place.afl, "-V", seconds, "-m", "none",
                               "-t", TIMEOUT_S * 1000 * (12 if slow else 1), "-G", target.max_len(), "-x", place.dict, "--", place.program],
                              place.log, env)
    stats = {}
    if (place.afl / "default/fuzzer_stats").is_file():
        stats = dict(re.findall(r"^(\w+)\s*: (.*)$", (place.afl / "default/fuzzer_stats").read_text(), re.M))
    for kind in ("crashes", "hangs"):
        for path in (place.afl / "default" / kind).glob("id*"):
            shutil.copy(path, place.findings / f"{kind}-{path.name.split(',')[0].replace(':', '')}")
    return {"wall_s": wall, "cpu_s": cpu, "executions": int(stats.get("execs_done", 0)), "edges": int(stats.get("edges_found", 0)),
            "features": 0, "exit": 0 if stats else status or 1}


ENGINES = {"libfuzzer": libfuzzer, "afl": afl}
