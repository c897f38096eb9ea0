/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_FAKE_BRIDGE_H
#define DC_TESTS_FAKE_BRIDGE_H

#include "common/analytics-bridge.h"

/* Detections and tensors as the analytics library would bring them, on a system that has none: the
 * same on every buffer. Include it once in a program. */
static const DcDetection *fake_detections;
static guint n_fake_detections;
static const DcForeignTensor *fake_tensors;
static gsize n_fake_tensors;

static inline gboolean
fake_next_detection(GstBuffer *buffer, gpointer *state, DcDetection *detection)
{
  (void)buffer;
  guint index = GPOINTER_TO_UINT(*state);
  if (index >= n_fake_detections)
    return FALSE;
  *detection = fake_detections[index];
  *state = GUINT_TO_POINTER(index + 1);
  return TRUE;
}

static inline gboolean
fake_get_tensor(GstBuffer *buffer, gsize index, DcForeignTensor *tensor)
{
  (void)buffer;
  if (index >= n_fake_tensors)
    return FALSE;
  *tensor = fake_tensors[index];
  return TRUE;
}

static const DcAnalyticsBridge fake_bridge = {.next_detection = fake_next_detection,
                                              .get_tensor = fake_get_tensor};

static inline void
fake_bridge_empty(void)
{
  n_fake_detections = 0;
  n_fake_tensors = 0;
}

#endif
