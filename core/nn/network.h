/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_NETWORK_H
#define DC_NN_NETWORK_H

#include "base/state_list.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A feed-forward network: a list of layers over activations of shape height x width x channels,
 * channels last, float32. A vector is 1 x 1 x n. A layer takes what the preceding one gives, or
 * what an earlier one did, so that a network may branch and join. The network holds the weights and
 * is constant while used; everything that a run needs beside them is in a DcPlan (nn/plan.h), one
 * per thread.
 *
 * What flows through a network is numbered: value 0 is its input, value n the output of layer
 * n - 1, and the last one its output. */

typedef struct {
  int height, width, channels;
} DcShape;

typedef enum {
  DC_LAYER_DENSE,               /* weight: in x out (in = flattened input), bias: out */
  DC_LAYER_CONV2D,              /* weight: kh x kw x in / groups x out, bias: out; group g of the
                                   outputs sees group g of the inputs */
  DC_LAYER_DEPTHWISE_CONV2D,    /* weight: kh x kw x in, bias: in */
  DC_LAYER_TRANSPOSED_CONV2D,   /* adjoint of CONV2D; weight: kh x kw x out x in, bias: out */
  DC_LAYER_MAX_POOL,            /* padding never wins */
  DC_LAYER_AVERAGE_POOL,        /* padding is not counted */
  DC_LAYER_GLOBAL_AVERAGE_POOL, /* -> 1 x 1 x channels */
  DC_LAYER_AFFINE,              /* per channel: x * weight + bias (a folded batch norm) */
  DC_LAYER_RESHAPE,             /* the same numbers as `output` */
  DC_LAYER_L2_NORMALISE,        /* each sample to unit length; a zero sample stays zero */
  DC_LAYER_ADD,                 /* the sum of two values, see `with`; the second may be
                                   1 x 1 x channels, which is added to every pixel */
  DC_LAYER_BATCH_NORM, /* per channel: (x - mean) / sqrt(variance + epsilon) * weight + bias
                          (Ioffe and Szegedy 2015); see nn/batch_norm.h */
  /* Kinds of networks that were learnt elsewhere. They go forward only: a trainer refuses them. */
  DC_LAYER_MULTIPLY,    /* as ADD, the product */
  DC_LAYER_CONCATENATE, /* the channels of two values of one height and width, one after another */
  DC_LAYER_PRELU,       /* x < 0: x times weight of its channel (He et al. 2015) */
  DC_LAYER_LAYER_NORM,  /* over the channels of each pixel: (x - mean) / sqrt(variance + epsilon)
                         * weight + bias (Ba et al. 2016) */
  DC_LAYER_SOFTMAX,     /* over the channels of each pixel */
  DC_LAYER_PAD,         /* zeros around the image, as many as `padding` says */
  DC_LAYER_REARRANGE,   /* the input's numbers in another order, or some of them; see
                           DcRearrangement */
  DC_LAYER_RESAMPLE,    /* another height and width: pixel (y, x) of the output is what lies at row
                           weight[y], column weight[height + x] of the input, interpolated linearly
                           between pixels and brought to the border outside. Whole numbers copy. */
  DC_LAYER_INSTANCE_NORM, /* per channel and sample, over the pixels: (x - mean) /
                             sqrt(variance + epsilon) * weight + bias (Ulyanov et al. 2016) */
  DC_LAYER_RESPONSE_NORM, /* by the channels around (Krizhevsky et al. 2012), see DcResponse */
  DC_LAYER_KIND_COUNT
} DcLayerKind;

typedef enum {
  DC_ACTIVATION_NONE,
  DC_ACTIVATION_RELU,
  DC_ACTIVATION_LEAKY_RELU, /* slope for x < 0 in `slope` */
  DC_ACTIVATION_GELU,       /* x * Phi(x), with erf */
  /* Of networks that were learnt elsewhere: forward only. */
  DC_ACTIVATION_GELU_TANH,    /* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
  DC_ACTIVATION_CLIP,         /* to low .. high; ReLU6 is 0 .. 6 */
  DC_ACTIVATION_SIGMOID,      /* 1 / (1 + exp(-x)) */
  DC_ACTIVATION_HARD_SIGMOID, /* slope * x + shift, to 0 .. 1 */
  DC_ACTIVATION_HARD_SWISH,   /* x * (x / 6 + 1 / 2, to 0 .. 1) */
  DC_ACTIVATION_SILU,         /* x / (1 + exp(-x)) */
  DC_ACTIVATION_TANH
} DcActivation;

#define DC_MOST_AXES 6

/* A walk through the numbers of a value: the output's numbers are counted by digits of the bases
 * size[0], size[1], ..., the last running fastest, and each is the input's number
 * offset + sum of digit[i] * stride[i]. Transposing, shuffling, slicing and flattening are such. */
typedef struct {
  int axes;                 /* 1 .. DC_MOST_AXES */
  int size[DC_MOST_AXES];   /* >= 1 */
  int stride[DC_MOST_AXES]; /* >= 0, of the input's numbers */
  int offset;               /* >= 0 */
} DcRearrangement;

/* x / (bias + scale * sum of the squares of `size` channels)^power: from (size - 1) / 2 channels
 * before to the rest of them after, of those that there are. */
typedef struct {
  int size;                 /* >= 1 */
  float scale, bias, power; /* scale >= 0, bias > 0 */
} DcResponse;

/* One layer. Zero what a kind does not use. */
typedef struct {
  DcLayerKind kind;
  int back; /* the input is the value `back` before the preceding layer's output; 0: that itself */
  int with; /* ADD, MULTIPLY, CONCATENATE: the second input, counted in the same way, and another
               than the first; 0 (only where `back` is not): the preceding layer's output */
  DcActivation activation; /* applied to the output of any kind */
  float slope, shift;      /* LEAKY_RELU, HARD_SIGMOID */
  float low, high;         /* CLIP; low <= high */
  float epsilon;           /* LAYER_NORM, INSTANCE_NORM, > 0 */
  int kernel_height, kernel_width;
  int stride;            /* >= 1, down and across ... */
  int stride_across;     /* ... but across where this is not 0 */
  int dilation;          /* CONV2D, DEPTHWISE_CONV2D: taps are so many pixels apart; 0: one */
  int dilation_across;   /* across, where that is another; 0: as down */
  int groups;            /* CONV2D: divides the channels of input and output; 0: one */
  int padding[4];        /* top, bottom, left, right; for a transposed layer: cropped from it */
  DcShape output;        /* channels given for DENSE, CONV2D, TRANSPOSED_CONV2D; all of it for
                            RESHAPE and REARRANGE and the height and width of TRANSPOSED_CONV2D
                            and RESAMPLE; else computed */
  DcRearrangement order; /* REARRANGE */
  DcResponse response;   /* RESPONSE_NORM */
  float *weight, *bias;  /* owned by the network once added; NULL where the kind has none */
  size_t weight_size, bias_size; /* floats */
  float *statistics;             /* BATCH_NORM, owned likewise: the running mean of each channel,
                                    then the running variances; else NULL */
  size_t statistics_size;        /* floats */
} DcLayer;

typedef struct DcNetwork DcNetwork;

/* Bounds on networks that come from files: more is damage or an attack. */
#define DC_NETWORK_MOST_LAYERS     4096
#define DC_NETWORK_MOST_ACTIVATION ((size_t)64 << 20) /* numbers of a value, for one sample */

/* A network without layers that takes `input`. NULL when memory is short. */
DcNetwork *dc_network_new(DcShape input);
void dc_network_free(DcNetwork *network);

/* The same layers with weights of their own. NULL when memory is short. */
DcNetwork *dc_network_copy(const DcNetwork *network);

/* Appends a layer: computes its output shape from what is there, checks sizes, allocates weight,
 * bias and statistics of the sizes that the kind implies (the pointers in `layer` are ignored).
 * They are zero, but for BATCH_NORM, whose weight and variance are 1, so that it changes next to
 * nothing. DC_ERROR_SHAPE or DC_ERROR_ARGUMENT with a text that names the layer's index and kind
 * when it does not fit. */
DcStatus dc_network_add(DcNetwork *network, const DcLayer *layer, DcError *error);

/* Appends copies of the layers of `tail` from number `first` on, which take what `network` gives.
 * Errors as dc_network_add(); the layers before the one that fails are there then. */
DcStatus dc_network_append(DcNetwork *network, const DcNetwork *tail, size_t first, DcError *error);

/* What dc_network_add() would make of `layer`: fills its output shape and the sizes of weight, bias
 * and statistics, or fails in the same way. Allocates nothing, so that a description from a file
 * can be weighed before it is believed. */
DcStatus dc_network_fit(const DcNetwork *network, DcLayer *layer, DcError *error);

size_t dc_network_layer_count(const DcNetwork *network);
/* For writing weights: counts as a change of the network. Valid until the next dc_network_add(). */
DcLayer *dc_network_layer(DcNetwork *network, size_t index);
const DcLayer *dc_network_layer_const(const DcNetwork *network, size_t index);

DcShape dc_network_input(const DcNetwork *network);
DcShape dc_network_output(const DcNetwork *network);
/* The shape of value `number`, 0 .. dc_network_layer_count(). */
DcShape dc_network_value(const DcNetwork *network, size_t number);
/* The input shape of layer `index`. */
DcShape dc_network_layer_input(const DcNetwork *network, size_t index);

/* Which value layer `index` of a network takes as its input. */
static inline size_t
dc_layer_source(const DcLayer *layer, size_t index)
{
  return index - (size_t)layer->back;
}

/* Whether a layer of `kind` takes a second input, and which value that is. */
static inline bool
dc_layer_takes_two(DcLayerKind kind)
{
  return kind == DC_LAYER_ADD || kind == DC_LAYER_MULTIPLY || kind == DC_LAYER_CONCATENATE;
}

/* Whether a layer of `kind` has an `epsilon`. */
static inline bool
dc_layer_has_epsilon(DcLayerKind kind)
{
  return kind == DC_LAYER_LAYER_NORM || kind == DC_LAYER_INSTANCE_NORM;
}

/* Whether a layer of `kind` has a kernel with its strides, and whether it has `padding`. */
static inline bool
dc_layer_has_window(DcLayerKind kind)
{
  return kind == DC_LAYER_CONV2D || kind == DC_LAYER_DEPTHWISE_CONV2D ||
         kind == DC_LAYER_TRANSPOSED_CONV2D || kind == DC_LAYER_MAX_POOL ||
         kind == DC_LAYER_AVERAGE_POOL;
}

static inline bool
dc_layer_has_padding(DcLayerKind kind)
{
  return dc_layer_has_window(kind) || kind == DC_LAYER_PAD;
}

static inline size_t
dc_layer_second_source(const DcLayer *layer, size_t index)
{
  return index - (size_t)layer->with;
}

/* `dilation` and `groups`, where 0 stands for one, and what differs across. */
static inline int
dc_layer_dilation(const DcLayer *layer)
{
  return layer->dilation ? layer->dilation : 1;
}

static inline int
dc_layer_dilation_across(const DcLayer *layer)
{
  return layer->dilation_across ? layer->dilation_across : dc_layer_dilation(layer);
}

static inline int
dc_layer_stride_across(const DcLayer *layer)
{
  return layer->stride_across ? layer->stride_across : layer->stride;
}

static inline int
dc_layer_groups(const DcLayer *layer)
{
  return layer->groups ? layer->groups : 1;
}

/* How many pixels lie between the first and the last tap of a kernel, both included. */
static inline int
dc_kernel_extent(int kernel, int dilation)
{
  return (kernel - 1) * dilation + 1;
}

/* True when a layer is a BATCH_NORM; `index` (NULL: not wanted) receives which is the first. */
bool dc_network_has_batch_norm(const DcNetwork *network, size_t *index);

/* Grows with every layer added and every dc_network_layer(): who keeps something made from the
 * weights sees that it is out of date. */
uint64_t dc_network_revision(const DcNetwork *network);

/* Lists weight, bias and statistics of each layer as "PREFIX.N.weight", "PREFIX.N.bias" and
 * "PREFIX.N.statistics", N the index of the layer. Counts as a change of the network, so that what
 * is restored is seen by the next pass; list again for every restoring. */
void dc_network_list_state(DcNetwork *network, const char *prefix, DcStateList *list);

/* Multiply-adds for one sample (sums and comparisons alone are not counted), and floats in all
 * weights and biases. */
uint64_t dc_network_multiply_adds(const DcNetwork *network);
size_t dc_network_parameters(const DcNetwork *network);

static inline size_t
dc_shape_size(DcShape shape)
{
  return (size_t)shape.height * (size_t)shape.width * (size_t)shape.channels;
}

/* The name of a kind or activation in model files ("conv2d", "relu"), and back; the last two return
 * false for an unknown name. */
const char *dc_layer_kind_name(DcLayerKind kind);
const char *dc_activation_name(DcActivation activation);
bool dc_layer_kind_from_name(const char *name, DcLayerKind *kind);
bool dc_activation_from_name(const char *name, DcActivation *activation);

/* The numbers that the activation of a layer has, at most two, and their names in model files;
 * returns how many. */
size_t dc_layer_activation_numbers(DcLayer *layer, const char *const **names, float *numbers[2]);

#endif
