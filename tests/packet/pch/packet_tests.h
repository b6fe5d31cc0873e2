// What nearly every row includes, compiled once.
#include <gtest/gtest.h>

#include "expect.h"
#include "nat.h"
