/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L
#include "base/outbox.h"

#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LARGE ((size_t)1 << 20)

static void
put_text(DcOutbox *outbox, const char *text)
{
  assert_true(dc_outbox_put(outbox, text, strlen(text)));
}

/* Takes the next message, which must be `text`, and has it called `tag`. */
static void
take_text(DcOutbox *outbox, const char *text, int tag)
{
  DcOutboxMessage *message = dc_outbox_take(outbox);
  assert_non_null(message);
  assert_int_equal(message->length, strlen(text));
  assert_memory_equal(message->data, text, message->length);
  message->tag = tag;
}

static void
messages_come_in_order_and_leave_when_acknowledged(void **state)
{
  (void)state;
  DcOutbox *outbox = dc_outbox_new(LARGE);
  put_text(outbox, "one");
  put_text(outbox, "");
  put_text(outbox, "three");
  take_text(outbox, "one", 7);
  take_text(outbox, "", 8);
  assert_int_equal(dc_outbox_in_flight(outbox), 2);
  assert_int_equal(dc_outbox_count(outbox), 3);
  assert_true(dc_outbox_acknowledge(outbox, 8)); /* out of order */
  assert_true(dc_outbox_acknowledge(outbox, 7));
  take_text(outbox, "three", 9);
  assert_null(dc_outbox_take(outbox));
  assert_true(dc_outbox_acknowledge(outbox, 9));
  assert_int_equal(dc_outbox_count(outbox), 0);
  put_text(outbox, "again");
  take_text(outbox, "again", 7);
  dc_outbox_free(outbox);
}

static void
unknown_tags_are_no_acknowledgement(void **state)
{
  (void)state;
  DcOutbox *outbox = dc_outbox_new(LARGE);
  assert_false(dc_outbox_acknowledge(outbox, 1));
  put_text(outbox, "waiting");
  assert_false(dc_outbox_acknowledge(outbox, 0)); /* not in flight yet */
  take_text(outbox, "waiting", 3);
  assert_false(dc_outbox_acknowledge(outbox, 4));
  assert_true(dc_outbox_acknowledge(outbox, 3));
  assert_false(dc_outbox_acknowledge(outbox, 3));
  dc_outbox_free(outbox);
}

static void
rewinding_sends_again_in_order(void **state)
{
  (void)state;
  DcOutbox *outbox = dc_outbox_new(LARGE);
  put_text(outbox, "one");
  put_text(outbox, "two");
  put_text(outbox, "three");
  take_text(outbox, "one", 1);
  take_text(outbox, "two", 2);
  assert_true(dc_outbox_acknowledge(outbox, 1));
  dc_outbox_rewind(outbox);
  assert_int_equal(dc_outbox_in_flight(outbox), 0);
  take_text(outbox, "two", 5);
  take_text(outbox, "three", 6);
  dc_outbox_free(outbox);
}

/* What does not fit is refused until an acknowledgement, not a mere taking, has made room. */
static void
room_is_bounded_in_bytes(void **state)
{
  (void)state;
  static const char text[1000];
  DcOutbox *outbox = dc_outbox_new(10500);
  size_t accepted = 0;
  while (dc_outbox_put(outbox, text, sizeof text))
    accepted++;
  assert_in_range(accepted, 9, 10);
  dc_outbox_take(outbox)->tag = 1;
  assert_false(dc_outbox_put(outbox, text, sizeof text));
  assert_true(dc_outbox_acknowledge(outbox, 1));
  assert_true(dc_outbox_put(outbox, text, sizeof text));
  assert_false(dc_outbox_put(outbox, text, sizeof text));
  assert_int_equal(dc_outbox_count(outbox), accepted);
  dc_outbox_free(outbox);
}

static void
messages_beyond_all_bounds_are_refused(void **state)
{
  (void)state;
  static const char text[64];
  DcOutbox *outbox = dc_outbox_new(sizeof text);
  assert_false(dc_outbox_put(outbox, text, sizeof text)); /* its own bytes count too */
  assert_false(dc_outbox_put(outbox, "", SIZE_MAX));
  assert_int_equal(dc_outbox_count(outbox), 0);
  assert_null(dc_outbox_take(outbox));
  dc_outbox_free(outbox);
  dc_outbox_free(NULL);
}

static bool
is_awake(DcOutbox *outbox)
{
  struct pollfd entry = {.fd = dc_outbox_descriptor(outbox), .events = POLLIN};
  return poll(&entry, 1, 0) == 1;
}

static void
descriptor_tells_news(void **state)
{
  (void)state;
  DcOutbox *outbox = dc_outbox_new(LARGE);
  assert_false(is_awake(outbox));
  put_text(outbox, "news");
  assert_true(is_awake(outbox));
  dc_outbox_rest(outbox);
  assert_false(is_awake(outbox));
  dc_outbox_wake(outbox);
  assert_true(is_awake(outbox));
  for (int i = 0; i < 100000; i++) /* more than a pipe holds: must not block */
    dc_outbox_wake(outbox);
  dc_outbox_rest(outbox);
  assert_false(is_awake(outbox));
  dc_outbox_free(outbox);
}

static void
waiting_is_bounded(void **state)
{
  (void)state;
  DcOutbox *outbox = dc_outbox_new(LARGE);
  assert_true(dc_outbox_wait(outbox, 0));
  put_text(outbox, "stays");
  assert_false(dc_outbox_wait(outbox, 20));
  dc_outbox_interrupt(outbox, true);
  assert_false(dc_outbox_wait(outbox, 1000000)); /* would exceed any test's limit */
  dc_outbox_interrupt(outbox, false);
  assert_false(dc_outbox_wait(outbox, 20));
  dc_outbox_free(outbox);
}

/* --- two threads --- */

#define MESSAGES 20000

/* Takes the message in flight back, and again. */
static DcOutboxMessage *
take_again(DcOutbox *outbox)
{
  dc_outbox_rewind(outbox);
  return dc_outbox_take(outbox);
}

/* Acknowledges each message, in the order of the numbers in them. */
static void *
send_all(void *argument)
{
  DcOutbox *outbox = argument;
  for (int expected = 0; expected < MESSAGES;) {
    DcOutboxMessage *message = dc_outbox_take(outbox);
    struct pollfd entry = {.fd = dc_outbox_descriptor(outbox), .events = POLLIN};
    if (!message) {
      poll(&entry, 1, 100);
      dc_outbox_rest(outbox);
      continue;
    }
    int number;
    memcpy(&number, message->data, sizeof number);
    assert_int_equal(number, expected);
    if (number % 100 == 99)
      message = take_again(outbox);
    message->tag = number + 1;
    assert_true(dc_outbox_acknowledge(outbox, number + 1));
    expected++;
  }
  return NULL;
}

static void
one_thread_puts_while_another_sends(void **state)
{
  (void)state;
  DcOutbox *outbox = dc_outbox_new(4096);
  pthread_t sender;
  pthread_create(&sender, NULL, send_all, outbox);
  for (int number = 0; number < MESSAGES;) {
    if (dc_outbox_put(outbox, (const char *)&number, sizeof number))
      number++;
    else
      dc_outbox_wait(outbox, 1);
  }
  assert_true(dc_outbox_wait(outbox, 60000));
  pthread_join(sender, NULL);
  dc_outbox_free(outbox);
}

static void *
interrupt_soon(void *argument)
{
  struct timespec moment = {.tv_nsec = 20000000};
  nanosleep(&moment, NULL);
  dc_outbox_interrupt(argument, true);
  return NULL;
}

static void
another_thread_ends_the_wait(void **state)
{
  (void)state;
  DcOutbox *outbox = dc_outbox_new(LARGE);
  pthread_t thread;
  put_text(outbox, "stays");
  pthread_create(&thread, NULL, interrupt_soon, outbox);
  assert_false(dc_outbox_wait(outbox, 1000000));
  pthread_join(thread, NULL);
  dc_outbox_free(outbox);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_come_in_order_and_leave_when_acknowledged),
      cmocka_unit_test(unknown_tags_are_no_acknowledgement),
      cmocka_unit_test(rewinding_sends_again_in_order),
      cmocka_unit_test(room_is_bounded_in_bytes),
      cmocka_unit_test(messages_beyond_all_bounds_are_refused),
      cmocka_unit_test(descriptor_tells_news),
      cmocka_unit_test(waiting_is_bounded),
      cmocka_unit_test(one_thread_puts_while_another_sends),
      cmocka_unit_test(another_thread_ends_the_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
