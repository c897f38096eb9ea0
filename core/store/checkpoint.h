/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_CHECKPOINT_H
#define DC_STORE_CHECKPOINT_H

#include "base/status.h"
#include "learn/learner.h"

/* A course of learning on disk, so that it can be taken up where it was: the arrays of its state,
 * its curve, and what it was started with. A safetensors file, described in
 * docs/formats/checkpoint.md; not for exchange between machines. */

#define DC_DATASET_DIGEST_SIZE 72 /* "sha256:" and 64 hexadecimal digits */

/* What the samples are: the digest of their shape, number and values. Reads all of them. */
void dc_dataset_digest(const DcDataset *data, char digest[DC_DATASET_DIGEST_SIZE]);

/* Writes the state of `learner` atomically, as dc_tensor_file_write() does. */
DcStatus dc_checkpoint_write(DcLearner *learner, const char *data_digest, const char *path,
                             DcError *error);

/* Brings `learner`, just started, to where the saved course stood. DC_ERROR_MISMATCH names what was
 * different when that course was started: method, clusters, seed, threads, a setting or the data.
 * Otherwise errors as dc_tensor_file_read(). The learner is only good to be freed after a failure.
 */
DcStatus dc_checkpoint_read(DcLearner *learner, const char *data_digest, const char *path,
                            DcError *error);

#endif
