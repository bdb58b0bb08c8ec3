"""The world around the programs, for flow tests and the demo: a TPM, a cluster that signs tokens, kubelet's calls, and the
programs themselves, all below one folder. Nothing here is needed by the product."""
