/* policy_rows: decision tables: a policy, facts that differ from the good ones, and what must come out. */
#pragma once

#include "tests/fakes/policy.h"

struct fact_tweak { /* one fact that differs from good_facts: replaced, added, or (origin -1) taken away */
        const char *name;
        int origin;
        enum fact_kind kind;
        const char *text;
        uint64_t number;
};
#define WITHOUT(name)                                                                                                  \
        {                                                                                                              \
                name, -1, FACT_TEXT, NULL, 0                                                                           \
        }
#define TEXT(name, origin, text)                                                                                       \
        {                                                                                                              \
                name, origin, FACT_TEXT, text, 0                                                                       \
        }
#define BYTES(name, origin, hex)                                                                                       \
        {                                                                                                              \
                name, origin, FACT_BYTES, hex, 0                                                                       \
        }
#define NUMBER(name, number)                                                                                           \
        {                                                                                                              \
                name, ORIGIN_HW, FACT_NUMBER, NULL, number                                                             \
        }
#define FLAG(name, origin, flag)                                                                                       \
        {                                                                                                              \
                name, origin, FACT_FLAG, NULL, flag                                                                    \
        }

static inline void drop_fact(struct facts *f, const char *name)
{
        for (size_t i = 0; i < f->count; i++) {
                if (strcmp(f->items[i].name, name) != 0)
                        continue;
                f->items[i] = f->items[--f->count];
                return;
        }
}

static inline void apply_tweak(struct facts *f, const struct fact_tweak *t)
{
        drop_fact(f, t->name);
        if (t->origin < 0)
                return;
        enum origin origin = (enum origin) t->origin;
        if (t->kind == FACT_TEXT)
                facts_set_text(f, t->name, origin, span_str(t->text));
        if (t->kind == FACT_NUMBER)
                facts_set_number(f, t->name, origin, t->number);
        if (t->kind == FACT_FLAG)
                facts_set_flag(f, t->name, origin, t->number != 0);
        if (t->kind == FACT_BYTES) {
                AUTO(buf) struct buf bytes = BUF(64);
                expect_ok(hex_decode(span_str(t->text), &bytes));
                facts_set_bytes(f, t->name, origin, buf_span(&bytes));
        }
}

struct decision_row {
        const char *name, *text;
        struct fact_tweak tweaks[3];
        const char *token; /* "" allowed */
        const char *says;
        int64_t now_s;    /* 0: NOW */
        bool development; /* the issuer admits it */
};

static inline struct decision *decide_row(const struct decision_row *row)
{
        AUTO(policy) struct policy *p = NULL;
        expect_ok(row->development ? compile_development(row->text, &p) : compile_text(row->text, &p));
        AUTO(facts) struct facts f = good_facts();
        for (size_t i = 0; i < COUNT_OF(row->tweaks) && row->tweaks[i].name != NULL; i++)
                apply_tweak(&f, &row->tweaks[i]);
        struct decision *d;
        policy_decide(p, "default", &f, row->now_s != 0 ? wall_from_unix_s(row->now_s) : NOW, &d);
        return d;
}

static inline void run_rows(const struct decision_row *rows, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                AUTO(decision) struct decision *d = decide_row(&rows[i]);
                bool allowed = rows[i].token[0] == '\0';
                bool ok = d->allowed == allowed && strcmp(d->token, rows[i].token) == 0 && d->tree->ok == allowed &&
                          (d->identity != NULL) == allowed && (d->claims != NULL) == allowed &&
                          (d->grant_count != 0) == allowed && (d->reason == NULL) == allowed;
                if (rows[i].says != NULL)
                        ok = ok && d->reason != NULL && strstr(d->reason, rows[i].says) != NULL;
                AUTO(json) struct json *j = decision_to_json(d);
                AUTO(buf) struct buf text = BUF(1 << 20);
                expect_ok(json_write(j, &text)); /* every decision can be recorded */
                if (ok)
                        continue;
                print_error("%s: got \"%s\": %s\n  wanted \"%s\" … %s\n%s\n", rows[i].name, d->token, d->reason,
                            rows[i].token, rows[i].says, buf_str(&text));
                fail();
        }
}

#define NO       "policy.no_match"
#define W(match) PROFILE NODES BOOT WORKLOAD(match, "")
