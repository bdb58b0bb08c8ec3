/* sandbox: what a program may no longer do once it has read its configuration. One profile a role; the role's own sandbox.c says what is in it.
 *
 * sandbox_enter gives up, for good and for every thread to come: new privileges, capabilities, core dumps, other processes' memory, new programs and
 * processes, kernel interfaces that nobody here needs (bpf, modules, keyrings, io_uring, userfaultfd, …), socket families beyond the profile's, and,
 * where Landlock may be used, every file that the profile does not name, and TCP in the direction that it does not need.
 *
 * System calls are refused by name (EPERM), not allowed by name: libc, gRPC, OpenSSL and tpm2-tss choose theirs by version, and a driver that dies on an upgrade
 * takes down what it protects. A role small enough for the other way, the issuer's signer, uses sandbox_allow_only.
 * Landlock forbids a process that is bound by it every change of mounts, so whoever mounts can't be: `mounts` excludes `paths`.
 * Kernels without Landlock: the rest holds, and the line "sandboxed" says landlock 0.
 * A build with a sanitizer keeps what its run time needs (ptrace, exec, files: Landlock is left out); "sandbox_weakened" says so.
 * The home of libseccomp. Linux x86-64 and arm64. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/fault.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANDBOX_IS_WEAK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANDBOX_IS_WEAK 1
#endif
#endif
#ifndef SANDBOX_IS_WEAK
#define SANDBOX_IS_WEAK 0
#endif

enum sandbox_families { SANDBOX_UNIX = 1, SANDBOX_INET = 2 /* and INET6 */, SANDBOX_VSOCK = 4 };
enum sandbox_access {
        SANDBOX_READ = 1,   /* files and folders below */
        SANDBOX_WRITE = 2,  /* change, make and remove them */
        SANDBOX_SOCKET = 4, /* make and remove sockets there */
        SANDBOX_DEVICE = 8, /* read, write, ioctl */
};

/* What may be reached: the file, or everything below the folder. One that is not there is left out: nobody can reach it either. */
struct sandbox_path {
        char *path; /* owned by the list */
        unsigned access;
};
struct sandbox_paths {
        struct sandbox_path *items;
        size_t count;
};
void sandbox_paths_add(struct sandbox_paths *paths, const char *path, unsigned access);
/* The folder that holds `file`, also where a symbolic link leads: files of configuration are replaced by renaming, and a rule for the file itself
 * would hold for the old one. NULL is none. */
void sandbox_paths_add_folder_of(struct sandbox_paths *paths, const char *file, unsigned access);
/* What libc and OpenSSL look at by themselves: libraries, their configuration, random numbers, the process' own entries of /proc. */
void sandbox_paths_add_common(struct sandbox_paths *paths);
void sandbox_paths_clear(struct sandbox_paths *paths);
DEFINE_AUTO_VALUE(sandbox_paths)

#define SANDBOX_CAP(number) (UINT64_C(1) << (number)) /* of CAP_… in <linux/capability.h> */

struct sandbox_profile {
        const char *role;                  /* for the log */
        uint64_t capabilities;             /* those kept, if they are there */
        unsigned families;                 /* enum sandbox_families */
        bool mounts;                       /* may mount and unmount: then no Landlock */
        const struct sandbox_paths *paths; /* with Landlock */
        bool listens, connects;            /* over TCP, with Landlock */
};

/* FAULT_INTERNAL "SANDBOX". Logs "sandboxed" once. Before the first thread: capabilities and Landlock hold for the thread that gives them up and
 * for those that it starts. */
struct fault *sandbox_enter(const struct sandbox_profile *p) MUST_USE;

/* The first half of it alone: no core dump, no new privileges, and no capabilities but these. */
struct fault *sandbox_drop_capabilities(uint64_t kept) MUST_USE;

/* The other way round: these calls and no others; another one kills the process. */
struct sandbox_call {
        long number;       /* SYS_… */
        bool without_exec; /* mmap, mprotect: not with PROT_EXEC */
};
struct fault *sandbox_allow_only(const struct sandbox_call *calls, size_t count) MUST_USE;
