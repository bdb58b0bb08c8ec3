/* The challenge document (reply.h). */
#include "lib/crypt/binding.h"
#include "lib/model/fields.h"
#include "lib/model/reply.h"

static struct json *slot_to_json(const struct slot *slot)
{
        struct json *algorithms = json_new_array();
        for (size_t i = 0; i < slot->algorithm_count; i++)
                json_push(algorithms, json_new_text(span_str(slot->algorithms[i])));
        struct json *j = json_new_object();
        json_set_text(j, "name", slot->name);
        json_set_text(j, "type", slot->type);
        json_set(j, "algorithms", algorithms);
        if (slot->key[0] != '\0')
                json_set_text(j, "key", slot->key);
        return j;
}

static struct json *profile_to_json(const struct profile_shape *profile)
{
        struct json *slots = json_new_array();
        for (size_t i = 0; i < profile->slot_count; i++)
                json_push(slots, slot_to_json(&profile->slots[i]));
        struct json *j = json_new_object();
        json_set_text(j, "name", profile->name);
        json_set_text(j, "mechanism", profile->mechanism);
        json_set(j, "slots", slots);
        return j;
}

struct fault *challenge_write(const struct challenge *c, struct buf *out)
{
        struct json *profiles = json_new_array();
        for (size_t i = 0; i < c->profile_count; i++)
                json_push(profiles, profile_to_json(&c->profiles[i]));

        AUTO(json) struct json *j = json_new_object();
        json_set_int(j, "v", WIRE_VERSION);
        json_set_int(j, "time", c->time_unix_s);
        json_set_base64url(j, "nonce", buf_span(&c->nonce));
        json_set_text(j, "audience", c->audience);
        json_set_text(j, "policy", c->policy);
        json_set(j, "profiles", profiles);
        return json_write(j, out);
}

static struct fault *read_slot(const struct json *o, struct slot *slot)
{
        TRY(field_name_into(o, "name", slot->name));
        TRY(field_text_into(o, "type", sizeof slot->type, slot->type));
        if (json_get(o, "key") != NULL)
                TRY(field_name_into(o, "key", slot->key));
        const struct json *algorithms = NULL;
        TRY(json_need_array(o, "algorithms", COUNT_OF(slot->algorithms), &algorithms));
        for (size_t i = 0; i < json_count(algorithms); i++)
                TRY_AS(field_item_text_into(json_at(algorithms, i), sizeof slot->algorithms[i], slot->algorithms[i]),
                       "algorithms[%zu]", i);
        slot->algorithm_count = json_count(algorithms);
        return NULL;
}

static struct fault *read_profile(const struct json *o, struct profile_shape *profile)
{
        TRY(field_name_into(o, "name", profile->name));
        TRY(field_text_into(o, "mechanism", sizeof profile->mechanism, profile->mechanism));
        const struct json *slots = NULL;
        TRY(json_need_array(o, "slots", SLOTS_MAX, &slots));
        for (size_t i = 0; i < json_count(slots); i++) {
                TRY_AS(read_slot(json_at(slots, i), &profile->slots[i]), "slots[%zu]", i);
                for (size_t earlier = 0; earlier < i; earlier++)
                        if (strcmp(profile->slots[earlier].name, profile->slots[i].name) == 0)
                                return fault(FAULT_INVALID, "DUPLICATE_SLOT", "slots[%zu]: %s again", i,
                                             profile->slots[i].name);
        }
        profile->slot_count = json_count(slots);
        return NULL;
}

static struct fault *read_challenge(struct span body, struct challenge *c)
{
        AUTO(json) struct json *j = NULL;
        TRY(json_parse(body, &j));
        TRY(field_version(j));
        TRY(field_time(j, "time", &c->time_unix_s));
        TRY(field_bytes(j, "nonce", NONCE_MAX, &c->nonce));
        TRY(field_text(j, "audience", BINDING_AUDIENCE_MAX, &c->audience));
        TRY(field_text(j, "policy", DIGEST_TEXT_MAX, &c->policy));

        const struct json *profiles = NULL;
        TRY(json_need_array(j, "profiles", PROFILES_MAX, &profiles));
        c->profiles = alloc_zero(json_count(profiles), sizeof *c->profiles);
        for (size_t i = 0; i < json_count(profiles); i++) {
                TRY_AS(read_profile(json_at(profiles, i), &c->profiles[i]), "profiles[%zu]", i);
                for (size_t earlier = 0; earlier < i; earlier++)
                        if (strcmp(c->profiles[earlier].name, c->profiles[i].name) == 0)
                                return fault(FAULT_INVALID, "DUPLICATE_PROFILE", "profiles[%zu]: %s again", i,
                                             c->profiles[i].name);
        }
        c->profile_count = json_count(profiles);
        return NULL;
}

struct fault *challenge_read(struct span body, struct challenge *ret)
{
        AUTO(challenge) struct challenge c = {0};
        TRY(read_challenge(body, &c));
        *ret = c;
        c = (struct challenge){0};
        return NULL;
}

void challenge_clear(struct challenge *c)
{
        buf_clear(&c->nonce);
        free(c->audience);
        free(c->policy);
        free(c->profiles);
        *c = (struct challenge){0};
}
