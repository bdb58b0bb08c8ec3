/* Each row is a good request with one thing changed; the refusal must name it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "csi/rpc/publish_request.h"
#include "csi/rpc/target_path.h"
#include "lib/net/rpc.h"
#include "tests/fakes/expect.h"

#define KUBELET         "/var/lib/kubelet"
#define POD_UID         "0d0f6a2e-1c3f-4a53-9d3e-6a1f0f6f2b11"
#define TARGET          KUBELET "/pods/" POD_UID "/volumes/kubernetes.io~csi/identity/mount"
#define EXPECTED_HANDLE "csi-bef23f8bb3ff80d734cae889985923f76d482e6a2032355bd57f8104978cdb2b"
#define AUDIENCE        "https://issuer.example"
#define TOKENS          "{\"" AUDIENCE "\":{\"token\":\"a.b.c\",\"expirationTimestamp\":\"2026-01-01T00:00:00Z\"}}"
#define K               "csi.storage.k8s.io/"

typedef Csi__V1__NodePublishVolumeRequest request_t;
typedef Csi__V1__NodePublishVolumeRequest__VolumeContextEntry entry_t;
typedef Csi__V1__NodePublishVolumeRequest__SecretsEntry secret_t;

static const struct publish_rules rules = {KUBELET, AUDIENCE, READ_ONLY_REQUIRE};

static void put(request_t *r, const char *key, const char *value)
{
        entry_t *entry =
                (void *) rpc_reply_new(&csi__v1__node_publish_volume_request__volume_context_entry__descriptor);
        entry->key = rpc_string(key);
        entry->value = rpc_string(value);
        r->volume_context = alloc_resize(r->volume_context, r->n_volume_context + 1, sizeof(entry_t *));
        r->volume_context[r->n_volume_context++] = entry;
}

static void put_secret(request_t *r, const char *value)
{
        secret_t *entry = (void *) rpc_reply_new(&csi__v1__node_publish_volume_request__secrets_entry__descriptor);
        entry->key = rpc_string(K "serviceAccount.tokens");
        entry->value = rpc_string(value);
        r->secrets = alloc_resize(r->secrets, r->n_secrets + 1, sizeof(secret_t *));
        r->secrets[r->n_secrets++] = entry;
}

static void replace(char **field, const char *value)
{
        if (*field != protobuf_c_empty_string)
                free(*field);
        *field = rpc_string(value);
}

/* What kubelet sends for a good pod. */
static request_t *make(void)
{
        struct target_path target;
        expect_ok(target_path_parse(KUBELET, TARGET, &target));
        char handle[VOLUME_HANDLE_LEN + 1];
        volume_handle(&target, handle);
        request_t *r = (void *) rpc_reply_new(&csi__v1__node_publish_volume_request__descriptor);
        replace(&r->volume_id, handle);
        replace(&r->target_path, TARGET);
        r->readonly = 1;
        r->volume_capability = (void *) rpc_reply_new(&csi__v1__volume_capability__descriptor);
        r->volume_capability->access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_MOUNT;
        r->volume_capability->mount = (void *) rpc_reply_new(&csi__v1__volume_capability__mount_volume__descriptor);
        r->volume_capability->access_mode =
                (void *) rpc_reply_new(&csi__v1__volume_capability__access_mode__descriptor);
        r->volume_capability->access_mode->mode = CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__SINGLE_NODE_WRITER;
        put(r, K "pod.name", "app-0");
        put(r, K "pod.namespace", "payroll");
        put(r, K "pod.uid", POD_UID);
        put(r, K "serviceAccount.name", "app");
        put(r, K "ephemeral", "true");
        put_secret(r, TOKENS);
        return r;
}

static struct fault *check(const request_t *r, const struct publish_rules *by, struct volume_spec *spec,
                           struct secret **token)
{
        return publish_request_check(r, by, spec, token);
}

static void accepts_what_kubelet_sends(void **state UNUSED)
{
        request_t *r = make();
        put(r, "profile", "web-tls");
        put(r, "fsGroup", "2000");
        put(r, "mode", "0400");
        put(r, K "something.newer", "x");
        replace(&r->volume_capability->mount->volume_mount_group, "1000");
        AUTO(volume_spec) struct volume_spec spec = {0};
        AUTO(secret) struct secret *token = NULL;
        expect_ok(check(r, &rules, &spec, &token));
        assert_string_equal(spec.profile, "web-tls");
        assert_string_equal(spec.pod_namespace, "payroll");
        assert_string_equal(spec.service_account, "app");
        assert_string_equal(spec.target_path, TARGET);
        assert_true(spec.has_group);
        assert_int_equal(spec.group, 2000); /* the attribute wins over the pod's fsGroup */
        assert_int_equal(spec.file_mode, 0400);
        assert_true(secret_eq(token, SPAN("a.b.c")));
        protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void defaults_are_the_safe_ones(void **state UNUSED)
{
        request_t *r = make();
        r->secrets[0]->value[0] = '\0';
        AUTO(volume_spec) struct volume_spec spec = {0};
        AUTO(secret) struct secret *token = NULL;
        expect_ok(check(r, &rules, &spec, &token));
        assert_string_equal(spec.profile, "default");
        assert_false(spec.has_group);
        assert_int_equal(spec.file_mode, 0440);
        assert_null(spec.selinux_context);
        assert_null(token); /* kubelet sent none */
        protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void token_from_volume_context_when_secrets_have_none(void **state UNUSED)
{
        request_t *r = make();
        replace(&r->secrets[0]->key, "other");
        put(r, K "serviceAccount.tokens", TOKENS);
        AUTO(volume_spec) struct volume_spec spec = {0};
        AUTO(secret) struct secret *token = NULL;
        expect_ok(check(r, &rules, &spec, &token));
        assert_true(secret_eq(token, SPAN("a.b.c")));
        protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void force_policy_takes_writable_pods(void **state UNUSED)
{
        request_t *r = make();
        r->readonly = 0;
        const struct publish_rules force = {KUBELET, AUDIENCE, READ_ONLY_FORCE};
        AUTO(volume_spec) struct volume_spec spec = {0};
        AUTO(secret) struct secret *token = NULL;
        expect_ok(check(r, &force, &spec, &token));
        protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void kubelets_folder_may_end_in_slashes(void **state UNUSED)
{
        static const char *const folders[] = {KUBELET "/", KUBELET "//"};
        for (size_t i = 0; i < COUNT_OF(folders); i++) {
                request_t *r = make();
                const struct publish_rules by = {folders[i], AUDIENCE, READ_ONLY_REQUIRE};
                AUTO(volume_spec) struct volume_spec spec = {0};
                AUTO(secret) struct secret *token = NULL;
                expect_ok(check(r, &by, &spec, &token));
                protobuf_c_message_free_unpacked(&r->base, NULL);
        }
}

static void selinux_context_is_the_one_mount_flag(void **state UNUSED)
{
        request_t *r = make();
        r->volume_capability->mount->mount_flags = alloc_zero(1, sizeof(char *));
        r->volume_capability->mount->mount_flags[0] =
                rpc_string("context=\"system_u:object_r:container_file_t:s0:c1,c2\"");
        r->volume_capability->mount->n_mount_flags = 1;
        AUTO(volume_spec) struct volume_spec spec = {0};
        AUTO(secret) struct secret *token = NULL;
        expect_ok(check(r, &rules, &spec, &token));
        assert_string_equal(spec.selinux_context, "system_u:object_r:container_file_t:s0:c1,c2");
        protobuf_c_message_free_unpacked(&r->base, NULL);
}

/* ---- refusals ---- */

static void no_id(request_t *r)
{
        replace(&r->volume_id, "");
}
static void long_id(request_t *r)
{
        char text[200];
        memset(text, 'a', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        replace(&r->volume_id, text);
}
static void no_target(request_t *r)
{
        replace(&r->target_path, "");
}
static void no_capability(request_t *r)
{
        protobuf_c_message_free_unpacked(&r->volume_capability->base, NULL);
        r->volume_capability = NULL;
}
static void block_device(request_t *r)
{
        protobuf_c_message_free_unpacked(&r->volume_capability->mount->base, NULL);
        r->volume_capability->access_type_case = CSI__V1__VOLUME_CAPABILITY__ACCESS_TYPE_BLOCK;
        r->volume_capability->block = (void *) rpc_reply_new(&csi__v1__volume_capability__block_volume__descriptor);
}
static void no_access_mode(request_t *r)
{
        r->volume_capability->access_mode->mode = CSI__V1__VOLUME_CAPABILITY__ACCESS_MODE__MODE__UNKNOWN;
}
static void writable(request_t *r)
{
        r->readonly = 0;
}
static void fs_type(request_t *r)
{
        replace(&r->volume_capability->mount->fs_type, "ext4");
}
static void add_flag(request_t *r, const char *flag)
{
        r->volume_capability->mount->mount_flags = alloc_zero(1, sizeof(char *));
        r->volume_capability->mount->mount_flags[0] = rpc_string(flag);
        r->volume_capability->mount->n_mount_flags = 1;
}
static void flag_suid(request_t *r)
{
        add_flag(r, "suid");
}
static void flag_context_breaks_out(request_t *r)
{
        add_flag(r, "context=\"a\",exec,x=\"b\"");
}
static void flag_context_open(request_t *r)
{
        add_flag(r, "context=\"");
}
static void bad_mount_group(request_t *r)
{
        replace(&r->volume_capability->mount->volume_mount_group, "staff");
}
static void huge_mount_group(request_t *r)
{
        replace(&r->volume_capability->mount->volume_mount_group, "4294967295");
}
static void drop_key(request_t *r, const char *key)
{
        for (size_t i = 0; i < r->n_volume_context; i++) {
                if (strcmp(r->volume_context[i]->key, key) == 0)
                        replace(&r->volume_context[i]->key, K "dropped");
        }
}
static void not_ephemeral(request_t *r)
{
        drop_key(r, K "ephemeral");
}
static void ephemeral_false(request_t *r)
{
        put(r, K "ephemeral", "false"); /* the last one wins */
}
static void no_pod_name(request_t *r)
{
        drop_key(r, K "pod.name");
}
static void no_pod_namespace(request_t *r)
{
        drop_key(r, K "pod.namespace");
}
static void no_pod_uid(request_t *r)
{
        drop_key(r, K "pod.uid");
}
static void no_service_account(request_t *r)
{
        drop_key(r, K "serviceAccount.name");
}
static void other_pod_uid(request_t *r)
{
        put(r, K "pod.uid", "0d0f6a2e-1c3f-4a53-9d3e-6a1f0f6f2b12");
}
static void other_volume_id(request_t *r)
{
        r->volume_id[10] = r->volume_id[10] == '0' ? '1' : '0';
}
static void target_elsewhere(request_t *r)
{
        replace(&r->target_path, "/etc/pods/" POD_UID "/volumes/kubernetes.io~csi/identity/mount");
}
static void target_with_dots(request_t *r)
{
        replace(&r->target_path, KUBELET "/pods/../volumes/kubernetes.io~csi/identity/mount");
}
static void target_with_more(request_t *r)
{
        replace(&r->target_path, TARGET "/sub");
}
static void target_empty_part(request_t *r)
{
        replace(&r->target_path, KUBELET "/pods/" POD_UID "/volumes/kubernetes.io~csi//mount");
}
static void unknown_attribute(request_t *r)
{
        put(r, "profil", "default");
}
static void foreign_prefix(request_t *r)
{
        put(r, "csi.storage.k8s.io.evil/pod.name", "x");
}
static void bad_profile(request_t *r)
{
        put(r, "profile", "../etc");
}
static void empty_profile(request_t *r)
{
        put(r, "profile", "");
}
static void hyphen_profile(request_t *r)
{
        put(r, "profile", "-a");
}
static void world_readable(request_t *r)
{
        put(r, "mode", "0444");
}
static void writable_mode(request_t *r)
{
        put(r, "mode", "0640");
}
static void mode_without_zero(request_t *r)
{
        put(r, "mode", "440");
}
static void bad_group(request_t *r)
{
        put(r, "fsGroup", "-1");
}
static void tokens_not_json(request_t *r)
{
        replace(&r->secrets[0]->value, "secret-canary");
}
static void tokens_other_audience(request_t *r)
{
        replace(&r->secrets[0]->value, "{\"https://kubernetes.default.svc\":{\"token\":\"secret-canary\"}}");
}
static void tokens_empty(request_t *r)
{
        replace(&r->secrets[0]->value, "{\"" AUDIENCE "\":{\"token\":\"\"}}");
}

static const struct {
        const char *name;
        void (*change)(request_t *r);
        enum fault_code code;
        const char *token, *names; /* what the text must name */
} refusals[] = {
        {"no volume id", no_id, FAULT_INVALID, "VOLUME_ID", "volume_id"},
        {"volume id too long", long_id, FAULT_INVALID, "VOLUME_ID", "128"},
        {"no target path", no_target, FAULT_INVALID, "TARGET_PATH", "target_path"},
        {"no capability", no_capability, FAULT_INVALID, "VOLUME_CAPABILITY", "volume_capability"},
        {"block device", block_device, FAULT_INVALID, "VOLUME_CAPABILITY", "block"},
        {"no access mode", no_access_mode, FAULT_INVALID, "ACCESS_MODE", "access mode"},
        {"writable", writable, FAULT_INVALID, "READ_ONLY", "readOnly: true"},
        {"file system type", fs_type, FAULT_INVALID, "FS_TYPE", "ext4"},
        {"mount flag", flag_suid, FAULT_INVALID, "MOUNT_FLAGS", "suid"},
        {"context that breaks out", flag_context_breaks_out, FAULT_INVALID, "MOUNT_FLAGS", "context"},
        {"context not closed", flag_context_open, FAULT_INVALID, "MOUNT_FLAGS", "context"},
        {"mount group by name", bad_mount_group, FAULT_INVALID, "BAD_NUMBER", "volume_mount_group"},
        {"mount group too large", huge_mount_group, FAULT_INVALID, "BAD_NUMBER", "volume_mount_group"},
        {"not ephemeral", not_ephemeral, FAULT_INVALID, "EPHEMERAL", K "ephemeral"},
        {"ephemeral false", ephemeral_false, FAULT_INVALID, "EPHEMERAL", K "ephemeral"},
        {"no pod name", no_pod_name, FAULT_INVALID, "POD_INFO", K "pod.name"},
        {"no pod namespace", no_pod_namespace, FAULT_INVALID, "POD_INFO", K "pod.namespace"},
        {"no pod uid", no_pod_uid, FAULT_INVALID, "POD_INFO", K "pod.uid"},
        {"no service account", no_service_account, FAULT_INVALID, "POD_INFO", K "serviceAccount.name"},
        {"another pod's uid", other_pod_uid, FAULT_INVALID, "POD_UID", "2b12"},
        {"another volume's id", other_volume_id, FAULT_INVALID, "VOLUME_ID", "identity"},
        {"target elsewhere", target_elsewhere, FAULT_INVALID, "TARGET_PATH", "/etc/pods"},
        {"target with dots", target_with_dots, FAULT_INVALID, "TARGET_PATH", ".."},
        {"target with more", target_with_more, FAULT_INVALID, "TARGET_PATH", "/sub"},
        {"target with an empty part", target_empty_part, FAULT_INVALID, "TARGET_PATH", "//"},
        {"unknown attribute", unknown_attribute, FAULT_INVALID, "UNKNOWN_ATTRIBUTE",
         "allowed are profile, fsGroup, mode"},
        {"look-alike prefix", foreign_prefix, FAULT_INVALID, "UNKNOWN_ATTRIBUTE", "evil"},
        {"profile with a path", bad_profile, FAULT_INVALID, "ATTRIBUTE_VALUE", "../etc"},
        {"empty profile", empty_profile, FAULT_INVALID, "ATTRIBUTE_VALUE", "profile"},
        {"profile with an outer hyphen", hyphen_profile, FAULT_INVALID, "ATTRIBUTE_VALUE", "-a"},
        {"world-readable", world_readable, FAULT_INVALID, "ATTRIBUTE_VALUE", "0444"},
        {"writable files", writable_mode, FAULT_INVALID, "ATTRIBUTE_VALUE", "0640"},
        {"mode without a leading zero", mode_without_zero, FAULT_INVALID, "BAD_MODE", "mode"},
        {"negative group", bad_group, FAULT_INVALID, "BAD_NUMBER", "fsGroup"},
        {"tokens are no JSON", tokens_not_json, FAULT_INVALID, "TOKEN_JSON", "JSON"},
        {"tokens for others only", tokens_other_audience, FAULT_PRECONDITION, "TOKEN_AUDIENCE", "tokenRequests"},
        {"empty token", tokens_empty, FAULT_INVALID, "TOKEN_JSON", "empty"},
};

static void refuses_by_name(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(refusals); i++) {
                request_t *r = make();
                refusals[i].change(r);
                AUTO(volume_spec) struct volume_spec spec = {0};
                AUTO(secret) struct secret *token = NULL;
                AUTO(fault) struct fault *refused = check(r, &rules, &spec, &token);
                if (refused == NULL || fault_code(refused) != refusals[i].code ||
                    strcmp(fault_token(refused), refusals[i].token) != 0 ||
                    strstr(fault_text(refused), refusals[i].names) == NULL)
                        fail_msg("%s: got %s \"%s\"", refusals[i].name, fault_token(refused), fault_text(refused));
                assert_null(strstr(fault_text(refused), "secret-canary"));
                assert_null(spec.target_path); /* untouched on failure */
                assert_null(token);
                protobuf_c_message_free_unpacked(&r->base, NULL);
        }
}

static void handle_is_kubelets(void **state UNUSED)
{
        /* echo -n 0d0f6a2e-1c3f-4a53-9d3e-6a1f0f6f2b11identity | sha256sum */
        struct target_path target;
        expect_ok(target_path_parse(KUBELET, TARGET, &target));
        assert_string_equal(target.pod_uid, POD_UID);
        assert_string_equal(target.volume_name, "identity");
        char handle[VOLUME_HANDLE_LEN + 1];
        volume_handle(&target, handle);
        assert_string_equal(handle, EXPECTED_HANDLE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(accepts_what_kubelet_sends),
                cmocka_unit_test(defaults_are_the_safe_ones),
                cmocka_unit_test(token_from_volume_context_when_secrets_have_none),
                cmocka_unit_test(force_policy_takes_writable_pods),
                cmocka_unit_test(selinux_context_is_the_one_mount_flag),
                cmocka_unit_test(refuses_by_name),
                cmocka_unit_test(kubelets_folder_may_end_in_slashes),
                cmocka_unit_test(handle_is_kubelets),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
