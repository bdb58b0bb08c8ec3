/* sort: what sorts of endorsements there are, told by their canonical path, and what can be read in one without believing it: when it was
 * issued and when it ends, which edition it is. An answer that isn't even of its sort's shape (a portal's page, a torn file) is refused
 * here, before it could take the place of a good one. Pure. */
#pragma once

#include "issuer/store/store.h"
#include "lib/net/makers.h"

enum endorsement_sort {
        SORT_VCEK, /* for ever: it is one chip's at one TCB */
        SORT_CHAIN,
        SORT_CRL,
        SORT_TCB_INFO,
        SORT_QE_IDENTITY,
        SORT_PCK_CRL,
        SORT_ROOT_CRL,
        SORT_COUNT
};
_Static_assert(SORT_COUNT <= ENDORSEMENT_SORTS_MAX, "the store has room");
extern const char *const sort_names[SORT_COUNT + 1]; /* "vcek", "chain", …, NULL */

/* FAULT_INVALID "endorsements.path": not canonical, or of no sort. */
struct fault *sort_of(const char *path, enum endorsement_sort *ret, enum maker *ret_maker) MUST_USE;
/* An endorsement of these bytes; due and fetched are the caller's. FAULT_INVALID "endorsements.format"; FAULT_DENIED "endorsements.future":
 * issued more than a day from now. */
struct fault *sort_read(const char *path, struct span body, struct span chain, struct wall now,
                        struct endorsement **ret) MUST_USE;
/* When it is to be fetched again: about once a day (SORT_CHAIN: a week), earlier towards its end, never for a VCEK (0). `random` spreads
 * what was fetched together over a quarter of the time. */
int64_t sort_due(const struct endorsement *e, struct wall now, uint32_t random);
