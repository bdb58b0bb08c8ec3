"""docs/threat-model.md promises tests by name, as docs/failure-modes.md does; they exist."""
import glob
import re

from test_failure_list import unit_sources

ROWS = 25


def test_every_test_that_the_threat_model_names_exists():
    flows = "".join(open(path).read() for path in glob.glob("tests/flow/test_*.py"))
    with open("docs/threat-model.md") as f:
        text = f.read()
    missing = [name for name in re.findall(r"`(test_\w+)`", text) if f"def {name}(" not in flows]
    rows = re.findall(r"^\| (S\d+) \|.*\|([^|]*)\|$", text, re.M)
    for row, tests in rows:
        for file, names in re.findall(r"([a-z_/]+_test): ((?:`\w+`|all)(?:, `\w+`)*)", tests):
            source = unit_sources(file)
            missing += [f"{row}: {file}"] if not source else []
            missing += [f"{row}: {file}: {name}" for name in re.findall(r"`(\w+)`", names) if not name.startswith("test_") and not re.search(rf"\b{name}\b", source)]
    assert not missing and len(rows) == ROWS, (missing, len(rows))
