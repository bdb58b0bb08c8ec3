/* reader: `vouchsafe-attester reader`: reads evidence where the kernel demands root, for one uid, and nothing else (protocol.md §5).
 *
 * The peer gives fields of a transcript, never bytes to quote; the kind is one that the reader was started for. Frames arrive on the
 * connection's thread and are worked off by one worker, since a TEE does one thing at a time; what can't wait in its short queue is
 * refused. A peer that goes away cancels what it asked for. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "attester/evidence/composite.h"
#include "attester/evidence/reader_sandbox.h"
#include "attester/evidence/reader_wire.h"
#include "lib/base/log.h"
#include "lib/base/pool.h"
#include "lib/net/frames.h"

#define QUEUE_MAX       16
#define CONNECTIONS_MAX 4

struct reader {
        size_t source_count;
        struct evidence_source sources[READER_KINDS_MAX]; /* of the worker; the primary kind's first */
        struct pool *worker;
        pthread_mutex_t mu;
        struct job *jobs; /* guarded by mu: queued and running */
};
struct job {
        struct reader *reader;
        struct frames_conn *conn; /* a reference */
        struct read_call call;
        struct cancel cancel;
        struct job *next; /* guarded by reader->mu */
};

/* ---- jobs */

static void job_enlist(struct job *j)
{
        pthread_mutex_lock(&j->reader->mu);
        j->next = j->reader->jobs;
        j->reader->jobs = j;
        pthread_mutex_unlock(&j->reader->mu);
}

static void job_free(struct job *j)
{
        pthread_mutex_lock(&j->reader->mu);
        struct job **at = &j->reader->jobs;
        while (*at != j)
                at = &(*at)->next;
        *at = j->next;
        pthread_mutex_unlock(&j->reader->mu);
        frames_unref(j->conn);
        read_call_clear(&j->call);
        cancel_clear(&j->cancel);
        free(j);
}

static void answer(struct frames_conn *conn, const struct read_answer *a)
{
        AUTO(buf) struct buf frame = BUF(READER_FRAME_MAX);
        AUTO(fault) struct fault *f = read_answer_write(a, &frame);
        if (f == NULL)
                f = frames_send(conn, buf_span(&frame));
        buf_wipe(&frame);
        if (f != NULL)
                log_debug("answer_not_sent", KV("why", f)); /* the peer is gone: it will ask again */
}

static void refuse(struct frames_conn *conn, uint64_t id, struct fault *why)
{
        AUTO(read_answer) struct read_answer a = {.id = id, .failed = why};
        log_info("evidence_refused", KV("why", why));
        answer(conn, &a);
}

static const struct evidence_source *find_source(const struct reader *r, const char *kind)
{
        for (size_t i = 0; i < r->source_count; i++)
                if (strcmp(r->sources[i].kind, kind) == 0)
                        return &r->sources[i];
        return NULL;
}

static struct fault *serve(struct job *j, struct read_answer *a)
{
        const struct evidence_source *s = find_source(j->reader, j->call.kind);
        if (s == NULL)
                return fault(FAULT_INVALID, "evidence.kind", "this reader reads \"%s\", not \"%s\"",
                             j->reader->sources[0].kind, j->call.kind);
        TRY(cancel_check(&j->cancel)); /* it may have waited too long */
        switch (j->call.what) {
        case READ_EVIDENCE:
                return s->collect(s->self, &j->call.binding, &j->cancel, &a->evidence);
        case READ_ENROLMENT:
                return s->enrolment(s->self, &j->cancel, &a->enrolment);
        default:
                return s->activate(s->self, buf_span(&j->call.credential_blob), buf_span(&j->call.encrypted_secret),
                                   &j->cancel, &a->secret);
        }
}

static void run_job(void *work)
{
        struct job *j = work;
        AUTO(read_answer) struct read_answer a = {.id = j->call.id};
        a.failed = serve(j, &a);
        if (a.failed != NULL)
                log_info("evidence_failed", KV("why", a.failed));
        answer(j->conn, &a);
        job_free(j);
}

/* What it reads: asks no TEE, so nobody waits for one. */
static void answer_hello(const struct reader *r, struct frames_conn *conn, uint64_t id)
{
        AUTO(read_answer) struct read_answer a = {.id = id, .kinds = {.version = READER_VERSION}};
        for (size_t i = 0; i < r->source_count; i++)
                snprintf(a.kinds.names[a.kinds.count++], sizeof a.kinds.names[0], "%s", r->sources[i].kind);
        answer(conn, &a);
}

/* ---- events of the connections' threads */

static void on_open(void *self, struct frames_conn *conn)
{
        (void) self;
        log_debug("reader_connected", KV("uid", frames_peer_uid(conn)));
}

static void on_frame(void *self, struct frames_conn *conn, struct span frame)
{
        struct reader *r = self;
        AUTO(read_call) struct read_call call = {0};
        struct fault *f = read_call_read(frame, &call);
        if (f != NULL) {
                refuse(conn, call.id, f);
                return;
        }
        if (call.what == READ_HELLO) {
                answer_hello(r, conn, call.id);
                return;
        }
        struct job *j = NEW(struct job);
        j->reader = r;
        j->conn = frames_ref(conn);
        j->call = call;
        call = (struct read_call){0}; /* the job's now */
        cancel_init(&j->cancel, &clock_system, (struct boot){clock_boot(&clock_system).ms + j->call.deadline_ms});
        job_enlist(j);
        f = pool_submit(r->worker, run_job, j);
        if (f != NULL) {
                refuse(conn, j->call.id, f);
                job_free(j);
        }
}

static void on_close(void *self, struct frames_conn *conn, struct fault *why)
{
        struct reader *r = self;
        (void) why;
        pthread_mutex_lock(&r->mu);
        for (struct job *j = r->jobs; j != NULL; j = j->next)
                if (j->conn == conn)
                        cancel_trip(&j->cancel);
        pthread_mutex_unlock(&r->mu);
}

/* ---- life */

static struct fault *serve_until_signal(struct reader *r, const char *socket_path, uid_t client_uid,
                                        const sigset_t *ends)
{
        struct frames_server_options options = {
                .path = socket_path,
                .mode = 0600,
                .allowed_uids = {client_uid},
                .allowed_count = 1,
                .connections_max = CONNECTIONS_MAX,
                .events = {.on_open = on_open, .on_frame = on_frame, .on_close = on_close, .self = r}};
        struct frames_server *server = NULL;
        TRY(frames_server_start(&options, &server));
        struct fault *f = NULL;
        if (client_uid != geteuid() && lchown(socket_path, client_uid, (gid_t) -1) < 0)
                f = fault_errno(FAULT_INTERNAL, "SOCKET", errno, "give %s to uid %u", socket_path, client_uid);
        if (f == NULL) {
                log_info("reader_started", KV("kind", r->sources[0].kind), KV("kinds", r->source_count),
                         KV("socket", socket_path), KV("client_uid", client_uid));
                int signal_number;
                (void) sigwait(ends, &signal_number); /* fails only for an invalid set */
                log_info("reader_stopping");
        }
        frames_server_stop(server); /* its closing cancels the jobs */
        return f;
}

static void on_term(int signal_number)
{
        (void) signal_number; /* sigwait takes it; without a handler an ignored signal would never arrive */
}

static void close_sources(struct reader *r)
{
        for (size_t i = 0; i < r->source_count; i++)
                r->sources[i].close(r->sources[i].self);
        r->source_count = 0;
}

/* One for each kind: it is the attester that composes them. */
static struct fault *open_sources(const struct evidence_options *o, struct reader *r)
{
        for (size_t i = 0; i <= o->secondary_count; i++) {
                const struct evidence_options part = evidence_part(o, i == 0 ? o->kind : o->secondary[i - 1]);
                TRY(evidence_open(&part, &r->sources[i]));
                r->source_count++;
                TRY(evidence_secondary_check(o, r->sources[0].kind)); /* also: no more than there is room for */
        }
        return NULL;
}

struct fault *evidence_reader_run(const struct evidence_options *o, const char *socket_path, uid_t client_uid)
{
        if (o->reader_socket != NULL || (o->kind != NULL && strcmp(o->kind, EVIDENCE_SOFTWARE) == 0))
                return fault(FAULT_INVALID, "evidence.kind", "a reader reads a TEE's evidence itself, not \"%s\"",
                             o->kind);
        struct reader r = {0};
        struct fault *f = open_sources(o, &r);
        if (f != NULL) {
                close_sources(&r);
                return f;
        }
        sigset_t ends;
        sigemptyset(&ends);
        sigaddset(&ends, SIGTERM);
        sigaddset(&ends, SIGINT);
        (void) sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_term}, NULL); /* can't fail for these */
        (void) sigaction(SIGINT, &(struct sigaction){.sa_handler = on_term}, NULL);
        pthread_sigmask(SIG_BLOCK, &ends, NULL); /* the threads to come inherit it */

        struct evidence_options opened = *o;
        opened.kind = r.sources[0].kind; /* what "auto" became: it needs no more than that */
        f = reader_sandbox_enter(&opened, socket_path);
        if (f == NULL) {
                pthread_mutex_init(&r.mu, NULL);
                r.worker = pool_new("reader", 1, QUEUE_MAX);
                f = serve_until_signal(&r, socket_path, client_uid, &ends);
                pool_free(r.worker);
                pthread_mutex_destroy(&r.mu);
        }
        close_sources(&r);
        return f;
}
