/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_SAVED_H
#define DC_TESTS_SAVED_H

#include "scratch.h"

#include "store/state_file.h"

/* Adapters in files of the scratch folder. */

static inline void
save(const DcAdapter *adapter, const char *path)
{
  DcState *state = dc_state_capture(adapter);
  DcError error = {0};
  assert_non_null(state);
  if (dc_state_write(state, path, &error))
    fail_msg("%s", error.message);
  dc_state_free(state);
}

static inline DcStatus
load(DcAdapter *adapter, const char *path, DcError *error)
{
  DcState *state;
  DcStatus status = dc_state_read(path, &state, error);
  assert_true((status == DC_OK) == (state != NULL));
  if (!status)
    status = dc_state_restore(state, adapter, error);
  dc_state_free(state);
  return status;
}

static inline void
load_well(DcAdapter *adapter, const char *path)
{
  DcError error = {0};
  if (load(adapter, path, &error))
    fail_msg("%s", error.message);
}

#endif
