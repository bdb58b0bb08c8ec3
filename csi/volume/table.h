/* table: what the parts of csi/volume share: the volumes of this node, their owners, their timers. Private to this folder.
 *
 * One lock, `mu`, guards the table and every volume's fields; it is never held over I/O. Who wants to act on a volume becomes its owner
 * first; `status` and `problem` are written by the owner only (under mu) and so may be read by the owner without it. A volume lives
 * while somebody holds a reference: the table, and each job in the pool. */
#pragma once

#include <pthread.h>

#include "csi/store/generation.h"
#include "csi/store/journal.h"
#include "csi/store/target.h"
#include "csi/store/tmpfs.h"
#include "csi/volume/heap.h"
#include "csi/volume/planner.h"
#include "csi/volume/spec.h"
#include "csi/volume/status.h"
#include "lib/base/map.h"
#include "lib/base/pool.h"

#define READERS_GRACE_MS 5000  /* how long an old generation stays for those who have its files open */
#define WRITE_HOLD_MS    15000 /* between attempts to write what could not be written */

enum volume_owner { OWNER_NONE, OWNER_PUBLISH, OWNER_RENEW, OWNER_UNPUBLISH };

struct volume {
        struct volumes *in;
        struct volume_spec spec; /* fixed */
        /* guarded by in->mu, all of these */
        unsigned refs;
        bool listed;  /* in the table */
        bool queued;  /* a job of it is in the pool */
        bool leaving; /* an unpublish waits for the owner to end */
        enum volume_owner owner;
        struct cancel *running; /* of the owner's acquire */
        enum volume_state state;
        struct heap_item timer;
        uint64_t mount_id;
        struct secret *token;
        int64_t token_expiry_unix_s;
        bool uses_token;
        struct planner_facts facts;
        struct wall renew_at;
        struct volume_status status;
        struct volume_problem problem;
};

enum volumes_metric {
        METRIC_VOLUMES,
        METRIC_RENEWALS,
        METRIC_GENERATIONS,
        METRIC_QUARANTINED,
        METRIC_NEXT_RENEWAL,
        METRIC_GHOSTS,
        VOLUMES_METRIC_COUNT,
};

struct volumes {
        struct volumes_options options; /* texts are ours */
        struct journal *journal;
        struct pool *renewers;
        pthread_t timer_thread, bundle_thread;
        int wake_fd, boot_fd, step_fd; /* of the timer thread */
        struct cancel watch_cancel;
        struct metric rows[VOLUMES_METRIC_COUNT];
        struct metric *row_table[VOLUMES_METRIC_COUNT];

        pthread_mutex_t mu;
        pthread_cond_t changed; /* an owner let go, a job ended, the timer made a pass */
        /* guarded by mu, all of these */
        struct map *by_id;
        struct heap timers;
        struct trust_bundle bundle; /* newest that the watch gave */
        bool stopping;
        size_t jobs;              /* in the pool, waiting or running */
        uint64_t passes;          /* of the timer */
        struct wall planned_wall; /* when all plans were last known to hold */
        struct boot planned_boot;
};

/* ---- table.c; all but volume_new with mu held ---- */
struct volume *volume_new(struct volumes *vs, const struct volume_spec *spec);
void volume_unref(struct volume *v);
struct fault *table_list(struct volumes *vs, struct volume *v) MUST_USE; /* FAULT_EXHAUSTED "TOO_MANY_VOLUMES" */
void table_unlist(struct volumes *vs, struct volume *v);
bool volume_is_live(const struct volume *v); /* mounted: fresh, overdue or expired */
void volume_take_token(struct volume *v, struct secret *token);
/* Plans anew and sets the timer; nothing for one that is owned or not live. */
void volume_replan(struct volume *v);
/* Ends ownership, plans anew, wakes who waits. */
void volume_release(struct volume *v);
void volume_set_problem(struct volume *v, const char *check, const char *detail);
struct plan volume_plan(const struct volume *v);

/* ---- content.c ---- */
/* Opens a writable clone of the volume's mount. FAULT_NOT_FOUND "MOUNT_GONE" when something else, or nothing, is at the target. */
struct fault *content_open(struct volume *v, struct tmpfs *ret) MUST_USE;
/* Writes `a` as the next generation; *ret_status is what it is now. The volume's own fields stay. */
struct fault *content_write(struct volume *v, int root, const struct acquired *a,
                            struct volume_status *ret_status) MUST_USE;
struct fault *content_write_bundle(struct volume *v, int root, const struct trust_bundle *bundle,
                                   uint64_t generation) MUST_USE;
struct fault *content_write_status(struct volume *v, int root, enum volume_state state, struct wall renew_at) MUST_USE;
/* With mu held: the volume now is what `status` says (taken). `renewed`: just so, by an acquire. */
void content_became(struct volume *v, struct volume_status *status, bool renewed);

/* ---- the others ---- */
/* Orders with the volume's identity; the texts are borrowed. */
struct acquire_order volume_order(const struct volume *v, const struct secret *token, bool renewal);
void renew_run(void *volume);                           /* renew.c: job of the pool; owns a reference */
struct fault *restore_all(struct volumes *vs) MUST_USE; /* restore.c */
/* What stands at the target becomes this volume's content, when its status.json says that it is. NOT_FOUND "NO_GENERATION" or the
 * faults of volume_status_read otherwise. Called by the owner. */
struct fault *restore_adopt(struct volume *v, uint64_t mount_id) MUST_USE;
struct fault *timer_open(struct volumes *vs) MUST_USE; /* timer.c */
void *timer_run(void *volumes);
void timer_close(struct volumes *vs);
void timer_kick(struct volumes *vs);        /* the heap or the clock changed: look now */
void *bundle_watch_run(void *volumes);      /* bundle_watch.c */
void volumes_rows_init(struct volumes *vs); /* rows.c */
void volumes_count_renewal(struct volumes *vs, enum renewal_class c);

/* For tests with a fake clock: returns when everything that is due by that clock has been done. */
void volumes_settle(struct volumes *vs);
