/* Files and flags to an appraisal. What each kind takes is one table. */
#include "cli/appraise.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/base/parse.h"
#include "lib/model/names.h"

#define REPORT_DATA_LEN 64
#define NONCE_BYTES_MAX 512

static const struct kind {
        const char *name;
        bool has_report_data;  /* 64 bytes; otherwise a nonce field */
        const char *parts[12]; /* NULL-terminated; the files of a collateral folder are taken beside them */
} kinds[] = {
        {EVIDENCE_SEV_SNP, true, {"vcek", "vlek", "chain", "auxblob", "crl", "anchors", NULL}},
        {EVIDENCE_TDX, true, {"ccel", "anchors", NULL}},
        {EVIDENCE_TPM, false, {"sig", "pcrs", "ak", "chain", "anchors", "eventlog", NULL}},
        {EVIDENCE_AZ_SEV_SNP,
         false,
         {"quote", "sig", "pcrs", "vcek", "chain", "auxblob", "crl", "anchors", "eventlog", NULL}},
        {EVIDENCE_AZ_TDX, false, {"quote", "sig", "pcrs", "td-quote", "chain", "anchors", "eventlog", "ccel", NULL}},
        {EVIDENCE_NITRO, false, {"anchors", NULL}},
        {EVIDENCE_CCA, true, {"cpak", "anchors", NULL}},
        {EVIDENCE_EVENTLOG, false, {"pcrs", "rtmrs", NULL}},
};

static struct fault *find_kind(const char *name, const struct kind **ret)
{
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
                if (name != NULL && strcmp(kinds[i].name, name) == 0) {
                        *ret = &kinds[i];
                        return NULL;
                }
        AUTO(buf) struct buf all = BUF(512);
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
                TRY(buf_printf(&all, "%s%s", i == 0 ? "" : ", ", kinds[i].name));
        return fault(FAULT_INVALID, "USAGE", "--kind is one of %s%s%s", buf_str(&all), name == NULL ? "" : ", not ",
                     name == NULL ? "" : name);
}

/* ---- files --------------------------------------------------------------------------------------------------------- */
static struct fault *add_file(struct appraise_files *files, const char *name, const char *path)
{
        if (files->count == APPRAISE_FILES_MAX)
                return fault(FAULT_INVALID, "USAGE", "more than %d files", APPRAISE_FILES_MAX);
        files->items[files->count].name = alloc_string(name);
        files->items[files->count].bytes = BUF(APPRAISE_FILE_MAX);
        struct buf *bytes = &files->items[files->count++].bytes;
        struct fault *f = file_read(path, bytes);
        return f == NULL ? NULL : fault_prefix(f, "%s", path);
}

static struct fault *add_part(const struct kind *kind, const char *given, struct appraise_files *files)
{
        const char *equals = strchr(given, '=');
        if (equals == NULL || equals == given || equals[1] == '\0')
                return fault(FAULT_INVALID, "USAGE", "--part is NAME=FILE, not %s", given);
        AUTO(buf) struct buf all = BUF(512);
        for (size_t i = 0; kind->parts[i] != NULL; i++) {
                size_t len = strlen(kind->parts[i]);
                if (len == (size_t) (equals - given) && memcmp(given, kind->parts[i], len) == 0)
                        return add_file(files, kind->parts[i], equals + 1);
                TRY(buf_printf(&all, "%s%s", i == 0 ? "" : ", ", kind->parts[i]));
        }
        return fault(FAULT_INVALID, "USAGE", "evidence of kind %s has no part %.*s, but %s", kind->name,
                     (int) (equals - given), given, buf_str(&all));
}

/* Every file of the folder is a part under its own name; the verifier knows which names mean something. */
static struct fault *add_collateral(const char *folder, struct appraise_files *files)
{
        struct dirent **entries = NULL;
        int count = scandir(folder, &entries, NULL, alphasort);
        if (count < 0)
                return fault(FAULT_NOT_FOUND, "NO_FILE", "%s: no folder that can be read", folder);
        struct fault *f = NULL;
        for (int i = 0; i < count; i++) {
                AUTO_STRING char *path = alloc_printf("%s/%s", folder, entries[i]->d_name);
                struct stat st;
                if (f == NULL && stat(path, &st) == 0 && S_ISREG(st.st_mode))
                        f = add_file(files, entries[i]->d_name, path);
                free(entries[i]);
        }
        free(entries);
        return f;
}

/* ---- freshness ----------------------------------------------------------------------------------------------------- */
static struct fault *read_hex(const char *flag, const char *text, struct buf *out)
{
        struct fault *f = hex_decode(span_str(text), out);
        if (f == NULL && out->len == 0)
                f = fault(FAULT_INVALID, "USAGE", "it is empty");
        return fault_rename(fault_prefix(f, "--%s", flag), FAULT_INVALID, "USAGE");
}

/* Either flag goes for either sort of kind: a report data is a nonce field's value where there is one, and a nonce is a report data filled
 * up with zeros. */
static struct fault *read_freshness(const struct invocation *in, const struct kind *kind, struct buf *bytes,
                                    struct appraisal *ret)
{
        const char *report_data = invocation_flag(in, "report-data"), *nonce = invocation_flag(in, "nonce");
        if (report_data != NULL && nonce != NULL)
                return fault(FAULT_INVALID, "USAGE", "--report-data or --nonce, not both");
        if (report_data == NULL && nonce == NULL)
                return NULL;
        TRY(read_hex(nonce != NULL ? "nonce" : "report-data", nonce != NULL ? nonce : report_data, bytes));
        if (!kind->has_report_data) {
                ret->nonce = buf_span(bytes);
                return NULL;
        }
        if (bytes->len > REPORT_DATA_LEN || (report_data != NULL && bytes->len != REPORT_DATA_LEN))
                return fault(FAULT_INVALID, "USAGE", "report data has %d bytes, not %zu", REPORT_DATA_LEN, bytes->len);
        while (bytes->len < REPORT_DATA_LEN)
                TRY(buf_append_byte(bytes, 0));
        ret->report_data = buf_span(bytes);
        return NULL;
}

static struct fault *read_now(const struct invocation *in, struct wall *ret)
{
        const char *at = invocation_flag(in, "at");
        *ret = clock_wall(in->clock);
        if (at == NULL)
                return NULL;
        return fault_rename(fault_prefix(wall_parse(span_str(at), ret), "--at"), FAULT_INVALID, "USAGE");
}

struct fault *appraise_read(const struct invocation *in, struct appraise_files *files, struct buf *freshness,
                            struct appraisal *ret)
{
        const struct kind *kind = NULL;
        TRY(find_kind(invocation_flag(in, "kind"), &kind));
        const char *evidence = invocation_flag(in, "evidence"), *collateral = invocation_flag(in, "collateral");
        if (evidence == NULL)
                return fault(FAULT_INVALID, "USAGE", "--evidence FILE is needed");
        *ret = (struct appraisal){.kind = kind->name};
        TRY(read_now(in, &ret->now));
        TRY(read_freshness(in, kind, freshness, ret));

        const char *parts[FLAGS_GIVEN_MAX + 1];
        size_t count = invocation_flag_all(in, "part", parts, FLAGS_GIVEN_MAX);
        TRY(add_file(files, "", evidence));
        for (size_t i = 0; i < count; i++)
                TRY(add_part(kind, parts[i], files));
        if (collateral != NULL)
                TRY(add_collateral(collateral, files));
        ret->evidence = buf_span(&files->items[0].bytes);
        for (size_t i = 1; i < files->count; i++)
                TRY(appraisal_add_part(ret, files->items[i].name, buf_span(&files->items[i].bytes)));
        return NULL;
}

void appraise_files_clear(struct appraise_files *f)
{
        for (size_t i = 0; i < f->count; i++) {
                free(f->items[i].name);
                buf_clear(&f->items[i].bytes);
        }
        f->count = 0;
}
