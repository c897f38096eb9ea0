/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_IMPORT_WINDOWS_H
#define DC_ONNX_IMPORT_WINDOWS_H

#include "onnx/importer.h"

/* How the windows of a convolution or pool lie over an image, from the node's attributes. */
typedef struct {
  int kernel[2]; /* height, width */
  int stride[2], dilation[2];
  int padding[4]; /* top, bottom, left, right; a pool's last window may reach beyond the image */
} DcOnnxWindows;

/* Reads kernel_shape (or takes `kernel`, height and width, where that is left out; NULL: it must be
 * there), strides, dilations, pads, auto_pad and ceil_mode, for an image of `image`. */
DcStatus dc_onnx_read_windows(DcOnnxImporter *importer, const DcOnnxNode *node, DcShape image,
                              const int64_t *kernel, DcOnnxWindows *windows);

/* Puts the windows into `layer`. */
void dc_onnx_set_windows(const DcOnnxWindows *windows, DcLayer *layer);

/* Puts zeros around the map `entry` with a layer of its own, as many as `windows` has, which has
 * none then. */
DcStatus dc_onnx_pad_apart(DcOnnxImporter *importer, DcOnnxEntry *entry, DcOnnxWindows *windows);

#endif
