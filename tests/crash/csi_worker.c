/* The worker of the driver's crash runs: a script of publish, rotate, bundle change and unpublish, restartable at any point.
 *
 * usage: crash-csi DIR retry|leave
 *
 * However it was ended before, it first checks what it finds, starts the driver's volumes on it, checks that nothing was re-issued, and
 * then does what kubelet would: "retry" asks again for the call that was cut off and goes on with the script; "leave" unpublishes
 * everything, as for pods that were deleted meanwhile. Exit code 0: every invariant held and nothing is left behind. */
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "tests/crash/csi_world.h"
#include "tests/crash/witness.h"

static struct csi_world world;

/* ---- the world ---- */

static int index_of(const char *id)
{
        for (int v = 0; v < VOLUMES; v++)
                if (strcmp(id, csi_ids[v]) == 0)
                        return v;
        broken("an order for %s", id);
}

static struct fault *acquire(void *self, const struct acquire_order *order, struct cancel *cancel, struct acquired *ret)
{
        struct csi_world *w = self;
        TRY(w->fake.acquirer.acquire(&w->fake, order, cancel, ret));
        unsigned number = fake_acquirer_calls(&w->fake);
        must(number < CALLS_MAX, "%u acquires", number);
        w->witness->volume_of[number] = (uint8_t) (index_of(order->volume) + 1);
        w->witness->calls = number;
        return NULL;
}

static struct fault *watch(void *self, uint64_t known, struct cancel *cancel, struct trust_bundle *ret)
{
        struct csi_world *w = self;
        return w->fake.acquirer.watch(&w->fake, known, cancel, ret);
}

static void open_world(struct csi_world *w, const char *dir)
{
        struct csi_witness *known = witness_map(dir);
        *w = (struct csi_world){.dir = dir, .witness = known, .acquirer = {acquire, watch, w}};
        (void) snprintf(w->state, sizeof(w->state), "%s/state", dir); /* fits: the injector's paths are short */
        (void) snprintf(w->kubelet, sizeof(w->kubelet), "%s/kubelet", dir);
        if (!known->started) {
                known->wall_ms = START_MS;
                known->boot_ms = 1000000;
                known->bundle = 1;
                known->started = true;
        }
        fake_clock_init(&w->now, known->wall_ms, known->boot_ms);
        fake_acquirer_init(&w->fake, &w->now.clock, LIFE_S);
        w->fake.types[1] = "wit";
        w->fake.count = 2;
        w->fake.calls = known->calls;
        w->fake.bundle = known->bundle;
}

static void open_volumes(struct csi_world *w)
{
        const struct volumes_options o = {
                .state_dir = w->state,
                .kubelet_dir = w->kubelet,
                .acquirer = &w->acquirer,
                .clock = &w->now.clock,
                .tmpfs_bytes = 1 << 20,
                .tmpfs_inodes = 128,
                .mount_read_only = true,
                .renew_threads = 1, /* one order of calls, the same in each run */
                .volumes_max = 8,
        };
        must_ok(volumes_open(&o, &w->volumes), "open the volumes");
        fake_acquirer_wait_watched(&w->fake);
        volumes_settle(w->volumes);
}

static struct volume_spec spec_of(const struct csi_world *w, int v)
{
        struct volume_spec s = {
                .target_path = csi_target(w, v),
                .profile = alloc_string("default"),
                .pod_namespace = alloc_string("ns"),
                .pod_name = alloc_printf("pod-%s", csi_ids[v]),
                .pod_uid = alloc_printf("uid-%s", csi_ids[v]),
                .service_account = alloc_string("sa"),
                .has_group = true,
                .group = GROUP,
                .file_mode = 0440,
        };
        (void) snprintf(s.id, sizeof(s.id), "%s", csi_ids[v]); /* fits */
        return s;
}

/* ---- what kubelet does ---- */

/* Notes what is shown now; nothing may go back behind it. */
static void note(struct csi_world *w)
{
        csi_check_mounts(w);
        for (int v = 0; v < VOLUMES; v++) {
                unsigned number;
                bool due;
                if (csi_check_volume(w, v, &number, &due))
                        w->witness->volumes[v].shown = number;
        }
}

static void publish(struct csi_world *w, int v, bool with_token)
{
        AUTO(volume_spec) struct volume_spec s = spec_of(w, v);
        unsigned calls = w->witness->calls, number;
        bool due, was_mounted = csi_check_volume(w, v, &number, &due);
        w->witness->volumes[v].asked = true;
        struct secret *token = with_token ? secret_copy(SPAN("e30.e30.canary")) : NULL; /* a token without an end */
        must_ok(volumes_publish(w->volumes, &s, token, NULL), "publish");
        w->witness->volumes[v].published = true;
        volumes_settle(w->volumes);
        unsigned made = w->witness->calls - calls;
        must(was_mounted ? made == 0 || due : made == 1, "publish of %s made %u acquires, mounted before: %d",
             csi_ids[v], made, was_mounted);
        note(w);
}

static void unpublish(struct csi_world *w, int v)
{
        AUTO_STRING char *path = csi_target(w, v);
        w->witness->volumes[v].leaving = true;
        must_ok(volumes_unpublish(w->volumes, csi_ids[v], path, NULL), "unpublish");
        w->witness->volumes[v].gone = true;
        note(w);
}

/* ---- the script: each step may be begun again ---- */

static void pass_s(struct csi_world *w, int64_t s)
{
        if (!w->witness->moved) {
                w->witness->moved = true;
                w->witness->wall_ms += s * 1000;
                w->witness->boot_ms += s * 1000;
                fake_clock_advance_ms(&w->now, s * 1000);
        }
        volumes_settle(w->volumes);
}

static void publish_first(struct csi_world *w)
{
        publish(w, 0, /* with_token= */ false);
}
static void publish_second(struct csi_world *w)
{
        publish(w, 1, /* with_token= */ true);
}
static void republish_first(struct csi_world *w)
{
        publish(w, 0, /* with_token= */ true);
}

static void rotate(struct csi_world *w)
{
        pass_s(w, 420);
        for (int v = 0; v < VOLUMES; v++) {
                unsigned number;
                bool due;
                bool mounted = csi_check_volume(w, v, &number, &due);
                must(!mounted || !due, "%s is still due", csi_ids[v]);
        }
}

/* The time that readers have begins anew with a restart. */
static void reap(struct csi_world *w)
{
        w->witness->moved = false;
        pass_s(w, 6);
        for (int v = 0; v < VOLUMES; v++)
                if (w->witness->volumes[v].published && !w->witness->volumes[v].leaving)
                        csi_check_reaped(w, v);
}

static void change_bundle(struct csi_world *w)
{
        w->witness->bundle = 2;
        if (w->fake.bundle != 2) { /* a restart has seen it already */
                fake_acquirer_set_bundle(&w->fake, 2);
                fake_acquirer_wait_watched(&w->fake);
        }
        volumes_settle(w->volumes);
        AUTO_STRING char *path = alloc_printf("%s/pod-v1/mount/ca.crt", w->kubelet);
        AUTO(buf) struct buf roots = BUF(64);
        must_ok(file_read(path, &roots), path);
        must(strcmp(buf_str(&roots), "roots 2\n") == 0, "the new bundle is not shown");
}

/* The issuer is away until credentials are overdue: status.json is replaced within its generation. */
static void fall_overdue(struct csi_world *w)
{
        fake_acquirer_fail(&w->fake, FAULT_UNAVAILABLE, "ISSUER_DOWN", 0);
        pass_s(w, 500);
        fake_acquirer_succeed(&w->fake);
}

static void recover(struct csi_world *w)
{
        pass_s(w, 90);
}

static void unpublish_first(struct csi_world *w)
{
        unpublish(w, 0);
}
static void unpublish_second(struct csi_world *w)
{
        unpublish(w, 1);
}

static void (*const script[])(struct csi_world *w) = {
        publish_first, publish_second, republish_first, rotate,          change_bundle, reap,
        rotate,        fall_overdue,   recover,         unpublish_first, reap,          unpublish_second,
};

/* ---- a start ---- */

/* Nothing is issued by a start itself, but for what had come due. */
static void check_restart(struct csi_world *w)
{
        unsigned calls = w->witness->calls, due_count = 0;
        size_t mounted = 0;
        csi_check_mounts(w);
        for (int v = 0; v < VOLUMES; v++) {
                unsigned number;
                bool due;
                mounted += csi_check_volume(w, v, &number, &due);
                due_count += due;
        }
        open_volumes(w);
        must(w->witness->calls - calls <= due_count, "a start made %u acquires with %u volumes due",
             w->witness->calls - calls, due_count);
        size_t live = volumes_count(w->volumes, VOLUME_FRESH) + volumes_count(w->volumes, VOLUME_OVERDUE) +
                      volumes_count(w->volumes, VOLUME_EXPIRED);
        must(live == mounted, "%zu volumes known, %zu mounted", live, mounted);
        csi_check_journal(w, mounted);
        note(w);
}

static void leave(struct csi_world *w)
{
        for (int v = 0; v < VOLUMES; v++)
                unpublish(w, v);
}

static void run_script(struct csi_world *w)
{
        for (int v = 0; v < VOLUMES; v++) /* as kubelet does all the time */
                if (w->witness->volumes[v].published && !w->witness->volumes[v].leaving)
                        publish(w, v, /* with_token= */ true);
        while (w->witness->step < COUNT_OF(script)) {
                script[w->witness->step](w);
                note(w);
                w->witness->moved = false;
                w->witness->step++;
        }
}

int main(int argc, char **argv)
{
        must(argc == 3, "usage: crash-csi DIR retry|leave");
        log_set_level(LOG_ERROR);
        (void) alarm(HANGS_AFTER_S);
        struct csi_world *w = &world;
        open_world(w, argv[1]);
        bool again = w->witness->volumes[0].asked;
        check_restart(w);
        if (again && strcmp(argv[2], "leave") == 0)
                leave(w);
        else
                run_script(w);
        csi_check_journal(w, 0);
        volumes_close(w->volumes);
        fake_acquirer_clear(&w->fake);
        return 0;
}
