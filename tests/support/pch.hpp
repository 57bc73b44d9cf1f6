// Precompiled once for all tests.
#pragma once

#include "../../src/pch.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
