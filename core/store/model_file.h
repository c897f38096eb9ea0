/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_MODEL_FILE_H
#define DC_STORE_MODEL_FILE_H

#include "base/status.h"
#include "image/patch.h"
#include "nn/network.h"

#include <stdbool.h>
#include <stddef.h>

#define DC_ENCODER_ID_SIZE 72 /* "sha256:" and 64 hexadecimal digits */

/* What a model file holds: how to turn pixels, or vectors, into embeddings and, when trained with
 * clusters, where these lie. One safetensors file, described in docs/formats/model.md. */
typedef struct {
  bool vectors;              /* it takes vectors as they are: 1 x 1 x n numbers */
  DcPatchSpec preprocessing; /* of pictures; unused with `vectors` */
  DcNetwork *encoder;        /* never NULL; ends in a vector of `dim` numbers */
  DcNetwork *decoder;        /* NULL when the file has none */
  DcNetwork *assigner;       /* embedding -> a score for each cluster, of which the largest wins;
                                NULL: the nearest centroid wins */
  size_t dim;
  char encoder_id[DC_ENCODER_ID_SIZE]; /* digest of architecture, weights and preprocessing */
  size_t clusters;                     /* 0: no centroids */
  float *centroids;                    /* clusters x dim, or NULL */
  float *spread;                    /* clusters, root mean squared distance of members, or NULL */
  struct DcTdcmModule *attention;   /* see cluster/tdcm.h, or NULL */
  struct DcTransportSource *source; /* what the embeddings looked like that the clusters were learnt
                                       from, see cluster/transport_source.h, or NULL */
  char *method;                     /* that trained it ("ae"), "import", or NULL */
  char *provenance;                 /* JSON text about data, options, figures, or NULL */
} DcModel;

/* A model of zeros to be filled; what it is given belongs to it: the networks, the attention
 * module, a reference of the source, centroids and spread from dc_alloc(), the texts from
 * g_malloc(). NULL when memory is short. */
DcModel *dc_model_new(void);
void dc_model_free(DcModel *model);

/* Reads and checks a whole model. A name that ends in ".onnx" is that of an ONNX file, whose
 * preprocessing is guessed: see store/onnx_model.h. Free with dc_model_free(). */
DcStatus dc_model_read(const char *path, DcModel **model, DcError *error);

/* What holds of every model, read or to be written: parts that fit each other, numbers that are
 * finite. `name` begins the message. */
DcStatus dc_model_check(const DcModel *model, const char *name, DcError *error);

/* Computes `model->encoder_id` from architecture, weights and preprocessing. */
void dc_model_identify(DcModel *model);

/* Writes the model atomically (see dc_tensor_file_write()), with its encoder_id made anew. */
DcStatus dc_model_write(DcModel *model, const char *path, DcError *error);

#endif
