#include "tests/crash/case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/file.h"
#include "tests/crash/witness.h"
#include "tests/fakes/folder.h"

#define EXIT_SIGNER_GONE 3 /* a worker's own word for it: see issuer_worker.c */
#define MOUNTINFO_MAX    (4u << 20)
#define ATTEMPTS         3 /* where the order of calls was another one this time */

static struct fault *os_fault(const char *what, const char *path)
{
        return fault_errno(FAULT_INTERNAL, "CRASH", errno, "%s %s", what, path);
}

/* ---- the folder ------------------------------------------------------------------------------------------------------ */

static struct fault *make_witness(const char *work)
{
        AUTO_STRING char *path = alloc_printf("%s/" WITNESS_NAME, work);
        AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return fd >= 0 && ftruncate(fd, WITNESS_BYTES) == 0 ? NULL : os_fault("make", path);
}

/* Pods' folders as kubelet makes them, and a mount of another driver's. */
static struct fault *make_pods(const char *work)
{
        static const char *const folders[] = {"kubelet", "kubelet/pod-v1", "kubelet/pod-v2", "kubelet/pod-other"};
        for (size_t i = 0; i < COUNT_OF(folders); i++) {
                AUTO_STRING char *path = alloc_printf("%s/%s", work, folders[i]);
                if (mkdir(path, 0755) != 0)
                        return os_fault("make", path);
        }
        AUTO_STRING char *other = alloc_printf("%s/kubelet/pod-other", work);
        return mount("foreign", other, "tmpfs", 0, NULL) == 0 ? NULL : os_fault("mount", other);
}

static struct fault *set_up(const struct worker_kind *kind, const char *work)
{
        if (mkdir(work, 0755) != 0)
                return os_fault("make", work);
        TRY(make_witness(work));
        return kind->mounts ? make_pods(work) : NULL;
}

/* What a failed case left mounted goes as well: the next one starts clean. */
static void tear_down(const char *work)
{
        static const char *const mounts[] = {"pod-v1/mount", "pod-v2/mount", "pod-other"};
        for (size_t i = 0; i < COUNT_OF(mounts); i++) {
                AUTO_STRING char *path = alloc_printf("%s/kubelet/%s", work, mounts[i]);
                while (umount2(path, MNT_DETACH) == 0)
                        continue;
        }
        if (!folder_remove(work))
                perror(work);
}

/* ---- the runs -------------------------------------------------------------------------------------------------------- */

static struct fault *verdict(const char *which, int status)
{
        if (WIFSIGNALED(status))
                return fault(FAULT_INTERNAL, "CRASH", "%s ended by signal %d%s", which, WTERMSIG(status),
                             WTERMSIG(status) == SIGALRM ? ": it hung" : "");
        if (WEXITSTATUS(status) != 0)
                return fault(FAULT_INTERNAL, "CRASH", "%s ended with code %d", which, WEXITSTATUS(status));
        return NULL;
}

static struct fault *run_killed(const struct worker_kind *kind, const char *work, const struct crash_case *c,
                                bool second, struct trace_result *ret)
{
        const char *const argv[] = {kind->program, work, kind->modes[c->mode], NULL};
        const struct trace_order order = {
                .argv = argv,
                .point = second ? c->second_point : c->point,
                .after = second ? c->second_after : c->after,
        };
        TRY(trace_run(&order, ret));
        if (!ret->hit)
                return verdict(second ? "the restart" : "the first run", ret->status);
        if (!ret->points[order.point].in_child && WIFSIGNALED(ret->status) && WTERMSIG(ret->status) == SIGKILL)
                return NULL;
        /* the issuer notices that its signer went, or had all it wanted of it */
        bool survived = ret->points[order.point].in_child && WIFEXITED(ret->status) &&
                        (WEXITSTATUS(ret->status) == EXIT_SIGNER_GONE || WEXITSTATUS(ret->status) == 0);
        return survived ? NULL : fault(FAULT_INTERNAL, "CRASH", "the killed run ended with status %d", ret->status);
}

static struct fault *run_free(const struct worker_kind *kind, const char *work, const struct crash_case *c)
{
        int status = 0;
        (void) fflush(NULL); /* or the child would have what is buffered here as well */
        pid_t pid = fork();
        if (pid == 0) {
                (void) execl(kind->program, kind->program, work, kind->modes[c->mode], NULL);
                _exit(127);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid)
                return os_fault("run", kind->program);
        return verdict("the restart", status);
}

static struct fault *run_all(const struct worker_kind *kind, const char *work, const struct crash_case *c,
                             struct trace_result *ret_first)
{
        AUTO(buf) struct buf before = BUF(MOUNTINFO_MAX), after = BUF(MOUNTINFO_MAX);
        TRY(file_read("/proc/self/mountinfo", &before));
        TRY(run_killed(kind, work, c, /* second= */ false, ret_first));
        if (c->point != TRACE_NOWHERE && !ret_first->hit)
                return fault(FAULT_INTERNAL, "NOT_REACHED", "the run ended after %zu calls", ret_first->count);
        if (c->second_point != TRACE_NOWHERE) {
                struct trace_result *second = NEW(struct trace_result);
                struct fault *f = run_killed(kind, work, c, /* second= */ true, second);
                free(second);
                TRY(f);
        }
        if (c->point != TRACE_NOWHERE)
                TRY(run_free(kind, work, c));
        TRY(file_read("/proc/self/mountinfo", &after));
        if (!span_eq(buf_span(&before), buf_span(&after)))
                return fault(FAULT_INTERNAL, "CRASH", "the mount table is not what it was:\n%s", buf_str(&after));
        return NULL;
}

struct fault *case_run(const struct worker_kind *kind, const char *top, const struct crash_case *c,
                       struct trace_result *ret_first)
{
        AUTO_STRING char *work = alloc_printf("%s/work", top);
        struct fault *f = NULL;
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                fault_free(f);
                f = set_up(kind, work);
                if (f == NULL)
                        f = run_all(kind, work, c, ret_first);
                tear_down(work);
                if (f == NULL || strcmp(fault_token(f), "NOT_REACHED") != 0)
                        break;
        }
        return f;
}
