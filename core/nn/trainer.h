/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_TRAINER_H
#define DC_NN_TRAINER_H

#include "base/status.h"
#include "nn/network.h"
#include "nn/optimiser.h"

/* Gradients of a network by back-propagation: everything one thread needs, planned once; a pass
 * allocates nothing. Networks that follow each other are chained by passing one's output forward
 * and the other's input gradient back.
 *
 * A layer of batch normalisation normalises with the mean and variance of the batch that a pass is
 * given, and the way back goes through them; so a network that has one must be given whole batches,
 * not parts of them whose gradients are summed. The running statistics, which a DcPlan uses, are
 * only changed by dc_trainer_update_statistics(). */
typedef struct DcTrainer DcTrainer;

/* Plans passes of up to `max_batch` samples. With `input_gradient`, dc_trainer_backward() also
 * gives the gradient with respect to the input. DC_ERROR_UNSUPPORTED names the layer that goes
 * forward only (nn/network.h; a convolution with dilation or groups, and a sum with a single pixel,
 * do as well). The network must outlive the trainer; its weights may change between passes, its
 * layers not. Free with dc_trainer_free(). */
DcStatus dc_trainer_new(const DcNetwork *network, size_t max_batch, bool input_gradient,
                        DcTrainer **trainer, DcError *error);
void dc_trainer_free(DcTrainer *trainer);

/* Runs `batch` samples (1 .. max_batch) with the weights that the network has now, and keeps what
 * the way back needs. `input` must stay as it is until then. Returns the outputs, batch x output
 * shape, valid until the next pass. */
const float *dc_trainer_forward(DcTrainer *trainer, const float *input, size_t batch);

/* The way back of the last forward pass: adds the gradient of a loss with respect to the weights to
 * dc_trainer_gradient(), from `output_gradient`, that with respect to the outputs. Returns the
 * gradient with respect to the inputs, or NULL when it was not planned. */
const float *dc_trainer_backward(DcTrainer *trainer, const float *output_gradient);

/* Moves the running statistics of every BATCH_NORM of `network`, the one of dc_trainer_new(),
 * towards those of the batch of the last forward pass, of which there must have been one: running =
 * (1 - momentum) * running + momentum * batch, with the unbiased variance (PyTorch, whose momentum
 * is 0.1). Counts as a change of the network when there is one. */
void dc_trainer_update_statistics(DcTrainer *trainer, DcNetwork *network, double momentum);

/* dc_network_parameters() floats: weight then bias of each layer, in order. Writable, for instance
 * to sum those of several trainers. */
float *dc_trainer_gradient(DcTrainer *trainer);
void dc_trainer_clear_gradient(DcTrainer *trainer);

/* Weight and bias of each layer of `network`, in the order of dc_trainer_gradient(): what an
 * optimiser steps. Fills up to `capacity` pieces and returns how many there are. Counts as a change
 * of the network: ask again for every step. */
size_t dc_network_pieces(DcNetwork *network, DcParameters *pieces, size_t capacity);

#endif
