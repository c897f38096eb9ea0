/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "assign-source.h"

#include "common/error.h"

/* Another pipeline, or another branch of this one, may start later than the reader. */
#define PATIENCE (10 * GST_SECOND)

void
gst_assign_source_open(GstAssignSource *source, const gchar *id)
{
  *source = (GstAssignSource){.missed_since = GST_CLOCK_TIME_NONE};
  source->shared = id ? dc_shared_state_get(id) : NULL;
}

void
gst_assign_source_close(GstAssignSource *source)
{
  g_clear_pointer(&source->shared, dc_shared_state_unref);
}

static gboolean
has_maker(const GstAssignSource *source)
{
  return source->shared ? dc_shared_state_was_claimed(source->shared) : source->heard;
}

/* Whether who makes the clusters has had its time to start. In line it speaks before the first
 * buffer. The clock of the pipeline, since files may go through in a fraction of their stream time.
 */
static gboolean
patience_is_over(GstAssignSource *source, GstElement *element)
{
  if (!source->shared)
    return TRUE;
  g_autoptr(GstClock) clock = gst_element_get_clock(element);
  if (!clock)
    return FALSE;
  GstClockTime now = gst_clock_get_time(clock);
  if (!GST_CLOCK_TIME_IS_VALID(source->missed_since))
    source->missed_since = now;
  return now >= source->missed_since + PATIENCE;
}

static void
tell(const GstAssignSource *source, GstElement *element)
{
  DcError error;
  if (source->shared)
    dc_error_set(&error, DC_ERROR_NOT_FOUND,
                 "nothing can be labelled: no adapt-centroids of this process has the state-id "
                 "'%s'; set it on the one whose clusters are to be read",
                 dc_shared_state_id(source->shared));
  else
    dc_error_set(&error, DC_ERROR_NOT_FOUND,
                 "nothing can be labelled: there is no adapt-centroids upstream; put one between "
                 "embed and assign, or set state-id to that of one in another branch or pipeline");
  DC_ELEMENT_WARNING(element, &error);
}

void
gst_assign_source_check(GstAssignSource *source, GstElement *element, gboolean ending)
{
  if (source->told || has_maker(source) || !(ending || patience_is_over(source, element)))
    return;
  source->told = TRUE;
  tell(source, element);
}
