/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every element of the plugin owes its users, whatever it does. A new element is tested as
 * soon as the plugin registers it. */

#include <gst/check/gstcheck.h>
#include <string.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define MUTABILITY (GST_PARAM_MUTABLE_READY | GST_PARAM_MUTABLE_PAUSED | GST_PARAM_MUTABLE_PLAYING)

typedef void (*CheckElement)(GstElementFactory *factory);
typedef void (*CheckProperty)(GstElement *element, GParamSpec *pspec);

/* The element of these tests, for messages of failures far from a loop. */
static const gchar *
name_of(GstElementFactory *factory)
{
  return GST_OBJECT_NAME(factory);
}

static void
for_each_element(CheckElement check)
{
  GList *features = gst_registry_get_feature_list_by_plugin(gst_registry_get(), "driftcluster");
  guint count = 0;

  for (GList *item = features; item; item = item->next)
    if (GST_IS_ELEMENT_FACTORY(item->data)) {
      GstPluginFeature *feature = gst_plugin_feature_load(item->data);

      fail_unless(feature != NULL);
      GST_INFO("checking %s", name_of(GST_ELEMENT_FACTORY(feature)));
      check(GST_ELEMENT_FACTORY(feature));
      gst_object_unref(feature);
      count++;
    }
  gst_plugin_feature_list_free(features);
  fail_unless(count > 0, "the plugin registers no element");
}

static GstElement *
make(GstElementFactory *factory)
{
  GstElement *element = gst_element_factory_create(factory, NULL);

  fail_unless(element != NULL, "cannot make %s", name_of(factory));
  return gst_object_ref_sink(element);
}

/* Nobody but the test holds the element: it goes with the last reference. A bin's thread that
 * carried on an asynchronous change of state gives back its reference a moment after the change. */
static void
release(GstElement *element)
{
  gpointer watched = element;
  gint64 deadline = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND;

  while (GST_IS_BIN(element) && GST_OBJECT_REFCOUNT_VALUE(element) > 1 &&
         g_get_monotonic_time() < deadline)
    g_usleep(1000);
  g_object_add_weak_pointer(G_OBJECT(element), &watched);
  ASSERT_OBJECT_REFCOUNT(element, GST_OBJECT_NAME(element), 1);
  gst_object_unref(element);
  fail_unless(watched == NULL);
}

/* The type that a property belongs to is one of the plugin's, not of GStreamer's base classes. */
static gboolean
is_ours(GstElement *element, GParamSpec *pspec)
{
  return pspec->owner_type == G_OBJECT_TYPE(element);
}

static CheckProperty property_check;

static void
check_properties(GstElementFactory *factory)
{
  GstElement *element = make(factory);
  guint n;
  g_autofree GParamSpec **pspecs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &n);

  for (guint i = 0; i < n; i++)
    if (is_ours(element, pspecs[i]))
      property_check(element, pspecs[i]);
  release(element);
}

static void
for_each_property(CheckProperty check)
{
  property_check = check;
  for_each_element(check_properties);
}

/* --- Words --- */

static void
check_metadata(GstElementFactory *factory)
{
  static const gchar *const keys[] = {GST_ELEMENT_METADATA_LONGNAME, GST_ELEMENT_METADATA_KLASS,
                                      GST_ELEMENT_METADATA_DESCRIPTION,
                                      GST_ELEMENT_METADATA_AUTHOR};

  for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
    const gchar *text = gst_element_factory_get_metadata(factory, keys[i]);

    fail_unless(text && *text && !g_str_has_suffix(text, "."), "%s: %s of \"%s\"", name_of(factory),
                keys[i], text);
  }
  assert_equals_int(gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(factory)), GST_RANK_NONE);
}

GST_START_TEST(metadata_is_complete)
{
  for_each_element(check_metadata);
}
GST_END_TEST

static void
check_pad_templates(GstElementFactory *factory)
{
  gboolean has_sink = FALSE;

  for (const GList *item = gst_element_factory_get_static_pad_templates(factory); item;
       item = item->next) {
    GstStaticPadTemplate *template = item->data;
    g_autoptr(GstCaps) caps = gst_static_pad_template_get_caps(template);

    fail_unless(!gst_caps_is_empty(caps), "%s: %s takes nothing", name_of(factory),
                template->name_template);
    has_sink |= template->direction == GST_PAD_SINK;
  }
  fail_unless(has_sink, "%s has no sink pad", name_of(factory));
}

GST_START_TEST(pads_take_something)
{
  for_each_element(check_pad_templates);
}
GST_END_TEST

static void
check_words(GstElement *element, GParamSpec *pspec)
{
  const gchar *blurb = g_param_spec_get_blurb(pspec), *nick = g_param_spec_get_nick(pspec);

  fail_unless(blurb && *blurb && nick && *nick, "%s: %s has no words", GST_OBJECT_NAME(element),
              pspec->name);
  fail_unless(g_strcmp0(nick, pspec->name) != 0, "%s: %s has its name as nick",
              GST_OBJECT_NAME(element), pspec->name);
  fail_unless(!g_str_has_suffix(blurb, "."), "%s: blurb of %s ends with a stop",
              GST_OBJECT_NAME(element), pspec->name);
}

GST_START_TEST(properties_are_described)
{
  for_each_property(check_words);
}
GST_END_TEST

/* --- Properties --- */

static void
check_mutability(GstElement *element, GParamSpec *pspec)
{
  guint flags = pspec->flags & MUTABILITY;
  gboolean is_one = flags && (flags & (flags - 1)) == 0;

  if (pspec->flags & G_PARAM_WRITABLE)
    fail_unless(is_one, "%s: %s needs exactly one mutability flag", GST_OBJECT_NAME(element),
                pspec->name);
  else
    fail_unless(!flags, "%s: %s cannot be written", GST_OBJECT_NAME(element), pspec->name);
}

GST_START_TEST(properties_say_when_they_may_change)
{
  for_each_property(check_mutability);
}
GST_END_TEST

/* Fills both ends of the range of a number; FALSE for what is none. */
static gboolean
range_of(GParamSpec *pspec, GValue *least, GValue *most)
{
  g_value_init(least, pspec->value_type);
  g_value_init(most, pspec->value_type);
#define RANGE(IS, SPEC, set)                                                                       \
  if (IS(pspec)) {                                                                                 \
    set(least, SPEC(pspec)->minimum);                                                              \
    set(most, SPEC(pspec)->maximum);                                                               \
    return TRUE;                                                                                   \
  }
  RANGE(G_IS_PARAM_SPEC_INT, G_PARAM_SPEC_INT, g_value_set_int)
  RANGE(G_IS_PARAM_SPEC_UINT, G_PARAM_SPEC_UINT, g_value_set_uint)
  RANGE(G_IS_PARAM_SPEC_INT64, G_PARAM_SPEC_INT64, g_value_set_int64)
  RANGE(G_IS_PARAM_SPEC_UINT64, G_PARAM_SPEC_UINT64, g_value_set_uint64)
  RANGE(G_IS_PARAM_SPEC_FLOAT, G_PARAM_SPEC_FLOAT, g_value_set_float)
  RANGE(G_IS_PARAM_SPEC_DOUBLE, G_PARAM_SPEC_DOUBLE, g_value_set_double)
#undef RANGE
  g_value_unset(least);
  g_value_unset(most);
  return FALSE;
}

static void
check_default(GstElement *element, GParamSpec *pspec)
{
  GValue found = G_VALUE_INIT, least = G_VALUE_INIT, most = G_VALUE_INIT;
  const GValue *expected = g_param_spec_get_default_value(pspec);

  if (!(pspec->flags & G_PARAM_WRITABLE))
    return;
  if (range_of(pspec, &least, &most)) {
    fail_unless(g_param_values_cmp(pspec, &least, expected) <= 0 &&
                    g_param_values_cmp(pspec, expected, &most) <= 0,
                "%s: default of %s is out of range", GST_OBJECT_NAME(element), pspec->name);
    fail_unless(g_param_values_cmp(pspec, &least, &most) < 0, "%s: %s has a range of one value",
                GST_OBJECT_NAME(element), pspec->name);
    g_value_unset(&least);
    g_value_unset(&most);
  }
  g_value_init(&found, pspec->value_type);
  g_object_get_property(G_OBJECT(element), pspec->name, &found);
  fail_unless(g_param_values_cmp(pspec, &found, expected) == 0,
              "%s: %s does not start at its default", GST_OBJECT_NAME(element), pspec->name);
  g_value_unset(&found);
}

GST_START_TEST(properties_start_at_their_default)
{
  for_each_property(check_default);
}
GST_END_TEST

static void
set_and_get(GstElement *element, GParamSpec *pspec, const GValue *value)
{
  GValue found = G_VALUE_INIT;

  g_object_set_property(G_OBJECT(element), pspec->name, value);
  g_value_init(&found, pspec->value_type);
  g_object_get_property(G_OBJECT(element), pspec->name, &found);
  fail_unless(g_param_values_cmp(pspec, value, &found) == 0, "%s: %s is not what was set",
              GST_OBJECT_NAME(element), pspec->name);
  g_value_unset(&found);
}

static void
check_numbers(GstElement *element, GParamSpec *pspec)
{
  GValue least = G_VALUE_INIT, most = G_VALUE_INIT;

  if (!range_of(pspec, &least, &most))
    return;
  set_and_get(element, pspec, &least);
  set_and_get(element, pspec, &most);
  g_value_unset(&least);
  g_value_unset(&most);
}

static void
check_choices(GstElement *element, GParamSpec *pspec)
{
  GValue value = G_VALUE_INIT;

  g_value_init(&value, pspec->value_type);
  if (G_IS_PARAM_SPEC_BOOLEAN(pspec)) {
    g_value_set_boolean(&value, TRUE);
    set_and_get(element, pspec, &value);
    g_value_set_boolean(&value, FALSE);
    set_and_get(element, pspec, &value);
  } else if (G_IS_PARAM_SPEC_ENUM(pspec)) {
    const GEnumClass *choices = G_PARAM_SPEC_ENUM(pspec)->enum_class;

    for (guint i = 0; i < choices->n_values; i++) {
      g_value_set_enum(&value, choices->values[i].value);
      set_and_get(element, pspec, &value);
    }
  }
  g_value_unset(&value);
}

/* What a text means is the element's business; it must only live through it. */
static void
check_texts(GstElement *element, GParamSpec *pspec)
{
  static const gchar *const texts[] = {NULL, "", "x", "a,b;c=\"d\"", "\303\251", "\377"};

  if (!G_IS_PARAM_SPEC_STRING(pspec))
    return;
  for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree gchar *found = NULL;

    g_object_set(element, pspec->name, texts[i], NULL);
    g_object_get(element, pspec->name, &found, NULL);
  }
}

static void
check_setting(GstElement *element, GParamSpec *pspec)
{
  GValue found = G_VALUE_INIT;

  g_value_init(&found, pspec->value_type);
  if (pspec->flags & G_PARAM_READABLE)
    g_object_get_property(G_OBJECT(element), pspec->name, &found);
  g_value_unset(&found);
  if (!(pspec->flags & G_PARAM_WRITABLE))
    return;
  check_numbers(element, pspec);
  check_choices(element, pspec);
  check_texts(element, pspec);
  g_object_set_property(G_OBJECT(element), pspec->name, g_param_spec_get_default_value(pspec));
}

GST_START_TEST(properties_take_every_value_of_their_range)
{
  for_each_property(check_setting);
}
GST_END_TEST

/* --- States --- */

/* An element that cannot reach a state, say because it needs a location, tells why. */
static gboolean
change_state(GstElement *element, GstState state)
{
  GstBus *bus = gst_bus_new();
  GstMessage *error;
  gboolean done;

  gst_element_set_bus(element, bus);
  done = gst_element_set_state(element, state) != GST_STATE_CHANGE_FAILURE;
  error = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  fail_unless(done == (error == NULL), "%s: state change and error message do not agree",
              GST_OBJECT_NAME(element));
  if (error)
    gst_message_unref(error);
  gst_element_set_bus(element, NULL);
  gst_object_unref(bus);
  return done;
}

static void
check_states(GstElementFactory *factory)
{
  static const GstState ways[][5] = {
      {GST_STATE_READY, GST_STATE_NULL, GST_STATE_READY, GST_STATE_NULL, GST_STATE_NULL},
      {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED, GST_STATE_READY},
      {GST_STATE_PLAYING, GST_STATE_NULL, GST_STATE_PLAYING, GST_STATE_READY, GST_STATE_PLAYING},
  };

  for (guint way = 0; way < G_N_ELEMENTS(ways); way++) {
    GstElement *element = make(factory);

    for (guint i = 0; i < G_N_ELEMENTS(ways[way]); i++)
      if (!change_state(element, ways[way][i]))
        break;
    assert_equals_int(gst_element_set_state(element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    release(element);
  }
}

GST_START_TEST(states_can_be_walked_in_any_order)
{
  for_each_element(check_states);
}
GST_END_TEST

static gboolean
is_sink(GstElementFactory *factory)
{
  return gst_element_factory_get_num_pad_templates(factory) == 1;
}

/* The message that ends a pipeline. */
static GstMessage *
run(GstElement *pipeline)
{
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message;

  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  return message;
}

/* As it comes out of the box, on plain video: a filter hands on every frame, a sink may ask for
 * settings. Twice, because the second start finds what the first one left. */
static void
check_running(GstElementFactory *factory)
{
  g_autofree gchar *line =
      g_strdup_printf("videotestsrc num-buffers=5 ! video/x-raw,format=I420,width=64,height=48 ! "
                      "%s name=it %s",
                      name_of(factory), is_sink(factory) ? "" : "! fakesink name=end");
  GstElement *pipeline = gst_parse_launch(line, NULL);
  GstElement *it = gst_bin_get_by_name(GST_BIN(pipeline), "it");

  fail_unless(it != NULL, "%s", line);
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(it), "location"))
    g_object_set(it, "location", "/dev/null", NULL);
  gst_object_unref(it);
  for (guint i = 0; i < 2; i++) {
    GstMessage *message = run(pipeline);

    fail_unless(message != NULL, "%s: no end within 30 seconds", line);
    fail_unless(is_sink(factory) || GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS,
                "%s: %" GST_PTR_FORMAT, line, message);
    gst_message_unref(message);
  }
  release(pipeline);
}

GST_START_TEST(elements_run_as_they_come)
{
  for_each_element(check_running);
}
GST_END_TEST

static Suite *
generic_suite(void)
{
  Suite *suite = suite_create("generic");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, metadata_is_complete);
  tcase_add_test(cases, pads_take_something);
  tcase_add_test(cases, properties_are_described);
  tcase_add_test(cases, properties_say_when_they_may_change);
  tcase_add_test(cases, properties_start_at_their_default);
  tcase_add_test(cases, properties_take_every_value_of_their_range);
  tcase_add_test(cases, states_can_be_walked_in_any_order);
  tcase_add_test(cases, elements_run_as_they_come);
  return suite;
}

GST_CHECK_MAIN(generic)
