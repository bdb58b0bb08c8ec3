"""Our parsers beside those that only Python has, over whole corpora. usage: compare.py SAY [FOLDER...]

SAY is the program of say.c. Folders hold inputs of more than the repository's corpora: a fuzz run's WORK/libfuzzer/corpus. What we take the
other parser takes, with the same meaning; what it takes and we refuse must be refused for a reason that `explain_*` knows.
"""
import base64
import calendar
import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf import message as protobuf_message

DEPTH_MAX, VALUES_MAX = 16, 100000  # lib/wire/json.h
YAML_DEPTH_MAX = 24  # lib/wire/yaml.h


class Differs(Exception):
    pass


def same(ours, theirs, what):
    if ours != theirs:
        raise Differs(f"{what}: ours {ours!r:.300}, theirs {theirs!r:.300}")


# ---- JSON: Python's own, told to be strict

def no_real(_):
    raise ValueError("real")


def pairs(items):
    keys = [k for k, _ in items]
    if len(set(keys)) != len(keys):
        raise ValueError("duplicate key")
    return dict(items)


def read_json(data):
    return json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=no_real)


def walk(value, depth=0):
    """Every value with its level."""
    level = depth + (1 if isinstance(value, (list, dict)) else 0)
    yield level, value
    for inner in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from walk(inner, level)
    for key in value if isinstance(value, dict) else ():
        yield level, key


def canonical(value):
    """RFC 8785 for a tree without reals: keys in the order of their UTF-16 code units."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda m: m[0].encode("utf-16-be"))
        return "{" + ",".join(canonical(k) + ":" + canonical(v) for k, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("\x7f", "\x7f")


def explain_json(data):
    """Why we refuse what Python takes."""
    value = read_json(data)
    if data.startswith(b"\xef\xbb\xbf"):
        return "byte order mark"
    for level, inner in walk(value):
        if level > DEPTH_MAX:
            return "too deep"
        if isinstance(inner, float):
            return "real number"
        if isinstance(inner, int) and not isinstance(inner, bool) and not -2**63 <= inner < 2**63:
            return "more than 64 bits"
        if isinstance(inner, str) and ("\0" in inner or any(0xD800 <= ord(c) <= 0xDFFF for c in inner)):
            return "NUL or half a surrogate pair"
    return "too many values" if sum(1 for _ in walk(value)) > VALUES_MAX else None


def compare_json(said, data):
    if "refused" not in said:
        theirs = read_json(data)
        same(base64.urlsafe_b64decode(said["written"] + "==").decode(), canonical(theirs), "canonical text")
        return "taken"
    try:
        reason = explain_json(data)
    except (ValueError, RecursionError):
        return "refused by both"
    if reason is None:
        raise Differs(f"refused by us alone: {said['why']}")
    return reason


# ---- YAML: PyYAML's own scanner and parser, which share no code with libyaml

YAML_REASONS = ("a NUL in a text", "anchors are not taken", "tags are not taken", "too many", "duplicate key", "plain word",
                "invalid leading UTF-8 octet")  # UTF-16: PyYAML reads it


class StringsOnly(yaml.loader.BaseLoader):
    """Scalars are their text, as ours; keys that are there twice are an error."""

    def construct_mapping(self, node, deep=False):
        keys = [k.value for k, _ in node.value if isinstance(k, yaml.ScalarNode)]
        if len(keys) != len(node.value):
            raise yaml.YAMLError("a key that is no scalar")
        if len(set(keys)) != len(keys):
            raise yaml.YAMLError("duplicate key")
        return super().construct_mapping(node, deep=True)

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise yaml.YAMLError("anchor or alias")
        if getattr(event, "tag", None) not in (None,):
            raise yaml.YAMLError("tag")
        return super().compose_node(parent, index)


def text_of(tree):
    """Every scalar as text: BaseLoader gives "" for nothing."""
    if isinstance(tree, dict):
        return {text_of(k): text_of(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [text_of(v) for v in tree]
    return "" if tree is None else tree


def yaml_strings(tree):
    for _, value in walk(tree):
        if isinstance(value, str):
            yield value


def compare_yaml(said, data):
    try:
        theirs = text_of(list(yaml.load_all(data, Loader=StringsOnly)))
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as refusal:
        if "refused" in said:
            return "refused by both"
        # a tab between tokens, which YAML 1.1 allows and PyYAML doesn't
        known = [w for w in ("found character '\\t'",) if w in str(refusal)]
        if known:
            return f"PyYAML alone refuses: {known[0]}"
        raise Differs(f"taken by us alone: {refusal}") from refusal
    if "refused" not in said:
        same(said["value"], theirs, "documents")
        return "taken"
    reason = next((r for r in YAML_REASONS if r in said["why"]), None)
    if any(level > YAML_DEPTH_MAX for level, _ in walk(theirs)):
        return "too deep"
    if reason is None:
        raise Differs(f"refused by us alone: {said['why']}")
    return f"we alone refuse: {reason}"


# ---- X.509: python3-cryptography, whose parser is its own (Rust), not OpenSSL's

USAGES = (("digital_signature", 0x80), ("key_encipherment", 0x20), ("key_agreement", 0x08), ("key_cert_sign", 0x04))


def extension(cert, kind):
    try:
        return cert.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def unix(moment):
    return calendar.timegm(moment.timetuple())


def compare_x509(said, data):
    if "refused" in said:
        try:
            cert = x509.load_der_x509_certificate(data)
            extension(cert, x509.SubjectAlternativeName)
        except (ValueError, TypeError, x509.DuplicateExtension):
            return "refused by both"
        return f"we alone refuse: {said['why'].split(':')[0]:.60}"
    try:
        cert = x509.load_der_x509_certificate(data)
        found = {
            "serial": cert.serial_number,
            "subject": cert.subject.public_bytes().hex(),
            "issuer": cert.issuer.public_bytes().hex(),
            "not_before": unix(cert.not_valid_before),
            "not_after": unix(cert.not_valid_after),
        }
        names = extension(cert, x509.SubjectAlternativeName)
        constraints = extension(cert, x509.BasicConstraints)
        usage = extension(cert, x509.KeyUsage)
    except (ValueError, TypeError, KeyError, AttributeError, x509.UnsupportedGeneralNameType, x509.InvalidVersion) as refusal:
        return f"cryptography alone refuses: {type(refusal).__name__}"
    same(int(said["serial"], 16), found["serial"], "serial")
    for field in ("not_before", "not_after"):
        same(said[field], found[field], field)
    for field in ("subject", "issuer"):
        if said[field] != found[field]:  # cryptography writes a name anew
            same(str(x509.Name(cert.subject if field == "subject" else cert.issuer)) != "", True, field)
    if names is not None:
        same(said["uris"], names.get_values_for_type(x509.UniformResourceIdentifier), "URI names")
        same(said["dns"], names.get_values_for_type(x509.DNSName), "DNS names")
    else:
        same((said["uris"], said["dns"]), ([], []), "names")
    if cert.version == x509.Version.v3:
        same(said["is_ca"], constraints is not None and constraints.ca, "CA")
    if usage is not None:
        bits = sum(bit for name, bit in USAGES if getattr(usage, name))
        same(said["key_usage"] & sum(bit for _, bit in USAGES), bits, "key usage")
    if "spki" in said:
        try:
            same(said["spki"], cert.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex(), "public key")
        except ValueError as refusal:
            return f"cryptography alone refuses the key: {str(refusal)[:50]}"
    return "taken"


# ---- protobuf: Google's own

PROTOBUF_REASONS = (
    "contains NUL",
    "bad wire type",  # groups, which are no more
    "wrong wire type",  # of a field that is known: Google's parser takes it for an unknown one
    "bad field number",  # 0, or past 2^29, or its varint longer than it must be
    "not a message of this type",  # what protobuf-c refuses by itself
    "more than", "levels",  # PBCHECK_LIMITS
)


@contextlib.contextmanager
def quiet():
    """Google's C++ writes to descriptor 2 about each odd input."""
    kept, nowhere = os.dup(2), os.open("/dev/null", os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept), os.close(nowhere)


def compare_protobuf(said, data, types={}):
    if not types:
        with tempfile.TemporaryDirectory() as made:
            subprocess.run(["protoc", "--proto_path=.", f"--python_out={made}", *map(str, Path("proto").glob("*.proto"))], check=True)
            sys.path.insert(0, made)
            for path in Path("proto").glob("*.proto"):
                module = importlib.import_module(f"proto.{path.stem}_pb2")
                for name in module.DESCRIPTOR.message_types_by_name:
                    types[f"{module.DESCRIPTOR.package}.{name}"] = getattr(module, name)
            sys.path.remove(made)
    if "type" not in said:
        return "no message"
    with quiet():
        return compare_message(said, data, types)


def compare_message(said, data, types):
    kind = types[said["type"]]
    theirs = kind()
    try:
        theirs.ParseFromString(data[1:])
    except (protobuf_message.DecodeError, UnicodeDecodeError) as refusal:
        if "refused" in said:
            return "refused by both"
        raise Differs("taken by us alone") from refusal
    if "refused" in said:
        reason = next((r for r in PROTOBUF_REASONS if r in said["why"]), None)
        if reason is None:
            raise Differs(f"refused by us alone: {said['why']}")
        return f"we alone refuse: {reason}"
    again = kind()
    again.ParseFromString(bytes.fromhex(said["packed"]))
    same(again.SerializeToString(deterministic=True), theirs.SerializeToString(deterministic=True), said["type"])
    return "taken"


KINDS = {  # what, and which targets' corpora have it
    "json": (compare_json, ["lib/wire/json", "lib/wire/cmw", "lib/model/bundle", "lib/model/tpm_evidence", "csi/volume/status"]),
    "yaml": (compare_yaml, ["lib/wire/yaml", "lib/wire/options", "issuer/policy/policy"]),
    "x509": (compare_x509, ["lib/crypt/x509"]),
    "protobuf": (compare_protobuf, ["lib/wire/pbcheck"]),
}


def inputs(names, folders):
    for name in names:
        for folder in [Path("tests/corpus") / name, *(Path(f) / name.replace("/", ".") for f in folders)]:
            yield from sorted(p for p in folder.iterdir() if p.is_file()) if folder.is_dir() else ()


def main():
    warnings.simplefilter("ignore")  # cryptography warns about each odd certificate
    say, folders = sys.argv[1], sys.argv[2:]
    bad = 0
    for kind, (compare, names) in KINDS.items():
        files, tally = list(inputs(names, folders)), {}
        for at in range(0, len(files), 200):
            some = files[at:at + 200]
            lines = subprocess.run([say, kind, *map(str, some)], capture_output=True, check=True).stdout.split(b"\n")
            for path, line in zip(some, lines):
                try:
                    outcome = compare(json.loads(line), path.read_bytes())
                    tally[outcome] = tally.get(outcome, 0) + 1
                except Exception as difference:  # whatever goes wrong, the file that shows it is named
                    bad += 1
                    print(f"DIFFERS {kind} {path}: {type(difference).__name__}: {difference}")
        print(f"{kind}: {len(files)} inputs; " + "; ".join(f"{n} {what}" for what, n in sorted(tally.items(), key=lambda i: -i[1])))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
