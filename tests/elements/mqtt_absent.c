/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/mqtt-sink.h"

#include <gio/gio.h>
#include <gst/check/gstcheck.h>
#include <string.h>

/* What a build without libmosquitto says; this program is built with every build. */

static void
must_not_report(gpointer user_data, const gchar *reason)
{
  (void)user_data;
  fail("reported: %s", reason);
}

static void
count_destroyed(gpointer count)
{
  ++*(gint *)count;
}

GST_START_TEST(opening_says_what_is_missing_and_frees_what_it_took)
{
  const DcBrokerWish wish = {.address = "mqtt://localhost", .topic = "a", .element = "publish"};
  g_autoptr(GError) error = NULL;
  gint destroyed = 0;
  DcBroker *broker = dc_broker_new(&wish, &error);
  fail_unless(broker != NULL);
  fail_unless(!dc_mqtt_sink_open(broker, must_not_report, &destroyed, count_destroyed, &error));
  fail_unless(g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED));
  fail_unless(strstr(error->message, "libmosquitto-dev") != NULL, "%s", error->message);
  assert_equals_int(destroyed, 1);
}
GST_END_TEST

static Suite *
mqtt_absent_suite(void)
{
  Suite *suite = suite_create("mqtt-absent");
  TCase *cases = tcase_create("mqtt-absent");
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, opening_says_what_is_missing_and_frees_what_it_took);
  return suite;
}

GST_CHECK_MAIN(mqtt_absent)
