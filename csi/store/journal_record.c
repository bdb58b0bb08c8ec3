#include "csi/store/journal.h"

#include <limits.h>
#include <stdio.h>

#include "lib/base/checksum.h"
#include "lib/base/parse.h"
#include "lib/model/names.h"

#define CONTEXT_MAX 4096
#define TEXT_ROOM   (2 * CHECKSUM_LEN + 1)

void journal_record_clear(struct journal_record *r)
{
        volume_spec_clear(&r->spec);
        *r = (struct journal_record){0};
}

bool journal_id_is_good(const char *id)
{
        size_t len = strlen(id);
        return len > 0 && len <= VOLUME_ID_MAX && id[0] != '.' &&
               strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

/* The texts of a record: one row, one member. */
static const struct text_row {
        const char *key;
        size_t at; /* of the char * in volume_spec */
        size_t max;
        bool optional;
} texts[] = {
        {"target_path", offsetof(struct volume_spec, target_path), PATH_MAX, false},
        {"profile", offsetof(struct volume_spec, profile), NAME_MAX_LEN, false},
        {"pod_namespace", offsetof(struct volume_spec, pod_namespace), POD_NAME_MAX, false},
        {"pod_name", offsetof(struct volume_spec, pod_name), POD_NAME_MAX, false},
        {"pod_uid", offsetof(struct volume_spec, pod_uid), POD_NAME_MAX, false},
        {"service_account", offsetof(struct volume_spec, service_account), POD_NAME_MAX, false},
        {"selinux_context", offsetof(struct volume_spec, selinux_context), CONTEXT_MAX, true},
};
static const char *const outer_keys[] = {"checksum", "record", "version", NULL};
static const char *const record_keys[] = {
        "boot_id",         "file_mode",       "group",       "pod_name",   "pod_namespace", "pod_uid", "profile",
        "selinux_context", "service_account", "target_path", "uses_token", "volume",        NULL};

static char **text_of(struct volume_spec *spec, const struct text_row *row)
{
        return (char **) (void *) ((char *) spec + row->at);
}

static struct fault *checksum_of(const struct json *record, char ret_hex[TEXT_ROOM])
{
        AUTO(buf) struct buf bytes = BUF(JOURNAL_RECORD_MAX);
        uint8_t digest[CHECKSUM_LEN];
        TRY(json_write(record, &bytes));
        checksum_sha256(buf_span(&bytes), digest);
        hex_string(SPAN_OF(digest), ret_hex);
        return NULL;
}

struct fault *journal_record_write(const struct journal_record *r, struct buf *out)
{
        struct volume_spec spec = r->spec; /* borrowed, for text_of */
        AUTO(json) struct json *outer = json_new_object();
        struct json *record = json_new_object();
        json_set(outer, "record", record);
        json_set_text(record, "volume", spec.id);
        json_set_text(record, "boot_id", r->boot_id);
        json_set_int(record, "file_mode", spec.file_mode);
        json_set_bool(record, "uses_token", r->uses_token);
        if (spec.has_group)
                json_set_int(record, "group", spec.group);
        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                const char *text = *text_of(&spec, &texts[i]);
                if (text != NULL)
                        json_set_text(record, texts[i].key, text);
        }
        char checksum[TEXT_ROOM];
        TRY(checksum_of(record, checksum));
        json_set_text(outer, "checksum", checksum);
        json_set_int(outer, "version", JOURNAL_VERSION);
        TRY(json_write(outer, out));
        return buf_append_byte(out, '\n');
}

static struct fault *read_spec(const struct json *record, struct volume_spec *spec)
{
        struct span id = SPAN_NONE;
        TRY(json_need_text(record, "volume", VOLUME_ID_MAX, &id));
        (void) snprintf(spec->id, sizeof(spec->id), "%.*s", (int) id.len, (const char *) id.data); /* fits */
        if (!journal_id_is_good(spec->id))
                return fault(FAULT_INVALID, "BAD_VOLUME_ID", "volume id \"%.128s\" is no name for a file", spec->id);

        for (size_t i = 0; i < COUNT_OF(texts); i++) {
                struct span text = SPAN_NONE;
                if (texts[i].optional)
                        TRY(json_want_text(record, texts[i].key, texts[i].max, &text));
                else
                        TRY(json_need_text(record, texts[i].key, texts[i].max, &text));
                if (text.data != NULL)
                        *text_of(spec, &texts[i]) = span_to_string(text);
        }
        int64_t mode = 0, group = -1;
        TRY(json_need_int(record, "file_mode", 0, 0660, &mode));
        TRY(json_want_int(record, "group", 0, UINT32_MAX - 1, &group));
        spec->file_mode = (mode_t) mode;
        spec->has_group = group >= 0;
        spec->group = group >= 0 ? (gid_t) group : 0;
        return NULL;
}

struct fault *journal_record_read(struct span bytes, struct journal_record *ret)
{
        AUTO(json) struct json *outer = NULL;
        AUTO(journal_record) struct journal_record r = {0};
        const struct json *record = NULL;
        struct span checksum = SPAN_NONE, boot_id = SPAN_NONE;
        int64_t version = 0;
        char computed[TEXT_ROOM];
        TRY(json_parse(bytes, &outer));
        TRY(json_need_int(outer, "version", 1, INT64_MAX, &version));
        if (version > JOURNAL_VERSION)
                return fault(FAULT_PRECONDITION, "NEWER_VERSION", "record of version %lld, this program knows %d",
                             (long long) version, JOURNAL_VERSION);
        TRY(json_only_keys(outer, outer_keys));
        TRY(json_need_text(outer, "checksum", TEXT_ROOM, &checksum));
        TRY(json_need_object(outer, "record", &record));
        TRY(checksum_of(record, computed));
        if (!span_eq_str(checksum, computed))
                return fault(FAULT_INVALID, "BAD_CHECKSUM", "record does not match its checksum");

        TRY(json_only_keys(record, record_keys));
        TRY(json_need_text(record, "boot_id", JOURNAL_BOOT_ID_LEN, &boot_id));
        memcpy(r.boot_id, boot_id.data, boot_id.len);
        TRY(json_need_bool(record, "uses_token", &r.uses_token));
        TRY(read_spec(record, &r.spec));
        *ret = r;
        r = (struct journal_record){0};
        return NULL;
}
