/* link: the issuer's end of the pair to the signer: calls sent by any thread, answers told apart by their id and handed to whoever waits, death noticed
 * at once. One thread reads; no lock is held while sending (a packet is whole or not sent). */
#pragma once

#include "lib/base/cancel.h"
#include "proto/signer.pb-c.h"

struct link;
/* Takes `socket` over. `on_death` runs once in the reading thread, unless link_stop came first. */
struct fault *link_start(int socket, void (*on_death)(void *arg), void *arg, struct link **ret) MUST_USE;
/* Sets the call's id, sends it, and waits. `ret` is freed with vouchsafe__signer__v1__answer__free_unpacked. An answer that tells a fault is
 * returned as that fault. FAULT_UNAVAILABLE "SIGNER_GONE", "SIGNER_BUSY" (it takes nothing for seconds), or the cancel's. */
struct fault *link_call(struct link *l, Vouchsafe__Signer__V1__Call *call, struct cancel *cancel,
                        Vouchsafe__Signer__V1__Answer **ret) MUST_USE;
bool link_is_dead(struct link *l);
void link_stop(struct link *l);

/* One answer off the socket, in this thread: the signer's first word. */
struct fault *link_receive(int socket, Vouchsafe__Signer__V1__Answer **ret) MUST_USE;
