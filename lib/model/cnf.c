#include "lib/model/cnf.h"

struct json *cnf_of(const struct key *k)
{
        struct json *cnf = json_new_object(), *jwk = jwk_from_key(k);

        json_set_text(jwk, "alg", jwt_alg_of(k));
        json_set(cnf, "jwk", jwk);
        return cnf;
}

const struct json *cnf_jwk(const struct json *claims)
{
        const struct json *cnf = json_get(claims, "cnf");

        return json_count(cnf) == 1 ? json_get(cnf, "jwk") : NULL;
}
