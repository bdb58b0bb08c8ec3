"""What can be fuzzed. A target is a file that ends in _fuzz.c, beside the code or under tests/fuzz; it needs no registration.

Its sources are the file itself and what that includes of ours (header and the .c of the same name), followed further only inside of the
target's own folder: a change there makes an old result stale, a change of a floor that everything stands on does not.
"""
import hashlib
import re
from pathlib import Path

FOLDERS = ("lib", "csi", "attester", "issuer", "cli", "tests/fuzz")
SECOND = "tests/fuzz/"
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')

# Those that read a stranger's bytes are run first, those that read only an administrator's or our own last.
FIRST = ("http_head", "request", "cmw", "jwt", "x509", "tpm", "pbcheck", "json", "yaml", "policy", "k8s_token", "verifier", "journal",
         "mountinfo", "key", "reply", "bundle")
LAST = ("options", "parse", "reader", "status")


class Target:
    def __init__(self, source: Path):
        self.source = source
        self.name = str(source)[: -len("_fuzz.c")]
        self.corpus = Path("tests/corpus") / self.name.removeprefix(SECOND)
        self.flat = self.name.replace("/", ".")

    def rank(self):
        tail = self.source.name[: -len("_fuzz.c")]
        if tail in FIRST:
            return FIRST.index(tail)
        return len(FIRST) + (tail in LAST)

    def sources(self):
        home = str(self.source.parent).removeprefix(SECOND)
        found, queue = {}, [self.source]
        while queue:
            path = queue.pop()
            if path in found or not path.is_file():
                continue
            found[path] = path.read_bytes()
            if path != self.source and str(path.parent) != home:
                continue
            for name in INCLUDE.findall(found[path].decode()):
                queue += [Path(name), Path(name[:-2] + ".c")]
        return dict(sorted(found.items()))

    def digest(self):
        sha = hashlib.sha256()
        for path, text in self.sources().items():
            sha.update(str(path).encode() + b"\0" + text + b"\0")
        return sha.hexdigest()[:16]

    def dictionary(self):
        """Literals of the parsed code as a dictionary: the words that a grammar is made of."""
        words = set()
        for text in self.sources().values():
            for word in LITERAL.findall(text.decode()):
                if 2 <= len(word) <= 40 and "%" not in word and not word.endswith((".h", ".c")) and word.isascii():
                    words.add(re.sub(r"\\([nrt0])", lambda m: {"n": "\\x0a", "r": "\\x0d", "t": "\\x09", "0": "\\x00"}[m[1]], word))
        good = (w for w in words if not re.search(r"\\(?![x\"\\])", w))
        return "".join(f'"{word}"\n' for word in sorted(good))

    def seeds(self):
        return sorted(p for p in self.corpus.iterdir() if p.is_file()) if self.corpus.is_dir() else []

    def max_len(self):
        """Room for twice the longest input of the corpus, 8 KiB at least."""
        return min(1 << 20, max([8192] + [2 * p.stat().st_size for p in self.seeds()]))


def find():
    found = [Target(p) for folder in FOLDERS for p in Path(folder).rglob("*_fuzz.c")]
    return sorted(found, key=lambda t: (t.rank(), t.name))


def get(name):
    name = name.removesuffix("_fuzz.c")
    for target in find():
        if target.name == name:
            return target
    raise SystemExit(f"fuzz: no target {name} (make fuzz-list)")
