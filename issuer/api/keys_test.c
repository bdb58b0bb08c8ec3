/* Who may do what with stored keys on the admin socket, and what is refused. */
#include "issuer/api/keys.h"

#include "tests/fakes/issuer.h"

#define OWN   "spiffe://demo.example/ns/payroll/sa/app"
#define OWNER 64201
#define OTHER 64202

static struct fake_issuer issuer;
static struct owner_config owners[] = {{OWNER, NULL, (char[]){"team"}},
                                       {OTHER, NULL, (char[]){"others"}},
                                       {0, (char[]){"CN=alice"}, (char[]){"team"}}};
static void *owner_items[] = {&owners[0], &owners[1], &owners[2]};
static const struct option_items owner_list = {COUNT_OF(owners), owner_items};

static struct fault *ask(const char *method, const char *path, uid_t uid, const char *body, struct json **ret)
{
        struct httpd_route routes[KEY_ROUTES];
        struct httpd_response r = fake_response();
        AUTO_STRING char *plain = alloc_printf("%.*s", (int) strcspn(path, "?"), path);
        struct httpd_request q = fake_request(&issuer, method, plain, span_str(body));
        q.query = strchr(path, '?') != NULL ? strchr(path, '?') + 1 : "";
        q.remote_uid = uid;
        keys_routes(&issuer.api, routes);
        struct fault *refused = NULL;
        size_t i = 0;
        for (; i < KEY_ROUTES; i++) {
                size_t len = strlen(routes[i].path);
                bool fits = routes[i].path[len - 1] == '*' ? strncmp(routes[i].path, plain, len - 1) == 0
                                                           : strcmp(routes[i].path, plain) == 0;
                if (fits && strcmp(routes[i].method, method) == 0)
                        break;
        }
        assert_true(i < KEY_ROUTES);
        refused = routes[i].handler(routes[i].self, &q, &r);
        if (refused == NULL) {
                assert_null(memmem(r.body.data, r.body.len, "PRIVATE KEY", 11));
                expect_ok(json_parse(buf_span(&r.body), ret));
        }
        buf_clear(&r.body);
        return refused;
}

static int64_t int_at(const struct json *j, const char *key)
{
        return json_int(json_get(j, key));
}

static void an_owner_keeps_keys(void **state UNUSED)
{
        AUTO(json) struct json *made = NULL, *shown = NULL, *rotated = NULL, *listed = NULL, *gone = NULL, *left = NULL;
        expect_ok(ask("POST", "/v1/keys", OWNER, "{\"name\":\"api\",\"identity\":\"" OWN "\",\"algorithm\":\"p256\"}",
                      &made));
        assert_true(span_eq_str(json_text(json_get(made, "owner")), "team"));
        const struct json *first = json_at(json_get(made, "versions"), 0);
        assert_true(span_starts_with(json_text(json_get(first, "chain")), SPAN("-----BEGIN CERTIFICATE-----")));
        AUTO(json) struct json *record = NULL;
        expect_ok(ledger_find(issuer.api.ledger, (const char *) json_text(json_get(first, "serial")).data, &record));
        expect_ok(ask("GET", "/v1/keys/api", OWNER, "", &shown));
        assert_int_equal(json_count(json_get(shown, "versions")), 1);
        expect_ok(ask("POST", "/v1/keys/api/rotate", OWNER, "{}", &rotated));
        assert_int_equal(int_at(rotated, "newest"), 2);
        expect_ok(ask("GET", "/v1/keys", OWNER, "", &listed));
        assert_int_equal(json_count(json_get(listed, "keys")), 1);
        expect_ok(ask("DELETE", "/v1/keys/api?version=1", OWNER, "", &gone));
        expect_ok(ask("GET", "/v1/keys/api", 0, "", &left));
        assert_int_equal(json_count(json_get(left, "versions")), 1);
        AUTO(json) struct json *all = NULL;
        expect_ok(ask("DELETE", "/v1/keys/api", OWNER, "", &all));
}

static void refusals(void **state UNUSED)
{
        AUTO(json) struct json *made = NULL;
        expect_ok(ask("POST", "/v1/keys", 0, "{\"name\":\"api\",\"identity\":\"" OWN "\",\"algorithm\":\"p256\"}",
                      &made));
        static const char good[] = "{\"name\":\"new\",\"identity\":\"" OWN "\",\"algorithm\":\"p256\"}";
        static const struct {
                const char *name, *method, *path, *body;
                uid_t uid;
                const char *check;
        } rows[] = {
                {"another owner shows", "GET", "/v1/keys/api", "", OTHER, "keys.owner"},
                {"another owner rotates", "POST", "/v1/keys/api/rotate", "{}", OTHER, "keys.owner"},
                {"another owner destroys", "DELETE", "/v1/keys/api", "", OTHER, "keys.owner"},
                {"another owner makes", "POST", "/v1/keys", good, OTHER, "keys.owner"},
                {"another owner asks for what isn't", "GET", "/v1/keys/nosuch", "", OTHER, "keys.owner"},
                {"nobody's owner", "POST", "/v1/keys", good, 12345, "keys.owner"},
                {"nobody knows who", "GET", "/v1/keys/api", "", (uid_t) -1, "keys.owner"},
                {"an identity that nobody grants", "POST", "/v1/keys",
                 "{\"name\":\"new\",\"identity\":\"spiffe://demo.example/x\",\"algorithm\":\"p256\"}", OWNER,
                 "keys.owner"},
                {"the same, by root", "POST", "/v1/keys",
                 "{\"name\":\"new\",\"identity\":\"spiffe://demo.example/x\",\"algorithm\":\"p256\"}", 0,
                 "keys.identity"},
                {"an owner rewraps", "POST", "/v1/keystore/rewrap", "{}", OWNER, "keys.owner"},
                {"a name that is taken", "POST", "/v1/keys",
                 "{\"name\":\"api\",\"identity\":\"" OWN "\",\"algorithm\":\"p256\"}", OWNER, "KEY_EXISTS"},
                {"no name", "POST", "/v1/keys", "{\"identity\":\"" OWN "\",\"algorithm\":\"p256\"}", OWNER,
                 "BAD_FIELD"},
                {"a bad name", "POST", "/v1/keys", "{\"name\":\"A b\",\"identity\":\"" OWN "\",\"algorithm\":\"p256\"}",
                 OWNER, "keystore.name"},
                {"no algorithm", "POST", "/v1/keys", "{\"name\":\"new\",\"identity\":\"" OWN "\"}", OWNER,
                 "keystore.algorithm"},
                {"an unknown algorithm", "POST", "/v1/keys",
                 "{\"name\":\"new\",\"identity\":\"" OWN "\",\"algorithm\":\"p521\"}", OWNER, "keystore.algorithm"},
                {"an owner of one's own choice", "POST", "/v1/keys",
                 "{\"name\":\"new\",\"identity\":\"" OWN "\",\"algorithm\":\"p256\",\"owner\":\"x\"}", OWNER,
                 "UNKNOWN_FIELD"},
                {"no key", "POST", "/v1/keys", "{\"name\":\"new\",\"identity\":\"" OWN "\",\"pem\":\"x\"}", OWNER,
                 "KEY_ENCODING"},
                {"no JSON", "POST", "/v1/keys", "{", OWNER, "BAD_JSON"},
                {"rotate to no key", "POST", "/v1/keys/api/rotate", "{\"pem\":\"x\"}", OWNER, "KEY_ENCODING"},
                {"rotate what isn't", "POST", "/v1/keys/nosuch/rotate", "{}", 0, "NO_KEY"},
                {"another tail", "POST", "/v1/keys/api/release", "{}", 0, "NO_ROUTE"},
                {"no name to rotate", "POST", "/v1/keys/rotate", "{}", 0, "NO_ROUTE"},
                {"destroy a version that isn't", "DELETE", "/v1/keys/api?version=7", "", OWNER, "NO_KEY"},
                {"destroy version 0", "DELETE", "/v1/keys/api?version=0", "", OWNER, "BAD_NUMBER"},
                {"destroy a word", "DELETE", "/v1/keys/api?version=all", "", OWNER, "BAD_NUMBER"},
                {"show what isn't", "GET", "/v1/keys/nosuch", "", 0, "NO_KEY"},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                AUTO(json) struct json *said = NULL;
                AUTO(fault) struct fault *refused = ask(rows[i].method, rows[i].path, rows[i].uid, rows[i].body, &said);
                if (refused == NULL || strcmp(fault_token(refused), rows[i].check) != 0)
                        fail_msg("%s: %s", rows[i].name, refused == NULL ? "answered" : fault_token(refused));
        }
        AUTO(json) struct json *listed = NULL, *still = NULL;
        expect_ok(ask("GET", "/v1/keys", OTHER, "", &listed));
        assert_int_equal(json_count(json_get(listed, "keys")), 0);
        expect_ok(ask("GET", "/v1/keys/api", 0, "", &still));
        assert_int_equal(json_count(json_get(still, "versions")), 1);
}

/* Over HTTPS: no uid, and the name that a verified certificate has. */
static void clients_act_for_their_owners(void **state UNUSED)
{
        static const struct {
                const char *name, *client, *owner;
                bool may;
        } rows[] = {
                {"a client of the owner's", "CN=alice", "team", true},
                {"for another owner", "CN=alice", "others", false},
                {"another client", "CN=bob", "team", false},
                {"nearly the same", "CN=alice,O=x", "team", false},
                {"no name", "", "team", false},
                {"for everybody", "CN=alice", NULL, false},
        };
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
                struct httpd_request q = fake_request(&issuer, "GET", "/v1/keys", SPAN_NONE);
                q.remote_uid = (uid_t) -1;
                q.client_name = rows[i].client;
                AUTO(fault) struct fault *refused = keys_check_owner(&issuer.api, &q, rows[i].owner);
                if ((refused == NULL) != rows[i].may)
                        fail_msg("%s", rows[i].name);
        }
}

static void without_a_key_store(void **state UNUSED)
{
        static const char *const paths[] = {"/v1/keys", "/v1/keys/api"};
        struct keystore *kept = TAKE(issuer.api.keystore);
        for (size_t i = 0; i < COUNT_OF(paths); i++) {
                AUTO(json) struct json *said = NULL;
                expect_fault(ask("GET", paths[i], 0, "", &said), FAULT_UNIMPLEMENTED, "keystore.off");
        }
        issuer.api.keystore = kept;
}

static int set_up(void **state UNUSED)
{
        log_set_level(LOG_ERROR);
        fake_issuer_start(&issuer);
        issuer.api.key_owners = &owner_list;
        return 0;
}

static int tear_down(void **state UNUSED)
{
        fake_issuer_stop(&issuer);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_owner_keeps_keys),
                cmocka_unit_test(refusals),
                cmocka_unit_test(clients_act_for_their_owners),
                cmocka_unit_test(without_a_key_store),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
