"""The concerns that guardrails may tolerate (issuer/policy/concerns.c) are those that the verifier can give."""
import glob
import re


def test_every_concern_is_in_the_table_and_given_somewhere():
    given = set()
    for path in glob.glob("issuer/verifier/**/*.c", recursive=True):
        if path.endswith("_test.c"):
            continue
        with open(path) as f:
            text = f.read()
        given |= set(re.findall(r'appraise_concern\(\s*[\w>.-]+,\s*"([a-z_.]+)"', text))
        if "const struct eventlog_names eventlog_names" in text:  # one set of names for each form of log
            given |= set(re.findall(r'"(\w+\.(?:os_registers|separator))"', text))
    with open("issuer/policy/concerns.c") as f:
        table = set(re.findall(r'^        \{"([a-z_.]+)"', f.read(), re.M))
    assert given and given == table, (given - table, table - given)
