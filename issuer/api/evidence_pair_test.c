/* A TPM's quote beside an SEV-SNP report, through the whole of a credential request: every signature is right, one thing does not fit. */
#include "issuer/api/evidence.h"

#include "lib/model/evidence_parts.h"
#include "lib/model/names.h"
#include "tests/fakes/amd_pki.h"
#include "tests/fakes/credential_attempt.h"

#define PRODUCT        SNP_MILAN
#define REPORT_VERSION 3
#define GUID_VCEK      "\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd"
#define GUID_ASK       "\x4a\xb7\xb3\x79\xbb\xac\x4f\xe4\xa0\x2f\x05\xae\xf3\x27\xc7\x82"

static struct anchors_config anchors;
static void *anchor_items[] = {&anchors};

/* What is sent, in parts that a row may change before the report is signed, or after. */
struct pair {
        struct attempt a;
        struct fake_tpm *signer;      /* of the quote */
        struct buf quote;             /* as it travels */
        struct binding bound;         /* what the report commits to */
        const char *labels[2];        /* of report and quote */
        bool has_no_quote, is_record; /* the report alone: in a collection, or bare */
};
typedef void (*change_pair)(struct pair *p);

static struct wall now(void)
{
        return clock_wall(&issuer.time.clock);
}

/* A quote over the transcript as it stands without secondary evidence. */
static void quote(struct pair *p, uint64_t clock_ms)
{
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        struct fake_quote q;
        expect_ok(binding_write(&p->a.quoted, &t));
        fake_quote_init(&q, p->signer, buf_span(&t));
        q.clock_ms = clock_ms;
        buf_clear(&p->quote);
        p->quote = BUF(EVIDENCE_ITEM_MAX);
        fake_quote_evidence(&q, p->signer, &p->quote);
        fake_quote_clear(&q);
}

static void add_table(const struct amd_leaf *l, struct evidence_parts *e)
{
        AUTO(buf) struct buf leaf = BUF(8192), ask = BUF(8192), table = BUF(1 << 16);
        struct amd_authority signer = amd_ask(PRODUCT, now());
        amd_leaf_write(l, &leaf);
        amd_authority_write(&signer, &ask);
        const struct amd_table_entry entries[] = {{SPAN(GUID_VCEK), buf_span(&leaf)}, {SPAN(GUID_ASK), buf_span(&ask)}};
        amd_table_write(entries, COUNT_OF(entries), &table);
        expect_ok(evidence_parts_add(e, "auxblob", buf_span(&table)));
}

static void report(const struct pair *p, struct buf *out)
{
        AUTO(evidence_parts) struct evidence_parts e = evidence_parts_new();
        AUTO(buf) struct buf t = BUF(BINDING_T_MAX);
        const struct amd_leaf l = amd_vcek(PRODUCT, now());
        uint8_t bytes[SNP_REPORT_LEN];
        expect_ok(binding_write(&p->bound, &t));
        amd_report(&l, REPORT_VERSION, bytes);
        binding_report_data(buf_span(&t), bytes + AMD_REPORT_DATA);
        amd_report_sign(&l, bytes);
        expect_ok(buf_append(&e.evidence, SPAN_OF(bytes)));
        add_table(&l, &e);
        expect_ok(evidence_parts_write(&e, out));
}

static void put(struct cmw *c, const char *label, const char *type, struct span value)
{
        struct cmw_item *item = &c->items[c->count++];
        (void) snprintf(item->label, sizeof item->label, "%s", label); /* fits, as below */
        (void) snprintf(item->type, sizeof item->type, "%s", type);
        item->value = BUF(EVIDENCE_ITEM_MAX);
        expect_ok(buf_append(&item->value, value));
}

/* As an attester does: the quote first, its digest into the transcript, the report over that. */
static void send_pair(struct pair *p, change_pair before, change_pair after)
{
        AUTO(buf) struct buf r = BUF(BODY_MAX), body = BUF(BODY_MAX), primary = BUF(EVIDENCE_ITEM_MAX);
        AUTO(cmw) struct cmw evidence = {0};
        struct attempt *a = &p->a;
        prove(a);
        expect_ok(issue_request_write(&a->r, &r));
        bind(a, buf_span(&r));
        quote(p, (uint64_t) now().unix_ms);
        p->bound = a->quoted;
        p->bound.secondary_count = 1;
        p->bound.secondary[0].kind = SECONDARY_TPM;
        sha256(buf_span(&p->quote), p->bound.secondary[0].digest);
        if (before != NULL)
                before(p);
        report(p, &primary);
        if (after != NULL)
                after(p);
        put(&evidence, p->is_record ? "" : p->labels[0], CMW_SEV_SNP, buf_span(&primary));
        if (!p->has_no_quote)
                put(&evidence, p->labels[1], CMW_TPM_QUOTE, buf_span(&p->quote));
        expect_ok(envelope_write(buf_span(&r), &evidence, &body));
        post(a, buf_span(&body));
        a->q.body = SPAN_NONE;
}

static void begin_pair(struct pair *p)
{
        *p = (struct pair){.signer = &issuer.tpm, .labels = {CMW_PRIMARY_LABEL, EVIDENCE_TPM}};
        begin(&p->a);
}

static void end_pair(struct pair *p)
{
        buf_clear(&p->quote);
        end(&p->a);
}

/* ---- what is wrong ---- */

static void bound_digest(struct pair *p)
{
        sha256(buf_span(&p->quote), p->bound.secondary[0].digest);
}
/* Another quote of the same TPM, for the same request, as good as the first. */
static void another_quote(struct pair *p)
{
        quote(p, (uint64_t) now().unix_ms + 1);
}
/* A quote for another request, and a report that vouches for it. */
static void old_quote(struct pair *p)
{
        p->a.quoted.request_digest[0] ^= 1;
        quote(p, (uint64_t) now().unix_ms);
        bound_digest(p);
}
static void quote_for_enrolment(struct pair *p)
{
        p->a.quoted.purpose = BINDING_ENROL;
        quote(p, (uint64_t) now().unix_ms);
        bound_digest(p);
}
static void report_for_another_request(struct pair *p)
{
        p->bound.request_digest[0] ^= 1;
}
static void not_bound(struct pair *p)
{
        p->bound.secondary_count = 0;
}
static void bound_as_a_log(struct pair *p)
{
        p->bound.secondary[0].kind = SECONDARY_EVENTLOG;
}
static void bound_twice(struct pair *p)
{
        p->bound.secondary_count = 2;
        p->bound.secondary[1] = p->bound.secondary[0];
        p->bound.secondary[1].kind = SECONDARY_CCEL;
}
static void a_bit_of_the_digest(struct pair *p)
{
        p->bound.secondary[0].digest[31] ^= 1;
}
static void quote_left_out(struct pair *p)
{
        p->has_no_quote = true;
}
static void report_alone(struct pair *p)
{
        p->has_no_quote = p->is_record = true;
}
static void labels_swapped(struct pair *p)
{
        p->labels[0] = EVIDENCE_TPM;
        p->labels[1] = CMW_PRIMARY_LABEL;
}

static void one_thing_does_not_fit(void **state UNUSED)
{
        static const struct {
                const char *name;
                change_pair before, after;
                int status;
                const char *check;
        } rows[] = {
                {"another quote than was bound", NULL, another_quote, 403, "snp.report_data"},
                {"a quote of another request", old_quote, NULL, 403, "tpm.extra_data"},
                {"a quote for an enrolment", quote_for_enrolment, NULL, 403, "tpm.extra_data"},
                {"a report of another request", report_for_another_request, NULL, 403, "snp.report_data"},
                {"a quote that isn't bound", not_bound, NULL, 403, "snp.report_data"},
                {"a quote bound as a log", bound_as_a_log, NULL, 403, "snp.report_data"},
                {"more is bound than came", bound_twice, NULL, 403, "snp.report_data"},
                {"a bit of its digest", a_bit_of_the_digest, NULL, 403, "snp.report_data"},
                {"what was bound stayed away", NULL, quote_left_out, 403, "snp.report_data"},
                {"the same, as a record", NULL, report_alone, 403, "snp.report_data"},
                {"the quote for the primary", NULL, labels_swapped, 400, "evidence.count"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct pair p;
                begin_pair(&p);
                send_pair(&p, rows[i].before, rows[i].after);
                expect_refusal(&p.a.response, rows[i].status, rows[i].check, rows[i].name);
                end_pair(&p);
        }
}

static void another_tpms_quote(void **state UNUSED)
{
        struct fake_tpm other;
        struct pair p;
        fake_tpm_init(&other);
        begin_pair(&p);
        p.signer = &other;
        send_pair(&p, NULL, NULL);
        expect_refusal(&p.a.response, 403, "tpm.ak_unknown", "another TPM's quote");
        end_pair(&p);
        fake_tpm_clear(&other);
}

/* ---- what fits ---- */

static void expect_result(const struct pair *p, const char *check)
{
        AUTO(issue_reply) struct issue_reply reply = {0};
        assert_int_equal(p->a.response.status, 200);
        expect_ok(issue_reply_read(buf_span(&p->a.response.body), &reply));
        assert_int_equal(reply.result_count, 1);
        const struct fault *problem = reply.results[0].problem;
        if (check == NULL && problem != NULL)
                fail_msg("%s: %s", fault_token(problem), fault_text(problem));
        if (check != NULL && (problem == NULL || strcmp(fault_token(problem), check) != 0))
                fail_msg("%s instead of %s", problem == NULL ? "issued" : fault_token(problem), check);
        if (check == NULL)
                assert_int_equal(reply.results[0].credential_count, 1);
}

static void both_are_appraised(void **state UNUSED)
{
        struct pair p;
        begin_pair(&p);
        send_pair(&p, NULL, NULL);
        expect_result(&p, NULL); /* the policy asks for the TPM's endorsement key: a fact of the second */
        end_pair(&p);
}

/* A report that binds nothing and brings nothing is genuine: what is missing is the policy's to say. */
static void without_the_quote_the_policy_decides(void **state UNUSED)
{
        struct pair p;
        begin_pair(&p);
        send_pair(&p, not_bound, report_alone);
        expect_result(&p, "policy.no_match");
        end_pair(&p);
}

/* ---- set-up ---- */

static int set_up_pair(void **state)
{
        AUTO(buf) struct buf der = BUF(8192), pem = BUF(1 << 16);
        AUTO(cert) struct cert *root = NULL;
        (void) set_up(state);
        struct amd_authority ark = amd_ark(PRODUCT, now());
        amd_authority_write(&ark, &der);
        expect_ok(cert_from_der(buf_span(&der), &root));
        expect_ok(cert_to_pem(root, &pem));
        fake_issuer_write(&issuer, "ark.pem", buf_span(&pem));
        anchors = (struct anchors_config){alloc_string(EVIDENCE_SEV_SNP), alloc_printf("%s/ark.pem", issuer.folder)};
        issuer.config.anchors = (struct option_items){1, anchor_items};
        policy_holder_free(issuer.api.holder);
        expect_ok(policy_holder_new(&issuer.config, issuer.api.store, &issuer.api.holder));
        return 0;
}

static int tear_down_pair(void **state)
{
        issuer.config.anchors = (struct option_items){0};
        free(anchors.kind);
        free(anchors.file);
        return tear_down(state);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_are_appraised),
                cmocka_unit_test(one_thing_does_not_fit),
                cmocka_unit_test(another_tpms_quote),
                cmocka_unit_test(without_the_quote_the_policy_decides),
        };
        return cmocka_run_group_tests(tests, set_up_pair, tear_down_pair);
}
