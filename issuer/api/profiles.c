#include "issuer/api/profiles.h"

#include "issuer/api/answer.h"

void profiles_challenge(const struct api *a, const struct policy *policy, const char *only, struct challenge *ret)
{
        ret->time_unix_s = wall_unix_s(clock_wall(a->clock));
        ret->nonce = BUF(NONCE_LEN);
        answer_nonce(a, &ret->nonce);
        ret->audience = alloc_string(a->audience);
        ret->policy = alloc_string(policy_digest(policy));
        ret->profiles = alloc_zero(policy_profile_count(policy) + 1, sizeof *ret->profiles);
        for (size_t i = 0; i < policy_profile_count(policy); i++) {
                const struct profile_shape *p = policy_profile(policy, i);
                if (only == NULL || strcmp(p->name, only) == 0)
                        ret->profiles[ret->profile_count++] = *p;
        }
}

struct fault *profiles_extra(const struct api *a, const struct policy *policy, struct json **ret)
{
        AUTO(challenge) struct challenge c = {0};
        AUTO(buf) struct buf text = BUF(BODY_MAX);
        AUTO(json) struct json *all = NULL;
        profiles_challenge(a, policy, NULL, &c);
        TRY(challenge_write(&c, &text));
        TRY(json_parse(buf_span(&text), &all));
        struct json *extra = json_new_object();
        json_set(extra, "policy", json_copy(json_get(all, "policy")));
        json_set(extra, "profiles", json_copy(json_get(all, "profiles")));
        *ret = extra;
        return NULL;
}

static const struct slot *find_slot(const struct profile_shape *profile, const char *name)
{
        for (size_t i = 0; i < profile->slot_count; i++)
                if (strcmp(profile->slots[i].name, name) == 0)
                        return &profile->slots[i];
        return NULL;
}

static struct fault *check_slot(const struct profile_shape *profile, const struct slot *slot, const struct key *key)
{
        static const char *const algorithms[KEY_KIND_COUNT] = {
                [KEY_P256] = "p256", [KEY_P384] = "p384", [KEY_RSA] = "rsa3072"};
        if (strcmp(slot->type, SLOT_TYPE_X509) != 0 && strcmp(slot->type, SLOT_TYPE_WIT) != 0)
                return fault(FAULT_DENIED, "slot.type", "slot %s of profile %s is of type %s, which is not issued here",
                             slot->name, profile->name, slot->type);
        const char *found = algorithms[key_kind(key)];
        for (size_t i = 0; i < slot->algorithm_count; i++)
                if (strcmp(slot->algorithms[i], found) == 0)
                        return NULL;
        return fault(FAULT_DENIED, "slot.algorithm", "slot %s of profile %s does not take a %s key", slot->name,
                     profile->name, found);
}

struct fault *profiles_check_pod(const struct policy *policy, const char *mechanism, const struct pod_request *pod,
                                 struct key *const keys[SLOTS_MAX])
{
        const struct profile_shape *profile = policy_find_profile(policy, pod->profile);
        if (profile == NULL)
                return NULL;
        if (strcmp(profile->mechanism, mechanism) != 0)
                return fault(FAULT_DENIED, "profile.mechanism", "profile %s is for %s, this is %s", profile->name,
                             profile->mechanism, mechanism);
        for (size_t i = 0; i < pod->credential_count; i++) {
                const struct slot *slot = find_slot(profile, pod->credentials[i].slot);
                if (slot == NULL)
                        return fault(FAULT_DENIED, "slots.unknown", "profile %s has no slot %s", profile->name,
                                     pod->credentials[i].slot);
                TRY(check_slot(profile, slot, keys[i]));
        }
        /* the reader has seen to it that no slot is there twice */
        if (pod->credential_count != profile->slot_count)
                return fault(FAULT_DENIED, "slots.missing", "profile %s has %zu slots, %zu were asked for",
                             profile->name, profile->slot_count, pod->credential_count);
        return NULL;
}
