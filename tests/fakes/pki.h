/* pki: keys and certificates that tests make for themselves. */
#pragma once

#include "tests/fakes/vector.h"

#include "lib/crypt/x509_build.h"

/* 2026-11-23T00:00:00Z, and a day around it. */
#define TEST_NOW_S 1795392000LL
#define TEST_FROM  wall_from_unix_s(TEST_NOW_S - 3600)
#define TEST_UNTIL wall_from_unix_s(TEST_NOW_S + 86400)
#define TEST_NOW   wall_from_unix_s(TEST_NOW_S)

static inline struct key *test_key_of(const char *path)
{
        AUTO(buf) struct buf pem = vector_read(path);
        struct key *k = NULL;

        expect_ok(key_from_pem_private(buf_span(&pem), &k));
        return k;
}

/* A new key, but for RSA, where making one takes longer than a test should: always the same. */
static inline struct key *test_key(enum key_kind kind)
{
        struct key *k = NULL;

        if (kind == KEY_RSA)
                return test_key_of("keys/rsa3072.pem");
        expect_ok(key_generate(kind, &k));
        return k;
}

static inline struct cert *test_cert(struct span der)
{
        struct cert *c = NULL;

        expect_ok(cert_from_der(der, &c));
        return c;
}

/* Issued by `issuer`, or self-signed when it is NULL. */
static inline struct cert *test_ca(const char *name, const struct key *k, const struct cert *issuer,
                                   const struct key *issuer_key, struct wall from, struct wall until)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);
        struct ca_spec spec = {name, "spiffe://td.example", {1, 2, 3}, from, until, k, -1};

        expect_ok(ca_build(&spec, issuer, issuer_key, &der));
        return test_cert(buf_span(&der));
}

static inline struct leaf_spec test_leaf_spec(const struct cert *ca, const struct key *ca_key, const struct key *k)
{
        struct leaf_spec spec = {.serial = {0x7f, 9},
                                 .issuer_name_der = cert_subject_der(ca),
                                 .not_before = TEST_FROM,
                                 .not_after = TEST_UNTIL,
                                 .spki = key_spki(k),
                                 .uri = "spiffe://td.example/ns/a/sa/b"};
        key_id(ca_key, spec.issuer_key_id);
        return spec;
}

static inline struct cert *test_leaf(const struct leaf_spec *spec, const struct key *ca_key)
{
        AUTO(buf) struct buf der = BUF(CERT_MAX);

        expect_ok(leaf_build(spec, ca_key, &der));
        return test_cert(buf_span(&der));
}
