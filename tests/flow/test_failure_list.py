"""docs/failure-modes.md promises tests by name. They exist: `test_...` in tests/flow, others in the unit test named before them."""
import glob
import re

ROWS = {"F": 29, "H": 13, "I": 12}  # failures of others, hostile conditions of the node and of the issuer


def unit_sources(name):
    """Text of <name>.c, wherever it is: "journal_test", "attester/verify_test"."""
    paths = [path for folder in ("lib", "csi", "attester", "issuer", "cli") for path in glob.glob(f"{folder}/**/*_test.c", recursive=True)]
    text = ""
    for path in paths:
        if ("/" + path).endswith(f"/{name}.c"):
            with open(path) as f:
                text += f.read()
    return text


def test_every_test_that_the_list_names_exists():
    flows = ""
    for path in glob.glob("tests/flow/test_*.py"):
        with open(path) as f:
            flows += f.read()
    missing, rows = [], {"F": 0, "H": 0, "I": 0}
    with open("docs/failure-modes.md") as f:
        cells = [line.split("|") for line in f if re.match(r"\| [FHI]\d+ \|", line)]
    for row, _, _, tests in (cell[1:5] for cell in cells):
        rows[row.strip()[0]] += 1
        unit = None  # the last one named, for the names that follow it
        for entry in re.split(r"[,;] ", tests.strip()):
            file = re.match(r"([a-z_/]+_test):", entry)
            if file:
                unit = unit_sources(file.group(1))
                if not unit:
                    missing.append(f"{row}: {file.group(1)}")
            for name in re.findall(r"`([a-z_0-9]+)(?:\[[a-z_]+\])?`", entry):
                found = f"def {name}(" in flows if name.startswith("test_") else re.search(rf"\b{name}\b", unit or "")
                if not found:
                    missing.append(f"{row}: {name}")
    assert not missing and rows == ROWS, (missing, rows)
