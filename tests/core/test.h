/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_TEST_H
#define DC_TESTS_TEST_H

/* What cmocka.h wants included before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
