"""Every refusal has a name, and every name a test: what the sources can refuse with must be mentioned in some test, or be listed here with the reason."""
import glob
import re

FOLDERS = ("lib", "csi", "attester", "issuer", "cli", "sign")
# The kinds of evidence and their building blocks keep a list of their own, from check to test, which is finer than this one.
KINDS = re.compile(r"issuer/verifier/(?!(enrol|k8s_token|software|result|verifier|appraise|ak|ak_record|memo)\.c)|lib/crypt/(crl|x509_link|x509_signed)\.c")

KERNEL = "a call of the system or of a library that fails for want of memory or threads, or not at all"
EFFECT = "tests look at what follows (quarantine, a status, an exit code, silence), which the name only explains"
LAST = "a second lock: what comes before refuses it under another name"
WITHOUT_TEST = {
    "BAD_BOOT_ID": KERNEL, "BAD_FORMAT": KERNEL, "KEY_AGREE": KERNEL, "KEY_GENERATE": KERNEL, "NO_MEMORY": KERNEL, "SIGNER_SOCKET": KERNEL,
    "TIMER_FAILED": KERNEL, "TLS_SETUP": KERNEL, "TARGET_IO": KERNEL, "MOUNT_FAILED": KERNEL, "JOURNAL_IO": KERNEL,
    "BAD_CHECKSUM": EFFECT, "FOREIGN_RECORD": EFFECT, "GENERATION_BROKEN": EFFECT, "MOUNT_GONE": EFFECT, "NOT_REGISTERED": EFFECT, "NOT_RUNNING": EFFECT,
    "NO_BUNDLE": EFFECT, "OTHER_GENERATION": EFFECT, "OTHER_KEY": EFFECT, "OTHER_ROOTS": EFFECT, "TOO_MANY_MOUNTS": EFFECT, "VOLUME_PATH": EFFECT,
    "COMPRESSED": "peers of gRPC see a status, and tests compare that", "NO_MESSAGE": "peers of gRPC see a status, and tests compare that",
    "NOT_SERVED": "peers of gRPC see a status, and tests compare that", "UNKNOWN_METHOD": "peers of gRPC see a status, and tests compare that",
    "CONNECTIONS": "the peer sees its connection close, and tests look at that", "PEER_UID": "the peer sees its connection close, and tests look at that",
    "slots.not_granted": LAST, "reply.volume": LAST,
    "SIGN": KERNEL, "REGISTRATION": KERNEL, "NOT_READY": EFFECT,
}

TOKEN = re.compile(r'"([A-Z][A-Z0-9_]{2,}|[a-z][a-z0-9_]*(?:[./][a-z0-9_.]+)+)"')
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[./][A-Za-z0-9_]+)*")
CALL = re.compile(r"\b(?:fault|fault_errno|fault_from_peer|renamed|fault_rename|refuse\w*|\w+_refuse\w*|deny\w*|appraise_\w+|\w+_fault)\s*\(")


def read(path):
    with open(path) as f:
        return f.read()


def call_at(text, opening):
    """From a parenthesis to the one that closes it."""
    depth = 0
    for at in range(opening, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return text[opening:at]
    return ""


def tokens_of(path):
    text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
    for call in CALL.finditer(text):
        found = TOKEN.search(call_at(text, call.end() - 1))
        if found:
            yield found.group(1)


def sources():
    for folder in FOLDERS:
        for path in glob.glob(f"{folder}/**/*.c", recursive=True):
            if not path.endswith(("_test.c", "_fuzz.c")) and not KINDS.match(path):
                yield path


def files_of_tests():
    for folder in FOLDERS:
        yield from glob.glob(f"{folder}/**/*_test.c", recursive=True)
    for end in ("c", "h", "py"):
        yield from (path for path in glob.glob(f"tests/**/*.{end}", recursive=True) if not path.endswith("test_refusal_list.py"))


def test_every_refusal_is_tested():
    known = {}
    for path in sources():
        for token in tokens_of(path):
            known.setdefault(token, path)
    words = {word for path in files_of_tests() for word in WORD.findall(read(path))}
    untested = known.keys() - words
    unlisted = {token: known[token] for token in untested - WITHOUT_TEST.keys()}
    assert not unlisted, f"refusals that no test mentions: {unlisted}"
    stale = WITHOUT_TEST.keys() - untested
    assert not stale, f"listed as without a test, but tested, or gone: {stale}"
    assert len(known) > 250  # the search finds what it looks for
