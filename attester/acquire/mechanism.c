#include "attester/acquire/mechanism.h"

static const struct mechanism *const mechanisms[] = {&mechanism_background_check, &mechanism_passport,
                                                     &mechanism_key_release};

const struct mechanism *mechanism_find(const char *name)
{
        for (size_t i = 0; i < COUNT_OF(mechanisms); i++) {
                if (strcmp(mechanisms[i]->name, name) == 0)
                        return mechanisms[i];
        }
        return NULL;
}
