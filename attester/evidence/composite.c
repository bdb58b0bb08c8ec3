#include "attester/evidence/composite.h"

#include <assert.h>
#include <stdio.h>

#include "attester/evidence/reader_client.h"
#include "lib/base/log.h"

/* With a request of the most tokens that a batch takes, it still fits into BODY_MAX; both are base64url there. */
#define EVIDENCE_TOTAL_MAX ((size_t) 368 * 1024)
#define PART_LOG_MAX       ((size_t) 112 * 1024) /* so that two items with a log each fit into that */

/* Kinds that may be secondary, in the transcript's order. */
static const struct secondary_kind {
        const char *kind;
        uint8_t number; /* SECONDARY_* */
} secondary_kinds[] = {
        {EVIDENCE_TPM, SECONDARY_TPM},
};
#define SECONDARY_MAX COUNT_OF(secondary_kinds)
_Static_assert(SECONDARY_MAX <= BINDING_SECONDARY_MAX && SECONDARY_MAX < CMW_ITEMS_MAX &&
                       SECONDARY_MAX < READER_KINDS_MAX,
               "all fit");

struct composite {
        struct evidence_source primary;
        size_t count;
        struct secondary {
                const struct secondary_kind *kind;
                struct evidence_source source;
        } secondary[SECONDARY_MAX]; /* kinds ascend */
};

/* ---- evidence ---- */

/* The one that is enrolled; NULL: none is. */
static struct evidence_source *enrolled(struct composite *c)
{
        for (size_t i = 0; i < c->count; i++)
                if (c->secondary[i].source.needs_enrolment)
                        return &c->secondary[i].source;
        return NULL;
}

/* The only item of `from` moves into `out`. */
static void move_item(struct cmw *from, const char *label, struct cmw *out)
{
        assert(from->count == 1); /* no composite within another */
        struct cmw_item *item = &out->items[out->count++];
        *item = from->items[0];
        (void) snprintf(item->label, sizeof item->label, "%s", label); /* kinds fit */
        *from = (struct cmw){0};
}

static struct fault *collect_part(const struct evidence_source *s, const char *label, const struct binding *binding,
                                  struct cancel *cancel, struct cmw *out)
{
        AUTO(cmw) struct cmw item = {0};
        TRY_AS(s->collect(s->self, binding, cancel, &item), "%s evidence", s->kind);
        move_item(&item, label, out);
        return NULL;
}

static struct fault *check_size(const struct cmw *c)
{
        size_t total = 0;
        for (size_t i = 0; i < c->count; i++)
                total += c->items[i].value.len;
        return total <= EVIDENCE_TOTAL_MAX
                       ? NULL
                       : fault(FAULT_EXHAUSTED, "evidence.size", "%zu bytes of evidence, a request has room for %zu",
                               total, EVIDENCE_TOTAL_MAX);
}

static struct fault *collect_all(const struct composite *c, const struct binding *binding, struct cancel *cancel,
                                 struct cmw *out)
{
        struct binding whole = *binding;
        assert(binding->secondary_count == 0);
        for (size_t i = 0; i < c->count; i++) {
                const struct secondary *s = &c->secondary[i];
                TRY(collect_part(&s->source, s->kind->kind, binding, cancel, out));
                struct binding_secondary *field = &whole.secondary[whole.secondary_count++];
                field->kind = s->kind->number;
                sha256(buf_span(&out->items[i].value), field->digest);
        }
        TRY(collect_part(&c->primary, CMW_PRIMARY_LABEL, &whole, cancel, out));
        return check_size(out);
}

static struct fault *collect(void *self, const struct binding *binding, struct cancel *cancel, struct cmw *ret_evidence)
{
        struct composite *c = self;
        const struct evidence_source *alone = enrolled(c);
        if (binding->purpose == BINDING_ENROL && alone != NULL)
                return alone->collect(alone->self, binding, cancel, ret_evidence);
        AUTO(cmw) struct cmw out = {0};
        TRY(collect_all(c, binding, cancel, &out));
        *ret_evidence = out;
        out = (struct cmw){0}; /* what was given away is not freed */
        return NULL;
}

/* ---- the rest of the vtable ---- */

static struct fault *enrolment(void *self, struct cancel *cancel, struct enrolment_material *ret)
{
        const struct evidence_source *s = enrolled(self);
        return s == NULL ? evidence_no_enrolment(NULL, cancel, ret) : s->enrolment(s->self, cancel, ret);
}

static struct fault *activate(void *self, struct span credential_blob, struct span encrypted_secret,
                              struct cancel *cancel, struct secret **ret_secret)
{
        const struct evidence_source *s = enrolled(self);
        return s == NULL ? evidence_no_activation(NULL, credential_blob, encrypted_secret, cancel, ret_secret)
                         : s->activate(s->self, credential_blob, encrypted_secret, cancel, ret_secret);
}

static void composite_free(struct composite *c)
{
        if (c == NULL)
                return;
        for (size_t i = 0; i < c->count; i++)
                c->secondary[i].source.close(c->secondary[i].source.self);
        if (c->primary.close != NULL)
                c->primary.close(c->primary.self);
        free(c);
}
DEFINE_AUTO(composite)

static void close_source(void *self)
{
        composite_free(self);
}

/* ---- opening ---- */

static bool names(const struct evidence_options *o, const char *kind)
{
        for (size_t i = 0; i < o->secondary_count; i++)
                if (strcmp(o->secondary[i], kind) == 0)
                        return true;
        return false;
}

/* The issuer takes a quote beside those that have none of their own. */
static bool takes_others(const char *primary)
{
        static const char *const kinds[] = {EVIDENCE_SEV_SNP, EVIDENCE_TDX, EVIDENCE_CCA};
        for (size_t i = 0; i < COUNT_OF(kinds); i++)
                if (strcmp(kinds[i], primary) == 0)
                        return true;
        return false;
}

static bool may_be_secondary(const char *kind)
{
        for (size_t i = 0; i < COUNT_OF(secondary_kinds); i++)
                if (strcmp(secondary_kinds[i].kind, kind) == 0)
                        return true;
        return false;
}

struct fault *evidence_secondary_check(const struct evidence_options *o, const char *primary)
{
        if (o->secondary_count > 0 && !takes_others(primary))
                return fault(FAULT_INVALID, "evidence.secondary",
                             "no other evidence stands beside %s, but beside %s, %s and %s", primary, EVIDENCE_SEV_SNP,
                             EVIDENCE_TDX, EVIDENCE_CCA);
        for (size_t i = 0; i < o->secondary_count; i++) {
                const char *kind = o->secondary[i];
                const struct evidence_options before = {.secondary_count = i, .secondary = o->secondary};
                if (!may_be_secondary(kind))
                        return fault(FAULT_INVALID, "evidence.secondary",
                                     "evidence of kind \"%s\" can't stand beside another, only %s can", kind,
                                     EVIDENCE_TPM);
                if (names(&before, kind))
                        return fault(FAULT_INVALID, "evidence.secondary", "secondary kind \"%s\" twice", kind);
        }
        return NULL;
}

struct evidence_options evidence_part(const struct evidence_options *o, const char *kind)
{
        struct evidence_options part = *o;
        part.kind = kind;
        part.secondary_count = 0;
        part.secondary = NULL;
        if (o->secondary_count > 0)
                part.log_max = PART_LOG_MAX;
        return part;
}

/* By the reader, when it reads this kind; "auto" is the reader's choice. */
static struct fault *open_part(const struct evidence_options *o, const struct reader_kinds *readers, const char *kind,
                               struct evidence_source *ret)
{
        struct evidence_options part = evidence_part(o, kind);
        bool is_auto = kind != NULL && strcmp(kind, EVIDENCE_AUTO) == 0;
        bool is_read_for_us = o->reader_socket != NULL && kind != NULL && (is_auto || reader_kinds_has(readers, kind));
        if (is_auto && is_read_for_us)
                part.kind = readers->names[0];
        if (!is_read_for_us)
                part.reader_socket = NULL;
        return evidence_open(&part, ret);
}

static struct fault *open_secondary(const struct evidence_options *o, const struct reader_kinds *readers,
                                    struct composite *c)
{
        for (size_t i = 0; i < COUNT_OF(secondary_kinds); i++) {
                struct secondary *s = &c->secondary[c->count];
                if (!names(o, secondary_kinds[i].kind))
                        continue;
                TRY(open_part(o, readers, secondary_kinds[i].kind, &s->source));
                s->kind = &secondary_kinds[i];
                c->count++;
        }
        return NULL;
}

static struct fault *check_reader(const struct evidence_options *o, const struct reader_kinds *readers,
                                  const char *primary)
{
        bool reads_any = reader_kinds_has(readers, primary);
        for (size_t i = 0; i < o->secondary_count; i++)
                reads_any = reads_any || reader_kinds_has(readers, o->secondary[i]);
        return reads_any ? NULL
                         : fault(FAULT_INVALID, "evidence.kind",
                                 "the evidence reader reads \"%s\", none of the kinds that are configured here",
                                 readers->names[0]);
}

struct fault *evidence_composite_open(const struct evidence_options *o, struct evidence_source *ret)
{
        AUTO(composite) struct composite *c = NEW(struct composite);
        struct reader_kinds readers = {0};
        if (o->reader_socket != NULL)
                TRY(evidence_reader_kinds(o, READER_START_MS, &readers));
        TRY(open_part(o, &readers, o->kind, &c->primary));
        TRY(evidence_secondary_check(o, c->primary.kind));
        if (o->reader_socket != NULL)
                TRY(check_reader(o, &readers, c->primary.kind));
        TRY(open_secondary(o, &readers, c));

        *ret = (struct evidence_source){.kind = c->primary.kind,
                                        .needs_enrolment = enrolled(c) != NULL,
                                        .collect = collect,
                                        .enrolment = enrolment,
                                        .activate = activate,
                                        .close = close_source};
        for (size_t i = 0; i < c->count; i++)
                log_info("evidence_composed", KV("primary", ret->kind), KV("secondary", c->secondary[i].kind->kind));
        ret->self = TAKE(c);
        return NULL;
}
