"""docs/requirements.md promises tests by name, as docs/failure-modes.md does; they exist. Every row has a test, or says what is missing."""
import glob
import re

from test_failure_list import unit_sources

WANTED = [*range(1, 32), 33, *range(41, 46), *range(47, 52)]


def test_every_test_that_the_requirements_name_exists():
    flows = "".join(open(path).read() for path in glob.glob("tests/flow/test_*.py"))
    with open("docs/requirements.md") as f:
        rows = re.findall(r"^\| T(\d+) \|([^|]*)\|([^|]*)\|([^|]*)\|$", f.read(), re.M)
    missing = []
    for number, _, tests, gap in rows:
        if not tests.strip() and not gap.strip():
            missing.append(f"T{number}: neither a test nor a gap")
        missing += [f"T{number}: {name}" for name in re.findall(r"`(test_\w+)`", tests) if f"def {name}(" not in flows]
        for file, names in re.findall(r"([a-z_0-9]+_test): ((?:`[a-z]\w*`|all)(?:, `(?!test_)\w+`)*)", tests):
            source = unit_sources(file)
            missing += [f"T{number}: {file}"] if not source else []
            missing += [f"T{number}: {file}: {name}" for name in re.findall(r"`(\w+)`", names) if not re.search(rf"\b{name}\b", source)]
    assert not missing and [int(row[0]) for row in rows] == WANTED, missing
