/* What the table of options can't check. */
#include "issuer/config.h"

#include "tests/fakes/expect.h"

static struct fault *finish(struct issuer_config c)
{
        char audience[] = "https://issuer.example", folder[] = "/var/lib/issuer";
        if (c.audience == NULL)
                c.audience = audience;
        c.state_dir = folder;
        struct fault *f = issuer_config_finish(&c);
        char *const made[] = {c.root_certificate, c.root_key,  c.tls_certificate, c.tls_key,     c.tls_ca_certificate,
                              c.tls_ca_key,       c.token_key, c.keystore_kek,    c.verifier_key};
        for (size_t i = 0; i < COUNT_OF(made); i++)
                free(made[i]);
        return f;
}

static struct fault *finish_clusters(struct cluster_config *first, struct cluster_config *second)
{
        void *items[] = {first, second};
        return finish((struct issuer_config){.clusters = {second != NULL ? 2 : 1, items}});
}

static void each_wrong_value_is_named(void **state UNUSED)
{
        static const struct {
                const char *name;
                char role[16], audience[32], attester[32], second[16], second_issuer[24];
                bool good;
        } rows[] = {
                {"nothing said", "", "", "", "", "", true},
                {"attester", "", "", "vouchsafe/attester", "", "", true},
                {"two clusters", "", "", "", "blue", "https://blue", true},
                {"unknown role", "issuer", "", "", "", "", false},
                {"a verifier alone", "verifier", "", "", "", "", true},
                {"an authority alone", "authority", "", "", "", "", true},
                {"a Key store alone", "keystore", "", "", "", "", false},
                {"audience is no URI", "", "issuer", "", "", "", false},
                {"audience is a scheme", "", "https:", "", "", "", false},
                {"audience without scheme", "", ":issuer", "", "", "", false},
                {"attester without namespace", "", "", "attester", "", "", false},
                {"attester with empty namespace", "", "", "/attester", "", "", false},
                {"attester with empty account", "", "", "vouchsafe/", "", "", false},
                {"a name twice", "", "", "", "demo", "https://blue", false},
                {"an issuer twice", "", "", "", "blue", "https://demo", false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                char role[16], audience[32], attester[32], second[16], second_issuer[24];
                memcpy(role, rows[i].role, sizeof role);
                memcpy(audience, rows[i].audience, sizeof audience);
                memcpy(attester, rows[i].attester, sizeof attester);
                memcpy(second, rows[i].second, sizeof second);
                memcpy(second_issuer, rows[i].second_issuer, sizeof second_issuer);
                char name[] = "demo", issuer[] = "https://demo", *roles[] = {role};
                struct cluster_config a = {name, issuer, NULL, attester[0] != '\0' ? attester : NULL},
                                      b = {second, second_issuer, NULL, NULL};
                struct fault *f = NULL;
                if (role[0] != '\0')
                        f = finish((struct issuer_config){.roles = {1, roles}});
                else if (audience[0] != '\0')
                        f = finish((struct issuer_config){.audience = audience});
                else
                        f = finish_clusters(&a, second[0] != '\0' ? &b : NULL);
                AUTO(fault) struct fault *found = f;
                if ((found == NULL) != rows[i].good || (found != NULL && strcmp(fault_token(found), "CONFIG") != 0))
                        fail_msg("%s: %s", rows[i].name, found != NULL ? fault_text(found) : "taken");
        }
}

static void token_keys_outlive_what_they_sign(void **state UNUSED)
{
        static const struct {
                const char *name;
                int64_t life_ms, leaf_ms, refresh_ms;
                bool good;
        } rows[] = {
                {"as long as both", 10000, 10000, 2000, true},
                {"shorter than a credential", 9999, 10000, 1000, false},
                {"published for less than five refreshes", 9999, 1000, 2000, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct fault *f = finish((struct issuer_config){.token_key_life_ms = rows[i].life_ms,
                                                                .max_leaf_life_ms = rows[i].leaf_ms,
                                                                .bundle_refresh_ms = rows[i].refresh_ms});
                if (rows[i].good)
                        expect_ok(f);
                else
                        expect_fault_row(f, FAULT_INVALID, "CONFIG", rows[i].name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(each_wrong_value_is_named),
                                           cmocka_unit_test(token_keys_outlive_what_they_sign)};
        return cmocka_run_group_tests(tests, NULL, NULL);
}
