/* injector: kills workers before and after every system call that changes something, and sees what the restart makes of it.
 *
 * usage: injector [--loops N] [--only KIND:POINT:SIDE:MODE[:POINT:SIDE]] [--csi PROGRAM] [--issuer PROGRAM]
 *
 * A run without a kill counts the points; then there are two cases a point. After the one before the call the worker is restarted in its
 * first mode, after the other in its second: between two calls nothing differs, so that each state is met in both. --loops N is the long
 * form: N cases a worker, first every point, side and mode, then the same with a second kill in the restart, at a place drawn from the
 * case's number. --only is one case, as a failure's line names it. Two jobs, each in a mount namespace of its own. Ends with "N passed, N failed, N skipped". */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/parse.h"
#include "tests/crash/case.h"
#include "tests/fakes/folder.h"
#include "tests/fakes/mounts.h"

#define JOBS         2
#define FAILURES_MAX 20 /* then a job gives up: it is the same one over and over */
#define NUMBERS_MAX  512
#define FOLDER       "/tmp/vouchsafe-crash-XXXXXX"

static struct worker_kind kinds[] = {
        {"csi", NULL, {"retry", "leave"}, true},
        {"issuer", NULL, {"retry", "look"}, false},
};
static struct options {
        uint64_t loops;   /* 0: all cases once */
        const char *only; /* kind of the one case that is wanted; NULL: all */
        struct crash_case case_only;
} options;

/* Shared by the jobs of one worker. */
struct tally {
        atomic_size_t points, cases, passed, failed, skipped, other_call;
        atomic_uint by_number[NUMBERS_MAX]; /* points of each system call */
        char why_skipped[128];
};

/* ---- cases ---- */

static uint64_t drawn(uint64_t number) /* splitmix64 */
{
        uint64_t z = (number + 1) * 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

static struct crash_case case_of(uint64_t number, size_t points)
{
        if (options.only != NULL)
                return options.case_only;
        if (options.loops == 0)
                return (struct crash_case){number / 2, (number & 1) != 0, (int) (number & 1), TRACE_NOWHERE, false};
        uint64_t each = points * 4, at = number % each, dice = drawn(number);
        struct crash_case c = {at / 4, (at & 2) != 0, (int) (at & 1), TRACE_NOWHERE, false};
        if (number < each)
                return c;
        c.second_point =
                (dice >> 1) % (((dice >> 40) & 1) != 0 ? points : 32); /* half of them early: while it recovers */
        c.second_after = (dice & 1) != 0;
        return c;
}

static void print_case(const struct worker_kind *kind, const struct crash_case *c, const struct trace_point *p,
                       const struct fault *f)
{
        AUTO_STRING char *name = trace_name(p->number);
        printf("FAILED %s:%zu:%s:%s", kind->name, c->point, c->after ? "after" : "before", kind->modes[c->mode]);
        if (c->second_point != TRACE_NOWHERE)
                printf(":%zu:%s", c->second_point, c->second_after ? "after" : "before");
        printf(" (%s%s): %s\n", name, p->in_child ? " of the signer" : "", fault_text(f));
        AUTO(buf) struct buf said = BUF(1 << 16);
        uint8_t *where = NULL;
        fault_free(buf_grow(&said, 4096, &where)); /* fits */
        ssize_t len = pread(STDERR_FILENO, where, 4096, 0);
        printf("%.*s", len > 0 ? (int) len : 0, (const char *) where);
}

/* ---- a job ---- */

static void count_points(struct tally *t, const struct trace_result *r)
{
        atomic_store(&t->points, r->count);
        for (size_t i = 0; i < r->count; i++)
                if (r->points[i].number >= 0 && r->points[i].number < NUMBERS_MAX)
                        atomic_fetch_add(&t->by_number[r->points[i].number], 1);
}

static void run_cases(const struct worker_kind *kind, const char *top, unsigned job, struct tally *t,
                      const struct trace_result *dry)
{
        struct trace_result *run = NEW(struct trace_result);
        uint64_t count = options.only != NULL ? 1 : options.loops > 0 ? options.loops : dry->count * 2;
        size_t failures = 0;
        for (uint64_t i = job; i < count && failures < FAILURES_MAX; i += JOBS) {
                struct crash_case c = case_of(i, dry->count);
                (void) !ftruncate(STDERR_FILENO, 0); /* words of this case alone */
                AUTO(fault) struct fault *f = case_run(kind, top, &c, run);
                atomic_fetch_add(&t->cases, 1);
                atomic_fetch_add(f == NULL ? &t->passed : &t->failed, 1);
                if (run->hit && run->points[c.point].number != dry->points[c.point].number)
                        atomic_fetch_add(&t->other_call, 1);
                if (f == NULL)
                        continue;
                failures++;
                print_case(kind, &c, &dry->points[c.point < dry->count ? c.point : 0], f);
                (void) fflush(stdout); /* told again at the end, if at all */
        }
        free(run);
}

static void run_in(const struct worker_kind *kind, const char *top, unsigned job, struct tally *t)
{
        const struct crash_case none = {.point = TRACE_NOWHERE, .second_point = TRACE_NOWHERE};
        AUTO_STRING char *words = alloc_printf("%s/words", top);
        AUTO_CLOSE int err = open(words, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (err < 0 || dup2(err, STDERR_FILENO) < 0) {
                atomic_fetch_add(&t->failed, 1);
                return;
        }
        struct trace_result *dry = NEW(struct trace_result);
        AUTO(fault) struct fault *f = case_run(kind, top, &none, dry);
        if (f != NULL || dry->count == 0) {
                print_case(kind, &none, &dry->points[0], f);
                atomic_fetch_add(&t->failed, 1);
        } else {
                if (job == 0)
                        count_points(t, dry);
                run_cases(kind, top, job, t, dry);
        }
        free(dry);
}

static int run_job(const struct worker_kind *kind, unsigned job, struct tally *t)
{
        char top[64] = FOLDER;
        const char *why = NULL;
        if (kind->mounts)
                why = mounts_enter(top);
        else if (!folder_make(top))
                why = "can't make a folder";
        if (why != NULL) {
                atomic_fetch_add(&t->skipped, 1);
                if (job == 0)
                        (void) snprintf(t->why_skipped, sizeof(t->why_skipped), "%s", why);
                return 0;
        }
        run_in(kind, top, job, t);
        (void) fflush(stdout); /* told again at the end, if at all */
        if (kind->mounts)
                mounts_leave(top);
        else if (!folder_remove(top))
                perror(top);
        return 0;
}

/* ---- all of it ---- */

static struct tally *run_kind(const struct worker_kind *kind)
{
        struct tally *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (t == MAP_FAILED)
                abort();
        for (unsigned job = 0; job < JOBS; job++) {
                (void) fflush(NULL); /* or the child would print it again */
                pid_t pid = fork();
                if (pid == 0)
                        _exit(run_job(kind, job, t));
                if (pid < 0)
                        abort();
        }
        int status;
        pid_t pid;
        while ((pid = wait(&status)) > 0 || errno == EINTR)
                if (pid > 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
                        atomic_fetch_add(&t->failed, 1); /* the job itself died */
        return t;
}

static void report(const struct worker_kind *kind, struct tally *t, double seconds)
{
        if (t->skipped > 0) {
                printf("%s: skipped: %s\n", kind->name, t->why_skipped);
                return;
        }
        printf("%s: %zu points, %zu cases, %zu failed, %.1f s", kind->name, t->points, t->cases, t->failed, seconds);
        if (t->other_call > 0)
                printf(" (%zu met another call than counted)", t->other_call);
        printf("\n ");
        for (int i = 0; i < NUMBERS_MAX; i++) {
                if (t->by_number[i] == 0)
                        continue;
                AUTO_STRING char *name = trace_name(i);
                printf(" %s %u", name, t->by_number[i]);
        }
        printf("\n");
}

static struct fault *parse_point(struct span point, struct span side, size_t *ret_point, bool *ret_after)
{
        uint64_t number = 0;
        TRY(parse_u64(point, 0, TRACE_POINTS_MAX - 1, &number));
        *ret_after = span_eq_str(side, "after");
        *ret_point = (size_t) number;
        return *ret_after || span_eq_str(side, "before")
                       ? NULL
                       : fault(FAULT_INVALID, "BAD_OPTION", "a side is before or after");
}

static struct fault *parse_only(const char *text)
{
        struct span fields[6] = {0};
        size_t count = 0;
        for (const char *at = text; count < COUNT_OF(fields);) {
                size_t len = strcspn(at, ":");
                fields[count++] = span_make(at, len);
                if (at[len] == '\0')
                        break;
                at += len + 1;
        }
        struct crash_case c = {.second_point = TRACE_NOWHERE};
        if (count != 4 && count != 6)
                return fault(FAULT_INVALID, "BAD_OPTION", "--only wants KIND:POINT:SIDE:MODE[:POINT:SIDE]");
        TRY(parse_point(fields[1], fields[2], &c.point, &c.after));
        if (count == 6)
                TRY(parse_point(fields[4], fields[5], &c.second_point, &c.second_after));
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                if (!span_eq_str(fields[0], kinds[i].name))
                        continue;
                c.mode = span_eq_str(fields[3], kinds[i].modes[1]);
                options.only = kinds[i].name;
                options.case_only = c;
                return NULL;
        }
        return fault(FAULT_INVALID, "BAD_OPTION", "no worker of that name");
}

static struct fault *parse_option(const char *name, const char *value)
{
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                if (strncmp(name, "--", 2) != 0 || strcmp(name + 2, kinds[i].name) != 0)
                        continue;
                kinds[i].program = value;
                return NULL;
        }
        if (strcmp(name, "--loops") == 0)
                return parse_u64(span_str(value), 0, UINT32_MAX, &options.loops);
        if (strcmp(name, "--only") == 0)
                return parse_only(value);
        return fault(FAULT_INVALID, "BAD_OPTION", "unknown option %s", name);
}

int main(int argc, char **argv)
{
        size_t passed = 0, failed = 0, skipped = 0;
        for (int i = 1; i < argc; i += 2) {
                AUTO(fault)
                struct fault *f = i + 1 < argc ? parse_option(argv[i], argv[i + 1])
                                               : fault(FAULT_INVALID, "BAD_OPTION", "%s: no value", argv[i]);
                if (f != NULL) {
                        (void) fprintf(stderr, "injector: %s\n", fault_text(f));
                        return 2;
                }
        }
        for (size_t i = 0; i < COUNT_OF(kinds); i++) {
                struct timespec start, end;
                if (kinds[i].program == NULL || (options.only != NULL && strcmp(options.only, kinds[i].name) != 0))
                        continue;
                (void) clock_gettime(CLOCK_MONOTONIC, &start); /* there is always one */
                struct tally *t = run_kind(&kinds[i]);
                (void) clock_gettime(CLOCK_MONOTONIC, &end);
                report(&kinds[i], t,
                       (double) (end.tv_sec - start.tv_sec) + (double) (end.tv_nsec - start.tv_nsec) / 1e9);
                passed += t->passed;
                failed += t->failed;
                skipped += t->skipped;
        }
        printf("%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
        return failed == 0 && passed + skipped > 0 ? 0 : 1;
}
