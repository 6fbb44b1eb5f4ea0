/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the shared library exports; everything else is hidden by the compiler. */
#define _public_ __attribute__((visibility("default")))
