#include "issuer/verifier/eventlog/claims.h"

#include <assert.h>
#include <stdio.h>

#include "issuer/verifier/eventlog/content.h"

#define FACT_NAME_LEN    48
#define TEXT_FACT_MAX    8192
#define GCE_NONHOST_INFO SPAN("GCE NonHostInfo\0") /* then the technology: 0 none, 1 SEV, 2 SEV-ES, 3 TDX, 4 SEV-SNP */

/* Where firmware and boot loaders measure what (PFP §3.3.4; UEFI §38.4.1 maps PCR 1 and 7 to RTMR 0, 2 to 6 to 1, 8 to 15 to 2). */
struct layout {
        int version, secure_boot, boot, phase, loader, stub; /* registers; -1: there is none */
        uint32_t firmware;                                   /* those that a separator closes */
        bool is_first;                                       /* SecureBoot comes before anything unproven */
};
static const struct layout layouts[] = {
        [EVENTLOG_TPM] = {0, 7, 4, 5, 8, 12, 0xff, true},
        [EVENTLOG_CCEL] = {-1, 0, 1, 1, 2, 2, 0x3, false},
};

const struct eventlog_names eventlog_names[] = {
        [EVENTLOG_TPM] = {"eventlog", "eventlog.structure", "eventlog.sha1_only", "eventlog.hash", "eventlog.registers",
                          "eventlog.replay", "eventlog.os_registers", "eventlog.separator", "eventlog.content"},
        [EVENTLOG_CCEL] = {"ccel", "ccel.structure", "ccel.sha1_only", "ccel.hash", "ccel.registers", "ccel.replay",
                           "ccel.os_registers", "ccel.separator", "ccel.content"},
};

struct claims {
        const struct eventlog_replay *replay;
        const struct layout *at;
        const struct eventlog_names *names;
        enum hash_alg bank;
        uint32_t proven, closed; /* closed: the separator of that register has been seen */
        struct attestation_result *result;
        struct separators separators;
        unsigned separator_count[TPM_PCR_COUNT];
        bool firmware_failed;
        /* Secure Boot's variables, in the order in which firmware measures them */
        unsigned variable_count;
        bool variables_spoiled;
        size_t app_count, authority_count;
        uint8_t apps[BOOT_APPS_MAX][HASH_MAX_LEN];
        bool exit_seen;
        /* boot loader */
        struct hasher *commands;
        size_t text_count, kernel_count, load_count, loader_unproven;
        struct content kernel;
};

static struct facts *facts_of(const struct claims *c)
{
        return &c->result->facts;
}

/* "secure-boot" of "secure-boot" */
struct fact_name {
        char text[FACT_NAME_LEN];
};
static struct fact_name named(const struct claims *c, const char *name)
{
        struct fact_name n;
        (void) snprintf(n.text, sizeof(n.text), "%s.%s", c->names->prefix, name); /* fits */
        return n;
}
static struct fact_name numbered(const struct claims *c, const char *name, size_t number)
{
        struct fact_name n;
        (void) snprintf(n.text, sizeof(n.text), "%s.%s.%zu", c->names->prefix, name, number); /* fits */
        return n;
}

static void set_digest(const struct claims *c, const char *name, struct span content)
{
        uint8_t digest[SHA256_LEN];
        sha256(content, digest);
        facts_set_bytes(facts_of(c), named(c, name).text, ORIGIN_MEASURED, SPAN_OF(digest));
}

static bool is_proven(const struct claims *c, int n)
{
        return n >= 0 && (c->proven >> n & 1) != 0;
}
static bool is_closed(const struct claims *c, int n)
{
        return (c->closed >> n & 1) != 0;
}

/* ---- firmware ---- */

/* Text in UTF-16 or ASCII; a GUID, or anything else, in hex. */
static void set_version(const struct claims *c, struct span data)
{
        AUTO(buf) struct buf text = BUF(TEXT_FACT_MAX);
        struct span wide = data, narrow = data;
        while (wide.len >= 2 && wide.data[wide.len - 1] == 0 && wide.data[wide.len - 2] == 0)
                wide.len -= 2;
        while (narrow.len > 0 && narrow.data[narrow.len - 1] == 0)
                narrow.len--;
        bool is_ascii = narrow.len > 0;
        for (size_t i = 0; i < narrow.len; i++)
                is_ascii = is_ascii && narrow.data[i] >= 0x20 && narrow.data[i] < 0x7f;
        bool is_wide = wide.len >= 2 && wide.data[1] == 0;
        AUTO(fault)
        struct fault *f = is_ascii  ? buf_append(&text, narrow)
                          : is_wide ? content_wide_text(wide, &text)
                                    : fault(FAULT_INVALID, "BAD_TEXT", "no text");
        if (f == NULL) {
                facts_set_text(facts_of(c), named(c, "crtm-version").text, ORIGIN_MEASURED, buf_span(&text));
                return;
        }
        facts_set_bytes(facts_of(c), named(c, "crtm-version-raw").text, ORIGIN_MEASURED,
                        span_slice(data, 0, data.len < TEXT_FACT_MAX ? data.len : TEXT_FACT_MAX));
}

static bool has_fact(const struct claims *c, const char *name)
{
        return facts_find(facts_of(c), named(c, name).text) != NULL;
}

static void read_version(struct claims *c, const struct eventlog_event *e, const struct content *content)
{
        if (content->kind != CONTENT_OTHER)
                return;
        struct span gce = GCE_NONHOST_INFO;
        bool is_version =
                e->type == EV_S_CRTM_VERSION && !has_fact(c, "crtm-version") && !has_fact(c, "crtm-version-raw");
        if (is_version)
                set_version(c, content->data);
        if (e->type == EV_NONHOST_INFO && content->data.len > gce.len && span_starts_with(content->data, gce) &&
            !has_fact(c, "gce-technology"))
                facts_set_number(facts_of(c), named(c, "gce-technology").text, ORIGIN_MEASURED,
                                 content->data.data[gce.len]);
}

/* SecureBoot, PK, KEK, db, dbx: firmware measures them in this order before anybody else's code runs, and the first record that does not
 * fit ends the row. Under their names again they are something else (db once more: the entry that let a program run). */
static void read_secure_boot(struct claims *c, const struct content *content)
{
        static const struct {
                const char *name, *fact;
                const uint8_t *guid;
        } rows[] = {
                {"SecureBoot", "secure-boot", content_guid_global},
                {"PK", "pk", content_guid_global},
                {"KEK", "kek", content_guid_global},
                {"db", "db", content_guid_security},
                {"dbx", "dbx", content_guid_security},
        };
        if (content->kind == CONTENT_UNPROVEN && c->at->is_first)
                c->variables_spoiled = true;
        if (content->kind != CONTENT_VARIABLE || c->variables_spoiled || c->variable_count == COUNT_OF(rows))
                return;
        unsigned i = c->variable_count;
        if (!content_name_is(content, rows[i].name) || !span_eq(content->guid, span_make(rows[i].guid, 16))) {
                c->variables_spoiled = true;
                return;
        }
        c->variable_count++;
        if (i > 0)
                set_digest(c, rows[i].fact, content->data);
        else if (content->data.len <= 1)
                facts_set_flag(facts_of(c), named(c, rows[i].fact).text, ORIGIN_MEASURED,
                               content->data.len == 1 && content->data.data[0] == 1);
}

/* What firmware, and shim after it, let programs run by. */
static void read_authority(struct claims *c, const struct content *content)
{
        bool is_authority =
                content->kind == CONTENT_VARIABLE && !span_eq(content->guid, span_make(content_guid_global, 16));
        if (!is_authority || c->authority_count == AUTHORITIES_MAX)
                return;
        char name[FACT_NAME_LEN];
        (void) snprintf(name, sizeof(name), "authority.%zu", c->authority_count++); /* fits */
        set_digest(c, name, content->data);
}

/* Everything in the boot register that is not known to be something else is taken for a program. */
static void read_boot(struct claims *c, const struct eventlog_event *e, const struct content *content)
{
        bool is_program =
                content->kind == CONTENT_UNPROVEN || content->kind == CONTENT_OTHER || content->kind == CONTENT_TEXT;
        if (!is_program)
                return;
        if (c->app_count < BOOT_APPS_MAX)
                memcpy(c->apps[c->app_count], e->digests[c->bank].data, hash_len(c->bank));
        c->app_count++;
}

static void read_phase(struct claims *c, const struct content *content)
{
        if (content->kind == CONTENT_ACTION && span_eq_str(content->data, "Exit Boot Services Returned with Success"))
                c->exit_seen = true;
}

/* ---- boot loaders ---- */

static bool is_load_command(struct span text)
{
        return span_starts_with(text, SPAN("linux ")) || span_starts_with(text, SPAN("linuxefi ")) ||
               span_starts_with(text, SPAN("linux16 "));
}

static void read_loader(struct claims *c, const struct content *content)
{
        if (content->kind != CONTENT_TEXT) {
                c->loader_unproven++;
                return;
        }
        hasher_add(c->commands, content->text);
        hasher_add(c->commands, SPAN("\n"));
        c->text_count++;
        c->load_count += is_load_command(content->text) ? 1 : 0;
        if (content->label == TEXT_KERNEL) {
                c->kernel = *content;
                c->kernel_count++;
        }
}

/* The label of a text is not measured. A GRUB that loads another kernel must run another linux command, whose text is measured: so the
 * line counts when there is no more than one such command and nothing in its register is unknown. (An RTMR holds files' digests as well,
 * behind any of which a command could hide: there a line counts only where the boot loader measures no files.) */
static void set_kernel(const struct claims *c)
{
        if (c->kernel_count != 1 || c->load_count > 1 || c->loader_unproven > 0 || c->kernel.text.len > TEXT_FACT_MAX)
                return;
        AUTO(buf) struct buf text = BUF(TEXT_FACT_MAX * 2);
        AUTO(fault)
        struct fault *f =
                c->kernel.is_wide ? content_wide_text(c->kernel.text, &text) : buf_append(&text, c->kernel.text);
        if (f == NULL && span_is_utf8(buf_span(&text)) && !span_has_nul(buf_span(&text)))
                facts_set_text(facts_of(c), named(c, "kernel-cmdline").text, ORIGIN_MEASURED, buf_span(&text));
}

/* ---- the walk ---- */

static void read_event(struct claims *c, int n, const struct eventlog_event *e)
{
        struct content content;
        content_read(e, c->bank, &c->separators, &content);
        if (content.kind == CONTENT_SEPARATOR || content.kind == CONTENT_ERROR_SEPARATOR) {
                c->closed |= 1u << n;
                return;
        }
        if (n == c->at->version && !is_closed(c, n))
                read_version(c, e, &content);
        if (n == c->at->secure_boot && !is_closed(c, n))
                read_secure_boot(c, &content);
        if (n == c->at->secure_boot && is_closed(c, n))
                read_authority(c, &content);
        if (n == c->at->boot)
                read_boot(c, e, &content);
        if (n == c->at->phase)
                read_phase(c, &content);
        if (n == c->at->loader || n == c->at->stub)
                read_loader(c, &content);
}

static void count_event(struct claims *c, int n, const struct eventlog_event *e)
{
        struct content content;
        struct eventlog_event bare = *e;
        bare.data = SPAN_NONE; /* only the digest counts */
        content_read(&bare, c->bank, &c->separators, &content);
        bool closes = content.kind == CONTENT_SEPARATOR || content.kind == CONTENT_ERROR_SEPARATOR;
        if (!closes || (c->at->firmware >> n & 1) == 0)
                return;
        c->separator_count[n]++;
        c->firmware_failed = c->firmware_failed || content.kind == CONTENT_ERROR_SEPARATOR;
}

/* Its records were all read once, when the log was replayed: none can fail now. */
static void walk(struct claims *c, void (*each)(struct claims *c, int n, const struct eventlog_event *e))
{
        struct eventlog_event e;
        bool more = false;
        for (size_t at = c->replay->log.events_at;;) {
                struct fault *f = eventlog_next(&c->replay->log, &at, &e, &more);
                assert(f == NULL);
                fault_free(f);
                if (!more)
                        return;
                int n = eventlog_register(&c->replay->log, &e);
                if (is_proven(c, n))
                        each(c, n, &e);
        }
}

static bool is_closed_once(const struct claims *c, int n)
{
        return is_proven(c, n) && c->separator_count[n] == 1;
}

static void set_programs(const struct claims *c)
{
        facts_set_number(facts_of(c), named(c, "boot-apps").text, ORIGIN_MEASURED, c->app_count);
        if (c->app_count > BOOT_APPS_MAX)
                return; /* none rather than some: who compares each that is listed would miss the others */
        for (size_t i = 0; i < c->app_count; i++) {
                facts_set_bytes(facts_of(c), numbered(c, "boot-app", i).text, ORIGIN_MEASURED,
                                span_make(c->apps[i], hash_len(c->bank)));
        }
}

static void set_content(struct claims *c)
{
        /* a register without its separator: firmware did not get to its end, or the log is not the firmware's */
        for (int n = 0; n < TPM_PCR_COUNT; n++)
                if ((c->at->firmware >> n & 1) != 0 && !is_closed_once(c, n))
                        c->proven &= ~(1u << n);
        c->commands = hasher_new(HASH_SHA256);
        walk(c, read_event);
        uint8_t digest[SHA256_LEN];
        hasher_end(c->commands, digest);
        hasher_free(c->commands);

        if (is_proven(c, c->at->boot))
                set_programs(c);
        if (is_proven(c, c->at->phase))
                facts_set_flag(facts_of(c), named(c, "exit-boot-services").text, ORIGIN_MEASURED, c->exit_seen);
        if (c->text_count > 0) {
                facts_set_number(facts_of(c), named(c, "loader-texts").text, ORIGIN_MEASURED, c->text_count);
                facts_set_bytes(facts_of(c), named(c, "loader-texts-digest").text, ORIGIN_MEASURED, SPAN_OF(digest));
        }
        set_kernel(c);
}

void eventlog_claims(const struct eventlog_replay *replay, enum hash_alg bank, uint32_t proven,
                     struct attestation_result *r)
{
        struct claims c = {.replay = replay,
                           .at = &layouts[replay->log.form],
                           .names = &eventlog_names[replay->log.form],
                           .bank = bank,
                           .proven = proven,
                           .result = r};
        content_separators(bank, &c.separators);
        walk(&c, count_event);
        bool is_ambiguous = false;
        for (int n = 0; n < TPM_PCR_COUNT; n++)
                is_ambiguous = is_ambiguous || c.separator_count[n] > 1;

        facts_set_text(&r->facts, named(&c, "bank").text, ORIGIN_MEASURED, span_str(hash_name(bank)));
        facts_set_number(&r->facts, named(&c, "events").text, ORIGIN_MEASURED, replay->event_count);
        facts_set_flag(&r->facts, named(&c, "ambiguous").text, ORIGIN_MEASURED, is_ambiguous);
        appraise_concern(r, c.names->separator, !c.firmware_failed, ORIGIN_MEASURED, "separators of a good start",
                         c.firmware_failed ? "firmware measured that it failed" : NULL, EAR_CONTRAINDICATED);
        if (is_ambiguous) {
                appraise_not_checked(r, c.names->content);
                return;
        }
        set_content(&c);
}
