/* Certificates and lists: every way in which they can fail to vouch for a report, one change each. */
#include "issuer/verifier/snp/chain.h"

#include <stdio.h>

#include "issuer/verifier/snp/revocation.h"
#include "lib/base/parse.h"
#include "tests/fakes/amd_world.h"

#define AMD "1.3.6.1.4.1.3704.1."

struct row {
        const char *name;
        const char *verdict; /* the check that refuses, or the concern; "": accepted */
        void (*change)(struct amd_world *w);
        enum fault_code code; /* 0: no refusal */
        bool is_vlek;
};

#define CHANGE(name, ...)                                                                                              \
        static void name(struct amd_world *w)                                                                          \
        {                                                                                                              \
                __VA_ARGS__;                                                                                           \
        }

static void text(char ret[64], const char *value)
{
        memset(ret, 0, 64);
        assert_true(snprintf(ret, 64, "%s", value) < 64);
}

static struct wall later(struct wall w, int64_t seconds)
{
        return wall_from_unix_s(wall_unix_s(w) + seconds);
}

/* ---- the certificate itself ---- */
CHANGE(nothing, (void) w)
CHANGE(no_leaf, w->gives_no_leaf = true)
CHANGE(leaf_garbage, expect_ok(buf_append_str(&w->leaf_bytes, "garbage")))
CHANGE(leaf_empty_pem, expect_ok(buf_append_str(&w->leaf_bytes, "-----BEGIN CERTIFICATE-----\n")))
static void leaf_pem(struct amd_world *w)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        amd_leaf_write(&w->leaf, &der);
        expect_ok(cert_der_to_pem(buf_span(&der), &w->leaf_bytes));
}
static void leaf_pem_without_newline(struct amd_world *w)
{
        leaf_pem(w);
        buf_truncate(&w->leaf_bytes, w->leaf_bytes.len - 1);
}
static void leaf_twice(struct amd_world *w)
{
        leaf_pem(w);
        leaf_pem(w);
}
static void leaf_and_a_byte(struct amd_world *w)
{
        amd_leaf_write(&w->leaf, &w->leaf_bytes);
        expect_ok(buf_append_byte(&w->leaf_bytes, 0));
}
static void leaf_cut(struct amd_world *w)
{
        amd_leaf_write(&w->leaf, &w->leaf_bytes);
        buf_truncate(&w->leaf_bytes, w->leaf_bytes.len - 1);
}
CHANGE(leaf_p256, w->leaf.is_p256 = true)
CHANGE(name_other, text(w->leaf.name, "VCEK"))
CHANGE(name_vlek, text(w->leaf.name, "SEV-VLEK"))
CHANGE(product_naples, text(w->leaf.product_name, "Naples"))
CHANGE(product_empty, text(w->leaf.product_name, ""))
CHANGE(product_genoa, text(w->leaf.product_name, "Genoa"))
CHANGE(product_bare, text(w->leaf.product_name, "Milan"))
CHANGE(product_control, text(w->leaf.product_name, "Milan-\x1b[0m"))
CHANGE(product_prefix, text(w->leaf.product_name, "Milano"))
CHANGE(product_long, text(w->leaf.product_name, "Milan-0123456789012345678901234567"))
CHANGE(hwid_wrapped, w->leaf.hwid = AMD_HWID_WRAPPED)
CHANGE(hwid_short, w->leaf.hwid = AMD_HWID_SHORT)
CHANGE(hwid_absent, w->leaf.hwid = AMD_HWID_ABSENT)
CHANGE(csp_too, text(w->leaf.csp_id, "CN=somebody"))
CHANGE(csp_absent, text(w->leaf.csp_id, ""))
CHANGE(csp_hwid_too, w->leaf.hwid = AMD_HWID_RAW)
CHANGE(leaf_critical,
       (w->leaf.odd = "1.3.6.1.4.1.99999.2", w->leaf.odd_value = SPAN("\x05\x00"), w->leaf.is_odd_critical = true))
CHANGE(leaf_unknown, (w->leaf.odd = "1.3.6.1.4.1.99999.2", w->leaf.odd_value = SPAN("\x05\x00")))
CHANGE(spl_negative, (w->leaf.odd = AMD "3.8", w->leaf.odd_value = SPAN("\x02\x01\xd1")))
CHANGE(spl_256, (w->leaf.odd = AMD "3.8", w->leaf.odd_value = SPAN("\x02\x02\x01\x00")))
CHANGE(spl_padded, (w->leaf.odd = AMD "3.1", w->leaf.odd_value = SPAN("\x02\x02\x00\x03")))
CHANGE(spl_trailing, (w->leaf.odd = AMD "3.1", w->leaf.odd_value = SPAN("\x02\x01\x03\x00")))
CHANGE(spl_other_tag, (w->leaf.odd = AMD "3.1", w->leaf.odd_value = SPAN("\x04\x01\x03")))
CHANGE(spl_empty, (w->leaf.odd = AMD "3.1", w->leaf.odd_value = SPAN_NONE))
CHANGE(version_odd, (w->leaf.odd = AMD "1", w->leaf.odd_value = SPAN("\x05\x00")))
CHANGE(version_later, w->leaf.structure_version = 2)
CHANGE(fmc_set, (w->leaf.odd = AMD "3.9", w->leaf.odd_value = SPAN("\x02\x01\x01")))
CHANGE(fmc_zero, (w->leaf.odd = AMD "3.9", w->leaf.odd_value = SPAN("\x02\x01\x00")))
CHANGE(tcb_of_another, w->leaf.tcb.parts[6]++)
CHANGE(chip_of_another, w->leaf.chip_id[63]++)

/* ---- the chain ---- */
CHANGE(leaf_not_yet, w->leaf.from = later(w->now, 1))
CHANGE(leaf_just, w->leaf.from = w->now)
CHANGE(leaf_expired, w->leaf.until = later(w->now, -1))
CHANGE(leaf_last, w->leaf.until = w->now)
CHANGE(signer_not_yet, w->signer.from = later(w->now, 1))
CHANGE(signer_just, w->signer.from = w->now)
CHANGE(signer_expired, w->signer.until = later(w->now, -1))
CHANGE(signer_last, w->signer.until = w->now)
CHANGE(ark_not_yet, w->ark.from = later(w->now, 1))
CHANGE(ark_just, w->ark.from = w->now)
CHANGE(ark_expired, w->ark.until = later(w->now, -1))
CHANGE(ark_last, w->ark.until = w->now)
CHANGE(leaf_explicit_trailer, w->leaf.algorithm = AMD_PSS_EXPLICIT_TRAILER)
CHANGE(leaf_no_null, w->leaf.algorithm = AMD_PSS_NO_NULL)
CHANGE(leaf_salt, w->leaf.algorithm = AMD_PSS_SALT_32)
CHANGE(leaf_mask, w->leaf.algorithm = AMD_PSS_MGF_SHA256)
CHANGE(leaf_sha256, w->leaf.algorithm = AMD_PSS_SHA256)
CHANGE(leaf_trailer, w->leaf.algorithm = AMD_PSS_TRAILER_2)
CHANGE(leaf_defaults, w->leaf.algorithm = AMD_PSS_DEFAULTS)
CHANGE(leaf_pkcs1, w->leaf.algorithm = AMD_PKCS1_SHA384)
CHANGE(leaf_inner, w->leaf.algorithm = AMD_INNER_DIFFERS)
CHANGE(leaf_bad, w->leaf.algorithm = AMD_BAD_SIGNATURE)
CHANGE(signer_salt, w->signer.algorithm = AMD_PSS_SALT_32)
CHANGE(signer_pkcs1, w->signer.algorithm = AMD_PKCS1_SHA384)
CHANGE(signer_bad, w->signer.algorithm = AMD_BAD_SIGNATURE)
CHANGE(ark_bad, w->ark.algorithm = AMD_BAD_SIGNATURE) /* trusted by key: its own signature says nothing */
CHANGE(leaf_by_ark, w->leaf.signer = AMD_KEY_ARK)
CHANGE(leaf_of_nobody, text(w->leaf.issuer, "SEV-Nobody"))
CHANGE(signer_no_ca, w->signer.is_no_ca = true)
CHANGE(signer_no_sign, w->signer.may_not_sign = true)
CHANGE(signer_critical, w->signer.has_unknown_critical = true)
CHANGE(ark_no_ca, w->ark.is_no_ca = true)
CHANGE(ark_critical, w->ark.has_unknown_critical = true)
CHANGE(signer_by_other, w->signer.signer = AMD_KEY_ASVK)
CHANGE(no_anchors, w->gives_no_anchors = true)
CHANGE(chain_garbage, expect_ok(buf_append_str(&w->chain, "garbage")))
CHANGE(anchors_garbage, expect_ok(buf_append_str(&w->anchors, "garbage")))
static void leaf_of_vlek_authority(struct amd_world *w)
{
        w->signer = amd_asvk(SNP_MILAN, w->now);
        text(w->leaf.issuer, w->signer.name);
        w->leaf.signer = AMD_KEY_ASVK;
}
static void vlek_of_vcek_authority(struct amd_world *w)
{
        w->signer = amd_ask(SNP_MILAN, w->now);
        text(w->leaf.issuer, w->signer.name);
        w->leaf.signer = AMD_KEY_ASK;
}
static void signer_of_genoa(struct amd_world *w)
{
        text(w->signer.name, "SEV-Genoa");
        text(w->leaf.issuer, w->signer.name);
}
static void ark_of_genoa(struct amd_world *w)
{
        text(w->ark.name, "ARK-Genoa");
        text(w->ark.issuer, "ARK-Genoa");
        text(w->signer.issuer, "ARK-Genoa");
}
static void all_of_genoa(struct amd_world *w)
{
        ark_of_genoa(w);
        signer_of_genoa(w);
        text(w->leaf.product_name, "Genoa");
}
static void ark_unnamed(struct amd_world *w)
{
        text(w->ark.name, "Somebody's root");
        text(w->ark.issuer, w->ark.name);
        text(w->signer.issuer, w->ark.name);
}
/* Everything is a peer's own: names as AMD's, and its root beside. */
static void root_of_a_peer(struct amd_world *w)
{
        w->gives_no_anchors = true;
        amd_authority_write(&w->signer, &w->chain);
        amd_authority_write(&w->ark, &w->chain);
}
static void chain_in_any_order(struct amd_world *w)
{
        struct amd_authority other = amd_asvk(SNP_MILAN, w->now), third = amd_ask(SNP_GENOA, w->now);
        amd_authority_write(&w->ark, &w->chain);
        amd_authority_write(&other, &w->chain);
        amd_authority_write(&third, &w->chain);
        amd_authority_write(&w->signer, &w->chain);
        amd_authority_write(&w->signer, &w->chain);
}
static void another_key_for_the_root(struct amd_world *w)
{
        struct amd_authority look_alike = w->ark;
        look_alike.key = look_alike.signer = AMD_KEY_ASVK;
        amd_authority_write(&w->signer, &w->chain);
        amd_authority_write(&look_alike, &w->chain);
}
static void authorities_among_the_anchors(struct amd_world *w)
{
        amd_authority_write(&w->signer, &w->anchors);
        amd_authority_write(&w->ark, &w->anchors);
        amd_authority_write(&w->ark, &w->chain);
}
static void renewed_signer_beside_an_expired_one(struct amd_world *w)
{
        struct amd_authority old = w->signer;
        old.until = later(w->now, -1);
        amd_authority_write(&old, &w->chain);
        amd_authority_write(&w->signer, &w->chain);
}
static void renewed_root_beside_an_expired_one(struct amd_world *w)
{
        struct amd_authority old = w->ark;
        old.until = later(w->now, -1);
        amd_authority_write(&old, &w->anchors);
        amd_authority_write(&w->ark, &w->anchors);
}

/* ---- several certificates, and the host's table ---- */
static void another_certificate_first(struct amd_world *w)
{
        struct amd_leaf other = w->leaf;
        other.tcb.parts[7]--;
        w->gives_no_leaf = true; /* it comes second */
        amd_leaf_write(&other, &w->more_leaf);
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        amd_leaf_write(&w->leaf, &der);
        struct amd_table_entry entries[] = {
                {SPAN("0123456789abcdef"), SPAN("somebody else's")},
                {SPAN("\x63\xda\x75\x8d\xe6\x64\x45\x64\xad\xc5\xf4\xb9\x3b\xe8\xac\xcd"), buf_span(&der)}};
        amd_table_write(entries, COUNT_OF(entries), &w->auxblob);
}
static void table_garbage_alone(struct amd_world *w)
{
        w->gives_no_leaf = true;
        expect_ok(buf_append_str(&w->auxblob, "garbage"));
}
CHANGE(table_garbage_too, expect_ok(buf_append_str(&w->auxblob, "garbage")))
static void table_without_certificate(struct amd_world *w)
{
        w->gives_no_leaf = true;
        amd_table_write(NULL, 0, &w->auxblob);
}

/* ---- revocation ---- */
CHANGE(list_empty, w->gives_list = true)
CHANGE(list_garbage, expect_ok(buf_append_str(&w->list_bytes, "garbage")))
CHANGE(list_other_issuer, (w->gives_list = true, text(w->list.issuer, "ARK-Genoa")))
CHANGE(list_by_signer, (w->gives_list = true, w->list.signer = AMD_KEY_ASK))
CHANGE(list_salt, (w->gives_list = true, w->list.algorithm = AMD_PSS_SALT_32))
CHANGE(list_bad, (w->gives_list = true, w->list.algorithm = AMD_BAD_SIGNATURE))
CHANGE(list_inner, (w->gives_list = true, w->list.algorithm = AMD_INNER_DIFFERS))
CHANGE(list_delta, (w->gives_list = true, w->list.is_delta = true))
CHANGE(list_critical, (w->gives_list = true, w->list.has_unknown_critical = true))
CHANGE(list_version_1, (w->gives_list = true, w->list.is_version_1 = true))
CHANGE(list_no_end, (w->gives_list = true, w->list.has_no_end = true))
CHANGE(list_not_yet, (w->gives_list = true, w->list.from = later(w->now, 1)))
CHANGE(list_just, (w->gives_list = true, w->list.from = w->now))
CHANGE(list_stale, (w->gives_list = true, w->list.until = later(w->now, -1)))
CHANGE(list_last, (w->gives_list = true, w->list.until = w->now))
CHANGE(list_with_signer,
       (w->gives_list = true, w->list.count = 2, w->list.serials[0] = 77, w->list.serials[1] = w->signer.serial))
CHANGE(list_without_signer, (w->gives_list = true, w->list.count = 2, w->list.serials[0] = w->signer.serial + 1,
                             w->list.serials[1] = w->signer.serial & 0xff))
static void list_stale_with_signer(struct amd_world *w)
{
        list_with_signer(w);
        w->list.until = later(w->now, -1);
}
static void lists_of_two_products(struct amd_world *w)
{
        struct amd_list other = amd_list(SNP_GENOA, w->now);
        list_with_signer(w);
        amd_list_write(&other, &w->list_bytes);
        amd_list_write(&w->list, &w->more_list);
}
static void list_pem(struct amd_world *w)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        amd_list_write(&w->list, &der);
        expect_ok(buf_append_str(&w->list_bytes, "-----BEGIN X509 CRL-----\n"));
        expect_ok(base64_encode(buf_span(&der), &w->list_bytes));
        expect_ok(buf_append_str(&w->list_bytes, "\n-----END X509 CRL-----"));
}

#define DENIED  FAULT_DENIED
#define INVALID FAULT_INVALID
static const struct row rows[] = {
        {"as it is", "", nothing, 0, false},
        {"none", "snp.certificate", no_leaf, FAULT_UNAVAILABLE, false},
        {"none, VLEK", "snp.certificate", no_leaf, FAULT_UNAVAILABLE, true},
        {"garbage", "snp.certificate_format", leaf_garbage, INVALID, false},
        {"PEM without end", "snp.certificate_format", leaf_empty_pem, INVALID, false},
        {"PEM", "", leaf_pem, 0, false},
        {"PEM without newline at its end", "", leaf_pem_without_newline, 0, false},
        {"two in one", "snp.certificate_format", leaf_twice, INVALID, false},
        {"a byte more", "snp.certificate_format", leaf_and_a_byte, INVALID, false},
        {"a byte less", "snp.certificate_format", leaf_cut, INVALID, false},
        {"P-256", "snp.certificate_key", leaf_p256, DENIED, false},
        {"another name", "snp.certificate_extensions", name_other, DENIED, false},
        {"the other kind's name", "snp.certificate_extensions", name_vlek, DENIED, false},
        {"unknown product", "snp.certificate_extensions", product_naples, DENIED, false},
        {"no product", "snp.certificate_extensions", product_empty, DENIED, false},
        {"product with control characters", "snp.certificate_extensions", product_control, DENIED, false},
        {"product that begins as ours", "snp.certificate_extensions", product_prefix, DENIED, false},
        {"product of a long name", "snp.certificate_extensions", product_long, DENIED, false},
        {"another product", "snp.product", product_genoa, DENIED, false},
        {"product without stepping", "", product_bare, 0, false},
        {"hwID in an OCTET STRING", "", hwid_wrapped, 0, false},
        {"hwID short", "snp.certificate_extensions", hwid_short, DENIED, false},
        {"hwID absent", "snp.certificate_extensions", hwid_absent, DENIED, false},
        {"CSP_ID in a VCEK", "snp.certificate_extensions", csp_too, DENIED, false},
        {"CSP_ID absent", "snp.certificate_extensions", csp_absent, DENIED, true},
        {"hwID in a VLEK", "snp.certificate_extensions", csp_hwid_too, DENIED, true},
        {"unknown critical extension", "snp.chain", leaf_critical, DENIED, false},
        {"unknown extension", "", leaf_unknown, 0, false},
        {"SPL negative", "snp.certificate_extensions", spl_negative, DENIED, false},
        {"SPL 256", "snp.certificate_extensions", spl_256, DENIED, false},
        {"SPL with a zero too many", "snp.certificate_extensions", spl_padded, DENIED, false},
        {"SPL with a byte behind", "snp.certificate_extensions", spl_trailing, DENIED, false},
        {"SPL no number", "snp.certificate_extensions", spl_other_tag, DENIED, false},
        {"SPL empty", "snp.certificate_extensions", spl_empty, DENIED, false},
        {"structVersion no number", "snp.certificate_extensions", version_odd, DENIED, false},
        {"a later structVersion", "", version_later, 0, false},
        {"FMC on Milan", "snp.certificate_extensions", fmc_set, DENIED, false},
        {"FMC 0 on Milan", "", fmc_zero, 0, false},
        {"of another TCB", "snp.certificate_tcb", tcb_of_another, DENIED, false},
        {"of another chip", "snp.chip_id", chip_of_another, DENIED, false},

        {"begins in a second", "snp.not_yet_valid", leaf_not_yet, DENIED, false},
        {"begins now", "", leaf_just, 0, false},
        {"ended a second ago", "snp.expired", leaf_expired, DENIED, false},
        {"ends now", "", leaf_last, 0, false},
        {"VLEK ended a second ago", "snp.expired", leaf_expired, DENIED, true},
        {"ASK begins in a second", "snp.not_yet_valid", signer_not_yet, DENIED, false},
        {"ASK begins now", "", signer_just, 0, false},
        {"ASK ended a second ago", "snp.expired", signer_expired, DENIED, false},
        {"ASK ends now", "", signer_last, 0, false},
        {"ARK begins in a second", "snp.not_yet_valid", ark_not_yet, DENIED, false},
        {"ARK begins now", "", ark_just, 0, false},
        {"ARK ended a second ago", "snp.expired", ark_expired, DENIED, false},
        {"ARK ends now", "", ark_last, 0, false},
        {"trailer said", "", leaf_explicit_trailer, 0, false},
        {"hashes without NULL", "", leaf_no_null, 0, false},
        {"salt of 32", "snp.chain_algorithm", leaf_salt, DENIED, false},
        {"MGF1 with SHA-256", "snp.chain_algorithm", leaf_mask, DENIED, false},
        {"SHA-256", "snp.chain_algorithm", leaf_sha256, DENIED, false},
        {"trailer 2", "snp.chain_algorithm", leaf_trailer, DENIED, false},
        {"PSS by default", "snp.chain_algorithm", leaf_defaults, DENIED, false},
        {"PKCS#1", "snp.chain_algorithm", leaf_pkcs1, DENIED, false},
        {"one algorithm inside, another outside", "snp.chain_algorithm", leaf_inner, DENIED, false},
        {"flipped bit", "snp.chain_signature", leaf_bad, DENIED, false},
        {"ASK: salt of 32", "snp.chain_algorithm", signer_salt, DENIED, false},
        {"ASK: PKCS#1", "snp.chain_algorithm", signer_pkcs1, DENIED, false},
        {"ASK: flipped bit", "snp.root", signer_bad, DENIED, false},
        {"ARK: flipped bit", "", ark_bad, 0, false},
        {"signed by the ARK in the ASK's name", "snp.chain_signature", leaf_by_ark, DENIED, false},
        {"of an issuer that isn't there", "snp.chain", leaf_of_nobody, DENIED, false},
        {"ASK no authority", "snp.chain", signer_no_ca, DENIED, false},
        {"ASK may not sign", "snp.chain", signer_no_sign, DENIED, false},
        {"ASK with a critical extension", "snp.chain", signer_critical, DENIED, false},
        {"ARK no authority", "snp.chain", ark_no_ca, DENIED, false},
        {"ARK with a critical extension", "snp.chain", ark_critical, DENIED, false},
        {"ASK signed by another", "snp.root", signer_by_other, DENIED, false},
        {"no anchors", "snp.root", no_anchors, DENIED, false},
        {"chain garbage", "snp.chain_format", chain_garbage, INVALID, false},
        {"anchors garbage", "snp.anchors", anchors_garbage, INVALID, false},
        {"VCEK under the ASVK", "snp.certificate_kind", leaf_of_vlek_authority, DENIED, false},
        {"VLEK under the ASK", "snp.certificate_kind", vlek_of_vcek_authority, DENIED, true},
        {"ASK of Genoa", "snp.product", signer_of_genoa, DENIED, false},
        {"ARK of Genoa", "snp.product", ark_of_genoa, DENIED, false},
        {"all of Genoa but the processor", "snp.product", all_of_genoa, DENIED, false},
        {"a root without a product", "snp.product", ark_unnamed, DENIED, false},
        {"a peer's own root", "snp.root", root_of_a_peer, DENIED, false},
        {"chain in any order", "", chain_in_any_order, 0, false},
        {"the root's name for another key", "snp.root", another_key_for_the_root, DENIED, false},
        {"ASK among the anchors", "", authorities_among_the_anchors, 0, false},
        {"renewed ASK beside an expired one", "", renewed_signer_beside_an_expired_one, 0, false},
        {"renewed ARK beside an expired one", "", renewed_root_beside_an_expired_one, 0, false},

        {"the right one comes in the table", "", another_certificate_first, 0, false},
        {"the table is garbage", "snp.auxblob", table_garbage_alone, INVALID, false},
        {"the table is garbage, and not needed", "", table_garbage_too, 0, false},
        {"the table is empty", "snp.certificate", table_without_certificate, FAULT_UNAVAILABLE, false},

        {"list", "", list_empty, 0, false},
        {"list as PEM", "", list_pem, 0, false},
        {"list garbage", "snp.crl", list_garbage, DENIED, false},
        {"list of another", "snp.crl", list_other_issuer, DENIED, false},
        {"list signed by the ASK", "snp.crl", list_by_signer, DENIED, false},
        {"list: salt of 32", "snp.crl", list_salt, DENIED, false},
        {"list: flipped bit", "snp.crl", list_bad, DENIED, false},
        {"list: one algorithm inside, another outside", "snp.crl", list_inner, DENIED, false},
        {"delta list", "snp.crl", list_delta, DENIED, false},
        {"list with a critical extension", "snp.crl", list_critical, DENIED, false},
        {"list of version 1", "snp.crl", list_version_1, DENIED, false},
        {"list without end", "snp.crl", list_no_end, DENIED, false},
        {"list begins in a second", "snp.crl_not_yet_valid", list_not_yet, DENIED, false},
        {"list begins now", "", list_just, 0, false},
        {"list ended a second ago", "snp.crl_stale", list_stale, 0, false},
        {"list ends now", "", list_last, 0, false},
        {"ASK is listed", "snp.revoked", list_with_signer, DENIED, false},
        {"ASVK is listed", "snp.revoked", list_with_signer, DENIED, true},
        {"others are listed", "", list_without_signer, 0, false},
        {"ASK is listed, the list ended", "snp.revoked", list_stale_with_signer, DENIED, false},
        {"lists of two products", "snp.revoked", lists_of_two_products, DENIED, false},
};

static void expect(struct amd_world *w, const char *name, const char *verdict, enum fault_code code)
{
        enum fault_code got_code;
        const char *got = amd_world_verdict(w, &got_code);

        if (strcmp(got, verdict) != 0 || got_code != code)
                fail_msg("%s: wanted \"%s\" (%s), got \"%s\" (%s)", name, verdict, fault_code_name(code), got,
                         fault_code_name(got_code));
}

static void run(const struct row *row)
{
        AUTO(amd_world) struct amd_world w;

        amd_world_init(&w, SNP_MILAN, row->is_vlek, SNP_VERSION_3);
        row->change(&w);
        amd_world_write(&w);
        expect(&w, row->name, row->verdict, row->code);
        expect(&w, row->name, row->verdict, row->code); /* what was remembered changes nothing */
}

static void every_refusal_of_certificates(void **state UNUSED)
{
        for (size_t i = 0; i < COUNT_OF(rows); i++)
                run(&rows[i]);
}

static void each_extension_once(void **state UNUSED)
{
        static const char *const oids[] = {AMD "1",   AMD "2",   AMD "3.1", AMD "3.2", AMD "3.3",
                                           AMD "3.5", AMD "3.6", AMD "3.7", AMD "3.8", AMD "4"};
        for (size_t i = 0; i < 2 * SNP_PRODUCT_COUNT * COUNT_OF(oids); i++) {
                AUTO(amd_world) struct amd_world w;
                const char *oid = oids[i / 2 % COUNT_OF(oids)];
                amd_world_init(&w, (enum snp_product)(i / 2 / COUNT_OF(oids)), false, SNP_VERSION_3);
                if (i % 2 == 0)
                        w.leaf.without = oid;
                else
                        w.leaf.twice = oid;
                amd_world_write(&w);
                expect(&w, oid, i % 2 == 0 ? "snp.certificate_extensions" : "snp.certificate_format",
                       i % 2 == 0 ? DENIED : INVALID);
        }
}

static void each_part_of_the_tcb(void **state UNUSED)
{
        for (size_t i = 0; i < SNP_PRODUCT_COUNT * SNP_TCB_LEN; i++) {
                AUTO(amd_world) struct amd_world w;
                amd_world_init(&w, (enum snp_product)(i / SNP_TCB_LEN), false, 2);
                w.leaf.tcb.parts[i % SNP_TCB_LEN] ^= 0x80;
                amd_world_write(&w);
                expect(&w, "part of the TCB", "snp.certificate_tcb", DENIED);
        }
}

/* A product that is newer than the program, or a test's: the result says that the root isn't AMD's. */
static void configured_roots_show(void **state UNUSED)
{
        AUTO(amd_world) struct amd_world w;
        AUTO(attestation_result) struct attestation_result result = {0};

        amd_world_init(&w, SNP_TURIN, true, SNP_VERSION_5);
        w.gives_list = true;
        amd_world_write(&w);
        expect_ok(amd_world_appraise(&w, &result));
        assert_true(span_eq_str(facts_find(&result.facts, "snp.root")->value, "configured"));
        assert_true(span_eq_str(facts_find(&result.facts, "snp.crl")->value, "checked"));
        assert_int_equal(result.not_checked_count, 0);
        assert_int_equal(result.collateral_count, 4);
        assert_int_equal(result.not_after_unix_s, wall_unix_s(w.leaf.until));
}

/* The same bytes at another time: nothing that was remembered outlives its dates. */
static void time_passes(void **state UNUSED)
{
        AUTO(amd_world) struct amd_world w;

        amd_world_init(&w, SNP_GENOA, false, SNP_VERSION_3);
        w.gives_list = true;
        w.leaf.until = later(w.list.until, 3600);
        amd_world_write(&w);
        expect(&w, "now", "", 0);
        w.now = w.list.until;
        expect(&w, "the list's last second", "", 0);
        w.now = w.leaf.until;
        expect(&w, "the certificate's last second", "snp.crl_stale", 0);
        w.now = later(w.leaf.until, 1);
        expect(&w, "after it", "snp.expired", DENIED);
        w.now = later(w.leaf.from, -1);
        expect(&w, "before it", "snp.not_yet_valid", DENIED);
        w.now = later(w.list.from, -1);
        expect(&w, "before the list", "snp.crl_not_yet_valid", DENIED);
        w.now = TEST_NOW;
        expect(&w, "now again", "", 0);
        snp_chain_forget();
        snp_revocation_forget();
        expect(&w, "from the beginning", "", 0);
}

static void too_many_files(void **state UNUSED)
{
        AUTO(amd_world) struct amd_world w;
        AUTO(attestation_result) struct attestation_result result = {0};
        struct appraisal in;

        amd_world_init(&w, SNP_MILAN, false, 2);
        amd_world_write(&w);
        amd_world_parts(&w, &in);
        for (size_t i = 0; i < SNP_SOURCES_MAX; i++)
                expect_ok(appraisal_add_part(&in, "vcek", buf_span(&w.leaf_bytes)));
        expect_fault(verifier_appraise(&in, &result), FAULT_INVALID, "snp.parts");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_refusal_of_certificates),
                cmocka_unit_test(each_extension_once),
                cmocka_unit_test(each_part_of_the_tcb),
                cmocka_unit_test(configured_roots_show),
                cmocka_unit_test(time_passes),
                cmocka_unit_test(too_many_files),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
