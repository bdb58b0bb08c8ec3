"""The issuer policy of flow tests and demo: one profile, the machines and boot states that are ours, a workload per service account."""

PROFILE = """apiVersion: vouchsafe.dev/v1
kind: Profile
metadata: {{name: {name}, owner: cluster-admins, revision: {revision}}}
spec:
  mechanism: background-check
  slots:
    - {{name: x509, type: x509, algorithms: [p256], ttl: {ttl}}}
"""

MACHINES = """apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {name: our-machines, owner: platform-team}
spec:
  platform: true
  entries:
"""

BOOT = """apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {name: boot-states, owner: platform-team}
spec:
  entries:
"""

WORKLOAD = """apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {{name: {name}, owner: team-{name}}}
spec:
  profiles: [{profile}]
  k8s-grants: true
  match:
    all:
      - {{in_set: our-machines}}
      - {{in_set: boot-states}}
      - {{k8s.namespace: {{eq: {namespace}}}}}
      - {{k8s.service-account: {{eq: {service_account}}}}}
  identity: spiffe://demo.example/ns/{namespace}/sa/{service_account}
"""


def policy(tpms, workloads, ttl="20s", revision=1, profile="default"):
    """`tpms`: Tpm objects that run; their EKs and present PCRs 0..7 become reference values. `workloads`: (name, namespace, service account)."""
    documents = [PROFILE.format(name=profile, ttl=ttl, revision=revision)]
    machines, boots, seen = MACHINES, BOOT, set()
    for index, tpm in enumerate(tpms):
        machines += f'    - {{name: machine-{index}, values: {{tpm.ek: "{tpm.ek_digest()}"}}}}\n'
        values = tpm.pcrs()
        state = ", ".join(f'tpm.pcr.sha256.{n}: "{values[n]}"' for n in range(8))
        if state not in seen:
            boots += f"    - {{name: state-{index}, values: {{{state}}}}}\n"
        seen.add(state)
    documents += [machines, boots]
    documents += [WORKLOAD.format(name=n, namespace=ns, service_account=sa, profile=profile) for n, ns, sa in workloads]
    return "---\n".join(documents)
