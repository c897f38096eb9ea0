/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/mqtt-library.h"

#include <dlfcn.h>
#include <gio/gio.h>

#define SONAME "libmosquitto.so.1"

/* One function after the other; FALSE when the library has one of them not. */
static gboolean
find_functions(void *handle, DcMqttLibrary *library)
{
  /* Through an object pointer, since C has no conversion of one to a function. */
#define FIND(name)                                                                                 \
  *(void **)&library->name = dlsym(handle, "mosquitto_" #name);                                    \
  if (!library->name)                                                                              \
    return FALSE;
  DC_MQTT_FUNCTIONS(FIND)
#undef FIND
  return TRUE;
}

static gpointer
load(gpointer data)
{
  static DcMqttLibrary library;
  void *handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);

  (void)data;
  if (!handle || !find_functions(handle, &library))
    return NULL;
  library.lib_init();
  return &library;
}

const DcMqttLibrary *
dc_mqtt_library(GError **error)
{
  static GOnce once = G_ONCE_INIT;

  g_once(&once, load, NULL);
  if (!once.retval)
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                        SONAME " cannot be loaded; install it (Debian: libmosquitto1)");
  return once.retval;
}
