/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/encoder-check.h"

DcStatus
dc_encoder_check(const DriftclusterEmbeddingBlock *block, gsize dim, const gchar *encoder,
                 DcError *error)
{
  if (block->dim == dim && g_str_equal(block->encoder, encoder))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_MISMATCH,
                      "the stream brings embeddings of %u numbers made by encoder '%s', the "
                      "clusters have %" G_GSIZE_FORMAT
                      " numbers made by encoder '%s': give embed the "
                      "model that the clusters were made with, or let adapt-centroids start anew "
                      "(reset) before embed changes its model",
                      block->dim, block->encoder, dim, encoder);
}
