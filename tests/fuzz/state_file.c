/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "base/random.h"
#include "store/safetensors.h"
#include "store/state_private.h"

#include <stdbool.h>

enum { DIM = 3 };

/* The method that a state holds something of, so that it is used. */
static DcMethod
method_of(const DcState *state)
{
  static const struct {
    const char *tensor;
    DcMethod method;
  } marks[] = {{"mixture.bias", DC_METHOD_MIXTURE}, {"secu.centres", DC_METHOD_SECU}};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (dc_state_find(state, marks[i].tensor))
      return marks[i].method;
  return DC_METHOD_TRANSPORT;
}

static DcAdapter *
make_adapter(DcMethod method)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = method;
  config.align = DC_ALIGN_MOMENTS;
  config.clusters = 2;
  config.window = 16;
  config.warm_up = 10;
  config.interval = 4;
  DcAdapter *adapter;
  if (dc_adapter_new(&config, DIM, "fuzz", &adapter, NULL) != DC_OK)
    abort();
  return adapter;
}

static void
run(DcAdapter *adapter, size_t count)
{
  DcRandom random;
  dc_random_seed(&random, 1, 1);
  for (size_t i = 0; i < count; i++) {
    float row[DIM];
    for (size_t j = 0; j < DIM; j++)
      row[j] = (float)(i % 2) + (float)dc_random_uniform(&random);
    DcMatrix matrix = dc_matrix(row, 1, DIM);
    DcPushResult result;
    dc_adapter_push(adapter, &matrix, i, &result);
    if (dc_adapter_is_due(adapter))
      dc_adapter_adapt(adapter, true, NULL);
  }
}

/* A state that was accepted must be one to go on from. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzFile file = fuzz_file_open(data, size);
  DcState *state;
  if (dc_state_read(file.path, &state, NULL) == DC_OK) {
    DcAdapter *adapter = make_adapter(method_of(state));
    if (dc_state_restore(state, adapter, NULL) == DC_OK)
      run(adapter, 20);
    dc_adapter_free(adapter);
    dc_state_free(state);
  }
  fuzz_file_close(&file);
  return 0;
}

/* Without the checksum, behind which damage would not be looked at any further. */
static bool
drop_checksum(const char *path)
{
  DcTensorFile *file;
  if (dc_tensor_file_read(path, &file, NULL) != DC_OK)
    return false;
  DcTensor tensors[96];
  size_t count = dc_tensor_file_count(file);
  if (count > sizeof tensors / sizeof *tensors)
    abort();
  for (size_t i = 0; i < count; i++)
    tensors[i] = *dc_tensor_file_at(file, i);
  const char *const metadata[] = {"format", "driftcluster-state", "format_version", "2", "encoder",
                                  "fuzz"};
  bool written = dc_tensor_file_write(path, tensors, count, metadata, 3, 0, NULL) == DC_OK;
  dc_tensor_file_free(file);
  return written;
}

int
fuzz_write_seed(size_t index, const char *path)
{
  static const struct {
    size_t moment;
    DcMethod method;
  } seeds[] = {{6, DC_METHOD_TRANSPORT},
               {30, DC_METHOD_TRANSPORT},
               {30, DC_METHOD_MIXTURE},
               {30, DC_METHOD_SECU}};
  if (index >= sizeof seeds / sizeof *seeds)
    return false;
  DcAdapter *adapter = make_adapter(seeds[index].method);
  run(adapter, seeds[index].moment);
  DcState *state = dc_state_capture(adapter);
  bool written = state && dc_state_write(state, path, NULL) == DC_OK && drop_checksum(path);
  dc_state_free(state);
  dc_adapter_free(adapter);
  return written;
}
