/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "settings.h"

#include "command.h"

#include <string.h>

void
dc_settings_fill(const DcLearnerClass *class, double values[DC_LEARN_MOST_SETTINGS])
{
  for (gsize i = 0; i < class->setting_count; i++)
    values[i] = class->settings[i].standard;
}

static char *
list_names(const DcLearnerClass *class)
{
  g_autoptr(GString) names = g_string_new(NULL);
  for (gsize i = 0; i < class->setting_count; i++)
    g_string_append_printf(names, "%s%s", i ? ", " : "", class->settings[i].name);
  return g_string_free(g_steal_pointer(&names), FALSE);
}

static gboolean
parse_choice(const DcLearnSetting *setting, const char *text, double *value, GError **error)
{
  for (gsize i = 0; setting->choices[i]; i++) {
    if (strcmp(setting->choices[i], text) == 0) {
      *value = (double)i;
      return TRUE;
    }
  }
  g_autofree char *words = g_strjoinv(", ", (char **)setting->choices);
  g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE, "%s cannot be \"%s\"; it is one of %s",
              setting->name, text, words);
  return FALSE;
}

static gboolean
parse_number(const DcLearnSetting *setting, const char *text, double *value, GError **error)
{
  char *end;
  *value = g_ascii_strtod(text, &end);
  if (end != text && *end == 0)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE, "%s cannot be \"%s\"; it is a number",
              setting->name, text);
  return FALSE;
}

gboolean
dc_settings_set(const DcLearnerClass *class, double values[DC_LEARN_MOST_SETTINGS],
                const char *name, const char *text, GError **error)
{
  gsize index = dc_learner_setting(class, name);
  if (index == SIZE_MAX) {
    g_autofree char *names = list_names(class);
    g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE, "%s has no setting \"%s\"; it has: %s",
                class->name, name, names);
    return FALSE;
  }
  const DcLearnSetting *setting = &class->settings[index];
  return setting->choices ? parse_choice(setting, text, &values[index], error)
                          : parse_number(setting, text, &values[index], error);
}

gboolean
dc_settings_assign(const DcLearnerClass *class, double values[DC_LEARN_MOST_SETTINGS],
                   const char *assignment, GError **error)
{
  g_auto(GStrv) parts = g_strsplit(assignment, "=", 2);
  if (g_strv_length(parts) == 2)
    return dc_settings_set(class, values, parts[0], parts[1], error);
  g_set_error(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE, "--set takes NAME=VALUE, not \"%s\"",
              assignment);
  return FALSE;
}

gboolean
dc_settings_check(const DcLearnerClass *class, const double values[DC_LEARN_MOST_SETTINGS],
                  GError **error)
{
  DcError core_error;
  if (dc_learner_check_settings(class, values, &core_error) == DC_OK)
    return TRUE;
  g_set_error_literal(error, DC_TOOLS_ERROR, DC_TOOLS_USAGE, core_error.message);
  return FALSE;
}

/* As dc_settings_set() takes it. */
static char *
print_standard(const DcLearnerClass *class, gsize index)
{
  double value = class->settings[index].standard;
  const char *word = dc_learner_setting_word(class, index, value);
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup(word ? word : g_ascii_formatd(text, sizeof text, "%.10g", value));
}

void
dc_settings_list(const DcLearnerClass *class, FILE *stream)
{
  fprintf(stream, "%s: %s\n", class->name, class->summary);
  for (gsize i = 0; i < class->setting_count; i++) {
    const DcLearnSetting *setting = &class->settings[i];
    g_autofree char *standard = print_standard(class, i);
    g_autofree char *words = setting->choices ? g_strjoinv("|", (char **)setting->choices) : NULL;
    g_autofree char *assignment =
        g_strdup_printf("%s=%s%s%s%s", setting->name, standard, words ? " (" : "",
                        words ? words : "", words ? ")" : "");
    fprintf(stream, "  %-24s %s\n", assignment, setting->blurb);
  }
}
