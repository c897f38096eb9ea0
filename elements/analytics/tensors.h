/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_TENSORS_H
#define DC_ELEMENTS_TENSORS_H

#include "common/analytics-bridge.h"

G_BEGIN_DECLS

/* DcAnalyticsBridge.get_tensor: those of all GstTensorMeta of the buffer. With an analytics library
 * before 1.26 there is none. */
gboolean dc_tensors_get(GstBuffer *buffer, gsize index, DcForeignTensor *tensor);

G_END_DECLS

#endif
