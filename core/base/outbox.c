/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L
#include "base/outbox.h"

#include "base/memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct Entry Entry;
struct Entry {
  Entry *next;
  DcOutboxMessage message;
  char data[];
};

/* Lock order: there is one lock. */
struct DcOutbox {
  size_t capacity;
  int ends[2]; /* of a pipe that holds a byte while the sender is to look */
  pthread_mutex_t lock;
  pthread_cond_t emptied; /* by the monotonic clock */
  /* Under the lock: a list of which the messages before `waiting` are in flight. */
  Entry *oldest, *newest, *waiting;
  size_t bytes, count, in_flight;
  bool interrupted;
};

/* --- making --- */

static bool
open_pipe(int ends[2])
{
  if (pipe(ends) < 0)
    return false;
  for (int i = 0; i < 2; i++) {
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    fcntl(ends[i], F_SETFL, O_NONBLOCK);
  }
  return true;
}

DcOutbox *
dc_outbox_new(size_t capacity)
{
  DcOutbox *outbox = DC_NEW(DcOutbox, 1);
  pthread_condattr_t monotonic;
  if (!outbox || !open_pipe(outbox->ends)) {
    dc_free(outbox);
    return NULL;
  }
  outbox->capacity = capacity;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&outbox->lock, NULL);
  pthread_cond_init(&outbox->emptied, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return outbox;
}

void
dc_outbox_free(DcOutbox *outbox)
{
  if (!outbox)
    return;
  for (Entry *entry = outbox->oldest; entry;) {
    Entry *next = entry->next;
    dc_free(entry);
    entry = next;
  }
  close(outbox->ends[0]);
  close(outbox->ends[1]);
  pthread_cond_destroy(&outbox->emptied);
  pthread_mutex_destroy(&outbox->lock);
  dc_free(outbox);
}

/* --- the descriptor --- */

int
dc_outbox_descriptor(const DcOutbox *outbox)
{
  return outbox->ends[0];
}

void
dc_outbox_wake(DcOutbox *outbox)
{
  /* A pipe that is full wakes as well as one with a byte more. */
  ssize_t written = write(outbox->ends[1], "", 1);
  (void)written;
}

void
dc_outbox_rest(DcOutbox *outbox)
{
  char bytes[64];
  while (read(outbox->ends[0], bytes, sizeof bytes) > 0)
    ;
}

/* --- messages --- */

static Entry *
make_entry(const char *data, size_t length)
{
  Entry *entry = length <= SIZE_MAX - sizeof *entry ? dc_alloc(1, sizeof *entry + length) : NULL;
  if (!entry)
    return NULL;
  entry->next = NULL;
  entry->message = (DcOutboxMessage){.length = length, .data = entry->data};
  memcpy(entry->data, data, length);
  return entry;
}

static size_t
size_of(const Entry *entry)
{
  return sizeof *entry + entry->message.length;
}

static bool
append(DcOutbox *outbox, Entry *entry)
{
  if (size_of(entry) > outbox->capacity - outbox->bytes)
    return false;
  if (outbox->newest)
    outbox->newest->next = entry;
  else
    outbox->oldest = entry;
  outbox->newest = entry;
  if (!outbox->waiting)
    outbox->waiting = entry;
  outbox->bytes += size_of(entry);
  outbox->count++;
  return true;
}

bool
dc_outbox_put(DcOutbox *outbox, const char *data, size_t length)
{
  /* Made before the lock is taken, so that nobody waits for memory. */
  Entry *entry = length <= outbox->capacity ? make_entry(data, length) : NULL;
  if (!entry)
    return false;
  pthread_mutex_lock(&outbox->lock);
  const bool accepted = append(outbox, entry);
  pthread_mutex_unlock(&outbox->lock);
  if (accepted)
    dc_outbox_wake(outbox);
  else
    dc_free(entry);
  return accepted;
}

DcOutboxMessage *
dc_outbox_take(DcOutbox *outbox)
{
  pthread_mutex_lock(&outbox->lock);
  Entry *entry = outbox->waiting;
  if (entry) {
    outbox->waiting = entry->next;
    outbox->in_flight++;
  }
  pthread_mutex_unlock(&outbox->lock);
  return entry ? &entry->message : NULL;
}

/* Takes the entry behind `before` (NULL: the first) out of the list. */
static Entry *
unlink_after(DcOutbox *outbox, Entry *before)
{
  Entry *entry = before ? before->next : outbox->oldest;
  if (before)
    before->next = entry->next;
  else
    outbox->oldest = entry->next;
  if (outbox->newest == entry)
    outbox->newest = before;
  outbox->bytes -= size_of(entry);
  outbox->count--;
  outbox->in_flight--;
  return entry;
}

bool
dc_outbox_acknowledge(DcOutbox *outbox, int tag)
{
  Entry *found = NULL, *before = NULL;
  pthread_mutex_lock(&outbox->lock);
  for (Entry *entry = outbox->oldest; entry != outbox->waiting && !found; entry = entry->next) {
    if (entry->message.tag == tag)
      found = entry;
    else
      before = entry;
  }
  if (found)
    unlink_after(outbox, before);
  if (outbox->count == 0)
    pthread_cond_broadcast(&outbox->emptied);
  pthread_mutex_unlock(&outbox->lock);
  dc_free(found);
  return found != NULL;
}

void
dc_outbox_rewind(DcOutbox *outbox)
{
  pthread_mutex_lock(&outbox->lock);
  outbox->waiting = outbox->oldest;
  outbox->in_flight = 0;
  pthread_mutex_unlock(&outbox->lock);
}

static size_t
read_locked(DcOutbox *outbox, const size_t *number)
{
  pthread_mutex_lock(&outbox->lock);
  const size_t value = *number;
  pthread_mutex_unlock(&outbox->lock);
  return value;
}

size_t
dc_outbox_in_flight(DcOutbox *outbox)
{
  return read_locked(outbox, &outbox->in_flight);
}

size_t
dc_outbox_count(DcOutbox *outbox)
{
  return read_locked(outbox, &outbox->count);
}

/* --- waiting --- */

static struct timespec
time_from_now(unsigned milliseconds)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  time.tv_sec += milliseconds / 1000;
  time.tv_nsec += milliseconds % 1000 * 1000000L;
  if (time.tv_nsec >= 1000000000L) {
    time.tv_sec++;
    time.tv_nsec -= 1000000000L;
  }
  return time;
}

bool
dc_outbox_wait(DcOutbox *outbox, unsigned milliseconds)
{
  const struct timespec end = time_from_now(milliseconds);
  pthread_mutex_lock(&outbox->lock);
  while (outbox->count > 0 && !outbox->interrupted &&
         pthread_cond_timedwait(&outbox->emptied, &outbox->lock, &end) == 0)
    ;
  const bool empty = outbox->count == 0;
  pthread_mutex_unlock(&outbox->lock);
  return empty;
}

void
dc_outbox_interrupt(DcOutbox *outbox, bool interrupt)
{
  pthread_mutex_lock(&outbox->lock);
  outbox->interrupted = interrupt;
  pthread_cond_broadcast(&outbox->emptied);
  pthread_mutex_unlock(&outbox->lock);
}
