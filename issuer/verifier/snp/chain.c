#include "issuer/verifier/snp/chain.h"

#include <stdio.h>

#include "issuer/verifier/snp/authorities.h"

static struct memo proven = MEMO_INIT;

/* ---- the object ---- */

static void chain_destroy(struct memo_value *v)
{
        struct snp_chain *c = CONTAINER_OF(v, struct snp_chain, memo);

        snp_certificate_clear(&c->leaf);
        cert_free(c->issuer);
        cert_free(c->root);
        free(c);
}

void snp_chain_free(struct snp_chain *c)
{
        if (c != NULL)
                memo_release(&c->memo);
}

void snp_chain_forget(void)
{
        memo_clear(&proven);
}

static void add_spans(struct hasher *h, const struct snp_spans *list)
{
        uint64_t count = list->count;

        hasher_add(h, SPAN_OF(count));
        for (size_t i = 0; i < list->count; i++)
                memo_key_add(h, list->items[i]);
}

/* All that a proof depends on: the certificate, and where its authorities come from. */
static void key_of(const struct snp_sources *s, struct span leaf, uint8_t ret[SHA256_LEN])
{
        AUTO(hasher) struct hasher *h = hasher_new(HASH_SHA256);

        memo_key_add(h, leaf);
        add_spans(h, &s->anchors);
        add_spans(h, &s->chain);
        if (s->chain.count == 0)
                memo_key_add(h, s->table_signer);
        hasher_end(h, ret);
}

static struct snp_chain *recall(const struct snp_sources *s, struct span leaf)
{
        uint8_t key[SHA256_LEN];

        key_of(s, leaf, key);
        struct memo_value *v = memo_find(&proven, key);
        return v == NULL ? NULL : CONTAINER_OF(v, struct snp_chain, memo);
}

/* ---- dates ---- */

static struct fault *check_dates_of(const struct cert *c, struct wall now)
{
        struct fault *f = cert_check_dates(c, now);

        if (f == NULL)
                return NULL;
        bool is_early = strcmp(fault_token(f), "x509.not_yet_valid") == 0;
        return fault_rename(f, FAULT_DENIED, is_early ? "snp.not_yet_valid" : "snp.expired");
}

static struct fault *check_dates(const struct snp_chain *c, struct wall now)
{
        TRY(check_dates_of(c->leaf.cert, now));
        TRY(check_dates_of(c->issuer, now));
        return check_dates_of(c->root, now);
}

/* ---- links ---- */

/* The signature of `c` is that of `issuer`, whose name it gives, and who may sign certificates. */
static struct fault *check_link(const struct cert *c, const struct cert *issuer)
{
        unsigned usage = cert_key_usage(issuer);

        if (!cert_is_ca(issuer) || cert_key(issuer) == NULL || (usage != 0 && (usage & KU_KEY_CERT_SIGN) == 0))
                return fault(FAULT_DENIED, "snp.chain", "\"%s\" is no authority", cert_subject(issuer));
        if (cert_has_unknown_critical(c) || cert_has_unknown_critical(issuer))
                return fault(FAULT_DENIED, "snp.chain", "critical extension that is unknown here");
        struct fault *f = cert_check_signature(c, cert_key(issuer), CERT_SIGNATURE_PSS_SHA384);
        if (f == NULL)
                return NULL;
        bool is_algorithm = strcmp(fault_token(f), "x509.algorithm") == 0;
        return fault_rename(f, FAULT_DENIED, is_algorithm ? "snp.chain_algorithm" : "snp.chain_signature");
}

/* A certificate that came under the root's name with another key: somebody hopes to be believed for the name. */
static struct fault *check_claims(const struct snp_authorities *a, const struct cert *root)
{
        for (size_t i = 0; i < a->claim_count; i++) {
                const struct cert *c = a->claims[i];
                if (!span_eq(cert_subject_der(c), cert_subject_der(root)))
                        continue;
                if (cert_key(c) == NULL || !span_eq(key_spki(cert_key(c)), key_spki(cert_key(root))))
                        return fault(FAULT_DENIED, "snp.root", "another key under the name \"%s\"", cert_subject(c));
        }
        return NULL;
}

/* The first fault says most: keep that one. */
static void keep_first(struct fault **first, struct fault *f)
{
        if (*first == NULL)
                *first = f;
        else
                fault_free(f);
}

/* A root of the right name that didn't sign: it is another root that did. */
static struct fault *rename_signature(struct fault *f)
{
        if (strcmp(fault_token(f), "snp.chain_signature") != 0)
                return f;
        return fault_rename(f, FAULT_DENIED, "snp.root");
}

/* Which trusted root issued `issuer`: one that is valid now, if there is one. */
static struct fault *find_root(const struct snp_authorities *a, const struct cert *issuer, struct wall now,
                               size_t *ret_index)
{
        AUTO(fault) struct fault *why = NULL;
        bool is_found = false;

        for (size_t i = 0; i < a->root_count; i++) {
                const struct cert *root = a->roots[i];
                if (!span_eq(cert_subject_der(root), cert_issuer_der(issuer)))
                        continue;
                struct fault *f = check_link(issuer, root);
                if (f != NULL) {
                        keep_first(&why, rename_signature(f));
                        continue;
                }
                AUTO(fault) struct fault *dated = check_dates_of(root, now);
                if (!is_found || dated == NULL)
                        *ret_index = i;
                is_found = true;
                if (dated == NULL)
                        break;
        }
        if (is_found)
                return check_claims(a, a->roots[*ret_index]);
        if (why != NULL)
                return TAKE(why);
        return fault(FAULT_DENIED, "snp.root", "\"%s\" isn't trusted here", cert_issuer(issuer));
}

struct path { /* what find_path found, within the authorities */
        const struct cert *issuer;
        size_t root;
};

/* A path whose dates hold, if there is one; else any. */
static struct fault *find_path(const struct snp_authorities *a, const struct cert *leaf, struct wall now,
                               struct path *ret)
{
        AUTO(fault) struct fault *why = NULL;

        for (size_t i = 0; i < a->issuer_count; i++) {
                struct path found = {.issuer = a->issuers[i]};
                if (!span_eq(cert_subject_der(found.issuer), cert_issuer_der(leaf)))
                        continue;
                struct fault *f = check_link(leaf, found.issuer);
                if (f == NULL)
                        f = find_root(a, found.issuer, now, &found.root);
                if (f != NULL) {
                        keep_first(&why, f);
                        continue;
                }
                AUTO(fault) struct fault *issuer_dated = check_dates_of(found.issuer, now);
                AUTO(fault) struct fault *root_dated = check_dates_of(a->roots[found.root], now);
                if (ret->issuer == NULL || (issuer_dated == NULL && root_dated == NULL))
                        *ret = found;
                if (issuer_dated == NULL && root_dated == NULL)
                        break;
        }
        if (ret->issuer != NULL)
                return NULL;
        if (why != NULL)
                return TAKE(why);
        return fault(FAULT_DENIED, "snp.chain", "no certificate of \"%s\" that issued it", cert_issuer(leaf));
}

/* ---- names, which count once the signatures hold ---- */

static struct fault *check_names(const struct snp_chain *c)
{
        static const char vcek[] = "SEV-", vlek[] = "SEV-VLEK-", ark[] = "ARK-";
        char root[SNP_COMMON_NAME_MAX + 1], issuer[SNP_COMMON_NAME_MAX + 1], wanted[SNP_COMMON_NAME_MAX + 1];

        snp_common_name(cert_subject(c->root), root);
        snp_common_name(cert_subject(c->issuer), issuer);
        (void) snprintf(wanted, sizeof(wanted), "%s%s", ark, snp_product_name(c->product)); /* fits */
        if (strcmp(root, wanted) != 0)
                return fault(FAULT_DENIED, "snp.product", "a certificate for \"%s\" under \"%s\"", c->leaf.product_name,
                             root);
        bool is_vlek = strncmp(issuer, vlek, sizeof(vlek) - 1) == 0;
        if (is_vlek != c->leaf.is_vlek)
                return fault(FAULT_DENIED, "snp.certificate_kind", "a %s issued by \"%s\"",
                             c->leaf.is_vlek ? "VLEK" : "VCEK", issuer);
        (void) snprintf(wanted, sizeof(wanted), "%s%s", is_vlek ? vlek : vcek, snp_product_name(c->product)); /* fits */
        if (strcmp(issuer, wanted) != 0)
                return fault(FAULT_DENIED, "snp.product", "a certificate for \"%s\" issued by \"%s\"",
                             c->leaf.product_name, issuer);
        return NULL;
}

static struct fault *copy(const struct cert *c, struct cert **ret)
{
        return cert_from_der(cert_der(c), ret);
}

/* Takes `leaf` over, also when it fails. */
static struct fault *prove(const struct snp_sources *s, struct snp_certificate *leaf, struct wall now,
                           struct snp_chain **ret)
{
        AUTO(snp_authorities) struct snp_authorities a = {0};
        AUTO(snp_chain) struct snp_chain *c = NEW(struct snp_chain);
        struct path found = {0};

        c->memo = MEMO_VALUE(chain_destroy);
        c->leaf = *leaf;
        *leaf = (struct snp_certificate){0};
        c->product = c->leaf.product;
        TRY(snp_authorities_gather(s, &a));
        TRY(find_path(&a, c->leaf.cert, now, &found));
        TRY(copy(found.issuer, &c->issuer));
        TRY(copy(a.roots[found.root], &c->root));
        c->is_configured = found.root >= a.amd_root_count;
        TRY(check_names(c));
        *ret = TAKE(c);
        return NULL;
}

/* ---- which certificate is the report's ---- */

struct candidate {
        struct snp_chain *known;     /* proven before */
        struct snp_certificate read; /* when it isn't known */
        struct fault *fault;         /* can't be read */
};

static void candidate_clear(struct candidate *c)
{
        snp_chain_free(c->known);
        snp_certificate_clear(&c->read);
        fault_free(c->fault);
        *c = (struct candidate){0};
}
DEFINE_AUTO_VALUE(candidate)

static void candidate_read(const struct snp_sources *s, struct span bytes, struct candidate *ret)
{
        ret->known = recall(s, bytes);
        if (ret->known == NULL)
                ret->fault = snp_certificate_read(bytes, &ret->read);
}

static const struct snp_certificate *leaf_of(const struct candidate *c)
{
        return c->fault != NULL ? NULL : c->known != NULL ? &c->known->leaf : &c->read;
}

/* The first that fits the report; else the first that can be read, so that the refusal says what is wrong with it; else the first. */
static void choose(const struct snp_sources *s, const struct snp_report *r, struct candidate *ret,
                   struct span *ret_bytes)
{
        for (size_t i = 0; i < s->leaves.count; i++) {
                AUTO(candidate) struct candidate c = {0};
                candidate_read(s, s->leaves.items[i], &c);
                const struct snp_certificate *leaf = leaf_of(&c);
                bool fits = leaf != NULL && snp_certificate_fits(leaf, r);
                if (i == 0 || fits || (leaf != NULL && leaf_of(ret) == NULL)) {
                        candidate_clear(ret);
                        *ret = c;
                        c = (struct candidate){0};
                        *ret_bytes = s->leaves.items[i];
                }
                if (fits)
                        return;
        }
}

static struct fault *nothing_given(const struct snp_sources *s, const struct snp_report *r)
{
        bool is_vlek = snp_report_signing_key(r) == SNP_SIGNED_BY_VLEK;

        if (s->is_table_bad)
                return fault(FAULT_INVALID, "snp.auxblob", "the certificate table can't be read");
        return fault(FAULT_UNAVAILABLE, "snp.certificate", "no %s certificate was given", is_vlek ? "VLEK" : "VCEK");
}

static void remember(const struct snp_sources *s, struct span bytes, struct snp_chain *c)
{
        uint8_t key[SHA256_LEN];

        key_of(s, bytes, key);
        memo_keep(&proven, key, &c->memo);
}

struct fault *snp_chain_prove(const struct snp_sources *s, const struct snp_report *r, struct wall now,
                              struct snp_chain **ret)
{
        AUTO(candidate) struct candidate c = {0};
        AUTO(snp_chain) struct snp_chain *chain = NULL;
        struct span bytes = SPAN_NONE;

        if (s->leaves.count == 0)
                return nothing_given(s, r);
        choose(s, r, &c, &bytes);
        if (c.fault != NULL)
                return TAKE(c.fault);
        if (leaf_of(&c)->is_vlek != (snp_report_signing_key(r) == SNP_SIGNED_BY_VLEK))
                return fault(FAULT_DENIED, "snp.certificate_kind",
                             "the report is signed by a %s, the certificate is a %s's",
                             leaf_of(&c)->is_vlek ? "VCEK" : "VLEK", leaf_of(&c)->is_vlek ? "VLEK" : "VCEK");

        AUTO(fault) struct fault *dated = c.known != NULL ? check_dates(c.known, now) : NULL;
        if (c.known != NULL && dated == NULL) {
                *ret = TAKE(c.known);
                return NULL;
        }
        if (c.known != NULL) /* another authority may be valid still: look at all again */
                TRY(snp_certificate_read(bytes, &c.read));
        TRY(prove(s, &c.read, now, &chain));
        remember(s, bytes, chain);
        TRY(check_dates(chain, now));
        *ret = TAKE(chain);
        return NULL;
}

bool snp_chain_peek(const struct snp_sources *s, const struct snp_report *r, bool *ret_fits,
                    enum snp_product *ret_product)
{
        AUTO(candidate) struct candidate c = {0};
        struct span bytes = SPAN_NONE;

        *ret_fits = false;
        if (s->leaves.count == 0)
                return false;
        choose(s, r, &c, &bytes);
        const struct snp_certificate *leaf = leaf_of(&c);
        if (leaf == NULL)
                return false;
        *ret_fits = snp_certificate_fits(leaf, r);
        *ret_product = leaf->product;
        return true;
}
