/* sandbox: what the node plugin may do. It is root and mounts, and it is the one program of ours that kubelet calls; it needs no network.
 *
 * Kept: CAP_SYS_ADMIN (mounts), CAP_DAC_OVERRIDE (kubelet's folders and the volumes' read-only ones), CAP_CHOWN (a pod's group on its files).
 * Sockets: AF_UNIX. Files are not bound: Landlock forbids every change of mounts to those whom it binds, and mounting is what this program is for.
 * What is written goes below folders opened at start, by descriptors that follow no links (csi/store/target.h). */
#pragma once

#include "lib/base/fault.h"

/* Before the first thread. FAULT_INTERNAL "SANDBOX". */
struct fault *csi_sandbox_enter(void) MUST_USE;
