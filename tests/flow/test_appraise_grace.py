"""`vouchsafe appraise --policy` with collateral past its end: the grace that the policy's guardrails grant, to the second."""
import json
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from harness.world import binary

END = datetime(2025, 7, 19, 10, 0, 35, tzinfo=timezone.utc)  # of the recorded collateral (tests/vectors/README.md)
RULE = "apiVersion: vouchsafe.dev/v1\nkind: Guardrail\nmetadata: {name: floor, owner: admins}\nspec:\n  require: {%s}\n"
TOLERATES = "  tolerates: [collateral.grace]\n"
TDX = "evidence.kind: tdx"


def appraise(folder, late, policy):
    words = ["--policy", str(folder / "policy.yaml")] if policy is not None else []
    (folder / "policy.yaml").write_text(policy or "")
    at = (END + timedelta(seconds=late)).strftime("%Y-%m-%dT%H:%M:%SZ")
    vector = "tests/vectors/tdx/v4-uptodate"
    done = subprocess.run([binary("vouchsafe"), "appraise", "--kind", "tdx", "--evidence", f"{vector}/quote.bin", "--collateral", f"{vector}/collateral",
                           "--at", at, "--offline", "--output", "json", *words], capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.returncode < 2 else done.stderr


@pytest.mark.parametrize("late, policy, code, check", [
    (0, RULE % TDX, 0, None),
    (1, None, 1, "expired"),
    (1, RULE % TDX, 1, "expired"),
    (1, RULE % TDX + TOLERATES, 1, "expired"),
    (1, RULE % TDX + TOLERATES + "  collateral-grace: 72h\n", 0, None),
    (72 * 3600, RULE % TDX + TOLERATES + "  collateral-grace: 72h\n", 0, None),
    (72 * 3600 + 1, RULE % TDX + TOLERATES + "  collateral-grace: 72h\n", 1, "expired"),
    (1, RULE % "tdx.collateral-in-grace: false" + TOLERATES + "  collateral-grace: 72h\n", 1, "guardrail/floor"),
    (1, RULE % TDX + "  collateral-grace: 72h\n", 2, "POLICY_GRACE"),
])
def test_grace_is_the_policys(tmp_path, late, policy, code, check):
    got, said = appraise(tmp_path, late, policy)
    assert got == code, said
    if code == 0:
        assert said["accepted"] and said["status"] == ("warning" if late > 0 else "affirming"), said
        assert said["claims"]["tdx.collateral-in-grace"] is (late > 0)
        end = int(END.timestamp())
        latest = end + (72 * 3600 if late > 0 else 0)
        # a second late, the other documents are in their dates still, and the first of those ends soon
        assert said["not_after"] == latest if late != 1 else end < said["not_after"] < latest, said["not_after"]
    elif code == 1:
        assert check in json.dumps(said["reasons"]), said
