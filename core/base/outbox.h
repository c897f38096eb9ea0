/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_OUTBOX_H
#define DC_BASE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Messages on their way to a receiver that may be slow, or away. One thread or several put messages
 * in and never wait; one other thread, the sender, takes them out in the order in which they came.
 * A message that was taken is in flight: it stays, and takes its room, until the receiver has
 * acknowledged it. The outbox is bounded in bytes, its own included; what does not fit is refused,
 * so that what was accepted is never dropped for something newer. */
typedef struct DcOutbox DcOutbox;

/* A message in flight. The sender alone looks at it. */
typedef struct {
  size_t length; /* bytes of data */
  int tag;       /* what the receiver will call it; the sender sets it. 0 at first */
  const char *data;
} DcOutboxMessage;

/* Room for `capacity` bytes. NULL when memory or descriptors are short. */
DcOutbox *dc_outbox_new(size_t capacity);
void dc_outbox_free(DcOutbox *outbox); /* with all messages; NULL is ignored */

/* Copies a message in. False when there is no room (or memory) for it. */
bool dc_outbox_put(DcOutbox *outbox, const char *data, size_t length);

/* The oldest message that is not in flight, which it is from now on, or NULL. Sender only; valid
 * until it is acknowledged. */
DcOutboxMessage *dc_outbox_take(DcOutbox *outbox);

/* Forgets the message in flight with this tag; false when there is none. Sender only. */
bool dc_outbox_acknowledge(DcOutbox *outbox, int tag);

/* The messages in flight are to be taken again, oldest first. Sender only. */
void dc_outbox_rewind(DcOutbox *outbox);

/* Messages in flight, and all of them. */
size_t dc_outbox_in_flight(DcOutbox *outbox);
size_t dc_outbox_count(DcOutbox *outbox);

/* Waits until every message is acknowledged, at most `milliseconds`; false when some are left.
 * While the outbox is interrupted there is no waiting. */
bool dc_outbox_wait(DcOutbox *outbox, unsigned milliseconds);
void dc_outbox_interrupt(DcOutbox *outbox, bool interrupt);

/* A descriptor for poll() that can be read from once a message was put in or dc_outbox_wake() was
 * called, until dc_outbox_rest(). */
int dc_outbox_descriptor(const DcOutbox *outbox);
void dc_outbox_wake(DcOutbox *outbox);
void dc_outbox_rest(DcOutbox *outbox);

#endif
