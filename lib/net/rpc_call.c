#include "lib/net/rpc_call.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/support/time.h>

struct rpc_call {
        atomic_uint refs;
        struct rpc_server *server;
        const struct rpc_entry *entry; /* NULL: the method is not registered */
        struct rpc_op new_op, closed_op, sent_op;
        gpr_timespec came;

        /* Written by the core before NEW. */
        grpc_call *call;
        gpr_timespec deadline;
        grpc_metadata_array metadata;
        grpc_byte_buffer *payload;
        grpc_call_details details;

        int is_cancelled; /* written by the core before CLOSED */
        struct cancel cancel;
        ProtobufCMessage *request; /* of the worker that has the call; kept from the first handler for the second */
        grpc_slice status_text;    /* lent to the core until SENT */
        grpc_byte_buffer *answer;  /* likewise; NULL for a failure */
};

/* ---- references ---- */

static void call_free(struct rpc_call *c)
{
        grpc_metadata_array_destroy(&c->metadata);
        grpc_call_details_destroy(&c->details);
        if (c->payload != NULL)
                grpc_byte_buffer_destroy(c->payload);
        rpc_request_free(c->request);
        if (c->answer != NULL)
                grpc_byte_buffer_destroy(c->answer);
        grpc_slice_unref(c->status_text);
        if (c->call != NULL) {
                grpc_call_unref(c->call);
                cancel_clear(&c->cancel);
        }
        free(c);
}

static void call_unref(struct rpc_call *c)
{
        struct rpc_server *s = c->server;

        if (atomic_fetch_sub(&c->refs, 1) != 1)
                return;
        call_free(c);
        pthread_mutex_lock(&s->mu);
        s->active--;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mu);
}

/* ---- answering ---- */

/* The one batch that ends a call: with `answer` (owned from here), or with the fault's status. */
static void call_answer(struct rpc_call *c, grpc_byte_buffer *answer, const struct fault *failed)
{
        grpc_op ops[3] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}};
        size_t count = 1;
        grpc_call_error error;

        c->answer = answer;
        if (answer != NULL) {
                ops[count].op = GRPC_OP_SEND_MESSAGE;
                ops[count++].data.send_message.send_message = answer;
        }
        if (failed != NULL)
                c->status_text = grpc_slice_from_copied_string(fault_text(failed)[0] != '\0' ? fault_text(failed)
                                                                                             : fault_token(failed));
        ops[count].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
        ops[count].data.send_status_from_server.status =
                failed != NULL ? (grpc_status_code) fault_code(failed) : GRPC_STATUS_OK;
        ops[count++].data.send_status_from_server.status_details = failed != NULL ? &c->status_text : NULL;

        error = grpc_call_start_batch(c->call, ops, count, &c->sent_op, NULL);
        assert(error == GRPC_CALL_OK);
        (void) error; /* our own mistake otherwise; the assert is for it */
}

/* Tells the observer, answers. Takes the fault. */
static void call_end(struct rpc_call *c, grpc_byte_buffer *answer, struct fault *failed)
{
        const struct rpc_server_options *o = &c->server->options;
        gpr_timespec took = gpr_time_sub(gpr_now(GPR_CLOCK_MONOTONIC), c->came);

        if (o->on_done != NULL)
                o->on_done(o->on_done_arg, c->entry != NULL ? c->entry->method->name : "other", failed,
                           took.tv_sec * 1000000 + took.tv_nsec / 1000);
        call_answer(c, answer, failed);
        fault_free(failed);
}

/* ---- in a worker ---- */

static struct fault *call_handle(struct rpc_call *c, rpc_handler handler, grpc_byte_buffer **ret_answer)
{
        const struct rpc_entry *e = c->entry;
        ProtobufCMessage *reply = NULL;

        TRY(cancel_check(&c->cancel)); /* the client may have left while the call waited in the lane */
        if (c->request == NULL)
                TRY(rpc_request_read(e->types->input, c->payload, &c->request));

        TRY(handler(e->service->self, c->request, &c->cancel, &reply));
        if (reply == NULL)
                return NULL;
        assert(reply->descriptor == e->types->output);
        *ret_answer = rpc_reply_write(reply);
        protobuf_c_message_free_unpacked(reply, NULL);
        return NULL;
}

static void call_finish(struct rpc_call *c, grpc_byte_buffer *answer, struct fault *failed)
{
        rpc_request_free(TAKE(c->request));
        call_end(c, answer, failed);
        call_unref(c);
}

static void call_work(void *work)
{
        struct rpc_call *c = work;
        grpc_byte_buffer *answer = NULL;
        struct fault *failed = call_handle(c, c->entry->method->handler, &answer);

        assert(failed != NULL || answer != NULL);
        call_finish(c, answer, failed);
}

static struct fault *call_submit(struct rpc_call *c, unsigned lane, void (*run)(void *work))
{
        return fault_prefix(pool_submit(c->server->lanes[lane], run, c), "too many calls at a time");
}

static void call_work_first(void *work)
{
        struct rpc_call *c = work;
        grpc_byte_buffer *answer = NULL;
        struct fault *failed = call_handle(c, c->entry->method->first, &answer);

        if (failed == NULL && answer == NULL) {
                failed = call_submit(c, c->entry->method->lane, call_work);
                if (failed == NULL)
                        return; /* somebody else's now */
        }
        call_finish(c, answer, failed);
}

/* Both in the lane of the second: as long as that has a thread to spare, another hand-over would only take time. */
static void call_work_whole(void *work)
{
        struct rpc_call *c = work;
        grpc_byte_buffer *answer = NULL;
        struct fault *failed = call_handle(c, c->entry->method->first, &answer);

        if (failed == NULL && answer == NULL)
                failed = call_handle(c, c->entry->method->handler, &answer);
        assert(failed != NULL || answer != NULL);
        call_finish(c, answer, failed);
}

/* ---- in the polling thread ---- */

static struct boot call_deadline(const struct rpc_call *c)
{
        const struct rpc_server_options *o = &c->server->options;
        int64_t left_ms = o->max_deadline_ms;
        gpr_timespec end = gpr_convert_clock_type(c->deadline, GPR_CLOCK_MONOTONIC);

        if (gpr_time_cmp(end, gpr_inf_future(GPR_CLOCK_MONOTONIC)) != 0) {
                int64_t theirs_ms = gpr_time_to_millis(gpr_time_sub(end, gpr_now(GPR_CLOCK_MONOTONIC)));

                left_ms = theirs_ms < left_ms ? theirs_ms : left_ms;
        }
        return (struct boot){clock_boot(o->clock).ms + (left_ms > 0 ? left_ms : 0)};
}

/* "/csi.v1.Node/NodeStageVolume is declared but not served" helps more than "unknown". */
static struct fault *unknown_method(const struct rpc_call *c)
{
        const struct rpc_server_options *o = &c->server->options;
        struct span path = span_make(GRPC_SLICE_START_PTR(c->details.method), GRPC_SLICE_LENGTH(c->details.method));

        for (size_t i = 0; i < o->service_count; i++) {
                const ProtobufCServiceDescriptor *d = o->services[i].descriptor;

                for (unsigned k = 0; k < d->n_methods; k++) {
                        AUTO_STRING char *declared = alloc_printf("/%s/%s", d->name, d->methods[k].name);

                        if (span_eq_str(path, declared))
                                return fault(FAULT_UNIMPLEMENTED, "NOT_SERVED", "%s is not served here", declared);
                }
        }
        return fault(FAULT_UNIMPLEMENTED, "UNKNOWN_METHOD", "there is no such method");
}

static struct fault *call_hand_over(struct rpc_call *c, bool stopping)
{
        if (c->entry == NULL)
                return unknown_method(c);
        if (stopping) /* the lanes may be gone already */
                return fault(FAULT_UNAVAILABLE, "STOPPING", "the server stops");
        const struct rpc_method *m = c->entry->method;

        if (m->first == NULL)
                return call_submit(c, m->lane, call_work);
        if (pool_is_free(c->server->lanes[m->lane])) /* when not any more by the next line, it waits there */
                return call_submit(c, m->lane, call_work_whole);
        return call_submit(c, m->first_lane, call_work_first);
}

static void call_begin(struct rpc_call *c, bool stopping)
{
        grpc_op close_op = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
        struct fault *refused;
        grpc_call_error error;

        c->came = gpr_now(GPR_CLOCK_MONOTONIC);
        cancel_init(&c->cancel, c->server->options.clock, call_deadline(c));
        atomic_store(&c->refs, 3); /* CLOSED, SENT, and whoever answers */
        pthread_mutex_lock(&c->server->mu);
        c->server->active++;
        pthread_mutex_unlock(&c->server->mu);

        close_op.data.recv_close_on_server.cancelled = &c->is_cancelled;
        error = grpc_call_start_batch(c->call, &close_op, 1, &c->closed_op, NULL);
        assert(error == GRPC_CALL_OK);
        (void) error; /* our own mistake otherwise; the assert is for it */

        refused = call_hand_over(c, stopping);
        if (refused != NULL) {
                call_end(c, NULL, refused);
                call_unref(c);
        }
}

void rpc_call_arm(struct rpc_server *s, const struct rpc_entry *entry)
{
        struct rpc_call *c = NEW(struct rpc_call);
        grpc_call_error error;

        c->server = s;
        c->entry = entry;
        c->new_op = (struct rpc_op){c, RPC_OP_NEW};
        c->closed_op = (struct rpc_op){c, RPC_OP_CLOSED};
        c->sent_op = (struct rpc_op){c, RPC_OP_SENT};
        c->status_text = grpc_empty_slice();
        grpc_metadata_array_init(&c->metadata);
        grpc_call_details_init(&c->details);
        error = entry != NULL
                        ? grpc_server_request_registered_call(s->server, entry->registered, &c->call, &c->deadline,
                                                              &c->metadata, &c->payload, s->queue, s->queue, &c->new_op)
                        : grpc_server_request_call(s->server, &c->call, &c->details, &c->metadata, s->queue, s->queue,
                                                   &c->new_op);
        if (error != GRPC_CALL_OK)
                call_free(c); /* the server stops */
}

static void call_came(struct rpc_call *c, bool success)
{
        bool stopping;

        if (!success) { /* the server stops: there is no call behind it */
                c->call = NULL;
                call_free(c);
                return;
        }
        pthread_mutex_lock(&c->server->mu);
        stopping = c->server->stopping;
        pthread_mutex_unlock(&c->server->mu);
        if (!stopping)
                rpc_call_arm(c->server, c->entry);
        if (c->entry == NULL)
                c->deadline = c->details.deadline;
        call_begin(c, stopping);
}

void rpc_call_event(struct rpc_op *op, bool success)
{
        struct rpc_call *c = op->call;

        switch (op->kind) {
        case RPC_OP_NEW:
                call_came(c, success);
                return;
        case RPC_OP_CLOSED:
                if (c->is_cancelled)
                        cancel_trip(&c->cancel);
                break;
        case RPC_OP_SENT: /* without success when the client has left: it is told nothing, and that is all */
        case RPC_OP_SHUTDOWN:
                break;
        }
        call_unref(c);
}
