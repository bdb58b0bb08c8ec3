#include "csi/volume/status.h"

#include "csi/store/layout.h"
#include "lib/model/names.h"

static const char *const states[] = {
        [VOLUME_ACQUIRING] = "acquiring", [VOLUME_FRESH] = "fresh",       [VOLUME_OVERDUE] = "overdue",
        [VOLUME_EXPIRED] = "expired",     [VOLUME_DRAINING] = "draining",
};
_Static_assert(COUNT_OF(states) == VOLUME_STATE_COUNT, "a name for each state");

const char *volume_state_name(enum volume_state s)
{
        return states[s];
}

void volume_status_clear(struct volume_status *s)
{
        for (size_t i = 0; i < s->count; i++) {
                struct volume_credential *c = &s->credentials[i];
                free(c->slot);
                free(c->type);
                free(c->identity);
                free(c->serial);
                free(c->record);
        }
        free(s->evidence_kind);
        free(s->policy);
        *s = (struct volume_status){0};
}

void volume_problem_clear(struct volume_problem *p)
{
        free(p->check);
        free(p->detail);
        *p = (struct volume_problem){0};
}

/* Short enough to be read again, even when every byte of it has to be replaced. */
static char *copy_text(const char *text)
{
        return text == NULL ? alloc_string("") : span_to_string(span_make(text, strnlen(text, STATUS_TEXT_MAX / 4)));
}

void volume_status_of(const struct acquired *a, uint64_t generation, uint64_t bundle, struct volume_status *ret)
{
        *ret = (struct volume_status){.generation = generation, .count = a->count};
        ret->bundle = bundle < INT64_MAX ? bundle : INT64_MAX; /* what JSON can say */
        for (size_t i = 0; i < a->count; i++) {
                const struct acquired_credential *c = &a->credentials[i];
                ret->credentials[i] = (struct volume_credential){
                        copy_text(c->slot),   copy_text(c->type),   copy_text(c->identity), copy_text(c->serial),
                        copy_text(c->record), c->not_before_unix_s, c->not_after_unix_s,    c->issued_unix_s,
                };
        }
        ret->evidence_kind = copy_text(a->evidence_kind);
        ret->policy = copy_text(a->policy);
        ret->insecure_development = a->insecure_development;
}

struct volume_credential volume_status_leading(const struct volume_status *s)
{
        size_t first = 0;
        for (size_t i = 1; i < s->count; i++) {
                if (s->credentials[i].not_after_unix_s < s->credentials[first].not_after_unix_s)
                        first = i;
        }
        return s->credentials[first];
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void set_time(struct json *o, const char *key, struct wall at)
{
        char text[WALL_TEXT_LEN + 1];
        wall_format(at, text);
        json_set_text(o, key, text);
}

static void set_credential(struct json *o, const struct volume_credential *c)
{
        json_set_text(o, "identity", c->identity);
        json_set_text(o, "serial", c->serial);
        json_set_text(o, "record", c->record);
        set_time(o, "notBefore", wall_from_unix_s(c->not_before_unix_s));
        set_time(o, "notAfter", wall_from_unix_s(c->not_after_unix_s));
        set_time(o, "issued", wall_from_unix_s(c->issued_unix_s));
}

static void set_problem(struct json *o, const struct volume_problem *problem)
{
        if (problem->check == NULL)
                return;
        struct json *p = json_new_object();
        json_set_text(p, "check", problem->check);
        json_set_text(p, "detail", problem->detail);
        set_time(p, "at", problem->at);
        json_set(o, "lastProblem", p);
}

struct fault *volume_status_write(const struct volume_status *s, const struct volume_spec *spec,
                                  enum volume_state state, struct wall renew_at, const struct volume_problem *problem,
                                  struct buf *out)
{
        AUTO(json) struct json *o = json_new_object();
        json_set_int(o, "version", STATUS_VERSION);
        json_set_text(o, "volume", spec->id);
        json_set_text(o, "profile", spec->profile);
        json_set_text(o, "state", volume_state_name(state));
        struct volume_credential leading = volume_status_leading(s);
        if (s->count > 0)
                set_credential(o, &leading);
        set_time(o, "renewAt", renew_at);
        json_set_int(o, "generation", (int64_t) s->generation);
        json_set_int(o, "bundle", (int64_t) s->bundle);
        json_set_text(o, "evidence", s->evidence_kind == NULL ? "" : s->evidence_kind);
        json_set_text(o, "policy", s->policy == NULL ? "" : s->policy);
        json_set_bool(o, "insecureDevelopment", s->insecure_development);
        set_problem(o, problem);
        struct json *list = json_new_array();
        json_set(o, "credentials", list);
        for (size_t i = 0; i < s->count; i++) {
                struct json *c = json_new_object();
                json_set_text(c, "slot", s->credentials[i].slot);
                json_set_text(c, "type", s->credentials[i].type);
                set_credential(c, &s->credentials[i]);
                json_push(list, c);
        }
        TRY(json_write_pretty(o, out));
        return out->data[out->len - 1] == '\n' ? NULL : buf_append_byte(out, '\n');
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static struct fault *get_text(const struct json *o, const char *key, char **ret)
{
        struct span text = SPAN_NONE;
        TRY(json_need_text(o, key, STATUS_TEXT_MAX, &text));
        *ret = span_to_string(text);
        return NULL;
}

static struct fault *get_time(const struct json *o, const char *key, int64_t *ret_unix_s)
{
        struct span text = SPAN_NONE;
        struct wall at = {0};
        TRY(json_need_text(o, key, WALL_TEXT_LEN, &text));
        TRY(wall_parse(text, &at));
        if (at.unix_ms < 0 || wall_unix_s(at) > LAYOUT_DATE_MAX)
                return fault(FAULT_INVALID, "BAD_FIELD", "member %s is out of bounds", key);
        *ret_unix_s = wall_unix_s(at);
        return NULL;
}

static struct fault *read_credential(const struct json *o, struct volume_credential *c)
{
        TRY(get_text(o, "slot", &c->slot));
        TRY(get_text(o, "type", &c->type));
        TRY(get_text(o, "identity", &c->identity));
        TRY(get_text(o, "serial", &c->serial));
        TRY(get_text(o, "record", &c->record));
        TRY(get_time(o, "notBefore", &c->not_before_unix_s));
        TRY(get_time(o, "notAfter", &c->not_after_unix_s));
        return get_time(o, "issued", &c->issued_unix_s);
}

static struct fault *read_state(const struct json *o, enum volume_state *ret)
{
        struct span name = SPAN_NONE;
        TRY(json_need_text(o, "state", 16, &name));
        for (size_t i = 0; i < COUNT_OF(states); i++) {
                if (span_eq_str(name, states[i])) {
                        *ret = (enum volume_state) i;
                        return NULL;
                }
        }
        return fault(FAULT_INVALID, "BAD_FIELD", "member state is none of ours");
}

static struct fault *read_members(const struct json *o, struct volume_status *s)
{
        const struct json *list = NULL;
        int64_t generation = 0, bundle = 0;
        TRY(json_need_int(o, "generation", 0, INT64_MAX - 1, &generation));
        TRY(json_need_int(o, "bundle", 0, INT64_MAX, &bundle));
        TRY(get_text(o, "evidence", &s->evidence_kind));
        TRY(get_text(o, "policy", &s->policy));
        TRY(json_need_bool(o, "insecureDevelopment", &s->insecure_development));
        TRY(json_need_array(o, "credentials", ACQUIRED_MAX, &list));
        if (json_get(o, "renewAt") != NULL) {
                int64_t renew_unix_s = 0;
                TRY(get_time(o, "renewAt", &renew_unix_s));
                s->renew_at = wall_from_unix_s(renew_unix_s);
        }
        s->generation = (uint64_t) generation;
        s->bundle = (uint64_t) bundle;
        if (json_count(list) == 0)
                return fault(FAULT_INVALID, "BAD_FIELD", "member credentials is empty");
        while (s->count < json_count(list)) {
                struct volume_credential *c = &s->credentials[s->count];
                TRY(read_credential(json_at(list, s->count++), c)); /* counted first: what it holds is freed */
        }
        return NULL;
}

struct fault *volume_status_read(struct span text, const char *id, struct volume_status *ret,
                                 enum volume_state *ret_state)
{
        AUTO(json) struct json *o = NULL;
        AUTO(volume_status) struct volume_status s = {0};
        struct span volume = SPAN_NONE;
        enum volume_state state = VOLUME_FRESH;
        int64_t version = 0;
        TRY(json_parse(text, &o));
        TRY(json_need_int(o, "version", 1, INT64_MAX, &version));
        if (version > STATUS_VERSION)
                return fault(FAULT_PRECONDITION, "NEWER_VERSION", STATUS_FILE " of version %lld", (long long) version);
        TRY(json_need_text(o, "volume", VOLUME_ID_MAX, &volume));
        if (!span_eq_str(volume, id))
                return fault(FAULT_INVALID, "OTHER_VOLUME", "the mount belongs to another volume");
        TRY(read_state(o, &state));
        TRY(read_members(o, &s));
        *ret = s;
        *ret_state = state;
        s = (struct volume_status){0};
        return NULL;
}
